//! Through the gateway, for networks that only let HTTPS out: MessagePack frames on `/api/v1/agents/ws`.
//!
//! One socket at a time. A connection that is silent for [`SILENCE`] although it was asked for a sign of life is
//! given up: proxies lose connections without telling either end.
//!
//! The agent says that it checks signed orders itself; a gateway that knows them says so too, and from then on the socket
//! carries everything: [`carry`]. A gateway of an earlier version takes samples only, and what else there is waits.

mod carry;
mod frame;

use std::sync::Arc;

use chatops_schemas::wire::{AgentFrame, MAX_FRAME_BYTES, ServerFrame, WRAPPING};
use futures::{SinkExt as _, Stream, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use super::{Way, Welcome, Wire};
use crate::{config::Uplink, trust};

const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_secs(15);
/// Longest time without a sign of life, and without an acknowledgement that is due.
pub const SILENCE: Duration = Duration::from_secs(40);
/// An order, or a piece of what is typed, and what it is wrapped in; whoever sends larger ones is not our server.
const MAX_FRAME: usize = MAX_FRAME_BYTES + WRAPPING;
const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;
/// Bytes that may wait in the socket: the largest frame of ours, an answer, and a little.
const MAX_WRITE_BUFFER: usize = 512 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The gateway at an address, as somebody.
pub(super) struct Gateway {
    pub(super) url: String,
    pub(super) uplink: Uplink,
}

impl Way for Gateway {
    type Line = Socket;

    async fn open(&self) -> Result<(Socket, Welcome), String> {
        open(&self.url, &self.uplink).await
    }

    async fn serve(&self, socket: Socket, welcome: &Welcome, wire: &mut Wire) -> Option<String> {
        carry::serve(socket, welcome, wire).await
    }
}

/// Connects and authenticates, once.
async fn open(url: &str, uplink: &Uplink) -> Result<(Socket, Welcome), String> {
    let connector = match &uplink.ca_file {
        Some(path) => Some(Connector::Rustls(Arc::new(trust::only(path).map_err(
            |error| {
                format!(
                    "cannot use the certificate file {}: {error}",
                    path.display()
                )
            },
        )?))),
        None => None,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let connecting = connect_async_tls_with_config(url, Some(config), true, connector);
    let (mut socket, _) = timeout(CONNECT_WITHIN, connecting)
        .await
        .map_err(|_| format!("{url} does not answer"))?
        .map_err(|error| {
            let told = trust::explain(&error.to_string(), uplink.ca_file.is_some());
            format!("{url}: {told}")
        })?;
    let auth = AgentFrame::Auth {
        api_key: uplink.key.text().expose_secret().to_owned(),
        orders: true,
    };
    let answer = async {
        let auth = Message::Binary(frame::encode(&auth)?.into());
        socket.send(auth).await.map_err(|error| error.to_string())?;
        loop {
            match receive(&mut socket).await? {
                Some(ServerFrame::AuthSuccess {
                    server_id,
                    message,
                    interval_ms,
                    server_time,
                    orders,
                }) => {
                    return Ok(Welcome {
                        server: server_id,
                        name: message,
                        interval: interval_ms.map(|ms| Duration::from_millis(ms.into())),
                        server_time,
                        takes_events: orders,
                    });
                }
                Some(ServerFrame::Error { code, message, .. }) => {
                    return Err(format!("{message} ({code})"));
                }
                Some(
                    ServerFrame::MetricsReceived { .. }
                    | ServerFrame::EventReceived { .. }
                    | ServerFrame::Request { .. }
                    | ServerFrame::Session { .. }
                    | ServerFrame::Command { .. }
                    | ServerFrame::DockerCommand { .. }
                    | ServerFrame::Ping
                    | ServerFrame::Pong,
                )
                | None => {}
            }
        }
    };
    let welcome = timeout(ANSWER_WITHIN, answer)
        .await
        .map_err(|_| "connected, but the server does not answer to the key".to_owned())??;
    Ok((socket, welcome))
}

/// The next frame; `None` for what is none.
async fn receive(
    socket: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Result<Option<ServerFrame>, String> {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => frame::decode(&bytes).map(Some),
        Some(Ok(Message::Text(text))) => frame::decode_text(&text).map(Some),
        Some(Ok(Message::Close(Some(close)))) if !close.reason.is_empty() => Err(format!(
            "the server closed the connection: {} ({})",
            close.reason, close.code
        )),
        Some(Ok(Message::Close(_))) | None => Err("the server closed the connection".to_owned()),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Err(error)) => Err(error.to_string()),
    }
}
