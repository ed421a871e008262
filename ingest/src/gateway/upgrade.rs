//! `GET /api/v1/agents/ws`: takes the socket, or says why not.

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{Extensions, HeaderMap},
    response::{IntoResponse, Response},
};
use chatops_schemas::wire::{MAX_ANSWER_BYTES, WRAPPING};

use super::{Gateway, peer, problem::Problem, socket};

/// Messages beyond this end the socket; up to here an oversized frame is refused and the socket lives.
const MAX_MESSAGE_BYTES: usize = MAX_ANSWER_BYTES + WRAPPING;
/// Bytes gathered before they are written.
const WRITE_BUFFER: usize = 4 * 1024;
/// Bytes that may wait for a peer that does not read.
const MAX_WRITE_BUFFER: usize = 128 * 1024;

pub(super) async fn upgrade(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return Problem::new(
                rejection.status(),
                "CO2009",
                "Not a WebSocket handshake",
                rejection.body_text(),
            )
            .of(&headers)
            .into_response();
        }
    };
    let inner = &gateway.inner;
    let address = peer::address(&headers, &extensions, inner.parts.config.behind_proxy);
    if let Some(seconds) = gateway.must_wait(address) {
        return Problem::too_many_attempts(seconds)
            .of(&headers)
            .into_response();
    }
    let place = inner.open.enter();
    let stranger = inner.strangers.clone().try_acquire_owned().ok();
    let (Some(place), Some(stranger)) = (place, stranger) else {
        return Problem::busy("too many agents are connected to this gateway")
            .of(&headers)
            .into_response();
    };
    upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_upgrade(move |socket| socket::serve(socket, gateway, place, stranger, address))
}
