//! Who is connected: turns what the NATS servers say about connections into facts that everybody can read,
//! `agent.connected` and `agent.disconnected` on `ops.v1.fact.<server>.presence`.
//!
//! The cast: [`PresenceService`] watches the servers' connection events and writes facts; [`Roster`] folds the written
//! facts into "which sessions are open". Several presence services may watch at the same time: the ids of their facts
//! are derived from the connection, so the stream keeps one of each.
//!
//! What is missed (nobody watched, a server died, a gateway was killed) is found by comparing the roster with what the
//! servers and gateways hold: at the start, after every gap in the connection, and every few minutes. A session is only
//! closed on the word of its own server, or when that server has been silent three times. After a crash everything is
//! read back from the stream; nothing is kept elsewhere.
//!
//! A host that loses power says nothing: the server's own pings (`ping_interval` × `ping_max`) end its connection.

mod advisory;
mod book;
mod compare;
mod gateways;
mod roster;
mod service;

use chatops_schemas::ids::{KeyId, ServerId};

pub use book::Session;
pub(crate) use book::{Seen, websocket_base};
pub(crate) use gateways::Holding;
pub use roster::Roster;
pub use service::{PresenceConfig, PresenceError, PresenceParts, PresenceService};

/// Server and key of a connection that the gate admitted; `None` for our own services and everybody else.
pub fn agent_of(user: &str) -> Option<(ServerId, KeyId)> {
    let (server, key) = user.strip_prefix("agent:")?.split_once(':')?;
    Some((ServerId::parse(server).ok()?, KeyId::parse(key).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_given_by_the_gate_are_agents() {
        let (server, key) = agent_of("agent:h-1:k_1").expect("an agent");
        assert_eq!((server.as_str(), key.as_str()), ("h-1", "k_1"));
        for user in [
            "svc",
            "agent:",
            "agent:h1",
            "agent:h1:",
            "agent::k1",
            "agent:h.1:k1",
            "agent:h1:k1:x",
        ] {
            assert!(agent_of(user).is_none(), "{user}");
        }
    }
}
