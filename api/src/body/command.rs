//! Commands as clients see them.

use chatops_projections::view::{self, CommandEnd};
use chatops_schemas::{
    event::command::{Asked, Outcome},
    ids::{CommandId, ServerId},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::moment::Moment;
use crate::order::words;

/// How far a command is, in the order in which it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waits for another person.
    Approval,
    /// Waits for its host.
    Waiting,
    /// The host has it.
    Delivered,
    /// The host has begun.
    Running,
    /// It is over; see `outcome`.
    Ended,
}

/// Something that a host was asked to do, and how it went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Command {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: CommandId,
    /// Where.
    #[schema(value_type = String)]
    pub server_id: ServerId,
    /// That server's name now.
    pub server_name: String,
    /// `run`, `container`, `signal` or `unit`.
    #[schema(example = "run")]
    pub kind: &'static str,
    /// What, as one line for people.
    #[schema(example = "uptime")]
    pub command: String,
    /// The same as data: names of variables and sizes, never their values.
    #[schema(value_type = Object)]
    pub asked: Option<Asked>,
    /// `user:<id>` or `system`.
    pub actor: String,
    /// Sign-in name of the actor; `null` also in the answer to the request itself.
    #[schema(required)]
    pub actor_name: Option<String>,
    /// How far it is.
    pub state: CommandState,
    /// `finished`, `failed`, `cancelled`, `timed_out`, `expired`, `unknown` or `denied`; `null`: not over.
    #[schema(required, example = "finished")]
    pub outcome: Option<&'static str>,
    /// Exit code, where a program ended by itself.
    #[schema(required)]
    pub exit_code: Option<i32>,
    /// Number of the signal that ended it.
    #[schema(required)]
    pub signal: Option<i32>,
    /// In words, where there is something to say.
    #[schema(required)]
    pub message: Option<String>,
    /// When it was asked for.
    pub requested_at: Moment,
    /// Not to be begun later.
    pub not_after: Moment,
    /// Seconds it may run.
    pub timeout_s: u64,
    /// When the host had it.
    #[schema(required)]
    pub delivered_at: Option<Moment>,
    /// When the host began.
    #[schema(required)]
    pub started_at: Option<Moment>,
    /// When it was over.
    #[schema(required)]
    pub ended_at: Option<Moment>,
    /// Milliseconds from beginning to end, on the host.
    #[schema(required)]
    pub duration_ms: Option<u64>,
    /// Process on the host.
    #[schema(required)]
    pub pid: Option<u32>,
    /// Bytes of standard output, kept or not.
    pub stdout_bytes: u64,
    /// Bytes of standard error, kept or not.
    pub stderr_bytes: u64,
    /// Bytes of both that were not kept.
    pub cut_bytes: u64,
    /// Whether it can be run again as it was: nothing that it was given is gone.
    pub repeatable: bool,
    /// Somebody wants it to end.
    pub cancelling: bool,
    /// The fan-out it belongs to.
    #[schema(required)]
    pub job: Option<Uuid>,
    /// The command that it repeats.
    #[schema(required, value_type = Option<Uuid>)]
    pub repeats: Option<CommandId>,
}

/// The kind of what was asked.
pub const fn kind(asked: Option<&Asked>) -> &'static str {
    match asked {
        Some(Asked::Container(_)) => "container",
        Some(Asked::Signal(_)) => "signal",
        Some(Asked::Unit(_)) => "unit",
        Some(Asked::Run { .. }) | None => "run",
    }
}

impl Command {
    /// Writes the end down.
    pub fn ended(&mut self, end: CommandEnd) {
        self.state = CommandState::Ended;
        self.outcome = Some(Outcome::as_str(end.outcome));
        self.exit_code = end.exit_code;
        self.signal = end.signal;
        self.message = end.message.as_deref().map(words);
        self.ended_at = Some(end.at.into());
        self.duration_ms = end.duration_ms;
        self.stdout_bytes = end.stdout_bytes;
        self.stderr_bytes = end.stderr_bytes;
        self.cut_bytes = end.cut_bytes;
    }
}

impl From<view::Command> for Command {
    fn from(row: view::Command) -> Self {
        let state = if row.started_at.is_some() {
            CommandState::Running
        } else if row.delivered_at.is_some() {
            CommandState::Delivered
        } else if row.needs_approval && row.approved.is_none() {
            CommandState::Approval
        } else {
            CommandState::Waiting
        };
        let mut command = Self {
            id: row.id,
            server_id: row.server,
            server_name: row.server_name,
            kind: kind(row.asked.as_ref()),
            command: row.line,
            asked: row.asked,
            actor: row.actor,
            actor_name: row.actor_name,
            state,
            outcome: None,
            exit_code: None,
            signal: None,
            message: None,
            requested_at: row.requested_at.into(),
            not_after: row.not_after.into(),
            timeout_s: row.timeout_ms.div_ceil(1000),
            delivered_at: row.delivered_at.map(Moment::from),
            started_at: row.started_at.map(Moment::from),
            ended_at: None,
            duration_ms: None,
            pid: row.pid,
            stdout_bytes: 0,
            stderr_bytes: 0,
            cut_bytes: 0,
            repeatable: row.repeatable,
            cancelling: row.cancel_requested.is_some() && row.end.is_none(),
            job: row.job,
            repeats: row.repeats,
        };
        if let Some(end) = row.end {
            command.ended(end);
        }
        command
    }
}
