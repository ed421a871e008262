//! `GET /servers/{id}/keys`: the keys of one server.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    extract::Path,
    problem::{Document, Problem},
    routes::api_keys::list::{self, KeyList},
    state::Api,
};

/// List a server's API keys
#[utoipa::path(get, path = "/servers/{id}/keys", tag = "Servers", operation_id = "servers_keys",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "the keys", body = KeyList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
) -> Result<Json<KeyList>, Problem> {
    access::server(&api, &actor, &id, Action::SeeKeys).await?;
    list::of(&api, &actor, Some(&id)).await
}
