//! `GET /logs/{server_id}`: what happened on one server, in one list: lines of its logs, and its agent coming and going.

use axum::{Json, extract::State};
use chatops_projections::{
    Visible,
    view::{ConnectionEvent, LogQuery},
};
use chatops_schemas::ids::ServerId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    filter::{LogFilter, place},
    search::{LogList, LogsPage, position},
};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::log::{LogEntry, level_of},
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Most connections in one page.
const CONNECTIONS: u32 = 500;

/// What else is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Others {
    /// Whether the agent's coming and going is among the lines; `true` when absent. It is left out when sources or a
    /// pattern are asked for.
    #[param(nullable = false)]
    connections: Option<bool>,
}

/// Search what happened on one server
///
/// Newest first: lines of its logs, and its agent coming and going.
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
    if others.connections.unwrap_or(true) && query.sources.is_empty() && query.pattern.is_none() {
        let events = store
            .connection_events_between(&server, searched_to, until, CONNECTIONS)
            .await?;
        merge(&mut list.entries, &server, events, &query);
    }
    Ok(Json(list))
}

/// Puts connections among lines, newest first.
fn merge(
    entries: &mut Vec<LogEntry>,
    server: &ServerId,
    events: Vec<ConnectionEvent>,
    query: &LogQuery,
) {
    let text = query.text.as_ref().map(|text| text.to_lowercase());
    let fits = |event: &ConnectionEvent| {
        query.levels.is_empty() || query.levels.contains(&level_of(&event.kind))
    };
    let events = events
        .into_iter()
        .filter(fits)
        .map(|event| LogEntry::of_connection(server.as_str(), event))
        .filter(|entry| {
            text.as_ref()
                .is_none_or(|text| entry.message.to_lowercase().contains(text))
        });
    entries.extend(events);
    // Stable: lines of one moment keep their order.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
}
