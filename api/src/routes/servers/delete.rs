//! `DELETE /servers/{id}`: removes a server from the fleet. Its keys stop working; its history stays until retention ends.

use axum::{extract::State, http::StatusCode};
use chatops_schemas::{event::ctl::ServerDeleted, ids::ServerId, subject::Entity};

use super::catch_up;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Remove a server
#[utoipa::path(delete, path = "/servers/{id}", tag = "Servers", operation_id = "servers_delete",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
) -> Result<Written<()>, Problem> {
    for _ in 0..written::ATTEMPTS {
        let now = access::server(&api, &actor, &id, Action::DeleteServer).await?;
        let event =
            written::event_about(&api, &actor.by(), &id, ServerDeleted { server: id.clone() });
        match written::append(&api, Entity::Server, id.as_str(), now.ctl_seq, &event).await? {
            Appended::At(seq) if written::visible(&api, seq).await? => {
                return Ok(Written::Row(StatusCode::NO_CONTENT, ()));
            }
            Appended::At(seq) => return Ok(Written::Pending(seq)),
            Appended::Conflict => catch_up(&api, &id).await?,
        }
    }
    Err(Problem::new(Code::Conflict))
}
