//! `GET /metrics`: the process's own counters as Prometheus text. No names of people or servers are in it.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::state::Api;

/// Counters of this process
#[utoipa::path(get, path = "/metrics", tag = "Operations", operation_id = "prometheus", security(()),
    responses((status = 200, description = "the text", body = String, content_type = "text/plain")))]
pub async fn handle(State(api): State<Api>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], api.render_metrics()).into_response()
}
