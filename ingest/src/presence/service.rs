//! The watcher's loop: connection events in, facts out, and comparing whenever something may have been missed.

use std::{collections::HashMap, fmt, future::Future, sync::Arc, time::Duration};

use chatops_bus::{Bus, Link, Message, RequestError};
use chatops_schemas::{
    clock::{Clock, Timestamp},
    envelope::Envelope,
    event::{
        Event,
        fact::{AgentConnected, AgentDisconnected, Transport},
    },
    ids::EventId,
    subject,
};
use futures::StreamExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Roster,
    advisory::{self, Advisory},
    book::{Seen, Session, holder},
    compare::{self, Alive, Findings},
};
use crate::{
    announce::{Announcer, Announcing},
    connz,
    gate::GateKeys,
    keyring::KeyRing,
    metrics,
};

/// Unanswered questions after which a holder counts as dead.
const SILENCES: u8 = 3;
/// Pause after an attempt that failed or found silence.
const SOON: Duration = Duration::from_secs(1);
/// How long the start waits for the roster before it compares without it.
const ROSTER_PATIENCE: Duration = Duration::from_secs(30);

/// Settings of presence.
#[derive(Debug, Clone)]
pub struct PresenceConfig {
    /// Account that agents are in.
    pub account: String,
    /// Time between comparisons with the NATS servers when nothing calls for one.
    pub servers_every: Duration,
    /// Time between comparisons with the WebSocket gateways, while they hold sessions.
    pub gateways_every: Duration,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            account: "OPS".into(),
            servers_every: Duration::from_secs(300),
            gateways_every: Duration::from_secs(5),
        }
    }
}

/// What presence needs.
#[derive(Debug)]
pub struct PresenceParts {
    /// Settings.
    pub config: PresenceConfig,
    /// Seeds of the gates: event ids are derived from them.
    pub keys: Arc<GateKeys>,
    /// Knows revoked keys: a connection that slipped in is ended.
    pub ring: KeyRing,
    /// The process's roster; [`Roster::run`] must be running.
    pub roster: Roster,
    /// Connection in the system account.
    pub sys: Bus,
    /// Connection in the agents' account.
    pub ops: Bus,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Writes presence facts. Several may run.
pub struct PresenceService {
    parts: PresenceParts,
    announcer: Announcer,
    announcing: Announcing,
}

/// Why presence ended without being told to.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// The connection cannot subscribe.
    #[error("watch connection events")]
    Watch(#[source] RequestError),
    /// The connection was closed under it.
    #[error("the bus connection of presence was closed")]
    Closed,
}

/// Work done beside the loop.
enum Done {
    Compared(Transport, Option<Findings>),
    Kicked,
}

impl PresenceService {
    /// Ready to run.
    pub fn new(parts: PresenceParts) -> Self {
        let (announcer, announcing) = Announcer::new();
        Self {
            parts,
            announcer,
            announcing,
        }
    }

    /// Watches until told to stop, and then writes what is still to be written.
    pub async fn run(self, stop: CancellationToken) -> Result<(), PresenceError> {
        let mut events = self
            .parts
            .sys
            .subscribe(&advisory::subjects(&self.parts.config.account))
            .await
            .map_err(PresenceError::Watch)?;
        let mut link = self.parts.sys.state();
        let mut writing = JoinSet::new();
        writing.spawn(self.announcing.run(self.parts.ops.clone(), stop.clone()));
        let mut watch = Watch {
            namespace: self.parts.keys.event_namespace(),
            silences: HashMap::new(),
            beside: JoinSet::new(),
            announcer: self.announcer,
            parts: self.parts,
        };
        // Comparing against a half-read roster would open what is open already.
        let mut complete = watch.parts.roster.complete();
        let read = timeout(ROSTER_PATIENCE, complete.wait_for(|complete| *complete));
        tokio::pin!(read);
        let mut waiting = true;
        let (mut servers_at, mut gateways_at) = (None, None);
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                event = events.next() => match event {
                    Some(event) => watch.observe(&event),
                    None => break Err(PresenceError::Closed),
                },
                _ = &mut read, if waiting => {
                    waiting = false;
                    servers_at = Some(Instant::now());
                    gateways_at = Some(Instant::now());
                }
                Ok(()) = link.changed() => {
                    // Events of the gap are lost for good.
                    if !waiting && matches!(*link.borrow_and_update(), Link::Connected { .. }) {
                        servers_at = Some(Instant::now());
                    }
                }
                () = due(servers_at) => {
                    servers_at = None;
                    watch.compare_with_servers();
                }
                () = due(gateways_at) => {
                    gateways_at = None;
                    watch.compare_with_gateways();
                }
                Some(done) = watch.beside.join_next(), if !watch.beside.is_empty() => {
                    match done {
                        Ok(Done::Compared(Transport::Nats, found)) => {
                            let every = watch.parts.config.servers_every;
                            servers_at = Some(Instant::now() + watch.mend_all(found, every));
                        }
                        Ok(Done::Compared(_, found)) => {
                            let every = watch.parts.config.gateways_every;
                            watch.mend_all(found, every);
                            gateways_at = Some(Instant::now() + every);
                        }
                        Ok(Done::Kicked) | Err(_) => {}
                    }
                }
            }
        };
        stop.cancel();
        watch.beside.shutdown().await;
        while writing.join_next().await.is_some() {}
        ended
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Watch {
    parts: PresenceParts,
    namespace: Uuid,
    announcer: Announcer,
    silences: HashMap<String, u8>,
    beside: JoinSet<Done>,
}

impl Watch {
    fn observe(&mut self, event: &Message) {
        match advisory::read(&event.subject, &event.payload) {
            Ok(Some(Advisory::Connected(seen))) => {
                self.end_if_revoked(&seen);
                self.opened(seen);
            }
            Ok(Some(Advisory::Disconnected { seen, at, reason })) => {
                // Its connect may have been missed: then the history gets both.
                let base = seen.base.clone();
                if !self.parts.roster.book().knows(&base) {
                    self.opened(seen);
                }
                self.closed(&base, at, reason);
            }
            Ok(None) => {}
            Err(error) => {
                metrics::unreadable("connection_event");
                tracing::warn!(subject = event.subject, error = %error, "a connection event cannot be read");
            }
        }
    }

    fn opened(&mut self, seen: Seen) {
        let session = self.parts.roster.book().open(seen, 1);
        if let Some(session) = session {
            self.announce_connected(session);
        }
    }

    fn closed(&mut self, base: &str, at: Option<Timestamp>, reason: Option<String>) {
        let now = self.parts.clock.now();
        self.silences.remove(base);
        let closed = self.parts.roster.book().close(base, u32::MAX, now);
        if let Some((session, remaining)) = closed {
            self.announce_disconnected(session, remaining, at.unwrap_or(now), reason);
        }
    }

    fn announce_connected(&self, session: Session) {
        let time = session.since.unwrap_or_else(|| self.parts.clock.now());
        let id = self.event_id(AgentConnected::TYPE, &session.id);
        let data = AgentConnected {
            session: session.id,
            key: session.key,
            transport: session.transport,
            address: session.address,
            orders: session.orders,
        };
        let event = Envelope::new(id, time, data).about(session.server.clone());
        tracing::debug!(server.id = %session.server, session = event.data.session, "an agent connected");
        if let Err(error) = self
            .announcer
            .announce(&session.server, subject::PRESENCE, &event)
        {
            tracing::error!(error = %error, "a connect could not be recorded");
        }
    }

    fn announce_disconnected(
        &self,
        session: Session,
        remaining: u32,
        time: Timestamp,
        reason: Option<String>,
    ) {
        let id = self.event_id(AgentDisconnected::TYPE, &session.id);
        let data = AgentDisconnected {
            session: session.id,
            transport: session.transport,
            address: session.address,
            reason,
            remaining,
        };
        let event = Envelope::new(id, time, data).about(session.server.clone());
        tracing::debug!(server.id = %session.server, session = event.data.session, remaining, "an agent disconnected");
        if let Err(error) = self
            .announcer
            .announce(&session.server, subject::PRESENCE, &event)
        {
            tracing::error!(error = %error, "a disconnect could not be recorded");
        }
    }

    /// The same for every watcher, and for nobody else: see [`GateKeys::event_namespace`].
    fn event_id(&self, kind: &str, session: &str) -> EventId {
        EventId(Uuid::new_v5(
            &self.namespace,
            format!("{kind}:{session}").as_bytes(),
        ))
    }

    /// A client admitted a moment before its key was revoked appears a moment after the gate has looked for it.
    fn end_if_revoked(&mut self, seen: &Seen) {
        if self.parts.ring.lost(&seen.key, &seen.server).is_none() {
            return;
        }
        let Some((_, server_id, cid)) = holder(&seen.base) else {
            return;
        };
        let (sys, server_id) = (self.parts.sys.clone(), server_id.to_owned());
        self.beside.spawn(async move {
            match connz::kick(&sys, &server_id, cid).await {
                Ok(()) => metrics::kicked("nats"),
                Err(error) => {
                    tracing::warn!(error = %error, "could not end a connection of a revoked key");
                }
            }
            Done::Kicked
        });
    }

    fn compare_with_servers(&mut self) {
        let (sys, account) = (self.parts.sys.clone(), self.parts.config.account.clone());
        let (before, asked) = self.open_now(Transport::Nats);
        self.beside_compare(Transport::Nats, async move {
            compare::with_servers(sys, account, before, asked).await
        });
    }

    fn compare_with_gateways(&mut self) {
        let (before, asked) = self.open_now(Transport::Websocket);
        let ops = self.parts.ops.clone();
        // While our own connection is away, silence says nothing about the gateways.
        let connected = matches!(*ops.state().borrow(), Link::Connected { .. });
        if before.is_empty() || !connected {
            self.beside
                .spawn(async { Done::Compared(Transport::Websocket, None) });
            return;
        }
        self.beside_compare(Transport::Websocket, async move {
            compare::with_gateways(ops, before, asked).await
        });
    }

    fn open_now(&self, transport: Transport) -> (Vec<String>, Timestamp) {
        (
            self.parts.roster.book().bases(transport),
            self.parts.clock.now(),
        )
    }

    fn beside_compare<E: std::error::Error>(
        &mut self,
        transport: Transport,
        comparison: impl Future<Output = Result<Findings, E>> + Send + 'static,
    ) {
        self.beside.spawn(async move {
            let found = comparison
                .await
                .inspect_err(|error| {
                    tracing::warn!(error = %error, "presence could not be compared; trying again");
                })
                .ok();
            Done::Compared(transport, found)
        });
    }

    /// Writes the facts that were missing. When to look again: `every`, or soon when something is unclear.
    fn mend_all(&mut self, found: Option<Findings>, every: Duration) -> Duration {
        let Some(found) = found else { return SOON };
        let unclear = !found.silent.is_empty();
        self.mend(found);
        if unclear { SOON } else { every }
    }

    fn mend(&mut self, found: Findings) {
        for alive in found.alive {
            match alive {
                Alive::Known(seen) => {
                    self.silences.remove(&seen.base);
                    if self.parts.roster.book().knows(&seen.base) {
                        self.revive(&seen.base, found.asked);
                    } else {
                        metrics::mended("opened");
                        self.end_if_revoked(&seen);
                        self.opened(seen);
                    }
                }
                Alive::Named(base) => {
                    self.silences.remove(&base);
                    self.revive(&base, found.asked);
                }
            }
        }
        for base in found.gone {
            if self.parts.roster.book().is_open(&base) {
                metrics::mended("closed");
                self.closed(&base, None, Some("ended while nobody was watching".into()));
            }
        }
        let dead = match found.transport {
            Transport::Websocket => "its gateway is gone",
            Transport::Nats | Transport::Unknown => "its nats-server is gone",
        };
        for base in found.silent {
            let silences = self.silences.entry(base.clone()).or_default();
            *silences += 1;
            if *silences >= SILENCES {
                metrics::mended("holder_gone");
                self.closed(&base, None, Some(dead.into()));
            }
        }
    }

    fn revive(&mut self, base: &str, asked: Timestamp) {
        let revived = self.parts.roster.book().revive(base, asked);
        if let Some(mut session) = revived {
            metrics::mended("revived");
            // It was away for us; since when it is back is not known any better.
            session.since = Some(asked);
            self.announce_connected(session);
        }
    }
}

impl fmt::Debug for PresenceService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceService")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
