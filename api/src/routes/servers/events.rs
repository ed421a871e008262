//! `GET /servers/{id}/events`: connections of a server's agent, newest first.

use axum::{Json, extract::State};
use chatops_projections::view;
use chatops_schemas::ids::ServerId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access,
    auth::actor::Actor,
    body::moment::Moment,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// Most events in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// An agent came, went or was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionEvent {
    /// Grows with time.
    id: String,
    /// When, by the stream's clock.
    at: Moment,
    /// `connected`, `disconnected`, `reconnected`, `authentication_failed` or `error`.
    kind: String,
    /// `nats` or `websocket`.
    #[schema(required)]
    transport: Option<String>,
    /// Where it came from.
    #[schema(required)]
    address: Option<String>,
    /// Why, for people.
    #[schema(required)]
    detail: Option<String>,
    /// `disconnected`: seconds the session lasted. `reconnected`: seconds the server was away.
    #[schema(required)]
    duration_s: Option<f64>,
}

impl From<view::ConnectionEvent> for ConnectionEvent {
    fn from(event: view::ConnectionEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at.into(),
            kind: event.kind,
            transport: event.transport,
            address: event.address,
            detail: event.detail,
            duration_s: event.duration_s,
        }
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventList {
    /// Newest first.
    events: Vec<ConnectionEvent>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List a server's connections
#[utoipa::path(get, path = "/servers/{id}/events", tag = "Servers", operation_id = "servers_events",
    params(("id" = String, Path), ListEvents),
    responses(
        (status = 200, description = "a page of events", body = EventList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
    Query(asked): Query<ListEvents>,
) -> Result<Json<EventList>, Problem> {
    let limit = asked.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 500"));
    }
    let after = match asked.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::field("after", "is not the next of a page before"))?,
        ),
    };
    let page = match access::seen(&actor)? {
        Some(visible) => {
            let store = api.store();
            store.connection_events(visible, &id, after, limit).await?
        }
        None => None,
    };
    let Some(page) = page else {
        return Err(access::absent(&api, &actor, &id).await);
    };
    Ok(Json(EventList {
        events: page.items.into_iter().map(ConnectionEvent::from).collect(),
        next: page.next,
    }))
}
