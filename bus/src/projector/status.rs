//! What a projector is doing, for `/readyz`, `chatops doctor` and people.

use chatops_schemas::clock::Timestamp;
use tokio::sync::watch;

/// What it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Claiming its position.
    Starting,
    /// Reading.
    Running,
    /// Waiting to try again.
    BackingOff(String),
    /// Over; the reason in words.
    Stopped(String),
}

/// A projector at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Consumer name, for example `metrics-v1-p3`.
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// Everything up to here is in the tables.
    pub seq: u64,
    /// Events stored but not read yet, as of the last batch.
    pub pending: u64,
    /// Stream time of the newest event in the tables.
    pub applied_at: Option<Timestamp>,
    /// Starts over since the process began: each one is a broken connection, a fence or a database error.
    pub restarts: u64,
}

/// Both ends of a projector's status.
#[derive(Debug, Clone)]
pub struct StatusHandle(std::sync::Arc<watch::Sender<Status>>);

impl StatusHandle {
    /// For the projector of this consumer name.
    pub fn new(name: impl Into<String>) -> Self {
        let status = Status {
            name: name.into(),
            phase: Phase::Starting,
            seq: 0,
            pending: 0,
            applied_at: None,
            restarts: 0,
        };
        Self(std::sync::Arc::new(watch::channel(status).0))
    }

    /// As it is now.
    pub fn get(&self) -> Status {
        self.0.borrow().clone()
    }

    /// Follows it.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        self.0.send_modify(change);
    }
}
