//! The other way in: agents that cannot reach NATS speak `/api/v1/agents/ws` (JSON or MessagePack frames) or post single
//! samples over HTTP. What they send lands on the same subjects, after the same checks, as what comes over NATS.
//!
//! The web server mounts [`router`]; [`GatewayService::run`] writes the presence facts of the sockets and tells presence
//! which are open. An acknowledged reading is in the stream; one that was not acknowledged is the agent's to repeat,
//! under the same id. When the process dies its sockets die with it: agents reconnect, and presence, which no longer
//! hears from this gateway, closes their sessions.
//!
//! An agent that checks signed orders itself has everything over its socket that a connection to NATS has: see [`line`].
//! Agents that speak JSON know no signed orders; for them the gateway is the executor of record: see [`executor`].

mod admission;
mod body;
mod executor;
mod frame;
mod http;
mod line;
mod open;
mod peer;
mod problem;
mod rates;
mod reading;
mod service;
mod session;
mod socket;
mod upgrade;
mod value;

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use chatops_bus::Bus;
#[cfg(feature = "fuzzing")]
use chatops_schemas::{clock::Timestamp, ids::ServerId};
use chatops_schemas::{
    clock::{Clock, IdSource},
    ids::KeyId,
    order::VerifyingKey,
    wire::MAX_FRAME_BYTES,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "fuzzing")]
use crate::keyring::Admitted;
use crate::{
    announce::Announcer, attempts::Attempts, keyring::KeyRing, presence::Roster, refusal::Refusals,
};
use open::OpenSockets;
pub use service::{GatewayError, GatewayService};

/// Settings of the gateway.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// How long a socket may take to authenticate.
    pub auth_within: Duration,
    /// Silence after which a socket is dead.
    pub idle: Duration,
    /// Time between pings, which make silence mean something.
    pub ping_every: Duration,
    /// How long one write may take before the peer counts as not reading.
    pub write_within: Duration,
    /// Frames a socket, or posts a key, may send per second in the long run.
    pub rate: NonZeroU32,
    /// Frames, or posts, taken at once beyond that rate.
    pub burst: NonZeroU32,
    /// The same for agents that check signed orders themselves: output of commands and sessions comes in many frames.
    pub orders_rate: NonZeroU32,
    /// Frames of theirs taken at once beyond that rate.
    pub orders_burst: NonZeroU32,
    /// Bad frames, less the good ones since, that end a socket.
    pub most_bad: u32,
    /// Readings of one socket on their way into the stream before no more are read from it.
    pub in_flight: usize,
    /// The same for agents that check signed orders themselves: more than theirs ever have on their way, so that a slow
    /// stream does not hold up a terminal.
    pub orders_in_flight: usize,
    /// Sockets in all.
    pub sockets: usize,
    /// Sockets that have not authenticated yet.
    pub strangers: usize,
    /// Keys being judged at the same time.
    pub judging: usize,
    /// A reverse proxy of ours stands in front: believe its `X-Forwarded-For`. Without a proxy this must stay off, or
    /// anybody can pretend any address.
    pub behind_proxy: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        const RATE: NonZeroU32 = NonZeroU32::new(50).unwrap();
        const BURST: NonZeroU32 = NonZeroU32::new(500).unwrap();
        const ORDERS: NonZeroU32 = NonZeroU32::new(5000).unwrap();
        Self {
            auth_within: Duration::from_secs(10),
            idle: Duration::from_secs(90),
            ping_every: Duration::from_secs(30),
            write_within: Duration::from_secs(10),
            rate: RATE,
            burst: BURST,
            orders_rate: ORDERS,
            orders_burst: ORDERS,
            most_bad: 20,
            in_flight: 64,
            orders_in_flight: 512,
            sockets: 20_000,
            strangers: 1024,
            judging: 64,
            behind_proxy: false,
        }
    }
}

/// What a gateway needs.
#[derive(Debug)]
pub struct GatewayParts {
    /// Settings.
    pub config: GatewayConfig,
    /// Judge.
    pub ring: KeyRing,
    /// The process's roster.
    pub roster: Roster,
    /// Connection in the agents' account, with the right to publish for any server.
    pub ops: Bus,
    /// What orders are signed with, as agents pin it.
    pub orders: VerifyingKey,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of sockets and of events that came without one.
    pub ids: Arc<dyn IdSource>,
    /// Ends every socket.
    pub stop: CancellationToken,
}

/// State of the routes; clones share everything. Made by [`GatewayService::new`].
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    parts: GatewayParts,
    open: OpenSockets,
    strangers: Arc<Semaphore>,
    judging: Semaphore,
    refusals: Refusals,
    attempts: Attempts,
    posts: DefaultKeyedRateLimiter<KeyId>,
}

impl Gateway {
    fn new(parts: GatewayParts, announcer: Announcer) -> Self {
        let refusals = Refusals::new(announcer.clone(), parts.clock.clone(), parts.ids.clone());
        let quota = Quota::per_second(parts.config.rate).allow_burst(parts.config.burst);
        Self {
            inner: Arc::new(Inner {
                open: OpenSockets::new(
                    parts.ids.next().simple().to_string(),
                    parts.config.sockets,
                    parts.roster.clone(),
                    announcer,
                    parts.clock.clone(),
                    parts.ids.clone(),
                ),
                strangers: Arc::new(Semaphore::new(parts.config.strangers)),
                judging: Semaphore::new(parts.config.judging),
                posts: RateLimiter::keyed(quota),
                refusals,
                attempts: Attempts::default(),
                parts,
            }),
        }
    }
}

/// The routes, with their full paths.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/api/v1/agents/ws", get(upgrade::upgrade))
        .route("/api/v1/metrics", post(http::post))
        .route("/api/v1/metrics/{server_id}", post(http::post_for))
        .layer(DefaultBodyLimit::max(MAX_FRAME_BYTES))
        .with_state(gateway)
}

/// A frame on a fresh socket and on one that has authenticated.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_frame(json: bool, bytes: &[u8], now: Timestamp, ids: &dyn IdSource) {
    let encoding = match json {
        true => frame::Encoding::Json,
        false => frame::Encoding::Msgpack,
    };
    let mut session = session::Session::new(20);
    session.message(encoding, bytes, now, ids);
    let Ok(server) = ServerId::parse("h1") else {
        return;
    };
    let admitted = Admitted {
        key: match KeyId::parse("k1") {
            Ok(key) => key,
            Err(_) => return,
        },
        server,
        name: String::new(),
        expires_at: None,
        interval_ms: None,
    };
    for orders in [false, true] {
        session.admitted(&admitted, orders, now);
        session.message(encoding, bytes, now, ids);
    }
}

/// The body of a post.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_posted(json: bool, bytes: &[u8]) {
    let encoding = match json {
        true => frame::Encoding::Json,
        false => frame::Encoding::Msgpack,
    };
    let _ = frame::decode_posted(encoding, bytes);
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("parts", &self.inner.parts)
            .finish_non_exhaustive()
    }
}
