//! `GET /ws/terminal/{server_id}`: a shell. The conversation is in [`crate::terminal::socket`].

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use chatops_schemas::ids::ServerId;

use super::fleet::not_a_socket;
use crate::{
    auth::actor::Arrival,
    extract::Path,
    live::wire,
    problem::{Document, Problem},
    state::Api,
    terminal::socket,
};

/// A terminal of a server (WebSocket)
///
/// Client, JSON text: `{"type":"open","cols","rows","token"?,"container"?,"shell"?}` within 5 s, or with `session` and `from`
/// (bytes that it has) to come back to an open session; then `{"type":"ack","off"}` for what is on the screen, `resize`
/// (`cols`, `rows`), `close`, `ping`. Client, binary: what is typed. Server, binary: eight bytes with the offset
/// (big-endian), then output; at most `window` bytes beyond the last `ack`. Server, JSON text: `opened` (`session`,
/// `reattached`, `recorded`, `idle_s`, `lease_s`, `window`), `lost` (`up_to`), `ended` (`reason`, `exit_code`, `message`),
/// `error` (`code`, `message`, `detail`), `pong`. Close codes: 1000 over, 1013 and 1001 come back in a moment, 4400 bad
/// frame, 4401 not signed in or token ended (renew it and come back), 4403 forbidden, 4408 too slow, 4409 somebody with the
/// same account went on with this session elsewhere.
#[utoipa::path(get, path = "/ws/terminal/{server_id}", tag = "Terminals", operation_id = "ws_terminal", security(()),
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
        let Err(end) = socket::talk(&mut wire, &api, arrival, server).await;
        (wire, end)
    }))
}
