//! `GET /logs/{server_id}`: what happened on one server, in one list: lines of its logs, its agent coming and going, and its
//! alerts.

use axum::{Json, extract::State};
use chatops_projections::{Visible, view::LogQuery};
use chatops_schemas::{event::log::LogLevel, ids::ServerId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    filter::{LogFilter, place},
    search::{LogList, LogsPage, position},
};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::log::{LogEntry, level_of, level_of_step},
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Most of each kind that is no line, in one page.
const OTHERS: u32 = 500;

/// What else is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Others {
    /// Whether the agent's coming and going is among the lines; `true` when absent. It is left out when sources or a
    /// pattern are asked for.
    #[param(nullable = false)]
    connections: Option<bool>,
    /// Whether alerts are among the lines: raised, acknowledged, over. As for connections.
    #[param(nullable = false)]
    alerts: Option<bool>,
}

/// Search what happened on one server
///
/// Newest first: lines of its logs, its agent coming and going, and its alerts.
#[utoipa::path(get, path = "/logs/{server_id}", tag = "Logs", operation_id = "logs_of_server",
    params(("server_id" = String, Path), LogFilter, LogsPage, Others),
    responses(
        (status = 200, description = "a part of it", body = LogList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1903, CO1904", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
    Query(filter): Query<LogFilter>,
    Query(page): Query<LogsPage>,
    Query(others): Query<Others>,
) -> Result<Json<LogList>, Problem> {
    access::server(&api, &actor, &server, Action::ReadLogs).await?;
    let query = LogQuery {
        servers: vec![server.clone()],
        ..filter.query(&api)?
    };
    let (limit, before) = (page.limit()?, place(page.after.as_deref())?);
    // It was decided above that this person may read them.
    let store = api.store();
    let position = position(&api).await?;
    let found = store.logs(Visible::All, &query, before, limit).await?;
    let until = before.map_or(query.to, |place| place.0.at);
    let (searched_to, mut list) = (found.searched_to, LogList::new(found, position));
    if query.sources.is_empty() && query.pattern.is_none() {
        let mut more = Vec::new();
        if others.connections.unwrap_or(true) {
            let events = store
                .connection_events_between(&server, searched_to, until, OTHERS)
                .await?;
            let entry = |event| LogEntry::of_connection(server.as_str(), event);
            let wanted = events.into_iter().map(|e| (level_of(&e.kind), entry(e)));
            more.extend(wanted);
        }
        if others.alerts.unwrap_or(true) {
            let steps = store
                .alert_steps_between(&server, searched_to, until, OTHERS)
                .await?;
            let entry = |step| LogEntry::of_alert(server.as_str(), step);
            let wanted = steps.into_iter().map(|s| (level_of_step(&s), entry(s)));
            more.extend(wanted);
        }
        merge(&mut list.entries, more, &query);
    }
    Ok(Json(list))
}

/// Puts what fits of the other things among lines, newest first.
fn merge(entries: &mut Vec<LogEntry>, others: Vec<(LogLevel, LogEntry)>, query: &LogQuery) {
    let text = query.text.as_ref().map(|text| text.to_lowercase());
    let fits = |level: LogLevel, entry: &LogEntry| {
        let holds = |found: &str| {
            text.as_ref()
                .is_none_or(|text| found.to_lowercase().contains(text))
        };
        (query.levels.is_empty() || query.levels.contains(&level))
            && (holds(&entry.message) || entry.fields.values().any(|value| holds(value)))
    };
    let others = others.into_iter();
    entries.extend(others.filter_map(|(level, entry)| fits(level, &entry).then_some(entry)));
    // Stable: lines of one moment keep their order.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
}
