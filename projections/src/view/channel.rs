//! Channels as people see them.

use chatops_schemas::{
    channel::Channel as Definition,
    clock::Timestamp,
    ids::{ChannelId, UserId},
};

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
