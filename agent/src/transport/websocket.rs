//! Through the gateway, for networks that only let HTTPS out: MessagePack frames on `/api/v1/agents/ws`.
//!
//! One socket at a time. A connection that is silent for [`SILENCE`] although it was asked for a sign of life is
//! given up: proxies lose connections without telling either end.

mod frame;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chatops_schemas::wire::{AgentFrame, MetricsData, ServerFrame};
use futures::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpStream,
    time::{Instant, interval_at, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use uuid::Uuid;

use super::{Event, Order, Outcome, Way, Welcome, Wire};
use crate::{config::Uplink, outbox::Lane, record::Record, trust};

const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_secs(15);
/// Longest time without a sign of life, and without an acknowledgement that is due.
pub const SILENCE: Duration = Duration::from_secs(40);
/// The server's frames are small; whoever sends larger ones is not our server.
const MAX_FRAME: usize = 64 * 1024;
const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;

/// Records on their way: by the id of the event, the number in the spool and when it was sent.
type InFlight = HashMap<Uuid, (u64, Instant)>;
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

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

    async fn serve(&self, socket: Socket, _: &Welcome, wire: &mut Wire) -> Option<String> {
        serve(socket, wire).await
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
        .max_write_buffer_size(8 * MAX_FRAME)
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
    };
    let answer = async {
        send(&mut socket, &auth).await?;
        loop {
            match receive(&mut socket).await? {
                Some(ServerFrame::AuthSuccess {
                    server_id,
                    message,
                    interval_ms,
                    server_time,
                }) => {
                    return Ok(Welcome {
                        server: server_id,
                        name: message,
                        interval: interval_ms.map(|ms| Duration::from_millis(ms.into())),
                        server_time,
                        takes_events: false,
                    });
                }
                Some(ServerFrame::Error { code, message, .. }) => {
                    return Err(format!("{message} ({code})"));
                }
                Some(
                    ServerFrame::MetricsReceived { .. }
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

/// Carries out orders until the connection is gone and says why it went; `None` when the service is gone.
async fn serve(mut socket: Socket, wire: &mut Wire) -> Option<String> {
    let mut in_flight = InFlight::new();
    let mut ask = interval_at(Instant::now() + ASK_EVERY, ASK_EVERY);
    let mut heard_at = Instant::now();
    loop {
        let sent = tokio::select! {
            frame = receive(&mut socket) => {
                heard_at = Instant::now();
                match frame {
                    Err(reason) => return Some(reason),
                    Ok(Some(ServerFrame::Ping)) => send(&mut socket, &AgentFrame::Pong).await,
                    Ok(frame) => {
                        let settled = frame.and_then(|frame| settle(frame, &mut in_flight));
                        if let Some((number, outcome)) = settled {
                            wire.events.send(Event::Settled { lane: Lane::Samples, number, outcome }).await.ok()?;
                        }
                        Ok(())
                    }
                }
            }
            // This way carries no sessions; nobody can have opened one.
            Some(_) = wire.io.recv() => Ok(()),
            order = wire.orders.recv() => match order? {
                Order::Hello(data) => send(&mut socket, &AgentFrame::Hello { data: *data }).await,
                Order::Send { lane: lane @ (Lane::Events | Lane::Logs), number, .. } => {
                    let outcome = Outcome::Unknown("this way carries samples only".to_owned());
                    wire.events.send(Event::Settled { lane, number, outcome }).await.ok()?;
                    Ok(())
                }
                Order::Send { lane: lane @ Lane::Samples, number, record } => match metrics(&record) {
                    Ok((id, frame)) => {
                        in_flight.insert(id, (number, Instant::now()));
                        send(&mut socket, &frame).await
                    }
                    Err(reason) => {
                        let outcome = Outcome::Refused(reason);
                        wire.events.send(Event::Settled { lane, number, outcome }).await.ok()?;
                        Ok(())
                    }
                },
            },
            _ = ask.tick() => {
                if heard_at.elapsed() > SILENCE {
                    return Some("the server has fallen silent".to_owned());
                }
                if in_flight.values().any(|(_, sent_at)| sent_at.elapsed() > SILENCE) {
                    return Some("the server does not acknowledge samples".to_owned());
                }
                send(&mut socket, &AgentFrame::Ping).await
            }
        };
        if let Err(reason) = sent {
            return Some(reason);
        }
    }
}

fn metrics(record: &bytes::Bytes) -> Result<(Uuid, AgentFrame), String> {
    let envelope = Record::parse(Lane::Samples, record)
        .and_then(|record| record.envelope())
        .map_err(|error| error.to_string())?;
    let frame = AgentFrame::Metrics {
        id: Some(envelope.id.0),
        timestamp: Some(envelope.time),
        boot: envelope.boot,
        n: envelope.n,
        data: MetricsData::Sample(Box::new(envelope.data)),
    };
    Ok((envelope.id.0, frame))
}

fn settle(frame: ServerFrame, in_flight: &mut InFlight) -> Option<(u64, Outcome)> {
    match frame {
        ServerFrame::MetricsReceived { id, .. } => {
            Some((in_flight.remove(&id)?.0, Outcome::Stored))
        }
        ServerFrame::Error {
            code,
            message,
            id: Some(id),
        } => {
            let (number, _) = in_flight.remove(&id)?;
            let text = format!("{message} ({code})");
            // What is wrong with the reading itself stays wrong; anything else passes.
            let outcome = if frame::IS_FINAL.contains(&code.as_str()) {
                Outcome::Refused(text)
            } else {
                Outcome::Unknown(text)
            };
            Some((number, outcome))
        }
        ServerFrame::Error {
            code,
            message,
            id: None,
        } => {
            tracing::warn!("the server refused a frame: {message} ({code})");
            None
        }
        // Commands in this form are for agents that know no signed orders.
        ServerFrame::AuthSuccess { .. }
        | ServerFrame::Command { .. }
        | ServerFrame::DockerCommand { .. }
        | ServerFrame::Ping
        | ServerFrame::Pong => None,
    }
}

async fn send(socket: &mut Socket, frame: &AgentFrame) -> Result<(), String> {
    let message = Message::Binary(frame::encode(frame)?.into());
    match timeout(ANSWER_WITHIN, socket.send(message)).await {
        Ok(sent) => sent.map_err(|error| error.to_string()),
        Err(_) => Err("the server does not read".to_owned()),
    }
}

/// The next frame; `None` for what is none.
async fn receive(socket: &mut Socket) -> Result<Option<ServerFrame>, String> {
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
