//! `PATCH /servers/{id}`: changes a server's settings.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{ids::ServerId, subject::Entity};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{catch_up, row};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::server::{Server, load},
    code::Code,
    decide::change_server::{self, Command, Settings},
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeServerRequest {
    /// 1 to 128 characters.
    #[schema(nullable = false)]
    name: Option<String>,
    /// All labels.
    #[schema(nullable = false)]
    tags: Option<Vec<String>>,
    /// Milliseconds between samples, 1000 to 60000. The agent obeys after its next connect.
    #[schema(nullable = false)]
    interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it.
    #[schema(nullable = false)]
    needs_approval: Option<bool>,
}

/// Change a server
#[utoipa::path(patch, path = "/servers/{id}", tag = "Servers", operation_id = "servers_change",
    params(("id" = String, Path)),
    request_body = ChangeServerRequest,
    responses(
        (status = 200, description = "the server", body = Server),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
    Body(request): Body<ChangeServerRequest>,
) -> Result<Written<Json<Server>>, Problem> {
    let command = Command {
        name: request.name,
        tags: request.tags,
        interval_ms: request.interval_ms,
        needs_approval: request.needs_approval,
    };
    for _ in 0..written::ATTEMPTS {
        let now = access::server(&api, &actor, &id, Action::ChangeServer).await?;
        let settings = Settings {
            server: &id,
            name: &now.name,
            tags: &now.tags,
            interval_ms: now.interval_ms,
            needs_approval: now.needs_approval,
        };
        let Some(change) = change_server::decide(&settings, &command)? else {
            let server = load(api.store(), &id).await?;
            let server = server.ok_or(Problem::new(Code::NoServer))?;
            return Ok(Written::Row(StatusCode::OK, Json(server)));
        };
        let event = written::event_about(&api, &actor.by(), &id, change);
        match written::append(&api, Entity::Server, id.as_str(), now.ctl_seq, &event).await? {
            Appended::At(seq) => {
                return Ok(match row(&api, &id, seq).await? {
                    Some(server) => Written::Row(StatusCode::OK, Json(server)),
                    None => Written::Pending(seq),
                });
            }
            Appended::Conflict => catch_up(&api, &id).await?,
        }
    }
    Err(Problem::new(Code::Conflict))
}
