//! `POST /api-keys/{id}/rotate`: makes the next key of a host and lets this one end after an overlap, so that there is
//! time to bring the new one to the host and nothing is lost in between.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{clock::Timestamp, event::ctl::KeyRevoked, ids::KeyId, subject::Entity};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    create::{IssuedKey, ReplacedKey, issue},
    revoke::find,
};
use crate::{
    access::Action,
    auth::{actor::Actor, secret},
    body::moment::Moment,
    code::Code,
    decide::rotate_key::{self, Wish},
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended},
};

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RotateKeyRequest {
    /// Seconds that the old key works on, up to 30 days; a day unless given. 0: it ends at once.
    #[schema(maximum = 2_592_000)]
    overlap_s: Option<u32>,
    /// Name of the new key; that of the old one unless given.
    name: Option<String>,
    /// When the new key stops working by itself.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<Timestamp>,
}

/// Replace an API key without a gap
#[utoipa::path(post, path = "/api-keys/{id}/rotate", tag = "API keys", operation_id = "api_keys_rotate",
    params(("id" = String, Path)),
    request_body = RotateKeyRequest,
    responses(
        (status = 201, description = "the new key, with its secret for the only time, and when the old one ends", body = IssuedKey),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1202", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1301, CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<KeyId>,
    Body(request): Body<RotateKeyRequest>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let wish = Wish {
        overlap_s: request.overlap_s,
        name: request.name.as_deref(),
        expires_at: request.expires_at,
    };
    for _ in 0..written::ATTEMPTS {
        find(&api, &actor, &id, Action::RevokeKey).await?;
        let old = find(&api, &actor, &id, Action::IssueKey).await?;
        let (next, secret) = (secret::key_id()?, secret::token()?);
        let (issued, retired) = rotate_key::decide(&old, next.clone(), wish, api.clock().now())?;
        // In this order: a crash in between leaves a key that nobody holds, not a host without one.
        let (mut key, _) = issue(&api, &actor.by(), issued, &secret).await?;
        let event = written::event_about(&api, &actor.by(), &old.server_id, retired.clone());
        match written::append(&api, Entity::Key, id.as_str(), old.ctl_seq, &event).await {
            Ok(Appended::At(seq)) => {
                // Also when the row is late: the secret must not be lost.
                written::visible(&api, seq).await?;
                key.replaces = Some(ReplacedKey {
                    id,
                    expires_at: retired.expires_at.into(),
                });
                return Ok((StatusCode::CREATED, Json(key)));
            }
            Ok(Appended::Conflict) => {
                take_back(&api, &actor, &old.server_id, &next).await?;
                written::visible_now(&api, Entity::Key, id.as_str()).await?;
            }
            Err(problem) => {
                // Whether the old key ends is not known, so neither is whether the host needs the new one.
                return Err(problem);
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Somebody else was faster with the old key: the new one, which nobody has seen, ends here.
async fn take_back(
    api: &Api,
    actor: &Actor,
    server: &chatops_schemas::ids::ServerId,
    next: &KeyId,
) -> Result<(), Problem> {
    api.store().forget_key_digest(next).await?;
    let revoked = KeyRevoked {
        key: next.clone(),
        server: server.clone(),
    };
    let event = written::event_about(api, &actor.by(), server, revoked);
    let expected = written::last_seq(api, Entity::Key, next.as_str()).await?;
    written::append(api, Entity::Key, next.as_str(), expected, &event).await?;
    Ok(())
}
