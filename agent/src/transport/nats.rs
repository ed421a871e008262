//! Straight to NATS: one connection, authenticated by the key, acknowledged by the stream.
//!
//! After each connect the agent asks who it is (`ops.v1.whoami.<key>`): it holds a key and learns the server's id from
//! the gate. A publish that is not permitted is not refused by NATS, its acknowledgement just never comes; the reason
//! is kept by the bus and told along with the outcome.
//!
//! From then on it listens for orders and for bytes of sessions. An order is answered on the subject that it names, at
//! most once and only in the seconds in which the gate lets it.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{
    Bus, Chain, ConnectOptions, Credentials, Link, Message, Pending, PublishError, RequestError,
    connect_once,
};
use chatops_schemas::{
    envelope::Envelope,
    event::fact::AgentHello,
    subject::{self, Way as Direction},
    wire::WhoAmI,
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::{oneshot, watch},
    time::sleep,
};

use super::{Event, Io, Order, Outcome, Way, Welcome, Wire};
use crate::{config::Uplink, identity::VERSION, outbox::Lane, record::Record, trust};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const HELLO_AGAIN: Duration = Duration::from_secs(10);

/// NATS at an address, as somebody.
pub(super) struct Nats {
    pub(super) url: String,
    pub(super) uplink: Uplink,
    pub(super) hostname: String,
}

impl Way for Nats {
    type Line = Bus;

    async fn open(&self) -> Result<(Bus, Welcome), String> {
        let key = &self.uplink.key;
        let options = ConnectOptions {
            url: self.url.clone(),
            name: format!("chatops-agent/{VERSION} {}", self.hostname),
            user: Some(Credentials {
                user: key.id.to_string(),
                password: key.secret.clone(),
            }),
            inbox_prefix: Some(subject::agent_inbox(&key.id)),
            ca_file: self.uplink.ca_file.clone(),
            retry_on_initial_connect: false,
        };
        // A connection that came back by itself would send what it still holds before we could send again what was
        // lost with the line: later samples would overtake earlier ones.
        let bus = connect_once(options).await.map_err(|error| {
            let pinned = self.uplink.ca_file.is_some();
            trust::explain(&explain(&Chain(&error).to_string()), pinned)
        })?;
        bus.check_server().map_err(|error| error.to_string())?;
        let welcome = who_am_i(&bus, &self.uplink).await?;
        Ok((bus, welcome))
    }

    async fn serve(&self, bus: Bus, welcome: &Welcome, wire: &mut Wire) -> Option<String> {
        let heard = [
            subject::rpc_every(&welcome.server),
            subject::io_every(&welcome.server, Direction::In),
            subject::io_every(&welcome.server, Direction::Ctl),
        ];
        let mut listening = Vec::new();
        for subject in heard {
            match bus.subscribe(&subject).await {
                Ok(messages) => listening.push(messages),
                Err(error) => return Some(error.to_string()),
            }
        }
        // One after the other of those that have something.
        let mut listening = futures::stream::select_all(listening);
        let (mut in_flight, mut hello) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut answers = FuturesUnordered::new();
        let mut link = bus.state();
        loop {
            tokio::select! {
                () = left(&mut link) => return Some(explain(&bus.last_error().unwrap_or_else(|| "the connection is lost".to_owned()))),
                Some(message) = listening.next() => {
                    let Some((event, answer)) = understand(message) else { continue };
                    answers.extend(answer.map(|(reply, answer)| reply_with(&bus, reply, answer)));
                    wire.events.send(event).await.ok()?;
                }
                Some(()) = answers.next() => {}
                Some(Io { session, payload }) = wire.io.recv() => {
                    let subject = subject::io(&welcome.server, session, Direction::Out);
                    // What is lost with the line shows in the offsets.
                    let _ = bus.publish_core(&subject, None, &[], payload).await;
                }
                order = wire.orders.recv() => match order? {
                    Order::Send { lane, number, record } => match enqueue(&bus, welcome, lane, &record).await {
                        Ok(pending) => in_flight.push(async move { (lane, number, outcome(pending.await.map(|_| ()))) }),
                        Err(outcome) => wire.events.send(Event::Settled { lane, number, outcome }).await.ok()?,
                    },
                    Order::Hello(data) => {
                        let event = Envelope::new(wire.ids.event_id(), wire.clock.now(), *data);
                        hello.push(greet(&bus, event.about(welcome.server.clone())));
                    }
                },
                Some((lane, number, outcome)) = in_flight.next() => {
                    wire.events.send(Event::Settled { lane, number, outcome }).await.ok()?;
                }
                Some(()) = hello.next() => {}
            }
        }
    }
}

/// Where the answer to an order goes, and where it comes from.
type Owed = (String, oneshot::Receiver<Bytes>);

/// What a message is, and for an order what is owed. `None` for what cannot be answered or is none of ours.
fn understand(message: Message) -> Option<(Event, Option<Owed>)> {
    let Message {
        subject,
        reply,
        payload,
        ..
    } = message;
    if let Some((session, way)) = subject::session_of(&subject) {
        let event = Event::Io {
            session,
            way,
            payload,
        };
        return Some((event, None));
    }
    let verb = subject::verb_of(&subject)?;
    let (answer, answered) = oneshot::channel();
    let event = Event::Request {
        verb,
        payload,
        answer,
    };
    Some((event, Some((reply?, answered))))
}

async fn reply_with(bus: &Bus, reply: String, answer: oneshot::Receiver<Bytes>) {
    if let Ok(payload) = answer.await
        && let Err(error) = bus.publish_core(&reply, None, &[], payload).await
    {
        tracing::warn!("an order could not be answered: {error}");
    }
}

/// A refused key looks the same as a gate that is down; people should hear of both.
fn explain(error: &str) -> String {
    if error.to_lowercase().contains("authorization") {
        return format!(
            "{error}: the key is wrong or revoked, or the server's gate is not running"
        );
    }
    error.to_owned()
}

/// Asks who we are.
async fn who_am_i(bus: &Bus, uplink: &Uplink) -> Result<Welcome, String> {
    let subject = subject::whoami(&uplink.key.id);
    let answer = bus
        .request(&subject, Bytes::new(), ANSWER_WITHIN)
        .await
        .map_err(|error| match error {
            RequestError::NoResponders => {
                "connected, but the server's gate does not run: nobody tells which server this is"
                    .to_owned()
            }
            RequestError::Timeout => format!(
                "connected, but nobody tells which server this is{}",
                hint(bus)
            ),
            RequestError::Failed(error) => error,
        })?;
    let who: WhoAmI = serde_json::from_slice(&answer)
        .map_err(|error| format!("connected, but the gate's answer cannot be read: {error}"))?;
    Ok(Welcome {
        server: who.server_id,
        name: who.name,
        interval: who.interval_ms.map(|ms| Duration::from_millis(ms.into())),
        server_time: who.server_time,
        takes_events: true,
    })
}

fn hint(bus: &Bus) -> String {
    bus.last_error()
        .map(|error| format!(" ({error})"))
        .unwrap_or_default()
}

/// Returns when the connection is gone.
async fn left(link: &mut watch::Receiver<Link>) {
    // An error means that the bus itself is gone.
    let _ = link
        .wait_for(|link| matches!(link, Link::Disconnected { .. }))
        .await;
}

async fn enqueue(
    bus: &Bus,
    welcome: &Welcome,
    lane: Lane,
    record: &Bytes,
) -> Result<Pending, Outcome> {
    let refused = |error: crate::record::RecordError| Outcome::Refused(error.to_string());
    let record = Record::parse(lane, record).map_err(refused)?;
    let payload = record.addressed(&welcome.server).map_err(refused)?;
    let subject = record.subject(&welcome.server);
    let sent = bus
        .enqueue(&subject, record.id, &record.kind, record.version, payload)
        .await;
    sent.map_err(|error| outcome(Err(error)))
}

fn outcome(settled: Result<(), PublishError>) -> Outcome {
    match settled {
        Ok(()) => Outcome::Stored,
        Err(error @ (PublishError::Unknown(_) | PublishError::NoStream(_))) => {
            Outcome::Unknown(error.to_string())
        }
        Err(PublishError::Encode(error)) => Outcome::Refused(error.to_string()),
        // A stream without room refuses too; that passes. Only what it says of the message itself is final.
        Err(error @ PublishError::Refused(_)) => {
            let text = error.to_string();
            if text.contains("size exceeds") || text.contains("payload") {
                Outcome::Refused(text)
            } else {
                Outcome::Unknown(text)
            }
        }
    }
}

/// Publishes the fact until the stream has it.
async fn greet(bus: &Bus, hello: Envelope<AgentHello>) {
    let Some(server) = &hello.server else { return };
    let subject = subject::fact(server, subject::HELLO);
    while let Err(error) = bus.publish(&subject, &hello).await {
        tracing::warn!(
            "the server did not take the description of this host: {error}; trying again"
        );
        sleep(HELLO_AGAIN).await;
    }
}
