//! Channels as people see them.

use chatops_schemas::{
    channel::Channel as Definition,
    clock::Timestamp,
    ids::{AlertId, ChannelId, ServerId, UserId},
    rule::Severity,
};
use serde_json::Value;

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Id.
    pub id: ChannelId,
    /// Counts its versions.
    pub version: u32,
    /// What it is.
    pub definition: Definition,
    /// Whether the vault has a secret for it.
    pub has_secret: bool,
    /// Whose rights it has.
    pub saved_by: Option<UserId>,
    /// Sign-in name of that person.
    pub saved_by_name: Option<String>,
    /// When its first version was saved.
    pub made_at: Timestamp,
    /// When this version was.
    pub saved_at: Timestamp,
    /// What the next decision about it must expect.
    pub ctl_seq: u64,
}

/// A message that a channel tried to send.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSent {
    /// When it was written down what became of it.
    pub at: Timestamp,
    /// The event `told.alert`.
    pub data: Value,
}

/// A message that a channel sent, or not, and about what.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelTold {
    /// Position in the stream.
    pub seq: u64,
    /// When it was written down what became of it.
    pub at: Timestamp,
    /// Which alert.
    pub alert: AlertId,
    /// Its rule's name.
    pub name: String,
    /// Its device; empty: the host.
    pub device: String,
    /// How bad it is.
    pub severity: Severity,
    /// On which server.
    pub server: ServerId,
    /// Its name; empty: it is gone.
    pub server_name: String,
    /// The event `told.alert`.
    pub data: Value,
}
