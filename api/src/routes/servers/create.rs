//! `POST /servers`: adds a server to the fleet. It has no key yet: see `POST /api-keys`.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{ids::ServerId, subject::Entity};
use serde::Deserialize;
use utoipa::ToSchema;

use super::row;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::server::Server,
    code::Code,
    decide::register_server::{self, Command},
    extract::Body,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// A new server.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateServerRequest {
    /// 1 to 128 characters. Two servers may have the same name.
    #[schema(example = "web-1")]
    name: String,
    /// Up to 32 labels of up to 64 characters.
    #[serde(default)]
    #[schema(required = false, example = json!(["prod", "eu"]))]
    tags: Vec<String>,
    /// Milliseconds between samples, 1000 to 60000; 5000 when absent.
    #[schema(example = 5000)]
    interval_ms: Option<u32>,
}

/// Add a server
#[utoipa::path(post, path = "/servers", tag = "Servers", operation_id = "servers_create",
    request_body = CreateServerRequest,
    responses(
        (status = 201, description = "the server", body = Server),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<CreateServerRequest>,
) -> Result<Written<Json<Server>>, Problem> {
    access::may(&actor, Action::AddServer)?;
    let id = ServerId::from_uuid(api.ids().next());
    let command = Command {
        name: &request.name,
        tags: &request.tags,
        interval_ms: request.interval_ms,
    };
    let added = register_server::decide(command, id.clone(), actor.user)?;
    let event = written::event_about(&api, &actor.by(), &id, added);
    match written::append(&api, Entity::Server, id.as_str(), 0, &event).await? {
        Appended::At(seq) => Ok(match row(&api, &id, seq).await? {
            Some(server) => Written::Row(StatusCode::CREATED, Json(server)),
            None => Written::Pending(seq),
        }),
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}
