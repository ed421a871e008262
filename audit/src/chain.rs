//! The chain as it lies in OPS_AUDIT: read from the first entry, checked on the way, and then kept up with.
//!
//! Everything the appender has to know is in it: where the chain ends, the right edge of the tree, and up to which event of
//! each source there are entries. Nothing is stored beside the stream, so nothing can disagree with it.

use bytes::Bytes;
use chatops_bus::{Bus, PublishError, ReadError, Recorded, StreamName};
use chatops_schemas::{
    audit::{Frontier, Hash, Head, Verdict, Verifier},
    codec,
    event::audit::RestoreAccepted,
    ids::EventId,
    subject,
};
use futures::StreamExt;

/// Why the chain could not be read, or not be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The stream.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not what it was.
    #[error("{}", .0.findings.first().map_or_else(String::new, ToString::to_string))]
    Tampered(Box<Verdict>),
}

/// The chain up to its end of a moment ago.
#[derive(Debug)]
pub struct Chain {
    verifier: Verifier,
}

impl Chain {
    /// Reads all of it and compares it with these heads.
    pub async fn load(
        bus: &Bus,
        heads: impl IntoIterator<Item = (String, Head)>,
    ) -> Result<Self, ChainError> {
        let mut chain = Self {
            verifier: Verifier::new(heads),
        };
        chain.catch_up(bus).await?;
        // A head beyond the end is known only now.
        let verdict = chain.verifier.verdict();
        if !verdict.is_good() {
            return Err(ChainError::Tampered(Box::new(verdict)));
        }
        chain.verifier.forget_heads();
        Ok(chain)
    }

    /// Takes what others have appended since. Reading does not wait for entries to come.
    pub async fn catch_up(&mut self, bus: &Bus) -> Result<(), ChainError> {
        let from = self.size() + 1;
        let mut entries = bus
            .read_to_end(StreamName::Audit, subject::AUDIT, from)
            .await?;
        while let Some(entry) = entries.next().await {
            // Also behind a break: what follows tells which entry it was.
            self.verifier.entry(&entry?.payload);
        }
        if self.verifier.is_intact() {
            Ok(())
        } else {
            Err(ChainError::Tampered(Box::new(self.verifier.verdict())))
        }
    }

    /// Takes an entry that was appended just now.
    pub fn push(&mut self, bytes: &[u8]) {
        self.verifier.entry(bytes);
    }

    /// Entries in it.
    pub fn size(&self) -> u64 {
        self.verifier.tree().size()
    }

    /// The tree over them.
    pub fn tree(&self) -> &Frontier {
        self.verifier.tree()
    }

    /// Leaf hash of the last one.
    pub fn prev(&self) -> Hash {
        self.verifier.prev()
    }

    /// Whether somebody accepted a restore since it was loaded: what the streams are followed from may have moved.
    pub fn was_restored(&self) -> bool {
        !self.verifier.restores().is_empty()
    }

    /// The newest event of a stream that has an entry; 0: none has.
    pub fn position(&self, stream: &str) -> u64 {
        self.verifier.positions().get(stream).copied().unwrap_or(0)
    }
}

/// What lies in OPS_AUDIT_STH.
#[derive(Debug, Default)]
pub struct Signed {
    /// Heads, each with its place.
    pub heads: Vec<(String, Head)>,
    /// Restores that a person accepted: events with entries like any other.
    pub accepted: Vec<Recorded>,
    /// Messages that are neither. One that cannot be read says nothing: it is told apart from a false head by being skipped
    /// and counted.
    pub unreadable: u64,
}

/// All of OPS_AUDIT_STH.
pub async fn heads(bus: &Bus) -> Result<Signed, ReadError> {
    let mut signed = Signed::default();
    let mut stored = bus
        .read_to_end(StreamName::AuditSth, subject::AUDIT_HEADS, 1)
        .await?;
    while let Some(message) = stored.next().await {
        let message = message?;
        match serde_json::from_slice::<Head>(&message.payload) {
            Ok(head) => signed
                .heads
                .push((format!("at OPS_AUDIT_STH {}", message.seq), head)),
            Err(_) if codec::decode::<RestoreAccepted>(&message.payload).is_ok() => {
                signed.accepted.push(message);
            }
            Err(_) => signed.unreadable += 1,
        }
    }
    Ok(signed)
}

/// Stores a head. Its id names the root: another history may have had a head over as many entries a moment ago.
pub(crate) async fn store_head(bus: &Bus, head: &Head) -> Result<(), PublishError> {
    let rule = format!("head {}", head.root);
    let id = EventId::derived(StreamName::Audit.as_str(), head.size, &rule);
    let payload = Bytes::from(serde_json::to_vec(head).unwrap_or_default());
    let pending = bus
        .enqueue(subject::AUDIT_HEADS, id, "audit.head", 1, payload)
        .await?;
    pending.await?;
    metrics::counter!("chatops_audit_heads_total").increment(1);
    Ok(())
}
