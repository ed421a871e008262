//! `GET /readyz`: can this process serve? Names what is down. Load balancers look at the status only.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chatops_bus::Link;
use serde::Serialize;
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
    /// `streams` or `database`.
    name: &'static str,
    /// Whether it answers.
    ok: bool,
    /// What to look at when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// Can this process serve?
#[utoipa::path(get, path = "/readyz", tag = "Operations", operation_id = "readyz", security(()),
    responses((status = 200, description = "everything answers", body = Readiness), (status = 503, description = "something is down", body = Readiness)))]
pub async fn handle(State(api): State<Api>) -> Response {
    let streams = matches!(*api.bus().state().borrow(), Link::Connected { .. });
    let database = matches!(
        tokio::time::timeout(PATIENCE, api.store().ping()).await,
        Ok(Ok(()))
    );
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

fn check(name: &'static str, ok: bool, hint: &'static str) -> Check {
    Check {
        name,
        ok,
        hint: (!ok).then_some(hint),
    }
}
