//! Straight to NATS: one connection, authenticated by the key, acknowledged by the stream.
//!
//! After each connect the agent asks who it is (`ops.v1.whoami.<key>`): it holds a key and learns the server's id from
//! the gate. A publish that is not permitted is not refused by NATS, its acknowledgement just never comes; the reason
//! is kept by the bus and told along with the outcome.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{
    Bus, ConnectOptions, Credentials, Link, Pending, PublishError, RequestError, connect,
};
use chatops_schemas::{envelope::Envelope, event::fact::AgentHello, subject, wire::WhoAmI};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::{sync::watch, time::sleep};

use super::{Event, Order, Outcome, Welcome, Wire, pause, report_skew};
use crate::{config::Uplink, identity::VERSION, record::Record};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often is looked whether there is a newer reason for having no connection.
const REASON_EVERY: Duration = Duration::from_secs(5);
const HELLO_AGAIN: Duration = Duration::from_secs(10);

/// Runs until the service is gone.
pub async fn run(url: String, uplink: Uplink, hostname: String, mut wire: Wire) {
    let bus = loop {
        let options = ConnectOptions {
            url: url.clone(),
            name: format!("chatops-agent/{VERSION} {hostname}"),
            user: Some(Credentials {
                user: uplink.key.id.to_string(),
                password: uplink.key.secret.clone(),
            }),
            inbox_prefix: Some(subject::agent_inbox(&uplink.key.id)),
            ca_file: uplink.ca_file.clone(),
            retry_on_initial_connect: true,
        };
        match connect(options).await {
            Ok(bus) => break bus,
            // Only settings fail here, such as a CA file that is missing; it may come.
            Err(error) => {
                let reason = chain(&error);
                if wire.events.send(Event::Disconnected(reason)).await.is_err() {
                    return;
                }
                sleep(pause(u32::MAX)).await;
            }
        }
    };
    let mut link = bus.state();
    while connected(&bus, &mut link, &wire).await.is_some() {
        let Some(welcome) = introduce(&bus, &uplink, &mut link, &wire).await else {
            return;
        };
        let Some(welcome) = welcome else { continue };
        report_skew(welcome.server_time, wire.clock.now());
        if wire
            .events
            .send(Event::Connected(welcome.clone()))
            .await
            .is_err()
        {
            return;
        }
        serve(&bus, &welcome, &mut link, &mut wire).await;
        if wire
            .events
            .send(Event::Disconnected(reason(&bus)))
            .await
            .is_err()
        {
            return;
        }
        // Orders given before the service heard of the end; it will give them again.
        while wire.orders.try_recv().is_ok() {}
    }
}

/// Waits for a connection and reports why there is none. `None` when the service is gone.
async fn connected(bus: &Bus, link: &mut watch::Receiver<Link>, wire: &Wire) -> Option<()> {
    let mut told = None;
    loop {
        if matches!(*link.borrow_and_update(), Link::Connected { .. }) {
            return Some(());
        }
        let reason = reason(bus);
        if told.as_ref() != Some(&reason) {
            wire.events
                .send(Event::Disconnected(reason.clone()))
                .await
                .ok()?;
            told = Some(reason);
        }
        tokio::select! {
            changed = link.changed() => changed.ok()?,
            () = sleep(REASON_EVERY) => {}
        }
    }
}

fn reason(bus: &Bus) -> String {
    let Some(error) = bus.last_error() else {
        return "no connection".to_owned();
    };
    if error.to_lowercase().contains("authorization") {
        return format!(
            "{error}: the key is wrong or revoked, or the server's gate is not running; trying again"
        );
    }
    error
}

/// Asks who we are until there is an answer; `Some(None)` when the connection went away before.
async fn introduce(
    bus: &Bus,
    uplink: &Uplink,
    link: &mut watch::Receiver<Link>,
    wire: &Wire,
) -> Option<Option<Welcome>> {
    if let Err(error) = bus.check_server() {
        tracing::warn!("{error}");
    }
    let ask = async {
        for attempt in 0.. {
            let why = match who_am_i(bus, uplink).await {
                Ok(welcome) => return Some(welcome),
                Err(why) => why,
            };
            wire.events.send(Event::Disconnected(why)).await.ok()?;
            sleep(pause(attempt)).await;
        }
        None
    };
    tokio::select! {
        welcome = ask => welcome.map(Some),
        _ = link.wait_for(|link| !matches!(link, Link::Connected { .. })) => Some(None),
    }
}

/// Asks who we are, once.
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
    })
}

fn hint(bus: &Bus) -> String {
    bus.last_error()
        .map(|error| format!(" ({error})"))
        .unwrap_or_default()
}

/// Carries out orders until the connection is gone.
async fn serve(bus: &Bus, welcome: &Welcome, link: &mut watch::Receiver<Link>, wire: &mut Wire) {
    let subject = subject::metrics(&welcome.server);
    let mut in_flight = FuturesUnordered::new();
    let mut hello = FuturesUnordered::new();
    let born = link.borrow().clone();
    loop {
        tokio::select! {
            () = left(link, &born) => return,
            order = wire.orders.recv() => match order {
                None => return,
                Some(Order::Send { number, record }) => match enqueue(bus, &subject, welcome, &record).await {
                    Ok(pending) => in_flight.push(async move { (number, outcome(pending.await.map(|_| ()))) }),
                    Err(outcome) => {
                        if wire.events.send(Event::Settled { number, outcome }).await.is_err() {
                            return;
                        }
                    }
                },
                Some(Order::Hello(data)) => {
                    let event = Envelope::new(wire.ids.event_id(), wire.clock.now(), *data);
                    hello.push(greet(bus, event.about(welcome.server.clone())));
                }
            },
            Some((number, outcome)) = in_flight.next() => {
                if wire.events.send(Event::Settled { number, outcome }).await.is_err() {
                    return;
                }
            }
            Some(()) = hello.next() => {}
        }
    }
}

/// Returns when the connection is another than `born`, or none.
async fn left(link: &mut watch::Receiver<Link>, born: &Link) {
    // An error means that the bus itself is gone.
    let _ = link.wait_for(|link| link != born).await;
}

async fn enqueue(
    bus: &Bus,
    subject: &str,
    welcome: &Welcome,
    record: &Bytes,
) -> Result<Pending, Outcome> {
    let refused = |error: crate::record::RecordError| Outcome::Refused(error.to_string());
    let record = Record::parse(record).map_err(refused)?;
    let payload = record.addressed(&welcome.server).map_err(refused)?;
    let (kind, version) = Record::KIND;
    let sent = bus
        .enqueue(subject, record.id, kind, version, payload)
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

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
