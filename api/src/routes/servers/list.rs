//! `GET /servers`: the servers that the person sees, in pages ordered by name.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chatops_projections::view::{FleetQuery, ServerStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::columns;
use crate::{
    access,
    auth::actor::Actor,
    body::server::{self, Server},
    extract::Query,
    problem::{Document, Problem},
    state::Api,
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which servers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListServers {
    /// Part of the name, id or host name.
    #[param(nullable = false)]
    q: Option<String>,
    /// A label it must have.
    #[param(nullable = false)]
    tag: Option<String>,
    /// `online`, `stale`, `offline` or `never`.
    #[param(nullable = false)]
    status: Option<String>,
    /// Most servers in the answer; 100 when absent.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
    /// `columns` for names once and values in rows: a third of the bytes.
    #[param(nullable = false, inline)]
    format: Option<Format>,
}

/// Shape of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `{columns: […], rows: [[…]]}`.
    Columns,
}

/// A page of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerList {
    /// In order of their names.
    servers: Vec<Server>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
    /// How many match, on all pages together.
    total: u64,
}

/// List servers
///
/// With `format=columns` the answer is `{columns, rows, next, total}` instead.
#[utoipa::path(get, path = "/servers", tag = "Servers", operation_id = "servers_list", params(ListServers),
    responses(
        (status = 200, description = "a page of servers", body = ServerList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(asked): Query<ListServers>,
) -> Result<Response, Problem> {
    let format = asked.format;
    let query = query(asked)?;
    let (page, total) = match access::seen(&actor)? {
        Some(visible) => {
            let (page, totals) = api.store().fleet(visible, &query).await?;
            (page, totals.matching)
        }
        None => (
            chatops_projections::Page {
                items: Vec::new(),
                next: None,
            },
            0,
        ),
    };
    let servers = page.items.into_iter().map(Server::from).collect();
    let servers = server::counted(api.store(), servers).await?;
    Ok(match format {
        Some(Format::Columns) => {
            Json(columns::Table::new(&servers, page.next, total)).into_response()
        }
        None => Json(ServerList {
            servers,
            next: page.next,
            total,
        })
        .into_response(),
    })
}

fn query(asked: ListServers) -> Result<FleetQuery, Problem> {
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 1000"));
    }
    let status = match asked.status.as_deref() {
        None | Some("") => None,
        Some(text) => Some(ServerStatus::parse(text).ok_or_else(|| {
            Problem::field("status", "must be one of online, stale, offline, never")
        })?),
    };
    for (field, text) in [
        ("q", &asked.q),
        ("tag", &asked.tag),
        ("after", &asked.after),
    ] {
        if text
            .as_deref()
            .is_some_and(|text| text.chars().count() > 256)
        {
            return Err(Problem::field(field, "has more than 256 characters"));
        }
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(FleetQuery {
        q: some(asked.q),
        tag: some(asked.tag),
        status,
        after: some(asked.after),
        limit,
    })
}
