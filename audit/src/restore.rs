//! Going on after a restore from a backup. To a check a restored stream looks like a cut one, so the appender stops; a
//! person who knows that it was a restore says so, and that becomes an entry: the first of the history that goes on.
//!
//! Called by `chatops audit accept-restore`. Nothing is removed: the heads of the lost history stay where they are, and
//! every later check tells of the restore.
//!
//! # What is a restore
//! A chain that is whole in itself, but ends before a signed head or leaves the signed history at some place; and streams
//! that end before events which have entries, or from some place on hold other events than those. Everything else
//! (an entry that was changed, a single event that was) is refused: a restore does not do that.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | before the entry is appended | the words lie among the heads and count for nothing |
//! | between the entry and its head | the entry counts for nothing; the next run only signs it |
//! | after the head | it is done |

use std::collections::BTreeMap;

use bytes::Bytes;
use chatops_bus::{AppendError, Bus, PublishError, ReadError, StreamName};
use chatops_schemas::{
    audit::{
        Derived, Entry, Head, HeadKey, Restore, Verifier,
        derive::{Stored, derive},
        verify::{Claims, Finding, Parting},
    },
    clock::{Clock, IdSource},
    codec,
    envelope::Envelope,
    event::audit::RestoreAccepted,
    ids::EventId,
    subject,
};
use futures::StreamExt;

use crate::{
    chain,
    source::{SOURCES, Source},
};

/// Why nothing can be accepted.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A stream.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The acceptance could not be written down.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The entry could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// There is nothing that a restore explains.
    #[error("the chain, its heads and its events agree: there is nothing to accept")]
    Nothing,
    /// It was changed, not restored.
    #[error("this is not what a restore leaves behind: {0}")]
    Tampered(String),
    /// The vault's key is another one.
    #[error("the heads were signed by another key than the one in the vault")]
    Key,
}

/// What a person is asked to accept.
#[derive(Debug)]
pub struct Proposal {
    verifier: Verifier,
    /// Entries in the chain as it is.
    pub size: u64,
    /// Entries that both histories have.
    pub kept: u64,
    /// The newest head of the lost history, or the newest of all when no entry was lost.
    pub before: Head,
    /// Streams with the position behind which the audit goes on, and the one up to which there are entries.
    pub positions: BTreeMap<String, (u64, u64)>,
    /// An acceptance is there already and only has to be signed.
    pub unsigned: Option<Restore>,
}

/// Compares everything that is known, as a check does, and says what a restore would explain.
pub async fn look(
    bus: &Bus,
    outside: impl IntoIterator<Item = (String, Head)>,
) -> Result<Proposal, RestoreError> {
    let stored = chain::heads(bus).await?;
    let heads: Vec<_> = outside.into_iter().chain(stored.heads).collect();
    let newest = heads
        .iter()
        .map(|(_, head)| head)
        .max_by_key(|head| head.time)
        .cloned();
    let mut verifier = Verifier::new(heads).with_claims();
    let mut entries = bus
        .read_to_end(StreamName::Audit, subject::AUDIT, 1)
        .await?;
    while let Some(entry) = entries.next().await {
        verifier.entry(&entry?.payload);
    }
    let verdict = verifier.verdict();
    let false_head =
        |finding: &&Finding| matches!(finding, Finding::BadHead { .. } | Finding::OtherKey { .. });
    let broken = match verifier.is_linked() {
        true => verdict.findings.iter().find(false_head),
        false => verdict.findings.first(),
    };
    if let Some(finding) = broken {
        return Err(RestoreError::Tampered(finding.to_string()));
    }
    let claims = verifier.claims();
    let mut positions = BTreeMap::new();
    for source in SOURCES {
        let entered = verifier
            .positions()
            .get(source.stream.as_str())
            .copied()
            .unwrap_or(0);
        let position = position(bus, source, entered, &claims).await?;
        if position != entered {
            positions.insert(source.stream.as_str().to_owned(), (position, entered));
        }
    }
    let unsigned = verdict.restores.last().filter(|restore| !restore.signed);
    let unsigned = unsigned.cloned();
    let (kept, before) = match (verifier.parting(), newest) {
        (Some(Parting { kept, lost }), _) => (kept, lost),
        (None, Some(newest)) if !positions.is_empty() => (verdict.size, newest),
        _ => return Err(RestoreError::Nothing),
    };
    Ok(Proposal {
        size: verdict.size,
        kept,
        before,
        positions,
        unsigned,
        verifier,
    })
}

/// Behind which event of a stream the audit has to go on, when there are entries up to `entered`.
async fn position(
    bus: &Bus,
    source: Source,
    entered: u64,
    claims: &Claims,
) -> Result<u64, RestoreError> {
    let stream = source.stream.as_str();
    let ends = bus.stream_info(source.stream).await?;
    if source.complete && ends.first_seq > entered + 1 {
        return Ok(ends.first_seq - 1);
    }
    let mut kept = bus.read_to_end(source.stream, source.filter, 1).await?;
    let mut other = None;
    while let Some(event) = kept.next().await {
        let event = event?;
        if !claims.covers(stream, event.seq) {
            break;
        }
        let stored = Stored {
            stream,
            seq: event.seq,
            at: event.stored_at,
            bytes: &event.payload,
        };
        match (claims.event(stored), &other) {
            (Some(finding), None) => other = Some((event.seq, finding)),
            (None, Some((_, finding))) => {
                return Err(RestoreError::Tampered(format!(
                    "{finding}, although later events are those that have entries"
                )));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    Ok(match other {
        Some((first, _)) => first - 1,
        None => entered.min(ends.last_seq),
    })
}

/// Puts it on record: the acceptance among the heads, its entry at the end of the chain, and a head over that.
pub async fn accept(
    bus: &Bus,
    key: &HeadKey,
    mut proposal: Proposal,
    (by, reason): (&str, &str),
    clock: &(impl Clock + IdSource),
) -> Result<Restore, RestoreError> {
    if proposal.before.key_id != key.id() {
        return Err(RestoreError::Key);
    }
    let restore = match proposal.unsigned.take() {
        Some(restore) => restore,
        None => append(bus, &mut proposal, by, reason, clock).await?,
    };
    // Later than every head that the restore excuses, whatever this clock says.
    let after = restore.at.max(restore.before_time).plus_micros(1);
    let head = key.sign(proposal.verifier.tree(), clock.now().max(after));
    chain::store_head(bus, &head).await?;
    Ok(Restore {
        signed: true,
        ..restore
    })
}

async fn append(
    bus: &Bus,
    proposal: &mut Proposal,
    by: &str,
    reason: &str,
    clock: &(impl Clock + IdSource),
) -> Result<Restore, RestoreError> {
    let (chain, before) = (&mut proposal.verifier, &proposal.before);
    let positions = proposal.positions.iter();
    let said = RestoreAccepted {
        kept: proposal.kept,
        after_root: chain.tree().root(),
        before: before.size,
        before_root: before.root,
        before_time: before.time,
        positions: positions
            .map(|(stream, (position, _))| (stream.clone(), *position))
            .collect(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let event = Envelope::new(clock.event_id(), clock.now(), said).by("system");
    let bytes = codec::encode(&event).map_err(PublishError::from)?;
    let stored = bus.publish(subject::AUDIT_HEADS, &event).await?;
    let (stream, seq) = (StreamName::AuditSth, stored.seq);
    // Its time is the stream's.
    let kept = bus.get(stream, seq).await?;
    let derived = kept.map(|kept| {
        derive(Stored {
            stream: stream.as_str(),
            seq,
            at: kept.stored_at,
            bytes: &bytes,
        })
    });
    let Some(Derived::Entry(content)) = derived else {
        return Err(RestoreError::Tampered(format!(
            "{stream} {seq} is not what was written there"
        )));
    };
    let expected = chain.tree().size();
    let entry = Entry {
        seq: expected + 1,
        prev: chain.prev(),
        content,
    };
    let id = EventId::derived(stream.as_str(), seq, "audit");
    let bytes = Bytes::from(entry.encode());
    bus.append_last(
        StreamName::Audit,
        subject::AUDIT,
        expected,
        id,
        bytes.clone(),
    )
    .await?;
    chain.entry(&bytes);
    let restore = chain.restores().pop();
    restore.ok_or_else(|| {
        RestoreError::Tampered("the entry of the acceptance does not continue the chain".to_owned())
    })
}
