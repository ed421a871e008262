//! `POST /commands/{id}/cancel`: end a command and everything it started.
//!
//! The wish is an event with the signed order for the host; the dispatcher carries it, as often as needed. A command that
//! is not with its host yet ends at once.

use axum::{Json, extract::State, http::StatusCode};
use chatops_bus::{AppendError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::command::CommandCancelRequested,
    ids::{CommandId, ServerId},
    order::{Cancel, Operation},
    subject,
};

use super::{action_of, found, readable};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written::{self, By},
};

/// Times that it is tried against others who write to the same command.
const ATTEMPTS: usize = 10;
/// For how long the host may be told, in milliseconds: as long as any command may live.
const VALID_MS: i64 = 50 * 3_600_000;

/// Cancel a command
#[utoipa::path(post, path = "/commands/{id}/cancel", tag = "Commands", operation_id = "commands_cancel",
    params(("id" = Uuid, Path)),
    responses(
        (status = 202, description = "the host will be told", body = Command),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1411 or CO1206", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
) -> Result<(StatusCode, Json<Command>), Problem> {
    let (command, server) = found(&api, &actor, id, Action::RunCommand).await?;
    if let Some(asked) = &command.asked {
        access::server_or(&api, &actor, &server.id, action_of(asked), Code::NoCommand).await?;
    }
    let mut command = Command::from(command);
    match ask(&api, &actor.by(), &server.id, id).await? {
        Asked::Now(seq) => {
            readable(&api, seq).await;
            command.cancelling = true;
        }
        Asked::Before => {}
        Asked::Over => return Err(Problem::new(Code::CommandOver)),
        Asked::Never => return Err(Problem::new(Code::NoCommand)),
    }
    Ok((StatusCode::ACCEPTED, Json(command)))
}

/// What became of the wish that a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is stored at this position.
    Now(u64),
    /// Somebody had said so before.
    Before,
    /// It has ended.
    Over,
    /// There is no such command.
    Never,
}

/// Writes down that a command is to end, with the order for its host. Whether `by` may say so is the caller's to know.
pub(crate) async fn ask(
    api: &Api,
    by: &By,
    server: &ServerId,
    command: CommandId,
) -> Result<Asked, Problem> {
    let subject = subject::command(server, command);
    for _ in 0..ATTEMPTS {
        let last = api.bus().last(StreamName::Cmd, &subject).await;
        let Some(last) = last.map_err(|error| written::unread(&error))? else {
            return Ok(Asked::Never);
        };
        match codec::decode_any(&last.payload).map(|event| event.data) {
            Ok(Payload::CommandEnded(_)) => return Ok(Asked::Over),
            Ok(Payload::CommandCancelRequested(_)) => return Ok(Asked::Before),
            _ => {}
        }
        let order = api.orders().sign(
            by,
            server,
            api.orders().fresh(),
            api.clock().now().plus_millis(VALID_MS),
            Operation::Cancel(Cancel { command }),
        )?;
        let data = CommandCancelRequested {
            command,
            order: Some(order.to_vec()),
        };
        let event = written::event_about(api, by, server, data);
        let appended = api
            .bus()
            .append(StreamName::Cmd, &subject, last.seq, &event)
            .await;
        match appended {
            Ok(seq) => return Ok(Asked::Now(seq)),
            Err(AppendError::Conflict { .. }) => {}
            Err(error) => return Err(written::refused(&error)),
        }
    }
    Err(Problem::new(Code::Conflict))
}
