//! Terminals: who opened one where, and how it ended. What is typed and shown is in no event.
//!
//! A session is an aggregate beside the commands, `ops.v1.cmd.<server>.<session>` in OPS_CMD: `opened` is its first event
//! (nobody gets a shell unseen: it is stored before the host is asked), `closed` comes once, `recording_erased` at most
//! once after it. Whoever wants to come back to a session must be the maker of its `opened`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{
    ids::{CommandId, ServerId},
    session::Ended,
};

/// Somebody opens a terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalOpened {
    /// The session.
    pub session: CommandId,
    /// In this container instead of on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The shell that was asked for; the host's own choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Whether what it shows is recorded. What is typed never is.
    pub recorded: bool,
    /// Seconds without input after which it ends.
    pub idle_s: u32,
    /// Seconds that it waits for its opener to come back.
    pub lease_s: u32,
}

/// A terminal is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalClosed {
    /// The session.
    pub session: CommandId,
    /// Why.
    pub reason: TerminalEnd,
    /// Exit code of the shell, if it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// In words, where there is something to say: why the host refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Bytes that it wrote, as far as the host told.
    #[serde(default)]
    pub output_bytes: u64,
}

/// Why a terminal is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TerminalEnd {
    /// The shell ended by itself.
    Exited,
    /// Somebody closed it.
    Closed,
    /// Nobody typed for too long.
    Idle,
    /// Its opener did not come back in time.
    Abandoned,
    /// The agent stopped or was lost.
    AgentStopped,
    /// The host refused it or could not be reached.
    Refused,
    /// Its opener may no longer use it.
    Revoked,
    /// It could not go on.
    Failed,
    /// A reason this build does not know.
    #[serde(other)]
    Unknown,
}

impl TerminalEnd {
    /// All that this build knows.
    pub const ALL: [Self; 8] = [
        Self::Exited,
        Self::Closed,
        Self::Idle,
        Self::Abandoned,
        Self::AgentStopped,
        Self::Refused,
        Self::Revoked,
        Self::Failed,
    ];

    /// From the wire name.
    pub fn parse(text: &str) -> Self {
        let mut known = Self::ALL.into_iter();
        known
            .find(|end| end.as_str() == text)
            .unwrap_or(Self::Unknown)
    }

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Closed => "closed",
            Self::Idle => "idle",
            Self::Abandoned => "abandoned",
            Self::AgentStopped => "agent_stopped",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl From<Ended> for TerminalEnd {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Exited => Self::Exited,
            Ended::Closed => Self::Closed,
            Ended::Idle => Self::Idle,
            Ended::Abandoned => Self::Abandoned,
            Ended::AgentStopped => Self::AgentStopped,
            Ended::Failed => Self::Failed,
            Ended::Unknown => Self::Unknown,
        }
    }
}

/// The recording of a session was deleted by a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalRecordingErased {
    /// The session.
    pub session: CommandId,
}

/// Whether terminals are recorded was decided, for everything or for one server. A control event, on the settings
/// aggregate `terminal` or `terminal-<server>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalRecordingDecided {
    /// For this server; for all that have no decision of their own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerId>,
    /// Recorded or not; absent takes the decision back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<bool>,
}

impl TerminalRecordingDecided {
    /// The id of its settings aggregate.
    pub fn aggregate(server: Option<&ServerId>) -> String {
        server.map_or_else(
            || "terminal".to_owned(),
            |server| format!("terminal-{server}"),
        )
    }
}

impl Event for TerminalOpened {
    const TYPE: &'static str = "terminal.opened";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text(
            "container",
            self.container.as_deref().unwrap_or_default(),
            256,
        )?;
        check_text("shell", self.shell.as_deref().unwrap_or_default(), 256)
    }
}

impl Event for TerminalClosed {
    const TYPE: &'static str = "terminal.closed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        let message = self.message.as_deref().unwrap_or_default();
        check_text("message", &message.replace(['\n', '\t'], " "), 4096)
    }
}

impl Event for TerminalRecordingErased {
    const TYPE: &'static str = "terminal.recording_erased";
    const VERSION: u16 = 1;
}

impl Event for TerminalRecordingDecided {
    const TYPE: &'static str = "terminal.recording_decided";
    const VERSION: u16 = 1;
}
