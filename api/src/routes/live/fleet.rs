//! `GET /ws/live`: one multiplexed, resumable socket for the web app. The conversation is in [`crate::live::socket`].

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};

use crate::{
    auth::actor::Arrival,
    code::Code,
    live::{socket, wire},
    problem::{Document, Problem},
    state::Api,
};

/// Live view of the fleet, of commands and of jobs (WebSocket)
///
/// JSON text frames. Client: `{"type":"hello","token"?,"resume"?}` within 5 s, then `subscribe` / `unsubscribe` with
/// `topics` (`fleet`, `server:<id>`, `command:<id>`, `job:<id>`), `ping`. Server: `ready`, `subscribed`, `batch` (items
/// `row`, `sample`, `presence`, `server`), `gap` (load anew), `pong`. `resume` is the last `seq` that the client has: what it
/// missed comes first.
///
/// A command's topic says `command` (how it is, at first and at every step) and `output` (pieces by number, each once and in
/// order); after a break, `subscribe` with `from: {"command:<id>": <next of the last output>}`. A job's topic says `job` with
/// all its servers at first, then with those that moved. Of both, the frame with the state `ended` is the last, behind
/// everything else, and the topic is given up. At most 16 of these at a time. What may not be seen (any more) is named in
/// the `refused` of a `subscribed`.
///
/// Close codes: 4400 bad frame, 4401 not signed in or token ended, 4403 forbidden, 4408 too slow.
#[utoipa::path(get, path = "/ws/live", tag = "Live", operation_id = "ws_live", security(()),
    responses(
        (status = 101, description = "WebSocket"),
        (status = 400, description = "CO1102: not a WebSocket request", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    arrival: Arrival,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| not_a_socket(&error))?;
    let limits = api.socket_limits();
    Ok(wire::accept(upgrade, limits, move |mut wire| async move {
        let Err(end) = socket::talk(&mut wire, &api, arrival).await;
        (wire, end)
    }))
}

pub(super) fn not_a_socket(error: &WebSocketUpgradeRejection) -> Problem {
    Problem::new(Code::Malformed).detail(format!(
        "This address speaks WebSocket: {}.",
        error.body_text()
    ))
}
