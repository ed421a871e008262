//! The shell around [`Session`]: performs its effects on a real WebSocket, keeps its deadlines.

use std::net::IpAddr;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use chatops_bus::{Stored, Subscription};
use chatops_schemas::{ids::CommandId, wire::ServerFrame};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::{Duration, Instant, interval_at, sleep_until, timeout},
};

use super::{
    Gateway, GatewayConfig,
    admission::Denied,
    executor::{self, Answer, Executor},
    frame::{self, Encoding},
    line::{Down, Line},
    open::{OpenSession, Place},
    reading::Outgoing,
    session::{Effect, POLICY, Receipt, Session, TRY_AGAIN},
};
use crate::{
    keyring::{Admitted, Revoked},
    metrics,
};

const GOING_AWAY: u16 = 1001;
const UNREADABLE: u16 = 1002;
/// How long the peer may take to acknowledge a close. Hanging up at once would discard the reason on its way.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// A publish that resolves to its receipt and position; `None` when it is not known to be stored.
type Ack = BoxFuture<'static, (Option<Receipt>, Option<Stored>)>;

/// How this connection's host is asked for something.
enum Asks {
    /// Not at all.
    Never,
    /// In frames that anybody can carry out; the gateway checks and marks.
    Plainly(Executor, Subscription),
    /// With signed orders, which the agent checks itself.
    Signed(Line),
}

/// What the host is to hear.
enum Turn {
    Plain(executor::Turn),
    /// `None`: more than the line takes.
    Signed(Option<Down>),
}

struct Shell {
    socket: WebSocket,
    gateway: Gateway,
    session: Session,
    address: Option<IpAddr>,
    revocations: broadcast::Receiver<Revoked>,
    limit: DefaultDirectRateLimiter,
    acks: FuturesUnordered<Ack>,
    /// Held while not authenticated.
    stranger: Option<OwnedSemaphorePermit>,
    agent: Option<(Admitted, OpenSession)>,
    heard: Instant,
    /// The key was judged, and its failure counted.
    judged: bool,
    /// When the key stops working.
    expires: Option<Instant>,
    asks: Asks,
}

/// Why a socket ends.
enum End {
    /// With a code and a reason for the peer.
    Close(u16, &'static str),
    /// Without a word: the peer left, or does not read.
    Gone(&'static str),
}

/// Serves a socket until its end.
pub(super) async fn serve(
    socket: WebSocket,
    gateway: Gateway,
    place: Place,
    stranger: OwnedSemaphorePermit,
    address: Option<IpAddr>,
) {
    let parts = &gateway.inner.parts;
    let quota = Quota::per_second(parts.config.rate).allow_burst(parts.config.burst);
    let mut shell = Shell {
        session: Session::new(parts.config.most_bad),
        revocations: parts.ring.revocations(),
        limit: RateLimiter::direct(quota),
        acks: FuturesUnordered::new(),
        stranger: Some(stranger),
        agent: None,
        heard: Instant::now(),
        judged: false,
        expires: None,
        asks: Asks::Never,
        socket,
        address,
        gateway,
    };
    let end = shell.run().await;
    // Came, took a place, and never showed a key.
    if shell.stranger.is_some()
        && !shell.judged
        && matches!(end, End::Close(POLICY | UNREADABLE, _))
    {
        shell.gateway.wasted(address);
    }
    let reason = match &end {
        End::Close(_, reason) | End::Gone(reason) => *reason,
    };
    if let Some((_, session)) = &mut shell.agent {
        session.reason = reason;
    }
    // The agent is gone for everybody else from here on, however long the good-bye takes.
    shell.agent = None;
    let lost = match std::mem::replace(&mut shell.asks, Asks::Never) {
        Asks::Plainly(executor, asked) => {
            drop(asked);
            Some(executor.lost(&shell.gateway.inner.parts))
        }
        Asks::Never | Asks::Signed(_) => None,
    };
    if let End::Close(code, reason) = end {
        metrics::cut(reason);
        let _ = timeout(GOOD_BYE, good_bye(&mut shell.socket, code, reason)).await;
    }
    if let Some(lost) = lost {
        lost.await;
    }
    drop(place);
}

/// What the host is to hear next. Cancel-safe.
async fn asked(asks: &mut Asks) -> Turn {
    match asks {
        Asks::Never => std::future::pending().await,
        Asks::Signed(line) => Turn::Signed(line.next().await),
        Asks::Plainly(executor, requests) => Turn::Plain(tokio::select! {
            Some(request) = requests.next() => executor::Turn::Asked(request),
            () = at(executor.next_deadline()) => executor::Turn::Late,
        }),
    }
}

async fn good_bye(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    if socket.send(close).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// At most once: whoever waits asks again. While the bus takes nothing, nothing more is read from the agent.
async fn pass_on(gateway: &Gateway, subject: &str, payload: Bytes) {
    let ops = &gateway.inner.parts.ops;
    if let Err(error) = ops.publish_core(subject, None, &[], payload).await {
        tracing::warn!(%error, "what an agent said could not be passed on");
    }
}

impl Shell {
    async fn run(&mut self) -> End {
        let (config, stop) = {
            let parts = &self.gateway.inner.parts;
            (parts.config.clone(), parts.stop.clone())
        };
        let auth_by = Instant::now() + config.auth_within;
        let mut pings = interval_at(Instant::now() + config.ping_every, config.ping_every);
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => Err(End::Close(GOING_AWAY, "the server is going away")),
                revoked = self.revocations.recv() => self.check_revoked(revoked),
                Some((receipt, stored)) = self.acks.next(), if !self.acks.is_empty() => {
                    self.settled(receipt, stored).await
                }
                message = self.socket.recv(), if self.acks.len() < self.in_flight(&config) => {
                    match message {
                        Some(Ok(message)) => self.heard(message).await,
                        Some(Err(_)) => Err(End::Close(UNREADABLE, "unreadable or too large a message")),
                        None => Err(End::Gone("connection lost")),
                    }
                }
                turn = asked(&mut self.asks) => match turn {
                    Turn::Plain(turn) => self.turn(turn).await,
                    Turn::Signed(down) => self.down(down).await,
                },
                _ = pings.tick() => self.send(Message::Ping(Bytes::new())).await,
                () = sleep_until(self.heard + config.idle) => Err(End::Close(POLICY, "idle")),
                () = at(self.expires) => Err(End::Close(POLICY, "expired")),
                () = sleep_until(auth_by), if self.agent.is_none() => {
                    Err(End::Close(POLICY, "authenticate in time"))
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn heard(&mut self, message: Message) -> Result<(), End> {
        self.heard = Instant::now();
        let (encoding, bytes) = match &message {
            Message::Text(text) => (Encoding::Json, text.as_bytes()),
            Message::Binary(bytes) => (Encoding::Msgpack, &bytes[..]),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Gone("closed by the agent")),
        };
        // Not reading on is what slows the sender down; nothing is thrown away.
        self.limit.until_ready().await;
        let parts = &self.gateway.inner.parts;
        let effects = self
            .session
            .message(encoding, bytes, parts.clock.now(), parts.ids.as_ref());
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), End> {
        for effect in effects {
            match effect {
                Effect::Send(frame) => self.send_frame(&frame).await?,
                Effect::Store { event, receipt } => self.store(event, receipt).await?,
                Effect::Over(answer) => self.over(answer).await?,
                Effect::Answer { request, data } => self.answer(request, data).await?,
                Effect::Output { session, data } => self.output(session, data).await?,
                Effect::Close(code, reason) => return Err(End::Close(code, reason)),
                Effect::Check { key, orders } => {
                    let verdict = self.gateway.admit(&key, self.address).await;
                    let effects = match verdict {
                        Ok(admitted) => {
                            self.listen(&admitted, orders).await?;
                            self.welcome(admitted, orders)
                        }
                        Err(denied) => {
                            self.judged = true;
                            match denied {
                                Denied::Refused(refusal) => self.session.refused(&refusal),
                                Denied::TooMany(_) => self.session.too_many_attempts(),
                            }
                        }
                    };
                    Box::pin(self.perform(effects)).await?;
                }
            }
        }
        Ok(())
    }

    /// From here on this connection is asked for what its host is to do.
    async fn listen(&mut self, admitted: &Admitted, orders: bool) -> Result<(), End> {
        let parts = &self.gateway.inner.parts;
        let try_again = |_| End::Close(TRY_AGAIN, "try again");
        let server = &admitted.server;
        self.asks = if orders {
            let config = &parts.config;
            let quota = Quota::per_second(config.orders_rate).allow_burst(config.orders_burst);
            self.limit = RateLimiter::direct(quota);
            let line = Line::open(&parts.ops, server).await;
            Asks::Signed(line.map_err(try_again)?)
        } else if self.session.encoding() == Encoding::Json {
            let requests = executor::listen(&parts.ops, server).await;
            Asks::Plainly(Executor::new(server.clone()), requests.map_err(try_again)?)
        } else {
            // Those that speak MessagePack and check no orders only tell.
            Asks::Never
        };
        Ok(())
    }

    fn in_flight(&self, config: &GatewayConfig) -> usize {
        match self.asks {
            Asks::Signed(_) => config.orders_in_flight,
            Asks::Never | Asks::Plainly(..) => config.in_flight,
        }
    }

    /// Passes on what the server roles say to the host.
    async fn down(&mut self, down: Option<Down>) -> Result<(), End> {
        let Asks::Signed(line) = &mut self.asks else {
            return Ok(());
        };
        let Some(down) = down else {
            return Err(End::Gone("the agent does not read"));
        };
        let parts = &self.gateway.inner.parts;
        // That a key does not count any more may be known before this connection has looked.
        if let Some((admitted, _)) = &self.agent
            && let Some(lost) = parts.ring.lost(&admitted.key, &admitted.server)
        {
            metrics::kicked("websocket");
            return Err(End::Close(POLICY, lost.word()));
        }
        match line.frame(down, Instant::now()) {
            Ok(frame) => self.send_frame(&frame).await,
            Err((reply, busy)) => {
                pass_on(&self.gateway, &reply, busy).await;
                Ok(())
            }
        }
    }

    async fn answer(&mut self, request: u64, data: Vec<u8>) -> Result<(), End> {
        let to = match &mut self.asks {
            Asks::Signed(line) => line.answered(request, Instant::now()),
            Asks::Never | Asks::Plainly(..) => None,
        };
        let Some(reply) = to else {
            let effects = self.session.not_asked();
            return Box::pin(self.perform(effects)).await;
        };
        pass_on(&self.gateway, &reply, data.into()).await;
        Ok(())
    }

    async fn output(&mut self, session: CommandId, data: Vec<u8>) -> Result<(), End> {
        let to = match &mut self.asks {
            Asks::Signed(line) => line.output(session, Instant::now()),
            Asks::Never | Asks::Plainly(..) => None,
        };
        let Some(subject) = to else {
            let effects = self.session.too_many_sessions();
            return Box::pin(self.perform(effects)).await;
        };
        pass_on(&self.gateway, &subject, data.into()).await;
        Ok(())
    }

    async fn turn(&mut self, turn: executor::Turn) -> Result<(), End> {
        let parts = &self.gateway.inner.parts;
        let Asks::Plainly(executor, _) = &mut self.asks else {
            return Ok(());
        };
        match turn {
            executor::Turn::Late => {
                executor.late(parts);
                Ok(())
            }
            executor::Turn::Asked(request) => {
                let (frame, reply) = executor.take(parts, &request).await;
                // The answer first: it says that the command is marked, whatever becomes of the socket.
                executor::answer(&parts.ops, &request, reply).await;
                match frame {
                    Some(frame) => Box::pin(self.perform(vec![Effect::Send(frame)])).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn over(&mut self, answer: Answer) -> Result<(), End> {
        let parts = &self.gateway.inner.parts;
        let known = match &mut self.asks {
            Asks::Plainly(executor, _) => executor.over(parts, answer),
            Asks::Never | Asks::Signed(_) => false,
        };
        if known {
            return Ok(());
        }
        let effects = self.session.not_running();
        Box::pin(self.perform(effects)).await
    }

    fn welcome(&mut self, admitted: Admitted, orders: bool) -> Vec<Effect> {
        let inner = &self.gateway.inner;
        let now = inner.parts.clock.now();
        let effects = self.session.admitted(&admitted, orders, now);
        self.expires = admitted.expires_at.and_then(|at| {
            let left = u64::try_from(at.micros_since(now)).unwrap_or(0);
            // A key that outlives the calendar never expires.
            Instant::now().checked_add(Duration::from_micros(left))
        });
        let address = self.address.map(|address| address.to_string());
        let session = inner.open.authenticated(&admitted, address, orders);
        self.agent = Some((admitted, session));
        self.stranger = None;
        effects
    }

    /// Puts an event on its way. Its acknowledgement arrives through `acks`.
    async fn store(&mut self, event: Outgoing, receipt: Option<Receipt>) -> Result<(), End> {
        let ops = &self.gateway.inner.parts.ops;
        let sent = ops
            .enqueue(
                &event.subject,
                event.id,
                event.kind,
                event.ver,
                event.payload,
            )
            .await;
        match sent {
            Ok(pending) => {
                self.acks
                    .push(pending.map(move |ack| (receipt, ack.ok())).boxed());
                Ok(())
            }
            Err(error) => {
                tracing::debug!(error = %error, "an event could not be put on its way");
                self.settled(receipt, None).await
            }
        }
    }

    async fn settled(
        &mut self,
        receipt: Option<Receipt>,
        stored: Option<Stored>,
    ) -> Result<(), End> {
        let effect = match (receipt, stored) {
            (Some(receipt), Some(stored)) => self.session.stored(receipt, stored.seq),
            (None, Some(_)) => return Ok(()),
            (receipt, None) => self.session.not_stored(receipt),
        };
        Box::pin(self.perform(vec![effect])).await
    }

    fn check_revoked(
        &self,
        revoked: Result<Revoked, broadcast::error::RecvError>,
    ) -> Result<(), End> {
        let Some((admitted, _)) = &self.agent else {
            return Ok(());
        };
        let lost = match revoked {
            Ok(revoked) => Some(revoked).filter(|lost| lost.hits(&admitted.key, &admitted.server)),
            // Some were missed; the ring has them all.
            Err(_) => {
                let ring = &self.gateway.inner.parts.ring;
                ring.lost(&admitted.key, &admitted.server)
            }
        };
        match lost {
            None => Ok(()),
            Some(lost) => {
                metrics::kicked("websocket");
                Err(End::Close(POLICY, lost.word()))
            }
        }
    }

    async fn send_frame(&mut self, frame: &ServerFrame) -> Result<(), End> {
        match frame::encode(self.session.encoding(), frame) {
            Some(message) => self.send(message).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let within = self.gateway.inner.parts.config.write_within;
        match timeout(within, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone("connection lost")),
            Err(_) => {
                metrics::cut("not_reading");
                Err(End::Gone("the agent does not read"))
            }
        }
    }
}
