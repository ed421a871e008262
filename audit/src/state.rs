//! What the appender is doing and what the last check said, for people.

use chatops_schemas::{
    audit::{Head, Verdict},
    clock::Timestamp,
};
use tokio::sync::watch;

/// What the appender is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Reads and checks the chain before it appends.
    #[default]
    Starting,
    /// Appends.
    Running,
    /// Cannot go on now, will try again.
    Waiting(String),
    /// The chain is not what it was; nothing is appended to it until a person has decided.
    Tampered(String),
}

impl Phase {
    /// The wire name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::Tampered(_) => "tampered",
        }
    }

    /// Why it does not run.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Starting | Self::Running => None,
            Self::Waiting(reason) | Self::Tampered(reason) => Some(reason),
        }
    }
}

/// A check of the whole chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// When it ended.
    pub at: Timestamp,
    /// What it said.
    pub verdict: Verdict,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// What the appender is doing.
    pub phase: Phase,
    /// Entries in the chain.
    pub size: u64,
    /// The newest signed head.
    pub head: Option<Head>,
    /// Why the newest head is not where it should be outside.
    pub outside: Option<String>,
    /// The last check of the whole chain.
    pub checked: Option<Checked>,
}

/// Tells those who look.
#[derive(Debug, Clone)]
pub struct Teller(watch::Sender<State>);

impl Teller {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(State::default()))
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        self.0.send_modify(change);
    }

    /// As it is now, and whenever it changes.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }
}
