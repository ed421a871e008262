//! `GET /ws/containers/{server_id}/{container}/logs`: the log of a container as it is written. The conversation is in
//! [`crate::live::container_logs`].

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use chatops_schemas::ids::ServerId;

use super::fleet::not_a_socket;
use crate::{
    auth::actor::Arrival,
    extract::Path,
    live::{container_logs, wire},
    problem::{Document, Problem},
    state::Api,
};

/// Live log of a container (WebSocket)
///
/// JSON text frames. Client: `{"type":"auth","token"?,"tail"?,"since"?}`. Server: `auth_success`, then `lines`, each with its
/// time in milliseconds, its output and its text; `dropped` where lines are missing; `ended` after the last one; `error`
/// with a code when it cannot be had. A client that reads slowly slows the host's reading down. `ping` is answered with
/// `pong`.
#[utoipa::path(get, path = "/ws/containers/{server_id}/{container}/logs", tag = "Live", operation_id = "ws_container_logs", security(()),
    params(("server_id" = String, Path), ("container" = String, Path)),
    responses(
        (status = 101, description = "WebSocket"),
        (status = 400, description = "CO1102: not a WebSocket request", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    Path((server, container)): Path<(ServerId, String)>,
    arrival: Arrival,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| not_a_socket(&error))?;
    let limits = api.socket_limits();
    Ok(wire::accept(upgrade, limits, move |mut wire| async move {
        let Err(end) = container_logs::talk(&mut wire, &api, arrival, server, container).await;
        (wire, end)
    }))
}
