//! The runner of projectors: events in order, in batches, into a sink that commits rows and position together.
//!
//! # Why it does what it does
//! A projector's truth is the position in its database. The server-side consumer is disposable: at every start it is
//! deleted and made anew from the position, so two known ways to lose events silently cannot happen:
//!
//! * *Reattaching.* A consumer whose reader died has deliveries outstanding; a new reader of the same consumer gets what
//!   comes after them, and acknowledging that acknowledges the lost ones too. We never reattach.
//! * *Reconnecting.* When the connection breaks with deliveries on the wire, the client library pulls again and goes on
//!   with later events without an error. The consumer numbers its deliveries from 1, so a hole in that number is proof;
//!   it is checked on every single event, and a hole means: start over from the position.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | before the sink's commit | nothing was written; the next start reads the same events again |
//! | during the commit, outcome unknown | `claim` reads the position again: rows and position are one transaction |
//! | after the commit, before the acknowledgement | the next start reads on from the position; acknowledgements only show lag |
//! | never, but a second copy runs (a zombie) | the second copy's `claim` deleted the first one's consumer, and raised the epoch: the first gets an error or [`Outcome::Fenced`] and starts over; nothing is written twice |
//!
//! It stops for good, and says why, only when going on would lose or invent data: see [`Stopped`].

mod run;
mod status;

use std::{future::Future, time::Duration};

use chatops_schemas::clock::Timestamp;

pub use run::run;
pub use status::{Phase, Status, StatusHandle};

use crate::{read::Recorded, stream::StreamName};

/// Which events a projector reads, and how many at once.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Name, the same as in the checkpoint table.
    pub name: &'static str,
    /// Version of the read model: a rebuild runs as another version beside the old one.
    pub ver: u32,
    /// Partition.
    pub part: u32,
    /// Source.
    pub stream: StreamName,
    /// Stored subjects.
    pub filter: String,
    /// Most events in one transaction.
    pub max_batch: usize,
    /// How long a batch may wait for more events after its first one. Zero takes what is there.
    pub max_wait: Duration,
    /// Least time between two commits: what comes sooner is collected. The first event after a silence does not wait.
    pub pause: Duration,
}

impl Spec {
    /// Name of the consumer on the server.
    pub fn consumer(&self) -> String {
        format!("{}-v{}-p{}", self.name, self.ver, self.part)
    }
}

/// How far a projector is, as its sink tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Raised by every claim: whoever holds an older one is fenced off.
    pub epoch: i64,
    /// Everything up to here is in the tables.
    pub seq: u64,
    /// When the stream behind `seq` was made; `None` if this projector has never run.
    pub stream_created: Option<Timestamp>,
}

/// What is committed at once.
#[derive(Debug, Clone)]
pub struct Batch {
    /// In stream order; empty when only the position moves.
    pub events: Vec<Recorded>,
    /// The new position: at or after the last event.
    pub to: u64,
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Rows and position are stored.
    Applied,
    /// Somebody claimed the projector since: nothing was stored.
    Fenced,
    /// Going on would be wrong: nothing was stored.
    Halt(Halt),
}

/// Why a sink wants to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// An event was written by a newer version of this program.
    NeedsUpgrade(String),
    /// So many events cannot be read that the fault is probably ours: parking them all would hide it.
    TooManyParked(String),
}

/// Where rows go.
pub trait Sink: Send {
    /// What can go wrong with the database.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes over the projector: raises the epoch, stores `stream_created` if none is stored, returns the position as it
    /// was before.
    fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> impl Future<Output = Result<Position, Self::Error>> + Send;

    /// Stores a batch and moves the position from `position.seq` to `batch.to` in one transaction, if the stored epoch
    /// and position are still those of `position`. Events that cannot be read are parked in the same transaction.
    ///
    /// An error means that the outcome is unknown; the runner claims again and learns.
    fn commit(
        &mut self,
        spec: &Spec,
        position: &Position,
        batch: &Batch,
    ) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;
}

/// Why a projector has stopped for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// Events between its position and the oldest one still stored are gone. Only a person may accept that.
    Gap {
        /// Everything up to here is in the tables.
        position: u64,
        /// Oldest event still stored.
        first: u64,
    },
    /// The stream under this name is another one, or was restored from an older backup.
    StreamReplaced {
        /// Everything up to here of the former stream is in the tables.
        position: u64,
        /// Newest event of the stream as it is.
        last: u64,
    },
    /// The sink refused to go on.
    Halted(Halt),
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asked => write!(f, "stopped"),
            Self::Gap { position, first } => {
                write!(
                    f,
                    "events {} to {} were removed before they were read",
                    position + 1,
                    first - 1
                )
            }
            Self::StreamReplaced { position, last } => write!(
                f,
                "the stream was replaced or restored: it ends at {last}, the tables are at {position} of the former one"
            ),
            Self::Halted(Halt::NeedsUpgrade(reason)) => {
                write!(f, "a newer version of ChatOps is needed: {reason}")
            }
            Self::Halted(Halt::TooManyParked(reason)) => {
                write!(f, "too many unreadable events: {reason}")
            }
        }
    }
}
