//! One event as a line.

use std::io::Write;

use anyhow::Context;
use chatops_bus::Recorded;
use chatops_schemas::{codec, subject};
use serde_json::{Value, json};

use crate::cli::Format;

/// A table's last column is cut here, so that a line stays a line.
const SUMMARY: usize = 110;

/// Prints; an undecodable event is shown with the reason instead of its content.
pub(super) fn event(event: &Recorded, format: Format) -> anyhow::Result<()> {
    let line = match format {
        Format::Ndjson => full(event)?.to_string(),
        Format::Table => summary(event)?,
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

fn full(event: &Recorded) -> anyhow::Result<Value> {
    let place = json!({
        "seq": event.seq,
        "stored_at": event.stored_at,
        "subject": event.subject,
    });
    let rest = match codec::decode_any(&event.payload) {
        // The chain and its heads are no events: they have an encoding of their own.
        _ if event.subject == subject::AUDIT => json!({
            "type": "audit.entry",
            "data": chatops_audit::export::line(&event.payload),
        }),
        Err(_) if event.subject == subject::AUDIT_HEADS => json!({
            "type": "audit.head",
            "data": serde_json::from_slice::<Value>(&event.payload).unwrap_or_default(),
        }),
        Ok(decoded) => json!({
            "id": decoded.id,
            "type": decoded.kind,
            "ver": decoded.ver,
            "time": decoded.time,
            "server": decoded.server,
            "actor": decoded.actor,
            "address": decoded.address,
            "cause": decoded.cause,
            "data": decoded.data.to_json().context("show an event")?,
        }),
        Err(error) => json!({ "undecodable": error.to_string(), "bytes": event.payload.len() }),
    };
    let (Value::Object(mut line), Value::Object(rest)) = (place, rest) else {
        return Ok(Value::Null);
    };
    line.extend(rest.into_iter().filter(|(_, value)| !value.is_null()));
    Ok(Value::Object(line))
}

fn summary(event: &Recorded) -> anyhow::Result<String> {
    let line = full(event)?;
    let kind = line
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("(undecodable)");
    let about = event
        .subject
        .strip_prefix("ops.v1.")
        .unwrap_or(&event.subject);
    let content = line
        .get("data")
        .or(line.get("undecodable"))
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut cut: String = content.chars().take(SUMMARY).collect();
    if cut.len() < content.len() {
        cut.push('…');
    }
    Ok(format!(
        "{:>8}  {}  {kind:<22}  {about}  {cut}",
        event.seq, event.stored_at
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chatops_schemas::{
        clock::{IdSource, Manual, Timestamp},
        envelope::Envelope,
        event::ctl::NameReleased,
        ids::UserId,
    };

    use super::*;

    fn recorded(payload: Vec<u8>) -> Recorded {
        Recorded {
            seq: 7,
            subject: "ops.v1.ctl.name.abc".to_owned(),
            stored_at: Timestamp::from_millis(0),
            id: None,
            payload: Bytes::from(payload),
            pending: 0,
        }
    }

    #[test]
    fn events_are_shown_with_their_content_and_ids_as_text() {
        let ids = Manual::default();
        let event = Envelope::new(
            ids.event_id(),
            Timestamp::from_millis(5),
            NameReleased {
                user: UserId(ids.next()),
            },
        );
        let event = recorded(codec::encode(&event).unwrap());
        let line = full(&event).unwrap();
        assert_eq!(line["type"], "name.released");
        assert_eq!(line["data"]["user"], "00000000-0000-0000-0000-000000000002");
        assert!(summary(&event).unwrap().contains("ctl.name.abc"));
    }

    #[test]
    fn an_audit_entry_is_shown_in_words() {
        use chatops_schemas::audit::{Derived, Entry, Hash, derive, derive::Stored};
        let derived = derive(Stored {
            stream: "OPS_CTL",
            seq: 3,
            at: Timestamp::from_millis(0),
            bytes: &[0xc1],
        });
        let Derived::Entry(content) = derived else {
            panic!("{derived:?}")
        };
        let entry = Entry {
            seq: 7,
            prev: Hash::NONE,
            content,
        };
        let mut event = recorded(entry.encode());
        event.subject = subject::AUDIT.to_owned();
        let line = full(&event).unwrap();
        assert_eq!(line["data"]["action"], "audit.unreadable");
        assert!(summary(&event).unwrap().contains("audit.unreadable"));
    }

    #[test]
    fn garbage_is_shown_as_such() {
        let line = full(&recorded(vec![0xc1, 0xff])).unwrap();
        assert!(line["undecodable"].is_string(), "{line}");
    }
}
