//! `GET /logs`: lines of all servers that one may see.

use axum::{Json, extract::State};
use chatops_projections::{LOGS, StoreError, view::LogPage};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::{LogFilter, place};
use crate::{
    access,
    auth::actor::Actor,
    body::{log::LogEntry, moment::Moment},
    extract::Query,
    problem::{Document, Problem},
    state::Api,
};

/// Which part of what is found.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogsPage {
    /// Most lines in the answer; 200 when absent.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    pub(super) after: Option<String>,
}

impl LogsPage {
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let limit = self.limit.unwrap_or(200);
        if !(1..=1000).contains(&limit) {
            return Err(Problem::field("limit", "must be between 1 and 1000"));
        }
        Ok(limit)
    }
}

/// A part of what was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogList {
    /// Newest first.
    pub(super) entries: Vec<LogEntry>,
    /// Give it as `after` to go on, also when nothing was found so far: a search ends after a few seconds; `null`:
    /// everything was searched.
    #[schema(required)]
    pub(super) next: Option<String>,
    /// Everything from this moment on was searched.
    pub(super) searched_to: Moment,
    /// Everything up to this position of the log stream was there to be found. `resume` from it in
    /// `/ws/logs/{server_id}`, and no line is missing between this answer and what comes live.
    pub(super) position: u64,
}

impl LogList {
    pub(super) fn new(page: LogPage, position: u64) -> Self {
        Self {
            entries: page.items.into_iter().map(LogEntry::from).collect(),
            next: page.next.map(|place| place.0.to_string()),
            searched_to: Moment(page.searched_to),
            position,
        }
    }
}

/// How far the lines are in the tables. To be asked before the search: lines that come in between are then given twice,
/// which a client sees by their ids, and never not at all.
pub(super) async fn position(api: &Api) -> Result<u64, StoreError> {
    api.store().position_of(LOGS).await
}

/// Search lines of logs
///
/// Newest first, of all servers that you may see.
#[utoipa::path(get, path = "/logs", tag = "Logs", operation_id = "logs_search", params(LogFilter, LogsPage),
    responses(
        (status = 200, description = "a part of the lines", body = LogList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1903, CO1904", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<LogFilter>,
    Query(page): Query<LogsPage>,
) -> Result<Json<LogList>, Problem> {
    let visible = access::seen(&actor)?;
    let (query, limit) = (filter.query(&api)?, page.limit()?);
    let before = place(page.after.as_deref())?;
    let position = position(&api).await?;
    let Some(visible) = visible else {
        return Ok(Json(LogList {
            entries: Vec::new(),
            next: None,
            searched_to: Moment(query.from),
            position,
        }));
    };
    let found = api.store().logs(visible, &query, before, limit).await?;
    Ok(Json(LogList::new(found, position)))
}
