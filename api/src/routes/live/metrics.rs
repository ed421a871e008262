//! `GET /ws/metrics/{server_id}`: the samples of one server. The conversation is in [`crate::live::one_server`].

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use chatops_schemas::ids::ServerId;

use super::fleet::not_a_socket;
use crate::{
    auth::actor::Arrival,
    extract::Path,
    live::{one_server, wire},
    problem::{Document, Problem},
    state::Api,
};

/// Live samples of one server (WebSocket)
///
/// JSON text frames. Client: `{"type":"auth","token","resume"?}`. Server: `auth_success`, then one `metrics` frame per sample
/// (`seq`, `timestamp`, `data`). `ping` is answered with `pong`.
#[utoipa::path(get, path = "/ws/metrics/{server_id}", tag = "Live", operation_id = "ws_metrics", security(()),
    params(("server_id" = String, Path)),
    responses(
        (status = 101, description = "WebSocket"),
        (status = 400, description = "CO1102: not a WebSocket request", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    Path(server): Path<ServerId>,
    arrival: Arrival,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| not_a_socket(&error))?;
    let limits = api.socket_limits();
    Ok(wire::accept(upgrade, limits, move |mut wire| async move {
        let Err(end) = one_server::talk(&mut wire, &api, arrival, server).await;
        (wire, end)
    }))
}
