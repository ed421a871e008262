//! The life of a command: one aggregate per command, `ops.v1.cmd.<server>.<command>` in OPS_CMD.
//!
//! ```text
//! requested ─┬─ (approved | denied)? ─ delivered? ─ cancel_requested? ─ ended
//! ```
//! Exactly one `ended` closes it, whatever dies: every writer appends with the sequence it has read. What the host itself
//! tells (started, output, finished) is in OPS_RESULT, see [`super::result`]; the dispatcher makes the end out of it.
//! Texts that a person typed to be run are in the event; values of variables and what the program reads are not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Invalid, check_text};
use crate::{
    clock::Timestamp,
    ids::CommandId,
    order::{ContainerOrder, Program, SignalOrder, UnitOrder},
};

/// What is asked for, without anything secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Run a program.
    Run {
        /// What.
        program: Program,
        /// Where.
        #[serde(default)]
        cwd: Option<String>,
        /// Names of the variables it is given.
        #[serde(default)]
        env: Vec<String>,
        /// Bytes it is given to read.
        #[serde(default)]
        stdin_bytes: u64,
        /// Bytes of output that are kept.
        output_limit: u64,
    },
    /// Act on a container.
    Container(ContainerOrder),
    /// Send a signal to a process.
    Signal(SignalOrder),
    /// Act on a unit.
    Unit(UnitOrder),
}

impl Asked {
    /// As one line for people.
    pub fn line(&self) -> String {
        match self {
            Self::Run { program, .. } => program.line(),
            Self::Container(order) => format!("{} {}", order.action.as_str(), order.container),
            Self::Signal(order) => format!("{} {}", order.signal, order.pid),
            Self::Unit(order) => format!("{} {}", order.action.as_str(), order.unit),
        }
    }
}

/// Somebody who may do so wants a host to do something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandRequested {
    /// The command.
    pub command: CommandId,
    /// What.
    pub asked: Asked,
    /// Not to be begun after this moment: then it is `expired`.
    pub not_after: Timestamp,
    /// Milliseconds it may run once begun.
    pub timeout_ms: u64,
    /// The signed order as it goes to the host; absent when it holds values that are no event's business, then the vault
    /// keeps it until the end.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<u8>>")]
    pub order: Option<Vec<u8>>,
    /// Waits for another person to approve it.
    #[serde(default)]
    pub needs_approval: bool,
    /// The fan-out it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Uuid>,
    /// The command that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<CommandId>,
}

/// Another person agreed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandApproved {
    /// The command.
    pub command: CommandId,
}

/// The host has it and has begun, or has begun before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandDelivered {
    /// The command.
    pub command: CommandId,
    /// Which attempt reached the host, from 1.
    pub attempt: u32,
}

/// Somebody wants it to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandCancelRequested {
    /// The command.
    pub command: CommandId,
    /// The signed order that tells the host, for as long as it may have begun.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<u8>>")]
    pub order: Option<Vec<u8>>,
}

/// It is over. The last event of every command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandEnded {
    /// The command.
    pub command: CommandId,
    /// How.
    pub outcome: Outcome,
    /// Exit code, where a program ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Number of the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// In words, where there is something to say: the engine's own error text, why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it began on the host, by the host's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Milliseconds from beginning to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Bytes of standard output, kept or not.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// Bytes of standard error, kept or not.
    #[serde(default)]
    pub stderr_bytes: u64,
    /// Bytes of both that were not kept.
    #[serde(default)]
    pub cut_bytes: u64,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end; the exit code says how well.
    Finished,
    /// It could not be done: refused by the host, or no such program.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It took too long and was ended.
    TimedOut,
    /// The host could not be reached in time; it was not begun.
    Expired,
    /// It was begun and nobody can say how it ended: the agent or the host died. It is never begun again.
    Unknown,
    /// Another person refused it, or nobody approved it in time.
    Denied,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Finished,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Expired,
        Self::Unknown,
        Self::Denied,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Denied => "denied",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

macro_rules! events {
    ($($name:ident = $kind:literal),* $(,)?) => {$(
        impl Event for $name {
            const TYPE: &'static str = $kind;
            const VERSION: u16 = 1;
        }
    )*};
}

events! {
    CommandApproved = "command.approved",
    CommandDelivered = "command.delivered",
    CommandCancelRequested = "command.cancel_requested",
}

impl Event for CommandRequested {
    const TYPE: &'static str = "command.requested";
    const VERSION: u16 = 1;
}

impl Event for CommandEnded {
    const TYPE: &'static str = "command.ended";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        // Engines answer with several lines.
        let message = self.message.as_deref().unwrap_or_default();
        check_text("message", &message.replace(['\n', '\t'], " "), 4096)
    }
}
