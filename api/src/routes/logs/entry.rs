//! `GET /logs/entries/{id}`: one line for ever, among its neighbours.

use axum::{Json, extract::State};
use chatops_schemas::event::log::LineId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access,
    auth::actor::Actor,
    body::log::LogEntry,
    code::Code,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// How much around it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Around {
    /// Most neighbours on each side, of the same source; 20 when absent.
    #[param(nullable = false, minimum = 0, maximum = 500)]
    context: Option<u32>,
}

/// A line among its neighbours.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogNeighbours {
    /// Before it, the oldest first.
    before: Vec<LogEntry>,
    /// The line.
    line: LogEntry,
    /// After it, the oldest first.
    after: Vec<LogEntry>,
}

/// Show one line of a log
#[utoipa::path(get, path = "/logs/entries/{id}", tag = "Logs", operation_id = "logs_entry",
    params(("id" = String, Path), Around),
    responses(
        (status = 200, description = "the line", body = LogNeighbours),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1231", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<String>,
    Query(around): Query<Around>,
) -> Result<Json<LogNeighbours>, Problem> {
    let visible = access::seen(&actor)?;
    let context = around.context.unwrap_or(20);
    if context > 500 {
        return Err(Problem::field("context", "must be at most 500"));
    }
    let absent = || Problem::new(Code::NoLogLine);
    // What cannot be an id is the id of nothing.
    let id: LineId = id.parse().map_err(|_| absent())?;
    let found = match visible {
        Some(visible) => api.store().log_line(visible, id, context).await?,
        None => None,
    };
    let found = found.ok_or_else(absent)?;
    let entries = |rows: Vec<_>| rows.into_iter().map(LogEntry::from).collect();
    Ok(Json(LogNeighbours {
        before: entries(found.before),
        line: found.line.into(),
        after: entries(found.after),
    }))
}
