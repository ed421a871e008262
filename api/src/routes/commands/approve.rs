//! `POST /commands/{id}/{approve,deny}`: another person decides about a command that waits for one.

use axum::{extract::State, http::StatusCode};
use chatops_bus::{AppendError, StreamName};
use chatops_projections::view;
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::{
        Event,
        command::{CommandApproved, CommandEnded, Outcome},
    },
    ids::CommandId,
    subject,
};

use super::{action_of, found, readable};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written,
};

/// Agree to a command that somebody else asked for
///
/// On a server that needs two persons. Never by whoever asked for it. Nobody within an hour: it ends as denied.
#[utoipa::path(post, path = "/commands/{id}/approve", tag = "Commands", operation_id = "commands_approve",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "it is on its way"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204 or CO1605", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn approve(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
) -> Result<StatusCode, Problem> {
    tell(&api, &actor, id, CommandApproved { command: id }).await
}

/// Refuse a command that waits for approval
///
/// It ends as denied. Whoever asked for it takes it back with `cancel`.
#[utoipa::path(post, path = "/commands/{id}/deny", tag = "Commands", operation_id = "commands_deny",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "it is over"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204 or CO1605", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn deny(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
) -> Result<StatusCode, Problem> {
    let denied = CommandEnded {
        command: id,
        outcome: Outcome::Denied,
        exit_code: None,
        signal: None,
        message: Some("another person refused it".to_owned()),
        started_at: None,
        duration_ms: None,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    };
    tell(&api, &actor, id, denied).await
}

/// Appends the decision directly behind the request: whatever came between ends the waiting.
async fn tell<T: Event>(
    api: &Api,
    actor: &Actor,
    id: CommandId,
    data: T,
) -> Result<StatusCode, Problem> {
    let (command, server) = found(api, actor, id, Action::RunCommand).await?;
    if let Some(asked) = &command.asked {
        access::server_or(api, actor, &server.id, action_of(asked), Code::NoCommand).await?;
    }
    let not_now = || Problem::new(Code::NotNow).detail("It waits for nobody's approval.");
    let subject = subject::command(&server.id, id);
    let last = api.bus().last(StreamName::Cmd, &subject).await;
    let last = last
        .map_err(|error| written::unread(&error))?
        .ok_or(Problem::new(Code::NoCommand))?;
    match codec::decode_any(&last.payload).map(|event| event.data) {
        Ok(Payload::CommandRequested(asked)) if asked.needs_approval => {}
        _ => return Err(not_now()),
    }
    if is_own(actor, &command) {
        return Err(Problem::new(Code::OwnRequest));
    }
    let event = written::event_about(api, &actor.by(), &server.id, data);
    match api
        .bus()
        .append(StreamName::Cmd, &subject, last.seq, &event)
        .await
    {
        Ok(seq) => {
            readable(api, seq).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Err(AppendError::Conflict { .. }) => Err(not_now()),
        Err(error) => Err(written::refused(&error)),
    }
}

fn is_own(actor: &Actor, command: &view::Command) -> bool {
    command.actor == actor.by().to_string()
}
