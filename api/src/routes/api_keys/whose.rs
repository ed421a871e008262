//! `GET /api-keys/me`: an agent asks whether its key works, and which server it speaks for.

use axum::Json;
use chatops_schemas::ids::{KeyId, ServerId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::api_key::AgentKey,
    body::key::KeyState,
    problem::{Document, Problem},
};

/// A working key.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhoseKey {
    /// The server it speaks for.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// Its id.
    #[schema(value_type = String)]
    key_id: KeyId,
    /// Name of the key for people.
    #[schema(required)]
    name: Option<String>,
    /// Always `active`: other keys are refused.
    state: KeyState,
}

/// Which server does this key speak for?
#[utoipa::path(get, path = "/api-keys/me", tag = "API keys", operation_id = "api_keys_whose",
    security(("agent_key" = [])),
    responses(
        (status = 200, description = "the key works", body = WhoseKey),
        (status = 401, description = "CO1009", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(agent: AgentKey) -> Result<Json<WhoseKey>, Problem> {
    let AgentKey { id, key } = agent;
    Ok(Json(WhoseKey {
        server_id: key.server,
        key_id: id,
        name: key.name,
        state: key.state.into(),
    }))
}
