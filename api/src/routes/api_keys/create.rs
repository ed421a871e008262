//! `POST /api-keys`: makes a key for a server. Its secret is in this answer and nowhere else: the vault keeps a digest.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{
    clock::Timestamp,
    event::ctl::KeyIssued,
    ids::{KeyId, ServerId},
    subject::Entity,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::{
        actor::Actor,
        secret::{self, Digest},
    },
    body::{key::KeyState, moment::Moment},
    code::Code,
    decide::issue_key,
    extract::Body,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, By},
};

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateKeyRequest {
    /// The server it will speak for.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// Name for people.
    name: Option<String>,
    /// When it stops working by itself.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<Timestamp>,
}

/// A key with its secret, for the only time.
#[derive(Serialize, ToSchema)]
pub struct IssuedKey {
    /// Also the agent's user name on the bus.
    pub(crate) id: String,
    /// The server it speaks for.
    #[schema(value_type = String)]
    pub(crate) server_id: ServerId,
    /// Name for people.
    #[schema(required)]
    name: Option<String>,
    /// The key itself. Copy it now: it cannot be shown again.
    #[schema(example = "chatops_k7q2mzv5xw3tbn4h_…")]
    pub(crate) key: String,
    /// Whether it works.
    state: KeyState,
    /// When it was made.
    created_at: Moment,
    /// When it stops working by itself.
    #[schema(required)]
    expires_at: Option<Moment>,
    /// Never yet.
    #[schema(required)]
    last_used: Option<Moment>,
    /// The key whose place it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub(crate) replaces: Option<ReplacedKey>,
}

/// A key that works on for a while beside its successor.
#[derive(Serialize, ToSchema)]
pub struct ReplacedKey {
    /// Its id.
    #[schema(value_type = String)]
    pub(crate) id: KeyId,
    /// When it stops working.
    pub(crate) expires_at: Moment,
}

/// Make an API key
#[utoipa::path(post, path = "/api-keys", tag = "API keys", operation_id = "api_keys_create",
    request_body = CreateKeyRequest,
    responses(
        (status = 201, description = "the key, with its secret for the only time", body = IssuedKey),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<CreateKeyRequest>,
) -> Result<(StatusCode, Json<IssuedKey>), Problem> {
    let server = access::server(&api, &actor, &request.server_id, Action::IssueKey).await?;
    let (id, secret) = (secret::key_id()?, secret::token()?);
    let name = request.name.as_deref();
    let issued = issue_key::decide(server.id, id, name, request.expires_at, api.clock().now())?;
    let (key, seq) = issue(&api, &actor.by(), issued, &secret).await?;
    // Also when the row is late: the secret must not be lost.
    written::visible(&api, seq).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// Makes the key that was decided on; with the position of its event.
pub(crate) async fn issue(
    api: &Api,
    by: &By,
    issued: KeyIssued,
    secret: &SecretString,
) -> Result<(IssuedKey, u64), Problem> {
    let id = issued.key.clone();
    // First the digest, then the event: a key that exists always has one. The other way round a crash would leave a key
    // that cannot work.
    api.store()
        .put_key_digest(&id, Digest::of(secret.expose_secret()).bytes())
        .await?;
    let event = written::event_about(api, by, &issued.server, issued.clone());
    match written::append(api, Entity::Key, id.as_str(), 0, &event).await {
        Ok(Appended::At(seq)) => {
            let key = secret::api_key(&id, secret).expose_secret().to_owned();
            let body = IssuedKey {
                id: id.to_string(),
                server_id: issued.server,
                name: issued.name,
                key,
                state: KeyState::Active,
                created_at: event.time.into(),
                expires_at: issued.expires_at.map(Moment),
                last_used: None,
                replaces: None,
            };
            Ok((body, seq))
        }
        // The id is fresh: nobody else can have used it.
        Ok(Appended::Conflict) => Err(Problem::new(Code::Conflict)),
        Err(problem) => {
            api.store().forget_key_digest(&id).await?;
            Err(problem)
        }
    }
}
