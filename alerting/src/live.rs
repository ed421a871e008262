//! Alert rules at work: reads what hosts measure and tell, and writes what becomes of their alerts.
//!
//! Run by the composition as the role *alerting*; several may run. One projector per partition of OPS_METRICS and one of
//! OPS_FACT read in order; each reading goes through [`Watch`](crate::watch::Watch), the same code as a trial. What follows
//! is appended to the alert's aggregate in OPS_ALERT, expecting what was read there; the aggregate's newest event is its
//! state ([`board`]), and it says up to which reading it was evaluated. So evaluating again changes nothing: what lies at or
//! before that reading is passed over, and the ids of alerts and events follow from the reading.
//!
//! The database is asked which rules are in force ([`force`]) and keeps positions with what the watches know ([`keep`]), now
//! and then, in one transaction. Neither is needed for an alert to begin or to end.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | anywhere between two savings | the next start evaluates again what came since; what was written is found in the aggregates |
//! | after a reading was evaluated, before the append | the same: the reading lies behind the saved position |
//! | during an append, outcome unknown | the aggregate's newest event tells; the id is the same |
//! | while it saves | position and knowledge are one transaction |
//! | never, but a second copy runs | it waits for the lock of the partition; a zombie's appends expect what is no longer so, and its savings are fenced |
//! | what was kept does not fit this build | it is dropped, counted and said; open alerts are taken from the aggregates |
//!
//! When PostgreSQL is away, alerts go on under the rules as they were. When NATS is away, nothing is evaluated, and nothing
//! is raised for the time in which nobody could know.
//!
//! # Bounds
//! In memory: a watch for each rule and server, and what became of each instance that ever had an alert (400 days). At most
//! [`AT_ONCE`] appends of a partition are on their way.

pub mod board;
mod facts;
pub mod force;
pub mod keep;
mod reader;
mod readings;
mod snapshot;
mod standing;
mod warden;
mod writer;

use std::{fmt, sync::Arc, time::Duration};

use chatops_bus::{
    Bus, StreamName,
    projector::{self, Spec, StatusHandle, Stopped},
};
use chatops_schemas::{clock::Clock, subject};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use board::Board;
use facts::{Facts, LastReadings};
use force::{Force, Rules};
use keep::StateStore;
use reader::{Reader, Work};
use readings::Partition;
use writer::Writer;

/// Name of the readers of samples, as in the table of positions.
pub const READINGS: &str = "alerting";
/// Name of the reader of facts.
pub const FACTS: &str = "alerting-facts";
/// Appends of one partition at the same time.
pub const AT_ONCE: usize = 32;

/// Settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time between looks at which rules are in force.
    pub look_every: Duration,
    /// Least time between two savings of a partition.
    pub save_every: Duration,
    /// However short a rule waits, a host is not silent before this.
    pub quiet: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(1),
            save_every: Duration::from_secs(10),
            quiet: Duration::from_secs(30),
        }
    }
}

/// What the evaluator needs.
pub struct Parts<R, S> {
    /// Settings.
    pub settings: Settings,
    /// A connection of its own.
    pub bus: Bus,
    /// Which rules are in force.
    pub rules: R,
    /// Where positions are kept; called once for each reader.
    pub store: Box<dyn Fn() -> S + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl<R, S> fmt::Debug for Parts<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What each reader reads.
pub fn specs() -> Vec<Spec> {
    let partition = |part| Spec {
        name: READINGS,
        ver: 1,
        part,
        stream: StreamName::Metrics,
        filter: subject::metrics_partition(part),
        max_batch: 500,
        max_wait: Duration::ZERO,
        pause: Duration::ZERO,
    };
    let facts = Spec {
        name: FACTS,
        stream: StreamName::Fact,
        filter: subject::fact_every("*"),
        ..partition(0)
    };
    let partitions = (0..subject::PARTITIONS).map(partition);
    partitions.chain([facts]).collect()
}

/// Evaluates. See the module.
#[derive(Debug)]
pub struct Evaluator<R, S>(Parts<R, S>);

impl<R: Rules, S: StateStore> Evaluator<R, S> {
    /// Ready to run.
    pub fn new(parts: Parts<R, S>) -> Self {
        Self(parts)
    }

    /// Runs until told to stop, then saves. `stands` is told of a reader that stopped for good, and why; the others go on.
    pub async fn run<F, T>(self, stop: CancellationToken, stands: F)
    where
        F: Fn(Spec, String) -> T + Clone + Send + 'static,
        T: Future<Output = ()> + Send,
    {
        let Parts {
            settings,
            bus,
            rules,
            store,
            clock,
        } = self.0;
        let board = Arc::new(Board::new(subject::PARTITIONS as usize));
        let force = Arc::new(Force::new(rules));
        let writer = Arc::new(Writer {
            bus: bus.clone(),
            board: Arc::clone(&board),
            clock,
        });
        let last = Arc::new(LastReadings::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(board::follow(Arc::clone(&board), bus.clone(), stop.clone()));
        let looking = force::look(Arc::clone(&force), settings.look_every, stop.clone());
        tasks.spawn(looking);
        let tidying = warden::run(Arc::clone(&force), Arc::clone(&writer), stop.clone());
        tasks.spawn(tidying);
        for (index, spec) in specs().into_iter().enumerate() {
            let (rules, writer) = (force.in_force(), Arc::clone(&writer));
            if spec.stream == StreamName::Fact {
                let reader = Reader::new(
                    store(),
                    rules.clone(),
                    Arc::clone(&writer),
                    Facts::default(),
                );
                tasks.spawn(facts::look(
                    reader.clone(),
                    rules,
                    writer,
                    Arc::clone(&last),
                    settings.clone(),
                    stop.clone(),
                ));
                read(&mut tasks, &bus, spec, reader, &settings, &stop, &stands);
            } else {
                let work = Partition::new(index, Arc::clone(&board), Arc::clone(&last));
                let reader = Reader::new(store(), rules, writer, work);
                read(&mut tasks, &bus, spec, reader, &settings, &stop, &stands);
            }
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// Lets a reader read, save now and then, and save when it has ended.
fn read<S, W, F, T>(
    tasks: &mut JoinSet<()>,
    bus: &Bus,
    spec: Spec,
    reader: Reader<S, W>,
    settings: &Settings,
    stop: &CancellationToken,
    stands: &F,
) where
    S: StateStore,
    W: Work,
    F: Fn(Spec, String) -> T + Clone + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let (keeper, every, until) = (reader.clone(), settings.save_every, stop.clone());
    tasks.spawn(async move { keeper.keep(every, until).await });
    let (bus, stop, stands) = (bus.clone(), stop.clone(), stands.clone());
    tasks.spawn(async move {
        let status = StatusHandle::new(spec.consumer());
        let stopped = projector::run(bus, spec.clone(), reader.clone(), stop, status).await;
        reader.save().await;
        if stopped != Stopped::Asked {
            stands(spec, stopped.to_string()).await;
        }
    });
}
