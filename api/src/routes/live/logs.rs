//! `GET /ws/logs/{server_id}`: lines of one server as they come. The conversation is in [`crate::live::tail`].

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use chatops_schemas::ids::ServerId;

use super::fleet::not_a_socket;
use crate::{
    auth::actor::Arrival,
    extract::Path,
    live::{tail, wire},
    problem::{Document, Problem},
    state::Api,
};

/// Live lines of one server (WebSocket)
///
/// JSON text frames. Client: `{"type":"auth","token"?,"resume"?,"levels"?,"sources"?,"text"?,"pattern"?}`, later `filter`
/// with `levels`, `sources`, `text`, `pattern`. Server: `auth_success` with the `position` behind which lines follow, then
/// `lines` (`position`, `lines` as in `GET /logs`, `dropped`), and `gap` when lines were left out: search for them.
/// `resume` is the last `position` that the client has. `pattern` is a regular expression (Rust's: without look-around and
/// back-references). `error` says what of a filter is wrong, and in which `field`; of the first frame, the socket closes
/// then. `ping` is answered with `pong`.
#[utoipa::path(get, path = "/ws/logs/{server_id}", tag = "Live", operation_id = "ws_logs", security(()),
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
        let Err(end) = tail::talk(&mut wire, &api, arrival, server).await;
        (wire, end)
    }))
}
