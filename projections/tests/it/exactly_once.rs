//! Every event becomes a row once, whatever is cut, killed or alive twice: real stream, real database, faults in both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chatops_bus::{
    Bus,
    projector::{self, Sink, Spec, StatusHandle},
};
use chatops_projections::{
    Store, migrate,
    project::{self, MetricsSettings},
    projector::SinkSettings,
};
use chatops_schemas::{codec, event::Event, event::metric::Sample, subject};
use chatops_testkit::{CuttingProxy, NatsServer, NatsVersion, Postgres, eventually};
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ground::{self, Ground, sample_event, server_id};

const HOSTS: usize = 40;

/// Publishes `count` samples of all hosts, each with its number as `cpu`, and returns when all are stored.
async fn publish(bus: Bus, count: usize) {
    let start = ground::now().plus_millis(-3_600_000);
    let sends = (0..count).map(|n| {
        let bus = &bus;
        let host = server_id(n % HOSTS);
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let data = ground::sample(n as f32);
        let step = i64::try_from(n / HOSTS).unwrap();
        let event = sample_event(&host, start.plus_millis(step * 1000), data);
        async move {
            let payload = codec::encode(&event).unwrap().into();
            let pending = bus
                .enqueue(&subject::metrics(&host), event.id, Sample::TYPE, 1, payload)
                .await
                .unwrap();
            pending.await.unwrap();
        }
    });
    futures::stream::iter(sends)
        .buffer_unordered(256)
        .collect::<()>()
        .await;
}

/// Rows, distinct numbers and their sum: all three must be what was published.
async fn assert_counts(database: &chatops_testkit::Database, count: usize) {
    let found = database
        .psql("SELECT count(*) || ' ' || count(DISTINCT cpu) || ' ' || coalesce(sum(cpu::bigint), 0) FROM metrics_raw")
        .await
        .unwrap();
    assert_eq!(
        found,
        format!("{count} {count} {}", (count - 1) * count / 2)
    );
    assert_eq!(
        database.psql("SELECT count(*) FROM dlq").await.unwrap(),
        "0"
    );
}

type Copies = JoinSet<()>;

/// Projectors of all partitions, over a connection of their own.
fn copy<S: Sink + 'static>(
    copies: &mut Copies,
    bus: &Bus,
    (spec, sink): (Spec, S),
    restarts: &Arc<AtomicU64>,
) {
    let (bus, restarts) = (bus.clone(), Arc::clone(restarts));
    copies.spawn(async move {
        let status = StatusHandle::new(spec.consumer());
        let mut seen = status.subscribe();
        tokio::select! {
            stopped = projector::run(bus, spec, sink, CancellationToken::new(), status) => panic!("{stopped}"),
            () = async {
                while seen.changed().await.is_ok() {
                    let now = seen.borrow_and_update().restarts;
                    restarts.fetch_max(now, Ordering::Relaxed);
                }
            } => {}
        }
    });
}

async fn copies(store: &Store, url: &str, restarts: &Arc<AtomicU64>) -> Copies {
    let bus = ground::bus(url).await;
    let mut copies = Copies::new();
    let settings = MetricsSettings {
        max_batch: 100,
        max_wait: Duration::from_millis(5),
        ..MetricsSettings::default()
    };
    for partition in project::metrics(store, &bus, &ground::clock(), &ground::shared(), &settings) {
        copy(&mut copies, &bus, partition, restarts);
    }
    copies
}

/// Zombies are copies that nobody stopped: they go on until they notice that they lost their place. Killed copies are
/// dropped in the middle of whatever they were doing. The line to the stream is cut every few hundred milliseconds with
/// deliveries on it. Both traps of the bus and both fences are in the way; the counts must come out equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_kills_and_zombies_lose_and_double_nothing() {
    const SAMPLES: usize = 12_000;
    for version in NatsVersion::ALL {
        let nats = NatsServer::builder()
            .version(version)
            .start()
            .await
            .unwrap();
        let ground = Ground::on(nats, HOSTS).await;
        let proxy = CuttingProxy::start(ground.nats.address()).await.unwrap();
        proxy.delay(Duration::from_millis(20));
        let publishing = tokio::spawn(publish(ground.bus.clone(), SAMPLES));
        let restarts = Arc::new(AtomicU64::new(0));
        let (mut alive, mut round, mut cuts) = (Vec::new(), 0, 0);
        loop {
            let rows = ground.count("metrics_raw").await;
            if rows == SAMPLES as u64 {
                break;
            }
            assert!(round < 200, "no end in sight: {rows} rows");
            match round % 4 {
                0 => {
                    alive.push(copies(&ground.store, &proxy.url("nats"), &restarts).await);
                    // At most three at once: one that works and two zombies.
                    if alive.len() > 3 {
                        alive.remove(0).abort_all();
                    }
                }
                2 => alive
                    .drain(..alive.len() - 1)
                    .for_each(|mut copies: Copies| copies.abort_all()),
                _ => cuts += proxy.cut(),
            }
            round += 1;
            let target = rows + SAMPLES as u64 / 25;
            let _ = tokio::time::timeout(Duration::from_millis(700), async {
                while ground.count("metrics_raw").await < target.min(SAMPLES as u64) {}
            })
            .await;
        }
        publishing.await.unwrap();
        let restarts = restarts.load(Ordering::Relaxed);
        println!(
            "{version:?}: {SAMPLES} samples, {round} rounds, {cuts} connections cut, up to {restarts} restarts of one copy"
        );
        assert!(cuts > 0 && restarts > 0, "the faults did happen");
        assert_counts(&ground.database, SAMPLES).await;
    }
}

async fn stored(postgres: &Postgres) -> usize {
    let rows = postgres
        .psql("chatops", "SELECT count(*) FROM metrics_raw")
        .await;
    rows.map_or(0, |rows| rows.parse().unwrap())
}

/// The database dies with commits on the wire, again and again; each time some of them happened and nobody was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_during_commits_loses_and_doubles_nothing() {
    const SAMPLES: usize = 9_000;
    let mut postgres = Postgres::builder().durable().start().await.unwrap();
    let url = postgres.create_database("chatops").await.unwrap();
    migrate(&url).await.unwrap();
    let nats = NatsServer::start().await.unwrap();
    let bus = ground::provisioned(&nats).await;
    let store = Store::connect(&url, 4).await.unwrap();
    ground::publish_fleet(&bus, HOSTS).await;
    let mut running = JoinSet::new();
    let restarts = Arc::new(AtomicU64::new(0));
    let inventory = project::inventory(&store, ground::clock(), SinkSettings::default());
    copy(&mut running, &bus, inventory, &restarts);
    let settings = MetricsSettings {
        max_batch: 100,
        max_wait: Duration::ZERO,
        ..MetricsSettings::default()
    };
    for partition in project::metrics(
        &store,
        &bus,
        &ground::clock(),
        &SinkSettings::default(),
        &settings,
    ) {
        copy(&mut running, &bus, partition, &restarts);
    }
    let publishing = tokio::spawn(publish(bus.clone(), SAMPLES));
    for kill in 1..=3_usize {
        let before = SAMPLES / 5 * kill;
        eventually("commits are under way", Duration::from_secs(60), || async {
            stored(&postgres).await >= before
        })
        .await;
        postgres.kill().await.unwrap();
        postgres.restart().await.unwrap();
    }
    eventually("every sample is a row", Duration::from_secs(90), || async {
        stored(&postgres).await >= SAMPLES
    })
    .await;
    publishing.await.unwrap();
    let found = postgres
        .psql("chatops", "SELECT count(*) || ' ' || count(DISTINCT cpu) || ' ' || sum(cpu::bigint) || ' ' || (SELECT count(*) FROM dlq) FROM metrics_raw")
        .await
        .unwrap();
    assert_eq!(
        found,
        format!("{SAMPLES} {SAMPLES} {} 0", (SAMPLES - 1) * SAMPLES / 2)
    );
    assert!(restarts.load(Ordering::Relaxed) > 0);
    // What the rows say and what the positions say agree: the highest position is the stream's end.
    let end = bus.stream_info(ground::METRICS).await.unwrap().last_seq;
    let highest = postgres
        .psql(
            "chatops",
            "SELECT max(seq) FROM projection_checkpoint WHERE name = 'metrics'",
        )
        .await
        .unwrap();
    assert_eq!(highest, end.to_string());
    running.abort_all();
}

/// An agent that never got its acknowledgement sends again, long after the stream has forgotten the first time.
#[tokio::test]
async fn a_sample_sent_twice_under_two_ids_is_one_row() {
    let nats = NatsServer::start().await.unwrap();
    let ground = Ground::on(nats, HOSTS).await;
    for _ in 0..2 {
        let start = ground::now().millis() / 3_600_000 * 3_600_000;
        for n in 0..10 {
            let event = sample_event(
                &server_id(0),
                chatops_schemas::clock::Timestamp::from_millis(start - n * 1000),
                ground::sample(1.0),
            );
            ground
                .bus
                .publish(&subject::metrics(&server_id(0)), &event)
                .await
                .unwrap();
        }
    }
    let restarts = Arc::default();
    let mut running = copies(&ground.store, &ground.nats.url(), &restarts).await;
    eventually("all are read", ground::SOON, || async {
        ground
            .database
            .psql("SELECT coalesce(max(seq), 0) FROM projection_checkpoint WHERE name = 'metrics'")
            .await
            .unwrap()
            == "20"
    })
    .await;
    assert_eq!(
        (ground.count("metrics_raw").await, ground.count("dlq").await),
        (10, 0)
    );
    running.abort_all();
}
