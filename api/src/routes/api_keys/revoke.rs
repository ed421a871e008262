//! `POST /api-keys/{id}/revoke`: switches a key off, for ever. The gate disconnects agents that use it.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::{
    Visible,
    view::{Key, KeyState},
};
use chatops_schemas::{event::ctl::KeyRevoked, ids::KeyId, subject::Entity};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::key::ApiKey,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Revoke an API key
#[utoipa::path(post, path = "/api-keys/{id}/revoke", tag = "API keys", operation_id = "api_keys_revoke",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "the key", body = ApiKey),
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
) -> Result<Written<Json<ApiKey>>, Problem> {
    revoke(&api, &actor, &id).await
}

/// Revokes a key; one that is revoked already stays so.
pub(super) async fn revoke(
    api: &Api,
    actor: &Actor,
    id: &KeyId,
) -> Result<Written<Json<ApiKey>>, Problem> {
    for _ in 0..written::ATTEMPTS {
        let key = find(api, actor, id, Action::RevokeKey).await?;
        if key.state == KeyState::Revoked {
            return Ok(Written::Row(StatusCode::OK, Json(key.into())));
        }
        let revoked = KeyRevoked {
            key: id.clone(),
            server: key.server_id.clone(),
        };
        let event = written::event_about(api, &actor.by(), &key.server_id, revoked);
        match written::append(api, Entity::Key, id.as_str(), key.ctl_seq, &event).await? {
            Appended::At(seq) => {
                let seen = written::visible(api, seq).await?;
                if !seen {
                    return Ok(Written::Pending(seq));
                }
                let row = find(api, actor, id, Action::SeeKeys).await?;
                return Ok(Written::Row(StatusCode::OK, Json(row.into())));
            }
            Appended::Conflict => {
                written::visible_now(api, Entity::Key, id.as_str()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// A key of a server that the person may do this with. Whoever sees the server but does not decide about it does not learn
/// which keys it has.
pub(super) async fn find(
    api: &Api,
    actor: &Actor,
    id: &KeyId,
    action: Action,
) -> Result<Key, Problem> {
    if !actor.subject().may_use(action.scope()) {
        access::may(actor, action)?;
    }
    let key = api.store().key(Visible::All, id, api.clock().now()).await?;
    let key = key.ok_or(Problem::new(Code::NoKey))?;
    if key.state == KeyState::ServerDeleted {
        return Err(Problem::new(Code::NoKey));
    }
    access::server(api, actor, &key.server_id, action)
        .await
        .map_err(|problem| match problem.code() {
            Code::NoServer | Code::Forbidden => problem.instead(Code::NoKey),
            _ => problem,
        })?;
    Ok(key)
}
