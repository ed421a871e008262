//! `GET /readyz`: can this process serve? Names what is down. Load balancers look at the status only; a projector that
//! stands still is named too, but takes no server out of service.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chatops_bus::Link;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::state::Api;

const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the process can serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// All checks passed.
    ready: bool,
    /// One per dependency.
    checks: Vec<Check>,
}

/// A dependency.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// `streams`, `database` or `read models`. The last one does not change `ready`: what was read still is.
    name: &'static str,
    /// Whether it answers, or moves on.
    ok: bool,
    /// What to look at when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Can this process serve?
#[utoipa::path(get, path = "/readyz", tag = "Operations", operation_id = "readyz", security(()),
    responses((status = 200, description = "everything answers", body = Readiness), (status = 503, description = "something is down", body = Readiness)))]
pub async fn handle(State(api): State<Api>) -> Response {
    let streams = matches!(*api.bus().state().borrow(), Link::Connected { .. });
    // Also shows that the database answers.
    let standing = timeout(PATIENCE, api.store().standing()).await;
    let standing = standing.ok().and_then(Result::ok);
    let database = standing.is_some();
    let standing: Vec<String> = standing
        .into_iter()
        .flatten()
        .map(|(what, why)| format!("{what} stands still: {why}"))
        .collect();
    let checks = vec![
        check(
            "streams",
            streams,
            "the connection to nats-server is down; it is tried again until it works",
        ),
        check(
            "database",
            database,
            "PostgreSQL does not answer; samples wait in the stream meanwhile",
        ),
        check("read models", standing.is_empty(), &standing.join("; ")),
    ];
    let ready = streams && database;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, Json(Readiness { ready, checks })).into_response()
}

fn check(name: &'static str, ok: bool, hint: &str) -> Check {
    Check {
        name,
        ok,
        hint: (!ok).then(|| hint.to_owned()),
    }
}
