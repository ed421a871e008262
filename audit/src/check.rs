//! The whole chain against everything it can be measured by: its own links, the signed heads of the stream and of outside,
//! and the events that are still kept. Read-only; `chatops audit verify` and the appender's own round both end up here.

use chatops_bus::{Bus, ReadError, StreamName};
use chatops_schemas::{
    audit::{Head, Verdict, Verifier, derive::Stored, verify::Finding},
    subject,
};
use futures::StreamExt;

use crate::{chain, source::SOURCES};

/// Findings about events that are told; there may be as many as events.
const MOST: usize = 20;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, if anything.
    pub verdict: Verdict,
    /// Events that are still kept and were compared with their entries.
    pub events: u64,
    /// Messages among the heads that are no heads.
    pub unreadable_heads: u64,
}

/// Checks everything that is in the streams, and `outside` heads with it.
pub async fn whole(
    bus: &Bus,
    outside: impl IntoIterator<Item = (String, Head)>,
) -> Result<Report, ReadError> {
    // Heads first: one that is signed while the entries are read must not look like a cut.
    let signed = chain::heads(bus).await?;
    // Those from outside are trusted most: the first one says whose key it must be.
    let heads: Vec<_> = outside.into_iter().chain(signed.heads).collect();
    let mut verifier = Verifier::new(heads).with_claims();
    let mut entries = bus
        .read_to_end(StreamName::Audit, subject::AUDIT, 1)
        .await?;
    while let Some(entry) = entries.next().await {
        verifier.entry(&entry?.payload);
    }
    let claims = verifier.claims();
    let (mut events, mut found): (u64, Vec<Finding>) = (0, Vec::new());
    for source in SOURCES {
        let stream = source.stream.as_str();
        let mut kept = bus.read_to_end(source.stream, source.filter, 1).await?;
        while let Some(event) = kept.next().await {
            let event = event?;
            if !claims.covers(stream, event.seq) {
                break;
            }
            events += 1;
            let stored = Stored {
                stream,
                seq: event.seq,
                at: event.stored_at,
                bytes: &event.payload,
            };
            if found.len() < MOST {
                found.extend(claims.event(stored));
            }
        }
    }
    for accepted in &signed.accepted {
        let stored = Stored {
            stream: StreamName::AuditSth.as_str(),
            seq: accepted.seq,
            at: accepted.stored_at,
            bytes: &accepted.payload,
        };
        // One without an entry was given up, and says nothing.
        if claims.is_entered(stored.stream, stored.seq) {
            found.extend(claims.event(stored));
        }
    }
    let mut verdict = verifier.verdict();
    verdict.add_events(found);
    Ok(Report {
        verdict,
        events,
        unreadable_heads: signed.unreadable,
    })
}
