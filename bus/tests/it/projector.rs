//! The two silent-loss traps, zombies, gaps and replaced streams. The store below keeps what a database keeps: rows,
//! epoch and position change together or not at all, and outlive the projector. The same runner against PostgreSQL is
//! tested in `projections`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chatops_bus::{
    Bus, StreamName,
    projector::{self, Batch, Halt, Outcome, Position, Sink, Spec, StatusHandle, Stopped},
};
use chatops_schemas::{clock::Timestamp, codec, subject};
use chatops_testkit::{CuttingProxy, NatsServer, NatsVersion, eventually};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::ground;

#[derive(Default)]
struct Committed {
    epoch: i64,
    seq: u64,
    created: Option<Timestamp>,
    /// Event number → times stored.
    rows: BTreeMap<u64, u32>,
    /// Events of each commit.
    batches: Vec<usize>,
    fenced: u32,
}

#[derive(Clone, Default)]
struct Store {
    committed: Arc<Mutex<Committed>>,
    /// The next commit is stored but reported as failed.
    lie: Arc<AtomicBool>,
}

impl Store {
    fn rows(&self) -> usize {
        self.committed.lock().expect("lock").rows.len()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the connection broke during the commit")]
struct Broken;

impl Sink for Store {
    type Error = Broken;

    async fn claim(&mut self, _: &Spec, created: Timestamp) -> Result<Position, Broken> {
        let mut committed = self.committed.lock().expect("lock");
        committed.epoch += 1;
        let before = committed.created;
        committed.created.get_or_insert(created);
        Ok(Position {
            epoch: committed.epoch,
            seq: committed.seq,
            stream_created: before,
        })
    }

    async fn commit(
        &mut self,
        _: &Spec,
        position: &Position,
        batch: &Batch,
    ) -> Result<Outcome, Broken> {
        // Another task may claim while this one "talks to the database".
        tokio::task::yield_now().await;
        let mut committed = self.committed.lock().expect("lock");
        if committed.epoch != position.epoch || committed.seq != position.seq {
            committed.fenced += 1;
            return Ok(Outcome::Fenced);
        }
        for event in &batch.events {
            match codec::decode_any(&event.payload) {
                Ok(event) => {
                    *committed
                        .rows
                        .entry(event.n.unwrap_or_default())
                        .or_default() += 1
                }
                Err(error) if error.needs_upgrade() => {
                    return Ok(Outcome::Halt(Halt::NeedsUpgrade(error.to_string())));
                }
                Err(_) => {}
            }
        }
        committed.batches.push(batch.events.len());
        committed.seq = batch.to;
        if self.lie.swap(false, Ordering::SeqCst) {
            Err(Broken)
        } else {
            Ok(Outcome::Applied)
        }
    }
}

fn spec() -> Spec {
    Spec {
        name: "test",
        ver: 1,
        part: 0,
        stream: StreamName::Metrics,
        filter: "ops.v1.metrics.>".into(),
        max_batch: 100,
        max_wait: Duration::from_millis(5),
        pause: Duration::ZERO,
    }
}

fn start(
    bus: &Bus,
    store: &Store,
) -> (
    tokio::task::JoinHandle<Stopped>,
    CancellationToken,
    StatusHandle,
) {
    start_as(spec(), bus, store)
}

fn start_as(
    spec: Spec,
    bus: &Bus,
    store: &Store,
) -> (
    tokio::task::JoinHandle<Stopped>,
    CancellationToken,
    StatusHandle,
) {
    let stop = CancellationToken::new();
    let status = StatusHandle::new(spec.consumer());
    let task = tokio::spawn(projector::run(
        bus.clone(),
        spec,
        store.clone(),
        stop.clone(),
        status.clone(),
    ));
    (task, stop, status)
}

async fn publish(bus: &Bus, numbers: std::ops::RangeInclusive<u64>) {
    let sends = numbers.map(|n| {
        let bus = bus.clone();
        async move {
            let host = ground::server_id(usize::try_from(n % 5).unwrap_or_default());
            bus.publish(&subject::metrics(&host), &ground::sample(&host, n))
                .await
                .expect("publish");
        }
    });
    futures::stream::iter(sends)
        .buffer_unordered(64)
        .collect::<()>()
        .await;
}

/// Every event is stored exactly once although the line breaks with deliveries in flight, the task is killed without a
/// word, and copies of it run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_kills_and_zombies_lose_and_double_nothing() -> anyhow::Result<()> {
    for version in NatsVersion::ALL {
        let server = NatsServer::builder().version(version).start().await?;
        let direct = ground::provisioned(&server).await;
        let proxy = CuttingProxy::start(server.address()).await?;
        proxy.delay(Duration::from_millis(20));
        let store = Store::default();
        const EVENTS: u64 = 9_000;
        let writer = tokio::spawn({
            let direct = direct.clone();
            async move { publish(&direct, 1..=EVENTS).await }
        });

        let mut round = 0_u64;
        let mut restarts = 0;
        let mut running = Vec::new();
        while (store.rows() as u64) < EVENTS {
            round += 1;
            assert!(round < 100, "no end in sight at {} rows", store.rows());
            let (task, _, status) = start(&ground::bus(&proxy.url("nats")).await, &store);
            running.push(task);
            let target = (store.rows() as u64 + EVENTS / 12).min(EVENTS);
            // Whoever of the copies gets through, the rows grow.
            let _ = tokio::time::timeout(Duration::from_millis(1500), async {
                while (store.rows() as u64) < target {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            match round % 3 {
                0 => drop(proxy.cut()),
                1 => running.drain(..).for_each(|task| task.abort()),
                _ => {} // it goes on beside the next one: a zombie
            }
            restarts += status.get().restarts;
        }
        writer.await?;
        running.drain(..).for_each(|task| task.abort());
        let committed = store.committed.lock().expect("lock");
        let doubled = committed.rows.values().filter(|times| **times != 1).count();
        println!(
            "{version:?}: sent {EVENTS}, stored {}, doubled {doubled}, rounds {round}, restarts {restarts}, fenced {}",
            committed.rows.len(),
            committed.fenced
        );
        assert_eq!(committed.rows.len() as u64, EVENTS);
        assert_eq!(doubled, 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_not_repeated() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let store = Store::default();
    store.lie.store(true, Ordering::SeqCst);
    publish(&bus, 1..=500).await;
    let (task, stop, _) = start(&bus, &store);
    eventually("all rows", Duration::from_secs(20), || async {
        store.rows() == 500
    })
    .await;
    stop.cancel();
    assert_eq!(task.await?, Stopped::Asked);
    assert!(
        !store.lie.load(Ordering::SeqCst),
        "the broken commit happened"
    );
    assert!(
        store
            .committed
            .lock()
            .expect("lock")
            .rows
            .values()
            .all(|times| *times == 1)
    );
    Ok(())
}

/// With a pause that no test would wait for: the first event is committed all the same, and what follows waits until the
/// batch is full.
#[tokio::test]
async fn a_burst_is_one_commit_and_its_first_event_does_not_wait() -> anyhow::Result<()> {
    const BURST: u64 = 20;
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let store = Store::default();
    let burst = Spec {
        max_batch: BURST as usize,
        max_wait: Duration::ZERO,
        pause: Duration::from_secs(600),
        ..spec()
    };
    let (task, stop, _) = start_as(burst, &bus, &store);
    publish(&bus, 1..=1).await;
    eventually("the first is stored", Duration::from_secs(30), || async {
        store.rows() == 1
    })
    .await;
    for n in 2..=BURST + 1 {
        publish(&bus, n..=n).await;
    }
    eventually("all are stored", Duration::from_secs(30), || async {
        store.rows() as u64 == BURST + 1
    })
    .await;
    assert_eq!(
        store.committed.lock().expect("lock").batches,
        [1, BURST as usize]
    );
    stop.cancel();
    assert_eq!(task.await?, Stopped::Asked);
    Ok(())
}

#[tokio::test]
async fn a_gap_stops_it_and_names_the_events() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    publish(&bus, 1..=20).await;
    let store = Store::default();
    let created = bus.stream_info(StreamName::Metrics).await?.created;
    {
        let mut committed = store.committed.lock().expect("lock");
        committed.seq = 5;
        committed.created = Some(created);
    }
    purge_up_to(&server, 12).await?;
    let (task, _, _) = start(&bus, &store);
    let stopped = tokio::time::timeout(Duration::from_secs(20), task).await??;
    assert_eq!(
        stopped,
        Stopped::Gap {
            position: 5,
            first: 12
        }
    );
    assert_eq!(
        stopped.to_string(),
        "events 6 to 11 were removed before they were read"
    );
    Ok(())
}

/// Removes events the way an operator's mistake would.
async fn purge_up_to(server: &NatsServer, seq: u64) -> anyhow::Result<()> {
    let client = ground::bus(&server.url()).await;
    let request = format!(r#"{{"seq":{seq}}}"#);
    client
        .request(
            "$JS.API.STREAM.PURGE.OPS_METRICS",
            request.into(),
            Duration::from_secs(5),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_replaced_stream_stops_it() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    publish(&bus, 1..=3).await;
    let store = Store::default();
    {
        let mut committed = store.committed.lock().expect("lock");
        committed.seq = 3;
        committed.created = Some(Timestamp::from_micros(1));
    }
    let (task, _, _) = start(&bus, &store);
    let stopped = tokio::time::timeout(Duration::from_secs(20), task).await??;
    assert_eq!(
        stopped,
        Stopped::StreamReplaced {
            position: 3,
            last: 3
        }
    );
    Ok(())
}

#[tokio::test]
async fn a_newer_event_stops_it_before_anything_is_skipped() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let host = ground::server_id(1);
    let mut event = ground::sample(&host, 1);
    event.ver = 99;
    bus.publish(&subject::metrics(&host), &event).await?;
    let store = Store::default();
    let (task, _, _) = start(&bus, &store);
    let stopped = tokio::time::timeout(Duration::from_secs(20), task).await??;
    assert!(
        matches!(stopped, Stopped::Halted(Halt::NeedsUpgrade(_))),
        "{stopped}"
    );
    assert_eq!(store.committed.lock().expect("lock").seq, 0);
    Ok(())
}
