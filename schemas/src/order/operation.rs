//! What a host can be asked to do. Every part is checked again on the host; limits here are those of the contract.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Invalid, check_text},
    ids::CommandId,
};

/// Longest command line, all arguments together, in bytes.
pub const MAX_COMMAND_BYTES: usize = 16 * 1024;
/// Most input that a command can be given, in bytes.
pub const MAX_STDIN_BYTES: usize = 24 * 1024;
/// Most environment variables, and all their bytes.
pub const MAX_ENV: (usize, usize) = (64, 8 * 1024);
/// Longest time a command may run, in milliseconds: a day.
pub const MAX_TIMEOUT_MS: u64 = 24 * 3_600_000;
/// Most output that is kept of one command, in bytes.
pub const MAX_OUTPUT_BYTES: u64 = 16 << 20;

/// How something is asked for: the last token of `ops.v1.rpc.<server>.<verb>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Do this once and tell by events how it went.
    Exec,
    /// End what is running.
    Cancel,
    /// Answer this.
    Ask,
    /// Open a session: terminal, or logs as they are written.
    Open,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exec, Self::Cancel, Self::Ask, Self::Open];

    /// Subject token.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Cancel => "cancel",
            Self::Ask => "ask",
            Self::Open => "open",
        }
    }

    /// From a subject token.
    pub fn parse(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.token() == token)
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Run a program.
    Run(Run),
    /// Act on a container.
    Container(ContainerOrder),
    /// Send a signal to a process.
    Signal(SignalOrder),
    /// Act on a systemd unit.
    Unit(UnitOrder),
    /// End a command that is running.
    Cancel(Cancel),
    /// Answer a question.
    Ask(Question),
    /// Open a terminal.
    Terminal(Terminal),
    /// Send logs as they are written.
    Follow(Follow),
}

impl Operation {
    /// How it is asked for.
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Run(_) | Self::Container(_) | Self::Signal(_) | Self::Unit(_) => Verb::Exec,
            Self::Cancel(_) => Verb::Cancel,
            Self::Ask(_) => Verb::Ask,
            Self::Terminal(_) | Self::Follow(_) => Verb::Open,
        }
    }

    /// Rules that its form cannot express.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Run(run) => run.validate(),
            Self::Container(order) => check_name("container", &order.container),
            Self::Signal(order) if order.pid < 2 => Err(Invalid::new(
                "pid",
                "must be 2 or more: process 1 keeps the host running",
            )),
            Self::Signal(order) => check_name("signal", &order.signal),
            Self::Unit(order) => check_name("unit", &order.unit),
            Self::Terminal(terminal) => terminal.validate(),
            Self::Follow(follow) => check_name("container", &follow.container),
            Self::Ask(Question::Inspect { container }) => check_name("container", container),
            Self::Cancel(_) | Self::Ask(_) => Ok(()),
        }
    }
}

fn check_name(field: &str, name: &str) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    check_text(field, name, 256)
}

/// A program and its surroundings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// What to run.
    pub program: Program,
    /// Folder to run it in; the agent's own choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables on top of a small, fixed environment. The values may be secrets: they are in the signed order only, never
    /// in an event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What it reads. May be a secret, as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Milliseconds after which it and all its children are ended.
    pub timeout_ms: u64,
    /// Bytes of output kept, of both streams together; the rest is counted.
    pub output_limit: u64,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// A line for the host's shell, `/bin/sh -c`.
    Shell(String),
    /// A program and its arguments; no shell looks at them.
    Argv(Vec<String>),
}

impl Program {
    /// As one line for people. Not for running: arguments with spaces are quoted for the eye.
    pub fn line(&self) -> String {
        match self {
            Self::Shell(line) => line.clone(),
            Self::Argv(arguments) => arguments
                .iter()
                .map(|argument| {
                    if argument.is_empty() || argument.contains(char::is_whitespace) {
                        format!("{argument:?}")
                    } else {
                        argument.clone()
                    }
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}

impl Run {
    fn validate(&self) -> Result<(), Invalid> {
        let nul = |text: &str| text.contains('\0');
        let (empty, bytes, has_nul) = match &self.program {
            Program::Shell(line) => (line.trim().is_empty(), line.len(), nul(line)),
            Program::Argv(arguments) => (
                arguments.first().is_none_or(String::is_empty),
                arguments.iter().map(|argument| argument.len() + 1).sum(),
                arguments.iter().any(|argument| nul(argument)),
            ),
        };
        if empty {
            return Err(Invalid::new("command", "is empty"));
        }
        if bytes > MAX_COMMAND_BYTES {
            return Err(Invalid::new(
                "command",
                format!("has {bytes} bytes, at most {MAX_COMMAND_BYTES} are possible"),
            ));
        }
        if has_nul {
            return Err(Invalid::new("command", "holds a NUL character"));
        }
        if let Some(cwd) = &self.cwd
            && (!cwd.starts_with('/') || nul(cwd) || cwd.len() > 4096)
        {
            return Err(Invalid::new(
                "cwd",
                "is not an absolute path of at most 4,096 bytes",
            ));
        }
        let env_bytes: usize = self.env.iter().map(|(k, v)| k.len() + v.len()).sum();
        if self.env.len() > MAX_ENV.0 || env_bytes > MAX_ENV.1 {
            return Err(Invalid::new(
                "env",
                format!(
                    "at most {} variables of {} bytes together are possible",
                    MAX_ENV.0, MAX_ENV.1
                ),
            ));
        }
        if self
            .env
            .iter()
            .any(|(k, v)| k.is_empty() || k.contains('=') || nul(k) || nul(v))
        {
            return Err(Invalid::new(
                "env",
                "a name is empty or holds '=', or something holds a NUL character",
            ));
        }
        if self
            .stdin
            .as_ref()
            .is_some_and(|stdin| stdin.len() > MAX_STDIN_BYTES)
        {
            return Err(Invalid::new(
                "stdin",
                format!("has more than {MAX_STDIN_BYTES} bytes"),
            ));
        }
        if !(1..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            return Err(Invalid::new("timeout", "is not between 1 ms and 24 hours"));
        }
        if self.output_limit > MAX_OUTPUT_BYTES {
            return Err(Invalid::new(
                "output_limit",
                format!("is more than {MAX_OUTPUT_BYTES} bytes"),
            ));
        }
        Ok(())
    }
}

/// An action on a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerOrder {
    /// Id or name.
    pub container: String,
    /// What to do.
    pub action: ContainerAction,
    /// Seconds that `stop` and `restart` wait before they kill; the engine's own choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_s: Option<u32>,
    /// For `remove`: also when it runs.
    #[serde(default)]
    pub force: bool,
}

/// What can be done with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContainerAction {
    /// Start it.
    Start,
    /// Ask it to end, then kill it.
    Stop,
    /// Stop and start.
    Restart,
    /// Freeze it.
    Pause,
    /// Thaw it.
    Unpause,
    /// Kill it at once.
    Kill,
    /// Delete it; its volumes stay.
    Remove,
}

impl ContainerAction {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Stop,
        Self::Restart,
        Self::Pause,
        Self::Unpause,
        Self::Kill,
        Self::Remove,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Kill => "kill",
            Self::Remove => "remove",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// A signal to a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalOrder {
    /// Its number.
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`: another process under the same number is left alone.
    pub start_ticks: u64,
    /// `TERM`, `KILL`, `HUP`, `INT`, `QUIT`, `STOP`, `CONT`, `USR1`, `USR2`.
    pub signal: String,
}

/// An action on a systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitOrder {
    /// Full name, `nginx.service`.
    pub unit: String,
    /// What to do.
    pub action: UnitAction,
}

/// What can be done with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitAction {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop and start.
    Restart,
    /// Have it read its settings again.
    Reload,
}

impl UnitAction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Start, Self::Stop, Self::Restart, Self::Reload];

    /// The wire name, which is systemd's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// The end of something that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancel {
    /// What was begun under this id.
    pub command: CommandId,
}

/// What a host can be asked. The answers are in [`crate::answer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// All processes: [`crate::answer::Processes`].
    Processes,
    /// systemd units: [`crate::answer::Units`].
    Units,
    /// Containers with what a list shows: [`crate::answer::Containers`].
    Containers,
    /// One container in the engine's own words (JSON text).
    Inspect {
        /// Id or name.
        container: String,
    },
    /// Images: [`crate::answer::Images`].
    Images,
}

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terminal {
    /// Columns, 1 to 1,000.
    pub cols: u16,
    /// Rows, 1 to 1,000.
    pub rows: u16,
    /// In this container instead of on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Shell; the login shell of the agent's user, in a container `/bin/sh`, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Seconds without input after which it ends.
    pub idle_s: u32,
    /// Seconds that it survives without anybody renewing it.
    pub lease_s: u32,
    /// Opens nothing: only answers whether this session is still open, and renews it. Refused with `not_found` when it is
    /// not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reattach: bool,
}

impl Terminal {
    fn validate(&self) -> Result<(), Invalid> {
        if !(1..=1000).contains(&self.cols) || !(1..=1000).contains(&self.rows) {
            return Err(Invalid::new("cols, rows", "are not between 1 and 1,000"));
        }
        if let Some(container) = &self.container {
            check_name("container", container)?;
        }
        if let Some(shell) = &self.shell {
            check_name("shell", shell)?;
            if !shell.starts_with('/') {
                return Err(Invalid::new("shell", "is not an absolute path"));
            }
        }
        Ok(())
    }
}

/// The logs of a container, from some point on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Follow {
    /// Id or name.
    pub container: String,
    /// Lines of the past to begin with; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<u32>,
    /// Unix seconds to begin at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Whether to go on when the past has been sent.
    pub follow: bool,
    /// Seconds that it survives without anybody renewing it.
    pub lease_s: u32,
}
