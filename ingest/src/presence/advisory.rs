//! The servers' connection events, `$SYS.ACCOUNT.<account>.CONNECT` and `.DISCONNECT`. Pure.

use chatops_schemas::{clock::Timestamp, event::fact::Transport};
use serde::Deserialize;

use super::{
    agent_of,
    book::{Seen, nats_base},
};

/// What happened to an agent's connection.
#[derive(Debug, PartialEq)]
pub(super) enum Advisory {
    /// It was let in.
    Connected(Seen),
    /// It ended.
    Disconnected {
        /// Which.
        seen: Seen,
        /// When it ended.
        at: Option<Timestamp>,
        /// Why, in the server's words.
        reason: Option<String>,
    },
}

#[derive(Deserialize)]
struct Event {
    server: Server,
    client: Client,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Server {
    id: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Client {
    id: u64,
    host: String,
    user: String,
    start: String,
    stop: String,
}

/// Subjects to watch for one account, in one subscription so that a connection's events stay in order.
pub(super) fn subjects(account: &str) -> String {
    format!("$SYS.ACCOUNT.{account}.*")
}

/// Reads an event; `Ok(None)` when it is about something else than an agent's connection.
pub(super) fn read(subject: &str, payload: &[u8]) -> Result<Option<Advisory>, serde_json::Error> {
    let connected = match subject.rsplit_once('.') {
        Some((_, "CONNECT")) => true,
        Some((_, "DISCONNECT")) => false,
        _ => return Ok(None),
    };
    let event: Event = serde_json::from_slice(payload)?;
    let Some((server, key)) = agent_of(&event.client.user) else {
        return Ok(None);
    };
    let seen = Seen {
        base: nats_base(&event.server.id, event.client.id),
        server,
        key,
        transport: Transport::Nats,
        address: Some(event.client.host).filter(|host| !host.is_empty()),
        orders: false,
        since: Timestamp::parse_rfc3339(&event.client.start).ok(),
    };
    Ok(Some(if connected {
        Advisory::Connected(seen)
    } else {
        Advisory::Disconnected {
            seen,
            at: Timestamp::parse_rfc3339(&event.client.stop).ok(),
            reason: event.reason.filter(|reason| !reason.is_empty()),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT: &str = r#"{"type":"io.nats.server.advisory.v1.client_connect","id":"x",
        "timestamp":"2026-01-01T00:00:01Z","server":{"name":"n","id":"NABC","ver":"2.15.1"},
        "client":{"start":"2026-01-01T00:00:00.5Z","host":"192.0.2.7","id":41,"acc":"OPS",
        "user":"agent:h1:k1","kind":"Client"}}"#;

    #[test]
    fn an_agents_connection_is_read() {
        let read = read("$SYS.ACCOUNT.OPS.CONNECT", CONNECT.as_bytes())
            .expect("readable")
            .expect("an agent");
        let Advisory::Connected(seen) = read else {
            panic!("{read:?}")
        };
        assert_eq!(seen.base, "nats:NABC:41");
        assert_eq!(seen.server.as_str(), "h1");
        assert_eq!(seen.address.as_deref(), Some("192.0.2.7"));
        assert_eq!(
            seen.since.map(Timestamp::rfc3339).as_deref(),
            Some("2026-01-01T00:00:00.5Z")
        );
    }

    #[test]
    fn an_end_carries_its_reason() {
        let text = CONNECT.replace(
            r#""kind":"Client"}"#,
            r#""kind":"Client","stop":"2026-01-01T00:00:09Z"},"reason":"Stale Connection""#,
        );
        let read = read("$SYS.ACCOUNT.OPS.DISCONNECT", text.as_bytes())
            .expect("readable")
            .expect("an agent");
        let Advisory::Disconnected { at, reason, .. } = read else {
            panic!("{read:?}")
        };
        assert_eq!(reason.as_deref(), Some("Stale Connection"));
        assert!(at.is_some());
    }

    #[test]
    fn others_and_damaged_events_are_told_apart() {
        let svc = CONNECT.replace("agent:h1:k1", "svc");
        assert_eq!(
            read("$SYS.ACCOUNT.OPS.CONNECT", svc.as_bytes()).expect("readable"),
            None
        );
        assert_eq!(
            read("$SYS.ACCOUNT.OPS.LEAFNODE", b"").expect("ignored"),
            None
        );
        assert!(read("$SYS.ACCOUNT.OPS.CONNECT", b"{").is_err());
        assert!(read("$SYS.ACCOUNT.OPS.CONNECT", b"{}").is_err());
    }
}
