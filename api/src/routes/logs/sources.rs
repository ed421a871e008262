//! `GET /logs/sources`: what hosts ship lines of.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access,
    auth::actor::Actor,
    problem::{Document, Problem},
    state::Api,
};

/// What a host ships lines of.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogSource {
    /// The host.
    server_id: String,
    /// Its name in the settings of the agent.
    source: String,
    /// `file`, `journal`, `container` or `unknown`.
    kind: String,
}

/// All that one may see.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogSources {
    /// By server and name.
    sources: Vec<LogSource>,
}

/// List sources of logs
#[utoipa::path(get, path = "/logs/sources", tag = "Logs", operation_id = "logs_sources",
    responses(
        (status = 200, description = "sources of the servers that you may see", body = LogSources),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(State(api): State<Api>, actor: Actor) -> Result<Json<LogSources>, Problem> {
    let found = match access::seen(&actor)? {
        Some(visible) => api.store().log_sources(visible, &[]).await?,
        None => Vec::new(),
    };
    let sources = found.into_iter().map(|found| LogSource {
        server_id: found.server,
        source: found.source,
        kind: found.kind,
    });
    Ok(Json(LogSources {
        sources: sources.collect(),
    }))
}
