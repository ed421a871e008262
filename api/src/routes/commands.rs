//! Commands: asking for one, its history, its output, its end.

pub mod approve;
pub mod cancel;
pub mod list;
pub mod output;
pub mod rerun;
pub mod run;
pub mod show;

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chatops_projections::{COMMANDS, Visible, view};
use chatops_schemas::{
    event::command::{Asked, Outcome},
    ids::CommandId,
    session::Stream,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::{self, Command, CommandState},
    code::Code,
    commands::{
        ask::{self, Wish},
        wait::{self, Progress},
    },
    problem::Problem,
    state::Api,
};

/// Longest wait for an end, in seconds: less than a request may take.
const LONGEST_WAIT: u32 = 25;

/// Whether to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Waiting {
    /// Seconds to wait for the end, at most 25. Without it, or when it takes longer, the answer is 202.
    #[param(nullable = false, minimum = 0, maximum = 25)]
    wait: Option<u32>,
}

impl Waiting {
    fn seconds(&self) -> Result<Option<u32>, Problem> {
        match self.wait {
            Some(seconds) if seconds > LONGEST_WAIT => {
                Err(Problem::field("wait", "must be at most 25 seconds"))
            }
            seconds => Ok(seconds.filter(|seconds| *seconds > 0)),
        }
    }
}

/// A command that has ended, with what it wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandResult {
    #[serde(flatten)]
    command: Command,
    /// What it wrote to standard output. Bytes that are no UTF-8 are replaced.
    stdout: String,
    /// What it wrote to standard error.
    stderr: String,
    /// There is more than fits into this answer: see `/commands/{id}/output`.
    more_output: bool,
}

/// What became of asking.
pub enum Answer {
    /// It is over.
    Ended(Box<CommandResult>),
    /// It goes on.
    Open(Box<Command>),
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Ended(result) => Json(*result).into_response(),
            Self::Open(command) => (StatusCode::ACCEPTED, Json(*command)).into_response(),
        }
    }
}

/// What is needed to ask a host for what was asked.
pub(crate) const fn action_of(asked: &Asked) -> Action {
    match asked {
        Asked::Container(_) => Action::ControlContainer,
        Asked::Run { .. } | Asked::Signal(_) | Asked::Unit(_) => Action::RunCommand,
    }
}

/// Asks for it and, if wanted, waits for the end. The caller has decided that this person may.
pub(crate) async fn ask(
    api: &Api,
    actor: &Actor,
    server: &view::Registered,
    wish: Wish,
    seconds: Option<u32>,
) -> Result<Answer, Problem> {
    // Nobody waits for another person with a request open.
    let seconds = seconds.filter(|_| !server.needs_approval);
    let id = api.orders().fresh();
    let repeats = wish.repeats;
    // Before it is asked for: nothing of it is missed.
    let place = match seconds {
        Some(_) => match api.follower().place(&server.id, id) {
            Some(place) => Some(place),
            None => return Err(Problem::new(Code::Busy).retry_after(2)),
        },
        None => None,
    };
    let requested = ask::request(api, &actor.by(), id, wish, server.needs_approval).await?;
    let event = requested.event;
    let mut shown = Command {
        id,
        server_id: server.id.clone(),
        server_name: server.name.clone(),
        kind: command::kind(Some(&event.asked)),
        command: event.asked.line(),
        actor: actor.by().to_string(),
        actor_name: None,
        state: match server.needs_approval {
            true => CommandState::Approval,
            false => CommandState::Waiting,
        },
        outcome: None,
        exit_code: None,
        signal: None,
        message: None,
        requested_at: api.clock().now().into(),
        not_after: event.not_after.into(),
        timeout_s: event.timeout_ms.div_ceil(1000),
        delivered_at: None,
        started_at: None,
        ended_at: None,
        duration_ms: None,
        pid: None,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
        repeatable: event.order.is_some(),
        cancelling: false,
        job: None,
        repeats,
        asked: Some(event.asked),
    };
    let Some((place, seconds)) = place.zip(seconds) else {
        readable(api, requested.seq).await;
        return Ok(Answer::Open(Box::new(shown)));
    };
    let deadline = Instant::now() + Duration::from_secs(seconds.into());
    let progress = wait::until_ended(api, place, &server.id, id, deadline).await?;
    shown.delivered_at = progress.delivered_at.map(Into::into);
    if shown.delivered_at.is_some() {
        shown.state = CommandState::Delivered;
    }
    if let Some((at, pid)) = progress.started {
        (shown.started_at, shown.pid) = (Some(at.into()), pid);
        shown.state = CommandState::Running;
    }
    Ok(match end_of(&progress) {
        None => Answer::Open(Box::new(shown)),
        Some(end) => {
            shown.ended(end);
            Answer::Ended(Box::new(CommandResult {
                command: shown,
                stdout: progress.text(Stream::Stdout),
                stderr: progress.text(Stream::Stderr),
                more_output: progress.left_out,
            }))
        }
    })
}

fn end_of(progress: &Progress) -> Option<view::CommandEnd> {
    let (at, end) = progress.end()?;
    Some(view::CommandEnd {
        at: *at,
        outcome: end.outcome,
        exit_code: end.exit_code,
        signal: end.signal,
        message: end.message.clone(),
        duration_ms: end.duration_ms,
        stdout_bytes: end.stdout_bytes,
        stderr_bytes: end.stderr_bytes,
        cut_bytes: end.cut_bytes,
    })
}

/// Waits until lists show an event, but not for ever: it is stored either way.
pub(crate) async fn readable(api: &Api, seq: u64) {
    let patience = api.config().read_your_writes;
    if let Err(error) = api.progress().wait_until(COMMANDS, seq, patience).await {
        tracing::warn!(%error, "a command is stored, but the database does not answer");
    }
}

/// Asks and waits for something that is over at once, such as an action on a container: anything but success is a
/// problem, in the words of whatever refused.
pub(crate) async fn act(
    api: &Api,
    actor: &Actor,
    server: &view::Registered,
    wish: Wish,
) -> Result<Answer, Problem> {
    api.orders().answers(&actor.by(), &server.id).await?;
    let answer = ask(api, actor, server, wish, Some(LONGEST_WAIT)).await?;
    let Answer::Ended(result) = &answer else {
        return Ok(answer);
    };
    let command = &result.command;
    let code = match command.outcome.and_then(Outcome::parse) {
        Some(Outcome::Finished) if command.exit_code.is_none_or(|code| code == 0) => {
            return Ok(answer);
        }
        Some(Outcome::Expired) => Code::HostOffline,
        Some(Outcome::Denied) => Code::Forbidden,
        Some(Outcome::TimedOut) => Code::HostSilent,
        _ => Code::HostFailed,
    };
    let mut words = command.message.clone().unwrap_or_default();
    if words.is_empty() {
        words.clone_from(&result.stderr);
    }
    Err(Problem::new(code).detail(crate::order::words(words.trim())))
}

/// A command that this person may look into; otherwise it does not exist for them, or they are refused.
pub(crate) async fn found(
    api: &Api,
    actor: &Actor,
    id: CommandId,
    action: Action,
) -> Result<(view::Command, view::Registered), Problem> {
    access::may(actor, Action::SeeFleet).or_else(|problem| {
        // A token that may only operate sees no list, and still acts.
        if actor.subject().may_use(action.scope()) {
            Ok(())
        } else {
            Err(problem)
        }
    })?;
    let command = api.store().command(Visible::All, id).await?;
    let command = command.ok_or(Problem::new(Code::NoCommand))?;
    let server = access::server_or(api, actor, &command.server, action, Code::NoCommand).await?;
    Ok((command, server))
}
