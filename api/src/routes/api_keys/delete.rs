//! `DELETE /api-keys/{id}`: the same as revoking, for clients that speak REST. The key stays in the list as revoked.

use axum::{extract::State, http::StatusCode};
use chatops_schemas::ids::KeyId;

use super::revoke::revoke;
use crate::{
    auth::actor::Actor,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written::{Pending, Written},
};

/// Revoke an API key
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "API keys", operation_id = "api_keys_delete",
    params(("id" = String, Path)),
    responses(
        (status = 204, description = "revoked"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1202", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<KeyId>,
) -> Result<Written<()>, Problem> {
    Ok(match revoke(&api, &actor, &id).await? {
        Written::Row(..) => Written::Row(StatusCode::NO_CONTENT, ()),
        Written::Pending(seq) => Written::Pending(seq),
    })
}
