//! How the projectors are doing.

use chatops_schemas::clock::Timestamp;
use serde::Serialize;

/// Position of a projector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// Name.
    pub name: String,
    /// Version of the read model.
    pub ver: i32,
    /// Partition.
    pub part: i32,
    /// Stream it reads.
    pub stream: String,
    /// Everything up to here is in the tables. The stream's last sequence minus this is the lag.
    pub seq: u64,
    /// Take-overs so far.
    pub epoch: i64,
    /// Host and process that took over last.
    pub owner: String,
    /// Last commit.
    pub updated_at: Timestamp,
    /// Why it stands still until a person decides.
    pub stands: Option<String>,
}

/// An event that could not become rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParkedEvent {
    /// Projector.
    pub consumer: String,
    /// Stream.
    pub stream: String,
    /// Position in it.
    pub seq: u64,
    /// Stored subject.
    pub subject: String,
    /// Server token of the subject, if it has one.
    pub server: Option<String>,
    /// Kind of trouble, from a closed list.
    pub reason: String,
    /// What exactly is wrong.
    pub error: String,
    /// `open`, `replayed` or `discarded`.
    pub state: String,
    /// When it was parked.
    pub at: Timestamp,
}
