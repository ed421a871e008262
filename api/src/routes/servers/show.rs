//! `GET /servers/{id}`: one server.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::server::{Server, load},
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Show a server
#[utoipa::path(get, path = "/servers/{id}", tag = "Servers", operation_id = "servers_show",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "the server", body = Server),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
) -> Result<Json<Server>, Problem> {
    access::server(&api, &actor, &id, Action::SeeServer).await?;
    let server = load(api.store(), &id).await?;
    server.map(Json).ok_or(Problem::new(Code::NoServer))
}
