//! Commands.

use chatops_schemas::{
    clock::Timestamp,
    event::command::{Asked, Outcome},
    ids::{CommandId, ServerId},
    session::Stream,
};
use uuid::Uuid;

/// A command and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// Position of its request: the order of the list.
    pub seq: u64,
    /// Position of its newest event.
    pub last_seq: u64,
    /// Where.
    pub server: ServerId,
    /// That server's name now; empty when nothing is known of it.
    pub server_name: String,
    /// Who asked: `user:<id>` or `system`.
    pub actor: String,
    /// Sign-in name of the actor, when it is a person.
    pub actor_name: Option<String>,
    /// What, as one line.
    pub line: String,
    /// What, as data; `None` when it was written by another version of this program.
    pub asked: Option<Asked>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Not to be begun later.
    pub not_after: Timestamp,
    /// Milliseconds it may run.
    pub timeout_ms: u64,
    /// Whether everything it was given is known.
    pub repeatable: bool,
    /// Whether another person has to approve it.
    pub needs_approval: bool,
    /// Who approved it, and when.
    pub approved: Option<(String, Timestamp)>,
    /// The fan-out it belongs to.
    pub job: Option<Uuid>,
    /// What it repeats.
    pub repeats: Option<CommandId>,
    /// When the host had it.
    pub delivered_at: Option<Timestamp>,
    /// When the host began, by the stream's clock.
    pub started_at: Option<Timestamp>,
    /// Process id on the host.
    pub pid: Option<u32>,
    /// Who wanted it to end, and when.
    pub cancel_requested: Option<(String, Timestamp)>,
    /// How it ended; `None`: it has not.
    pub end: Option<CommandEnd>,
}

/// The end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandEnd {
    /// When, by the stream's clock.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// In words.
    pub message: Option<String>,
    /// Milliseconds from beginning to end, on the host.
    pub duration_ms: Option<u64>,
    /// Bytes of standard output, kept or not.
    pub stdout_bytes: u64,
    /// Bytes of standard error, kept or not.
    pub stderr_bytes: u64,
    /// Bytes that were not kept.
    pub cut_bytes: u64,
}

/// Which commands; empty fields let everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandQuery {
    /// On this server.
    pub server: Option<ServerId>,
    /// Asked for by this actor.
    pub actor: Option<String>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// That have not ended (`true`) or have (`false`).
    pub open: Option<bool>,
    /// Whose line holds this text.
    pub text: Option<String>,
    /// Of this fan-out.
    pub job: Option<Uuid>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPiece {
    /// Counts the pieces of both streams, from 0.
    pub n: u32,
    /// Which stream.
    pub stream: Stream,
    /// Bytes of this stream before it.
    pub off: u64,
    /// The bytes.
    pub data: Vec<u8>,
    /// When it was stored.
    pub at: Timestamp,
}
