//! What every test stands on.

use std::{sync::Arc, time::Duration};

use chatops_bus::{
    Bus, ConnectOptions, Recorded, StreamName, connect,
    projector::{self, Batch, Outcome, Sink, Spec},
    topology,
};
use chatops_projections::{
    Store, StoreError, migrate,
    project::{self, MetricsSettings},
    projector::SinkSettings,
};
use chatops_schemas::{
    clock::{Clock, IdSource, System, Timestamp},
    codec,
    envelope::Envelope,
    event::{
        Event,
        ctl::{KeyIssued, Role, ServerRegistered, UserRegistered},
        metric::{Cpu, Filesystem, Host, Interface, Load, Memory, Sample},
    },
    ids::{EventId, KeyId, ServerId, UserId},
    subject::{self, Entity},
};
use chatops_testkit::{Database, NatsServer, eventually};

pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A migrated database of one's own.
pub(crate) async fn database() -> Database {
    Database::create(
        "projections",
        |url: String| async move { migrate(&url).await },
    )
    .await
    .unwrap()
}

pub(crate) async fn store(database: &Database) -> Store {
    Store::connect(database.url(), 4).await.unwrap()
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(System)
}

pub(crate) fn now() -> Timestamp {
    System.now()
}

pub(crate) fn fresh_id() -> EventId {
    System.event_id()
}

pub(crate) async fn bus(url: &str) -> Bus {
    let options = ConnectOptions {
        url: url.to_owned(),
        name: "test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    connect(options).await.unwrap()
}

/// A server with all streams, and a connection to it.
pub(crate) async fn provisioned(server: &NatsServer) -> Bus {
    let bus = bus(&server.url()).await;
    topology::apply(
        &bus,
        &topology::embedded().unwrap(),
        1,
        topology::Mode::Apply,
    )
    .await
    .unwrap();
    bus
}

pub(crate) fn server_id(n: usize) -> ServerId {
    ServerId::parse(format!("host-{n}")).unwrap()
}

pub(crate) fn key_id(n: usize) -> KeyId {
    KeyId::parse(format!("key{n}")).unwrap()
}

pub(crate) fn user_id(n: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(n))
}

/// An event as a stream would hand it over.
pub(crate) fn recorded<T: Event>(seq: u64, subject: &str, event: &Envelope<T>) -> Recorded {
    recorded_bytes(seq, subject, event.time, codec::encode(event).unwrap())
}

pub(crate) fn recorded_bytes(
    seq: u64,
    subject: &str,
    stored_at: Timestamp,
    payload: Vec<u8>,
) -> Recorded {
    Recorded {
        seq,
        subject: subject.to_owned(),
        stored_at,
        id: None,
        payload: payload.into(),
        pending: 0,
    }
}

pub(crate) fn envelope<T: Event>(data: T) -> Envelope<T> {
    Envelope::new(fresh_id(), now(), data).by("user:test")
}

/// Control events that make user 1 the owner of `servers` servers, with a key each.
pub(crate) fn fleet(servers: usize) -> Vec<Recorded> {
    let mut events = Vec::new();
    let owner = user_id(1);
    let user = UserRegistered {
        user: owner,
        username: "Ada".to_owned(),
        email: Some("ada@example.org".to_owned()),
        full_name: None,
        role: Role::Owner,
    };
    events.push(recorded(
        1,
        &subject::ctl(Entity::User, &owner.to_string()),
        &envelope(user),
    ));
    for n in 0..servers {
        let server = server_id(n);
        let registered = ServerRegistered {
            server: server.clone(),
            name: format!("Host {n}"),
            owner,
            tags: vec![if n % 2 == 0 { "even" } else { "odd" }.to_owned()],
            interval_ms: None,
        };
        let seq = events.len() as u64 + 1;
        events.push(recorded(
            seq,
            &subject::ctl(Entity::Server, server.as_str()),
            &envelope(registered),
        ));
        let issued = KeyIssued {
            key: key_id(n),
            server,
            name: None,
            expires_at: None,
        };
        events.push(recorded(
            seq + 1,
            &subject::ctl(Entity::Key, key_id(n).as_str()),
            &envelope(issued),
        ));
    }
    events
}

/// Publishes what [`fleet`] makes.
pub(crate) async fn publish_fleet(bus: &Bus, servers: usize) {
    for event in fleet(servers) {
        let id = fresh_id();
        bus.enqueue(&event.subject, id, "ctl", 1, event.payload)
            .await
            .unwrap()
            .await
            .unwrap();
    }
}

/// A sink with its position, driven by hand: no stream, no runner.
pub(crate) struct Hand<S> {
    pub(crate) spec: Spec,
    pub(crate) sink: S,
    pub(crate) position: projector::Position,
}

pub(crate) const STREAM_MADE: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl<S: Sink<Error = StoreError>> Hand<S> {
    pub(crate) async fn claim((spec, mut sink): (Spec, S)) -> Self {
        let position = sink.claim(&spec, STREAM_MADE).await.unwrap();
        Self {
            spec,
            sink,
            position,
        }
    }

    pub(crate) async fn apply(&mut self, events: Vec<Recorded>) -> Outcome {
        let to = events
            .last()
            .map_or(self.position.seq + 1, |event| event.seq);
        self.apply_to(events, to).await.unwrap()
    }

    pub(crate) async fn apply_to(
        &mut self,
        events: Vec<Recorded>,
        to: u64,
    ) -> Result<Outcome, StoreError> {
        let outcome = self
            .sink
            .commit(&self.spec, &self.position, &Batch { events, to })
            .await?;
        if outcome == Outcome::Applied {
            self.position.seq = to;
        }
        Ok(outcome)
    }
}

/// Sinks without session locks, so that two can be alive.
pub(crate) fn shared() -> SinkSettings {
    SinkSettings {
        exclusive: false,
        ..SinkSettings::default()
    }
}

pub(crate) async fn inventory(store: &Store) -> Hand<impl Sink<Error = StoreError> + use<>> {
    Hand::claim(project::inventory(store, clock(), shared())).await
}

pub(crate) async fn presence(store: &Store) -> Hand<impl Sink<Error = StoreError> + use<>> {
    Hand::claim(project::presence(store, clock(), shared())).await
}

/// Partition 0, fed by hand with samples of any server.
pub(crate) async fn metrics(
    store: &Store,
    bus: &Bus,
) -> Hand<impl Sink<Error = StoreError> + use<>> {
    metrics_with(store, bus, &shared()).await
}

pub(crate) async fn metrics_with(
    store: &Store,
    bus: &Bus,
    settings: &SinkSettings,
) -> Hand<impl Sink<Error = StoreError> + use<>> {
    let partitions = project::metrics(store, bus, &clock(), settings, &MetricsSettings::default());
    Hand::claim(partitions.into_iter().next().unwrap()).await
}

/// A database with a fleet, and a bus whose streams are empty: samples can be fed by hand.
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) database: Database,
    pub(crate) nats: NatsServer,
}

impl Ground {
    pub(crate) async fn with_fleet(servers: usize) -> Self {
        Self::on(NatsServer::start().await.unwrap(), servers).await
    }

    pub(crate) async fn on(nats: NatsServer, servers: usize) -> Self {
        let bus = provisioned(&nats).await;
        let database = database().await;
        let store = store(&database).await;
        let mut inventory = inventory(&store).await;
        assert_eq!(inventory.apply(fleet(servers)).await, Outcome::Applied);
        Self {
            store,
            bus,
            database,
            nats,
        }
    }

    pub(crate) async fn count(&self, table: &str) -> u64 {
        count(&self.database, table).await
    }
}

pub(crate) async fn count(database: &Database, table: &str) -> u64 {
    database
        .psql(&format!("SELECT count(*) FROM {table}"))
        .await
        .unwrap()
        .parse()
        .unwrap()
}

/// A sample as an agent publishes it, and its subject as the stream stores it.
pub(crate) fn sample_event(server: &ServerId, time: Timestamp, data: Sample) -> Envelope<Sample> {
    Envelope::new(fresh_id(), time, data).about(server.clone())
}

pub(crate) fn stored_subject(server: &ServerId) -> String {
    format!("ops.v1.metrics.0.{server}")
}

/// A sample, stored the moment it was taken.
pub(crate) fn sample_recorded(
    seq: u64,
    server: &ServerId,
    time: Timestamp,
    data: Sample,
) -> Recorded {
    recorded(
        seq,
        &stored_subject(server),
        &sample_event(server, time, data),
    )
}

/// A small but whole sample; `cpu` tells samples apart.
pub(crate) fn sample(cpu: f32) -> Sample {
    Sample {
        cpu: Some(Cpu {
            total: Some(cpu),
            user: Some(cpu / 2.0),
            cores: vec![Some(cpu), None],
            ..Cpu::default()
        }),
        load: Some(Load {
            one: Some(0.5),
            five: Some(0.25),
            fifteen: Some(0.125),
        }),
        mem: Some(Memory {
            total: Some(8 << 30),
            used: Some(2 << 30),
            available: Some(6 << 30),
            ..Memory::default()
        }),
        host: Some(Host {
            uptime_s: Some(100),
            processes: Some(123),
            ..Host::default()
        }),
        fs: vec![filesystem("/", 50), filesystem("/var", 75)],
        net: vec![interface("eth0", 1000.0)],
        ..Sample::default()
    }
}

pub(crate) fn filesystem(mount: &str, percent: u64) -> Filesystem {
    Filesystem {
        mount: mount.to_owned(),
        total: Some(1000),
        used: Some(percent * 10),
        available: Some(1000 - percent * 10),
        ..Filesystem::default()
    }
}

pub(crate) fn interface(name: &str, rx: f32) -> Interface {
    Interface {
        name: name.to_owned(),
        rx: Some(rx),
        tx: Some(rx / 2.0),
        ..Interface::default()
    }
}

/// Waits until a table has as many rows.
pub(crate) async fn rows(database: &Database, table: &str, expected: u64) {
    eventually(&format!("{table} has {expected} rows"), SOON, || async {
        count(database, table).await == expected
    })
    .await;
}

pub(crate) const METRICS: StreamName = StreamName::Metrics;
