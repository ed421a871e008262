//! What a host tells of a command while it runs: `ops.v1.result.<server>.<command>` in OPS_RESULT.
//!
//! Written by the agent, so nothing here is trusted beyond its own host: a result for a command that was never asked of
//! this server changes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Event, Invalid, check_text,
    command::{CommandEnded, Outcome},
};
use crate::{clock::Timestamp, ids::CommandId, session::Stream};

/// Most bytes of output in one event.
pub const MAX_CHUNK: usize = 48 * 1024;

/// It has begun. In the agent's journal before anything happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultStarted {
    /// The command.
    pub command: CommandId,
    /// Process id, where there is a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// A piece of output, as it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultOutput {
    /// The command.
    pub command: CommandId,
    /// Counts the pieces of this command, of both streams, from 0: the order in which they were read.
    pub n: u32,
    /// Which stream.
    pub stream: Stream,
    /// Bytes of this stream before it.
    pub off: u64,
    /// The bytes.
    #[serde(with = "serde_bytes")]
    #[schemars(with = "Vec<u8>")]
    pub data: Vec<u8>,
}

/// It is over. Published once per command by its agent, or again with the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultFinished {
    /// The command.
    pub command: CommandId,
    /// How it ended: `finished`, `failed`, `cancelled`, `timed_out` or `unknown`.
    pub outcome: Outcome,
    /// Exit code, where a program ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Number of the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it began, by this host's clock; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Milliseconds from beginning to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Pieces of output published before this: how a reader knows that it has all.
    #[serde(default)]
    pub pieces: u32,
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

impl ResultFinished {
    /// The end of the command as this makes it. Whoever tells of an end before `command.ended` is stored tells this.
    pub fn end(&self) -> CommandEnded {
        let outcome = match self.outcome {
            // A host cannot say that it was not reached, or that somebody else forbade it.
            Outcome::Expired | Outcome::Denied => Outcome::Failed,
            told => told,
        };
        CommandEnded {
            command: self.command,
            outcome,
            exit_code: self.exit_code,
            signal: self.signal,
            message: self.message.clone(),
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            stdout_bytes: self.stdout_bytes,
            stderr_bytes: self.stderr_bytes,
            cut_bytes: self.cut_bytes,
        }
    }
}

impl Event for ResultStarted {
    const TYPE: &'static str = "result.started";
    const VERSION: u16 = 1;
}

impl Event for ResultOutput {
    const TYPE: &'static str = "result.output";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.data.len() > MAX_CHUNK {
            return Err(Invalid::new(
                "data",
                format!("has more than {MAX_CHUNK} bytes"),
            ));
        }
        Ok(())
    }
}

impl Event for ResultFinished {
    const TYPE: &'static str = "result.finished";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        let message = self.message.as_deref().unwrap_or_default();
        check_text("message", &message.replace(['\n', '\t'], " "), 4096)
    }
}
