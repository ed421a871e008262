//! What an event of the slower streams means for people who look.

use chatops_bus::{Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    envelope::Envelope,
    event::fact::Transport,
    ids::{AlertId, RuleId, ServerId, UserId},
    subject,
};

use super::item::AlertNews;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An agent came or went.
    Presence {
        /// Its server.
        server: ServerId,
        /// Came.
        online: bool,
        /// Stream time.
        at: Timestamp,
        /// How it is or was connected.
        transport: &'static str,
    },
    /// A server was added.
    Added {
        /// The server.
        server: ServerId,
    },
    /// A server's settings, or what its agent says of itself, changed.
    Updated {
        /// The server.
        server: ServerId,
    },
    /// A server was removed.
    Removed {
        /// The server.
        server: ServerId,
    },
    /// An account's sessions may have ended.
    Account {
        /// Whose.
        user: UserId,
    },
    /// Something happened to an alert.
    Alert(AlertNews),
}

/// What an event of OPS_FACT, OPS_CTL, OPS_ALERT or OPS_ACCESS says. `None`: nothing to tell. Rights are not told here: they are applied to
/// [`Rights`](super::rights::Rights).
pub fn of(stream: StreamName, recorded: &Recorded, event: Envelope<Payload>) -> Option<Change> {
    let about = subject::server_of(&recorded.subject);
    if stream == StreamName::Fact && about != event.server {
        return None;
    }
    let at = recorded.stored_at;
    // What was told of an alert has no server in its subject; only the notifier writes it.
    let told = event.server;
    let alert = |op, alert: AlertId, rule: RuleId| {
        let server = about.clone().or(told)?;
        Some(Change::Alert(AlertNews {
            op,
            server,
            alert,
            rule,
        }))
    };
    match event.data {
        Payload::AlertRaised(raised) => alert("raised", raised.head.alert, raised.head.rule),
        Payload::AlertAcknowledged(done) => alert("acknowledged", done.head.alert, done.head.rule),
        Payload::AlertUnacknowledged(done) => {
            alert("unacknowledged", done.head.alert, done.head.rule)
        }
        Payload::AlertResolved(done) => alert("resolved", done.head.alert, done.head.rule),
        Payload::AlertCleared(done) => alert("cleared", done.head.alert, done.head.rule),
        Payload::ToldAlert(done) => alert("told", done.alert, done.rule),
        Payload::AgentConnected(connected) => Some(Change::Presence {
            server: about?,
            online: true,
            at,
            transport: name(connected.transport),
        }),
        // Other connections of the same server are still open.
        Payload::AgentDisconnected(gone) if gone.remaining > 0 => None,
        Payload::AgentDisconnected(gone) => Some(Change::Presence {
            server: about?,
            online: false,
            at,
            transport: name(gone.transport),
        }),
        Payload::AgentHello(_) => Some(Change::Updated { server: about? }),
        Payload::ServerRegistered(added) => Some(Change::Added {
            server: added.server,
        }),
        Payload::ServerChanged(changed) => Some(Change::Updated {
            server: changed.server,
        }),
        Payload::ServerDeleted(removed) => Some(Change::Removed {
            server: removed.server,
        }),
        Payload::UserPasswordChanged(changed) => Some(Change::Account { user: changed.user }),
        Payload::TokenRevoked(revoked) => Some(Change::Account { user: revoked.user }),
        Payload::SessionsEnded(ended) => Some(Change::Account { user: ended.user }),
        Payload::SignedOut(left) => Some(Change::Account { user: left.user }),
        Payload::SessionEnded(ended) => Some(Change::Account { user: ended.user }),
        _ => None,
    }
}

const fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Nats => "nats",
        Transport::Websocket => "websocket",
        Transport::Unknown => "unknown",
    }
}
