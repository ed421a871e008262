//! `POST /commands/{id}/rerun`: the same again, as a new command of whoever asks now.

use axum::extract::State;
use chatops_schemas::ids::CommandId;

use super::{Answer, CommandResult, Waiting, action_of, ask, found};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    code::Code,
    commands::ask::{Wish, again},
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Milliseconds within which it has to begin.
const TTL_MS: u32 = 30_000;

/// Run a command again
#[utoipa::path(post, path = "/commands/{id}/rerun", tag = "Commands", operation_id = "commands_rerun",
    params(("id" = Uuid, Path), Waiting),
    responses(
        (status = 200, description = "it has ended", body = CommandResult),
        (status = 202, description = "it is on its way", body = Command),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1412", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer, Problem> {
    let (command, server) = found(&api, &actor, id, Action::RunCommand).await?;
    let Some(asked) = command.asked.filter(|_| command.repeatable) else {
        return Err(Problem::new(Code::NotRepeatable));
    };
    access::server_or(&api, &actor, &server.id, action_of(&asked), Code::NoCommand).await?;
    let wish = Wish {
        server: server.id.clone(),
        operation: again(asked, command.timeout_ms),
        ttl_ms: TTL_MS,
        timeout_ms: command.timeout_ms,
        repeats: Some(id),
    };
    ask(&api, &actor, &server, wish, waiting.seconds()?).await
}
