//! `GET /api-keys`: the keys of all servers that the person sees, or of one.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action, Level},
    auth::actor::Actor,
    body::key::ApiKey,
    extract::Query,
    problem::{Document, Problem},
    state::Api,
};

/// Which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListKeys {
    /// Of this server only.
    #[param(value_type = Option<String>, nullable = false)]
    server_id: Option<ServerId>,
}

/// Keys without their secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyList {
    /// Newest first.
    keys: Vec<ApiKey>,
}

/// List API keys
#[utoipa::path(get, path = "/api-keys", tag = "API keys", operation_id = "api_keys_list", params(ListKeys),
    responses(
        (status = 200, description = "the keys", body = KeyList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(asked): Query<ListKeys>,
) -> Result<Json<KeyList>, Problem> {
    if let Some(server) = &asked.server_id {
        access::server(&api, &actor, server, Action::SeeKeys).await?;
    }
    of(&api, &actor, asked.server_id.as_ref()).await
}

/// The keys of all servers, or of one, about which the person decides.
pub(crate) async fn of(
    api: &Api,
    actor: &Actor,
    server: Option<&ServerId>,
) -> Result<Json<KeyList>, Problem> {
    let subject = actor.subject();
    if !subject.may_use(Action::SeeKeys.scope()) {
        access::may(actor, Action::SeeKeys)?;
    }
    let keys = match access::visible(&subject, Level::Manage) {
        Some(visible) => api.store().keys(visible, server, api.clock().now()).await?,
        None => Vec::new(),
    };
    Ok(Json(KeyList {
        keys: keys.into_iter().map(ApiKey::from).collect(),
    }))
}
