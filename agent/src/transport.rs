//! The ways to the server: [`nats`] and [`websocket`]. Started by [`service`](crate::service), which speaks to either
//! through the same two channels.
//!
//! # What is guaranteed
//! - It tries for ever, with jitter, whatever the answer: a gate that is down looks exactly like a wrong key.
//! - [`Event::Connected`] comes after authentication, never before; then records may be ordered.
//! - `Stored` is said only when the stream has acknowledged. Everything doubtful is `Unknown`.
//! - After [`Event::Disconnected`] nothing is heard of what was in flight.
//! - Bytes of sessions go out in their order and at most once: what is given while there is no line is lost, and the
//!   offsets in it say so.

pub mod nats;
pub mod websocket;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chatops_schemas::{
    clock::{Clock, IdSource, Timestamp},
    event::fact::AgentHello,
    ids::{CommandId, ServerId},
    order::Verb,
    subject,
};
use rand::Rng as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{config::Uplink, endpoint::Endpoint, outbox::Lane};

/// Orders that may wait: more than can be in flight, so that giving one never waits.
const ORDERS: usize = 512;
const EVENTS: usize = 64;
/// Messages of sessions that may wait: a session that writes faster than the line waits with them.
const BYTES: usize = 16;
/// A host's clock that is further off is reported.
const SKEW: Duration = Duration::from_secs(5);

/// What the transport is to do.
#[derive(Debug)]
pub enum Order {
    /// Send a record of a spool.
    Send {
        /// Which spool.
        lane: Lane,
        /// Its number there.
        number: u64,
        /// Its bytes.
        record: Bytes,
    },
    /// Say what this host is; best effort, repeated after the next connect anyway.
    Hello(Box<AgentHello>),
}

/// Bytes of a session on their way out.
#[derive(Debug)]
pub struct Io {
    /// The session.
    pub session: CommandId,
    /// An encoded [`Out`](chatops_schemas::session::Out).
    pub payload: Bytes,
}

/// What the transport has to tell. Orders may hold secrets, so none of it is ever logged.
pub enum Event {
    /// Connected and authenticated.
    Connected(Welcome),
    /// Not connected, and why, in words; said after each attempt.
    Disconnected(String),
    /// The server asks for something.
    Request {
        /// How.
        verb: Verb,
        /// A [`SignedOrder`](chatops_schemas::order::SignedOrder), encoded, or anything else: nothing is checked yet.
        payload: Bytes,
        /// Where the encoded [`Reply`](chatops_schemas::order::Reply) goes. Dropped, nobody is answered.
        answer: oneshot::Sender<Bytes>,
    },
    /// Something for a session.
    Io {
        /// The session.
        session: CommandId,
        /// What it is.
        way: subject::Way,
        /// The bytes.
        payload: Bytes,
    },
    /// What became of a record.
    Settled {
        /// Which spool.
        lane: Lane,
        /// Its number.
        number: u64,
        /// The outcome.
        outcome: Outcome,
    },
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stream holds it.
    Stored,
    /// Nobody can say, or the stream has no room at the moment. Send it again.
    Unknown(String),
    /// The server will never take it.
    Refused(String),
}

/// Who we are, as the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The server this agent speaks for.
    pub server: ServerId,
    /// Its name or another text for people.
    pub name: String,
    /// Time between samples that its owner asked for.
    pub interval: Option<Duration>,
    /// The server's clock.
    pub server_time: Timestamp,
    /// Whether this way takes anything but samples: gateways of an earlier version do not.
    pub takes_events: bool,
}

/// The transport's side of the channels, and what it needs from its surroundings.
pub struct Wire {
    /// Orders to carry out.
    pub orders: mpsc::Receiver<Order>,
    /// Bytes of sessions to send.
    pub io: mpsc::Receiver<Io>,
    /// Where to report.
    pub events: mpsc::Sender<Event>,
    /// Ends the transport.
    pub stop: CancellationToken,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
}

/// The service's side of the channels.
pub struct Handle {
    /// What to do.
    pub orders: mpsc::Sender<Order>,
    /// Bytes of sessions.
    pub io: mpsc::Sender<Io>,
    /// What happened.
    pub events: mpsc::Receiver<Event>,
}

/// Makes the channels: the service's side and the transport's.
pub fn wire(
    stop: CancellationToken,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
) -> (Handle, Wire) {
    let (order, orders) = mpsc::channel(ORDERS);
    let (bytes, io) = mpsc::channel(BYTES);
    let (events, event) = mpsc::channel(EVENTS);
    let handle = Handle {
        orders: order,
        io: bytes,
        events: event,
    };
    let wire = Wire {
        orders,
        io,
        events,
        stop,
        clock,
        ids,
    };
    (handle, wire)
}

/// Chooses the cryptography of TLS for the whole process, before the first connection.
pub fn prepare_tls() {
    // An error means that it is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Runs until told to stop or until the service is gone.
pub async fn run(uplink: Uplink, hostname: String, wire: Wire) {
    let stop = wire.stop.clone();
    match uplink.endpoint.clone() {
        Endpoint::Nats(url) => {
            let running = Box::pin(keep(
                nats::Nats {
                    url,
                    uplink,
                    hostname,
                },
                wire,
            ));
            stop.run_until_cancelled(running).await;
        }
        Endpoint::Websocket(url) => {
            let running = Box::pin(keep(websocket::Gateway { url, uplink }, wire));
            stop.run_until_cancelled(running).await;
        }
    }
}

/// A way to the server: how a line is opened, and what is done with it.
trait Way {
    /// An open line.
    type Line;
    /// Connects, authenticates and learns who we are, once; or says why not.
    async fn open(&self) -> Result<(Self::Line, Welcome), String>;
    /// Carries out orders until the line is gone and says why it went; `None` when the service is gone.
    async fn serve(&self, line: Self::Line, welcome: &Welcome, wire: &mut Wire) -> Option<String>;
}

/// Keeps a line open until the service is gone.
async fn keep(way: impl Way, mut wire: Wire) {
    let mut attempt = 0;
    loop {
        let ended = match way.open().await {
            Ok((line, welcome)) => {
                attempt = 0;
                report_skew(welcome.server_time, wire.clock.now());
                if wire
                    .events
                    .send(Event::Connected(welcome.clone()))
                    .await
                    .is_err()
                {
                    return;
                }
                match way.serve(line, &welcome, &mut wire).await {
                    Some(reason) => reason,
                    None => return,
                }
            }
            Err(reason) => reason,
        };
        if wire.events.send(Event::Disconnected(ended)).await.is_err() {
            return;
        }
        sleep(pause(attempt)).await;
        attempt = attempt.saturating_add(1);
        // Orders given before the service heard of the end; it gives them again.
        while wire.orders.try_recv().is_ok() {}
        while wire.io.try_recv().is_ok() {}
    }
}

/// Reports a clock that is off, because samples then appear at the wrong time or are refused.
fn report_skew(server_time: Timestamp, now: Timestamp) {
    let micros = now.micros_since(server_time);
    if micros.unsigned_abs() > SKEW.as_micros() as u64 {
        let side = if micros > 0 { "ahead of" } else { "behind" };
        tracing::warn!(
            seconds = micros.unsigned_abs() / 1_000_000,
            "this host's clock is {side} the server's: samples appear at the wrong time, and more than two minutes ahead or a day behind they are refused; synchronise it, for example with chrony",
        );
    }
}

/// Full jitter over a window that doubles from 0.2 s to 10 s: a fleet that lost its server comes back spread out.
fn pause(attempt: u32) -> Duration {
    let window = 200_u64.saturating_mul(1 << attempt.min(6)).min(10_000);
    Duration::from_millis(rand::rng().random_range(20..=window))
}
