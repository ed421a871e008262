//! A real nats-server with all streams, and an evaluator on it. Where it keeps its positions is the one thing that is not
//! real here: the crate that has the database is another one, and is tested with this one in `chatops`.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chatops_alerting::live::{
    Evaluator, Parts, READINGS, Settings,
    force::{Fleet, Rules, RulesError, Standing},
    keep::StateStore,
};
use chatops_bus::{
    Bus, ConnectOptions, StreamName, connect,
    projector::{Position, Spec},
    topology,
};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, IdSource, System, Timestamp},
    codec,
    envelope::Envelope,
    event::metric::Sample,
    ids::{EventId, RuleId, ServerId},
    rule::Rule,
    subject,
};
use chatops_testkit::{NatsServer, eventually};
use futures::StreamExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Generous: a debug build on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// A host is not silent before this.
pub(super) const QUIET: Duration = Duration::from_secs(5);

pub(super) async fn server() -> (NatsServer, Bus) {
    let server = NatsServer::start().await.unwrap();
    let bus = bus(&server).await;
    let topology = topology::embedded().unwrap();
    topology::apply(&bus, &topology, 1, topology::Mode::Apply)
        .await
        .unwrap();
    (server, bus)
}

pub(super) async fn bus(server: &NatsServer) -> Bus {
    connect(ConnectOptions {
        url: server.url(),
        name: "test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    })
    .await
    .unwrap()
}

pub(super) fn host(n: usize) -> ServerId {
    ServerId::parse(format!("host-{n}")).unwrap()
}

/// Rules that a test changes while they are in force.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<State>);

#[derive(Default)]
struct State {
    stamp: AtomicU64,
    fleet: Mutex<Fleet>,
    /// How often the evaluator has asked for the stamp since the rules were changed last.
    asked: AtomicU64,
}

impl Told {
    /// The same rules on these servers.
    pub(super) fn everywhere(servers: usize, rules: &[Rule]) -> Self {
        let servers: Vec<_> = (0..servers).map(host).collect();
        let told = Self::default();
        told.change(|fleet| {
            fleet.servers = servers.iter().cloned().collect();
            fleet.rules = rules
                .iter()
                .map(|rule| Standing {
                    id: RuleId(IdSource::next(&System)),
                    version: 1,
                    definition: rule.clone(),
                    servers: servers.clone(),
                })
                .collect();
        });
        told
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Fleet)) {
        change(&mut self.0.fleet.lock().unwrap());
        self.0.stamp.fetch_add(1, Ordering::SeqCst);
        self.0.asked.store(0, Ordering::SeqCst);
    }

    /// Waits until the evaluator goes by the rules as they are.
    pub(super) async fn in_force(&self) {
        // The first question after a change may have been on its way; the second reads; the third comes after that.
        eventually("the rules are in force", SOON, async || {
            self.0.asked.load(Ordering::SeqCst) >= 3
        })
        .await;
    }

    pub(super) fn rules(&self) -> Vec<Standing> {
        self.0.fleet.lock().unwrap().rules.clone()
    }
}

impl Rules for Told {
    async fn stamp(&self) -> Result<u64, RulesError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.0.stamp.load(Ordering::SeqCst))
    }

    async fn read(&self) -> Result<Fleet, RulesError> {
        Ok(self.0.fleet.lock().unwrap().clone())
    }
}

type Place = (Position, Option<Vec<u8>>);

/// Positions that outlive an evaluator. Nobody waits for anybody here: two evaluators throw each other out.
#[derive(Clone, Default)]
pub(super) struct Kept {
    places: Arc<Mutex<HashMap<String, Place>>>,
    /// Whether nobody ever gets to a sample.
    stuck: bool,
}

impl Kept {
    pub(super) fn stuck() -> Self {
        Self {
            stuck: true,
            ..Self::default()
        }
    }

    /// Everything up to here is evaluated, and what follows from it is written.
    fn position(&self, reader: &str) -> u64 {
        let places = self.places.lock().unwrap();
        places.get(reader).map_or(0, |(position, _)| position.seq)
    }
}

impl StateStore for Kept {
    type Error = Infallible;

    async fn claim(&mut self, spec: &Spec, created: Timestamp) -> Result<Place, Infallible> {
        if self.stuck && spec.name == READINGS {
            std::future::pending::<()>().await;
        }
        let mut places = self.places.lock().unwrap();
        let nowhere = Position {
            epoch: 0,
            seq: 0,
            stream_created: None,
        };
        let place = places.entry(spec.consumer()).or_insert((nowhere, None));
        place.0.epoch += 1;
        let claimed = place.clone();
        place.0.stream_created = Some(created);
        Ok(claimed)
    }

    async fn save(
        &mut self,
        spec: &Spec,
        position: &Position,
        to: u64,
        state: &[u8],
    ) -> Result<bool, Infallible> {
        let mut places = self.places.lock().unwrap();
        let Some((stored, kept)) = places.get_mut(&spec.consumer()) else {
            return Ok(false);
        };
        if (stored.epoch, stored.seq) != (position.epoch, position.seq) {
            return Ok(false);
        }
        stored.seq = to;
        *kept = Some(state.to_vec());
        Ok(true)
    }
}

pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn kill(self) {
        self.task.abort();
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(super) fn start(bus: &Bus, told: &Told, kept: &Kept) -> Running {
    let kept = kept.clone();
    let evaluator = Evaluator::new(Parts {
        settings: Settings {
            look_every: Duration::from_millis(20),
            save_every: Duration::from_millis(30),
            quiet: QUIET,
        },
        bus: bus.clone(),
        rules: told.clone(),
        store: Box::new(move || kept.clone()),
        clock: Arc::new(System),
    });
    let stop = CancellationToken::new();
    let until = stop.clone();
    let task = tokio::spawn(async move {
        let stands = async |spec: Spec, why: String| panic!("{} stands: {why}", spec.consumer());
        evaluator.run(until, stands).await;
    });
    Running { stop, task }
}

/// Stores a sample.
pub(super) async fn send(bus: &Bus, server: &ServerId, at: Timestamp, sample: &Sample) -> u64 {
    let event = Envelope::new(EventId(IdSource::next(&System)), at, sample.clone());
    let stored = bus
        .publish(&subject::metrics(server), &event.about(server.clone()))
        .await;
    stored.unwrap().seq
}

/// Waits until all that is stored was evaluated, and what follows from it is stored, too.
pub(super) async fn evaluated(bus: &Bus, kept: &Kept) {
    for spec in chatops_alerting::live::specs() {
        let last = bus.last(spec.stream, &spec.filter).await.unwrap();
        let last = last.map_or(0, |last| last.seq);
        eventually("all is evaluated", SOON, async || {
            kept.position(&spec.consumer()) >= last
        })
        .await;
    }
}

/// Every event of every alert, in order.
pub(super) async fn alerts(bus: &Bus) -> Vec<Envelope<Payload>> {
    let events = bus
        .read_to_end(StreamName::Alert, subject::ALERTS, 1)
        .await
        .unwrap();
    let decoded = events.map(|event| codec::decode_any(&event.unwrap().payload).unwrap());
    decoded.collect().await
}

pub(super) fn now() -> Timestamp {
    System.now()
}
