//! `POST /api-keys/{id}/revoke`: switches a key off, for ever. The gate disconnects agents that use it.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::{
    Visible,
    view::{Key, KeyState},
};
use chatops_schemas::{event::ctl::KeyRevoked, ids::KeyId, subject::Entity};

use crate::{
    access::{self, Action, Resource},
    auth::actor::Actor,
    body::key::ApiKey,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    routes::servers,
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

/// The answer when this person sees no such key. The audit is told when there is one after all.
async fn absent(api: &Api, actor: &Actor, id: &KeyId) -> Result<Problem, Problem> {
    let key = api.store().key(Visible::All, id, api.clock().now()).await?;
    Ok(match key {
        Some(key) => as_key(servers::absent(api, actor, &key.server_id, Action::RevokeKey).await?),
        None => Problem::new(Code::NoKey),
    })
}

/// A server that does not exist for somebody has no keys for them either.
fn as_key(problem: Problem) -> Problem {
    if problem.code() == Code::NoServer {
        problem.instead(Code::NoKey)
    } else {
        problem
    }
}

/// A key of a server that the person may do this with.
pub(super) async fn find(
    api: &Api,
    actor: &Actor,
    id: &KeyId,
    action: Action,
) -> Result<Key, Problem> {
    let subject = actor.subject();
    let key = match access::visible(&subject) {
        Some(visible) => api.store().key(visible, id, api.clock().now()).await?,
        None => None,
    };
    let Some(key) = key else {
        return Err(absent(api, actor, id).await?);
    };
    if key.state == KeyState::ServerDeleted {
        return Err(Problem::new(Code::NoKey));
    }
    let server = servers::find(api, actor, &key.server_id, Action::SeeKeys)
        .await
        .map_err(as_key)?;
    access::check(
        &subject,
        action,
        Resource::Server {
            owner: server.owner.id,
        },
        server.id.as_str(),
        Code::NoKey,
    )?;
    Ok(key)
}
