//! `/alerts/channels/{id}/told`: what was told through a channel, and what the other side answered.

use axum::{Json, extract::State};
use chatops_projections::view;
use chatops_schemas::{
    access::Level,
    ids::{AlertId, ChannelId, ServerId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::known;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{alert::Severity, moment::Moment},
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// What became of one message.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelSent {
    /// When it was written down.
    at: Moment,
    /// `raised`, `reminder` or `resolved`.
    occasion: String,
    /// How often it was tried.
    attempts: u64,
    /// One of `sent` (`answer`, `took_ms`), `failed` (`reason`) and `held` (`why`).
    #[schema(value_type = Object)]
    delivery: Value,
}

impl ChannelSent {
    fn of(at: chatops_schemas::clock::Timestamp, event: &Value) -> Self {
        Self {
            at: Moment(at),
            occasion: event["occasion"].as_str().unwrap_or_default().to_owned(),
            attempts: event["attempts"].as_u64().unwrap_or_default(),
            delivery: event["delivery"].clone(),
        }
    }
}

impl From<view::ChannelSent> for ChannelSent {
    fn from(sent: view::ChannelSent) -> Self {
        Self::of(sent.at, &sent.data)
    }
}

/// One message of a channel, and the alert that it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelTold {
    /// Position in the stream.
    seq: u64,
    #[serde(flatten)]
    sent: ChannelSent,
    /// Which alert.
    #[schema(value_type = uuid::Uuid)]
    alert_id: AlertId,
    /// The name of its rule.
    name: String,
    /// Its device; empty: the host.
    device: String,
    /// How bad it is.
    severity: Severity,
    /// Where.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// Its name; empty: it is gone.
    server_name: String,
}

impl From<view::ChannelTold> for ChannelTold {
    fn from(told: view::ChannelTold) -> Self {
        Self {
            seq: told.seq,
            sent: ChannelSent::of(told.at, &told.data),
            alert_id: told.alert,
            name: told.name,
            device: told.device,
            severity: told.severity.into(),
            server_id: told.server,
            server_name: told.server_name,
        }
    }
}

/// A page of what was told through a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelToldList {
    /// Newest first.
    items: Vec<ChannelTold>,
    /// Give it as `cursor` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// Which part.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ToldQuery {
    /// Most messages in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Show what was told through a channel
///
/// Also what was kept back, and why. Only of servers that you may see.
#[utoipa::path(get, path = "/alerts/channels/{id}/told", tag = "Alerts", operation_id = "alerts_channels_told",
    params(("id" = uuid::Uuid, Path), ToldQuery),
    responses(
        (status = 200, description = "newest first", body = ChannelToldList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1706", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ChannelId>,
    Query(query): Query<ToldQuery>,
) -> Result<Json<ChannelToldList>, Problem> {
    access::may(&actor, Action::SaveChannel)?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let before = match query.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        None => None,
        Some(cursor) => Some(
            cursor
                .parse::<u64>()
                .map_err(|_| Problem::field("cursor", "is not the next of a page before"))?,
        ),
    };
    known(&api, &actor, id).await?;
    let Some(visible) = access::visible(&actor.subject(), Level::View) else {
        return Ok(Json(ChannelToldList {
            items: Vec::new(),
            next: None,
        }));
    };
    let page = api.store().channel_told(visible, id, before, limit).await?;
    Ok(Json(ChannelToldList {
        items: page.items.into_iter().map(ChannelTold::from).collect(),
        next: page.next,
    }))
}
