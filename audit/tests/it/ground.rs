//! What every test stands on: streams, events in them, appenders, and what is in the chain.

use std::{sync::Arc, time::Duration};

use chatops_audit::{Appender, Outside, Settings, State};
use chatops_bus::{Bus, ConnectOptions, StreamName, connect, topology};
use chatops_schemas::{
    audit::{Entry, HeadKey},
    clock::{Clock, IdSource, System},
    envelope::Envelope,
    event::{
        Event,
        access::{AccessDenied, Witnessed},
        ctl::ServerDeleted,
        fact::{AgentConnected, AgentHello, Transport},
    },
    ids::{KeyId, ServerId},
    subject::{self, Entity},
};
use chatops_testkit::{NatsServer, until};
use futures::StreamExt;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn bus(url: &str) -> Bus {
    let options = ConnectOptions {
        url: url.to_owned(),
        name: "audit test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    connect(options).await.unwrap()
}

/// A server with all streams.
pub(crate) async fn server() -> (NatsServer, Bus) {
    let server = NatsServer::start().await.unwrap();
    let bus = bus(&server.url()).await;
    provision(&bus).await;
    (server, bus)
}

pub(crate) async fn provision(bus: &Bus) {
    let topology = topology::embedded().unwrap();
    topology::apply(bus, &topology, 1, topology::Mode::Apply)
        .await
        .unwrap();
}

fn event<T: Event>(data: T) -> Envelope<T> {
    Envelope::new(System.event_id(), System.now(), data)
        .by("user:test")
        .from_address(Some("192.0.2.7".to_owned()))
}

fn server_id(n: u64) -> ServerId {
    ServerId::parse(format!("web-{n}")).unwrap()
}

/// A decision.
pub(crate) async fn decide(bus: &Bus, n: u64) {
    let server = server_id(n);
    let event = event(ServerDeleted {
        server: server.clone(),
    });
    bus.publish(&subject::ctl(Entity::Server, server.as_str()), &event)
        .await
        .unwrap();
}

/// Somebody was turned away.
pub(crate) async fn deny(bus: &Bus, n: u64) {
    let event = event(AccessDenied {
        action: "delete_server".to_owned(),
        target_kind: "server".to_owned(),
        target: server_id(n).to_string(),
        reason: "hidden".to_owned(),
    });
    bus.publish(&subject::access(AccessDenied::KIND), &event)
        .await
        .unwrap();
}

/// An agent came and said hello, which is no business of the audit.
pub(crate) async fn arrive(bus: &Bus, n: u64) {
    let server = server_id(n);
    let hello = event(AgentHello::default()).about(server.clone());
    bus.publish(&subject::fact(&server, subject::HELLO), &hello)
        .await
        .unwrap();
    let came = event(AgentConnected {
        session: "N.1".to_owned(),
        key: KeyId::parse("k3y").unwrap(),
        transport: Transport::Nats,
        address: Some("192.0.2.8".to_owned()),
        orders: false,
    });
    bus.publish(
        &subject::fact(&server, subject::PRESENCE),
        &came.about(server.clone()),
    )
    .await
    .unwrap();
}

/// An appender that runs.
pub(crate) struct Running {
    pub(crate) state: watch::Receiver<State>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

impl Running {
    /// As its process is told to end.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As its process is killed: nothing more of it runs, whatever it was doing.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

pub(crate) fn key() -> HeadKey {
    HeadKey::from_seed(&[7; 32])
}

/// Signs often enough for tests to see it.
pub(crate) fn quick() -> Settings {
    Settings {
        head_after: Duration::from_millis(1),
        head_entries: 50,
        check_every: Duration::from_secs(3600),
    }
}

pub(crate) fn append(bus: &Bus, outside: Outside, settings: Settings) -> Running {
    let appender = Appender::new(bus.clone(), key(), outside, settings, Arc::new(System));
    let (state, stop) = (appender.state().subscribe(), CancellationToken::new());
    let task = tokio::spawn(appender.run(stop.clone()));
    Running { state, stop, task }
}

pub(crate) fn start(bus: &Bus) -> Running {
    append(bus, Outside::default(), quick())
}

/// The chain as it lies there.
pub(crate) async fn entries(bus: &Bus) -> Vec<Vec<u8>> {
    let stored = bus
        .read_to_end(StreamName::Audit, subject::AUDIT, 1)
        .await
        .unwrap();
    stored
        .map(|entry| entry.unwrap().payload.to_vec())
        .collect()
        .await
}

/// Waits until there are so many entries.
pub(crate) async fn grown_to(bus: &Bus, entries: u64) {
    until("the chain has grown", SOON, async || {
        let info = bus.stream_info(StreamName::Audit).await.ok()?;
        (info.messages >= entries).then_some(())
    })
    .await;
}

/// Stream and position of the event of every entry, in the order of the chain.
pub(crate) fn sources(chain: &[Vec<u8>]) -> Vec<(String, u64)> {
    let source = |bytes: &Vec<u8>| {
        let source = Entry::decode(bytes).unwrap().content.source;
        (source.stream, source.seq)
    };
    chain.iter().map(source).collect()
}
