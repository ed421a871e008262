//! Connections of agents.

use chatops_schemas::clock::Timestamp;
use serde::Serialize;

/// An agent came, went or was refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectionEvent {
    /// Grows with time.
    pub id: u64,
    /// When, by the stream's clock.
    pub at: Timestamp,
    /// `connected`, `disconnected`, `reconnected`, `authentication_failed` or `error`.
    pub kind: String,
    /// `nats` or `websocket`.
    pub transport: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
    /// Why, for people.
    pub detail: Option<String>,
    /// `disconnected`: seconds the session lasted. `reconnected`: seconds the server was away.
    pub duration_s: Option<f64>,
}

/// A connection that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSession {
    /// The gate's name for it.
    pub session: String,
    /// Key it uses.
    pub key: String,
    /// `nats` or `websocket`.
    pub transport: String,
    /// Where it came from.
    pub address: Option<String>,
    /// Since when.
    pub since: Timestamp,
}
