//! `GET /commands/{id}`: one command.

use axum::{Json, extract::State};
use chatops_schemas::ids::CommandId;

use super::found;
use crate::{
    access::Action,
    auth::actor::Actor,
    body::command::Command,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Show a command
#[utoipa::path(get, path = "/commands/{id}", tag = "Commands", operation_id = "commands_show",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "the command", body = Command),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1410", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<CommandId>,
) -> Result<Json<Command>, Problem> {
    let (command, _) = found(&api, &actor, id, Action::SeeCommands).await?;
    Ok(Json(command.into()))
}
