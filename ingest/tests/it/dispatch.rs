//! The dispatcher against a real nats-server and a host that keeps a journal as an agent does.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chatops_bus::{Bus, ConnectOptions, StreamName, connect, topology};
use chatops_ingest::dispatch::{
    Authority, AuthorityError, DispatchConfig, DispatchParts, Dispatcher,
};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        command::{Asked, CommandCancelRequested, CommandEnded, CommandRequested, Outcome},
        result::ResultFinished,
    },
    ids::{CommandId, ServerId},
    order::{Program, Progress, Refusal, RefusalCode, Reply, Verb},
    subject,
};
use chatops_testkit::{NatsServer, eventually};
use futures::StreamExt;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Rights {
    lost: Arc<AtomicBool>,
    vault: Arc<Mutex<HashMap<CommandId, Vec<u8>>>>,
}

impl Authority for Rights {
    async fn refuses(
        &self,
        _: &str,
        _: &ServerId,
        _: &Asked,
    ) -> Result<Option<String>, AuthorityError> {
        let lost = self.lost.load(Ordering::SeqCst);
        Ok(lost.then(|| "the account of ada is switched off".to_owned()))
    }

    async fn order(&self, command: CommandId) -> Result<Option<Vec<u8>>, AuthorityError> {
        Ok(self.vault.lock().unwrap().get(&command).cloned())
    }
}

struct Ground {
    nats: NatsServer,
    bus: Bus,
    rights: Rights,
    server: ServerId,
}

async fn bus(nats: &NatsServer) -> Bus {
    connect(ConnectOptions {
        url: nats.url(),
        name: "dispatch test".to_owned(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    })
    .await
    .unwrap()
}

impl Ground {
    async fn new() -> Self {
        let nats = NatsServer::builder().sync_always().start().await.unwrap();
        let bus = bus(&nats).await;
        let streams = topology::embedded().unwrap();
        topology::apply(&bus, &streams, 1, topology::Mode::Apply)
            .await
            .unwrap();
        Self {
            nats,
            bus,
            rights: Rights::default(),
            server: ServerId::parse("h1").unwrap(),
        }
    }

    /// A dispatcher in this process; dropped, it is dead at whatever line it was.
    async fn dispatcher(&self) -> JoinSet<()> {
        let parts = DispatchParts {
            config: DispatchConfig {
                patience: Duration::from_millis(300),
                grace: Duration::from_secs(1),
                sweep: Duration::from_millis(50),
                ..DispatchConfig::default()
            },
            bus: bus(&self.nats).await,
            authority: self.rights.clone(),
            clock: Arc::new(System),
            ids: Arc::new(System),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Dispatcher::new(parts).run(CancellationToken::new()));
        tasks
    }

    async fn append<T: Event>(&self, id: CommandId, expected: u64, data: T) -> u64 {
        let event = Envelope::new(System.event_id(), System.now(), data)
            .by("user:ada")
            .about(self.server.clone());
        let subject = subject::command(&self.server, id);
        self.bus
            .append(StreamName::Cmd, &subject, expected, &event)
            .await
            .unwrap()
    }

    async fn request(&self, ttl_ms: i64, timeout_ms: u64, order: Option<Vec<u8>>) -> CommandId {
        let id = CommandId(System.next());
        let asked = CommandRequested {
            command: id,
            asked: Asked::Run {
                program: Program::Shell("true".to_owned()),
                cwd: None,
                env: Vec::new(),
                stdin_bytes: 0,
                output_limit: 0,
            },
            not_after: System.now().plus_millis(ttl_ms),
            timeout_ms,
            order,
            needs_approval: false,
            job: None,
            repeats: None,
        };
        self.append(id, 0, asked).await;
        id
    }

    /// What the stream holds of a command, by type, and its end.
    async fn told(&self, id: CommandId) -> (Vec<String>, Option<CommandEnded>) {
        let subject = subject::command(&self.server, id);
        let mut events = self
            .bus
            .read_to_end(StreamName::Cmd, &subject, 0)
            .await
            .unwrap();
        let (mut kinds, mut end) = (Vec::new(), None);
        while let Some(event) = events.next().await {
            let event = codec::decode_any(&event.unwrap().payload).unwrap();
            kinds.push(event.kind);
            if let Payload::CommandEnded(data) = event.data {
                end = Some(data);
            }
        }
        (kinds, end)
    }

    async fn ends(&self, id: CommandId) -> CommandEnded {
        chatops_testkit::until("the command has ended", SOON, || async {
            self.told(id).await.1
        })
        .await
    }
}

/// What the host does with an order.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Runs it and tells.
    Runs,
    /// Runs it, tells, but its first answer is lost.
    LosesFirstAnswer,
    /// Has it and never tells of an end.
    Hangs,
    Refuses,
}

/// A host with a journal: the same id is carried out once, whatever is asked how often.
struct Host {
    executions: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    async fn start(ground: &Ground, manner: Manner) -> Self {
        let bus = bus(&ground.nats).await;
        let server = ground.server.clone();
        let mut asked = bus.subscribe(&subject::rpc_every(&server)).await.unwrap();
        bus.flush().await.unwrap();
        let executions = Arc::new(AtomicU32::new(0));
        let count = Arc::new(AtomicU32::new(0));
        let (ran, requests) = (executions.clone(), count.clone());
        let task = tokio::spawn(async move {
            let mut journal: HashMap<CommandId, bool> = HashMap::new();
            while let Some(message) = asked.next().await {
                let nth = requests.fetch_add(1, Ordering::SeqCst);
                let id: CommandId = std::str::from_utf8(&message.payload)
                    .unwrap()
                    .parse()
                    .unwrap();
                let cancel = subject::verb_of(&message.subject) == Some(Verb::Cancel);
                let known = journal.contains_key(&id);
                let outcome = match (manner, cancel, known) {
                    (Manner::Refuses, ..) | (_, true, false) => None,
                    (Manner::Hangs, true, true) => Some(Outcome::Cancelled),
                    (_, true, true) | (_, false, true) | (Manner::Hangs, false, false) => None,
                    (_, false, false) => Some(Outcome::Finished),
                };
                if !cancel && !known && manner != Manner::Refuses {
                    journal.insert(id, true);
                    ran.fetch_add(1, Ordering::SeqCst);
                }
                let reply = match (manner, cancel, known) {
                    (Manner::Refuses, ..) => {
                        Reply::Refused(Refusal::new(RefusalCode::NotAllowed, "exec is not granted"))
                    }
                    (_, true, false) => {
                        Reply::Refused(Refusal::new(RefusalCode::NotFound, "nothing runs"))
                    }
                    (_, _, true) => Reply::Accepted {
                        progress: Progress::Running,
                    },
                    _ => Reply::Accepted {
                        progress: Progress::Begun,
                    },
                };
                if !(manner == Manner::LosesFirstAnswer && nth == 0) {
                    let reply = Bytes::from(rmp_serde::to_vec_named(&reply).unwrap());
                    let inbox = message.reply.unwrap();
                    bus.publish_core(&inbox, None, &[], reply).await.unwrap();
                }
                if let Some(outcome) = outcome {
                    tell(&bus, &server, id, outcome).await;
                }
            }
        });
        Self {
            executions,
            asked: count,
            task,
        }
    }
}

async fn tell(bus: &Bus, server: &ServerId, command: CommandId, outcome: Outcome) {
    let data = ResultFinished {
        command,
        outcome,
        exit_code: Some(0),
        signal: None,
        message: None,
        started_at: Some(System.now()),
        duration_ms: Some(1),
        pieces: 0,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    };
    let event = Envelope::new(System.event_id(), System.now(), data).about(server.clone());
    let subject = subject::result(server, command);
    let stored = async {
        while bus.publish(&subject, &event).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, stored).await.unwrap();
}

/// The order is the id itself: the dispatcher carries bytes.
fn order(id: CommandId) -> Option<Vec<u8>> {
    Some(id.to_string().into_bytes())
}

impl Ground {
    /// A command whose order is its own id.
    async fn command(&self, ttl_ms: i64, timeout_ms: u64) -> CommandId {
        let id = CommandId(System.next());
        self.rights
            .vault
            .lock()
            .unwrap()
            .insert(id, order(id).unwrap());
        let asked = CommandRequested {
            command: id,
            asked: Asked::Run {
                program: Program::Shell("true".to_owned()),
                cwd: None,
                env: Vec::new(),
                stdin_bytes: 0,
                output_limit: 0,
            },
            not_after: System.now().plus_millis(ttl_ms),
            timeout_ms,
            order: None,
            needs_approval: false,
            job: None,
            repeats: None,
        };
        self.append(id, 0, asked).await;
        id
    }

    async fn cancel(&self, id: CommandId) {
        let subject = subject::command(&self.server, id);
        let last = self.bus.last(StreamName::Cmd, &subject).await.unwrap();
        let data = CommandCancelRequested {
            command: id,
            order: order(id),
        };
        self.append(id, last.unwrap().seq, data).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_delivered_once_and_ends_once_with_two_dispatchers() {
    let ground = Ground::new().await;
    let host = Host::start(&ground, Manner::Runs).await;
    let _first = ground.dispatcher().await;
    let _second = ground.dispatcher().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(ground.command(30_000, 10_000).await);
    }
    for id in ids {
        assert_eq!(ground.ends(id).await.outcome, Outcome::Finished);
        let (kinds, _) = ground.told(id).await;
        let ends = kinds.iter().filter(|kind| *kind == "command.ended").count();
        assert_eq!(ends, 1, "{kinds:?}");
        assert!(
            kinds.len() <= 3 && kinds.first().is_some_and(|k| k == "command.requested"),
            "{kinds:?}"
        );
    }
    assert_eq!(host.executions.load(Ordering::SeqCst), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_host_expires_a_late_one_gets_it_and_a_lost_answer_is_asked_for_again() {
    let ground = Ground::new().await;
    let _dispatcher = ground.dispatcher().await;
    let gone = ground.command(700, 10_000).await;
    assert_eq!(ground.ends(gone).await.outcome, Outcome::Expired);
    assert_eq!(
        ground.told(gone).await.0,
        ["command.requested", "command.ended"]
    );

    let late = ground.command(30_000, 10_000).await;
    let host = Host::start(&ground, Manner::LosesFirstAnswer).await;
    assert_eq!(ground.ends(late).await.outcome, Outcome::Finished);
    assert_eq!(host.executions.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_lost_rights_and_erased_values_are_ends_with_their_reason() {
    let ground = Ground::new().await;
    let _dispatcher = ground.dispatcher().await;
    let host = Host::start(&ground, Manner::Refuses).await;
    let refused = ground.command(30_000, 10_000).await;
    let end = ground.ends(refused).await;
    assert_eq!(end.outcome, Outcome::Failed);
    assert_eq!(end.message.as_deref(), Some("exec is not granted"));

    let before = host.asked.load(Ordering::SeqCst);
    let erased = ground.request(30_000, 10_000, None).await;
    assert_eq!(ground.ends(erased).await.outcome, Outcome::Failed);
    ground.rights.lost.store(true, Ordering::SeqCst);
    let denied = ground.command(30_000, 10_000).await;
    let end = ground.ends(denied).await;
    assert_eq!(end.outcome, Outcome::Denied);
    assert_eq!(
        end.message.as_deref(),
        Some("the account of ada is switched off")
    );
    assert_eq!(
        host.asked.load(Ordering::SeqCst),
        before,
        "nothing went out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_reaches_the_host_and_silence_after_delivery_is_a_time_out() {
    let ground = Ground::new().await;
    let _dispatcher = ground.dispatcher().await;
    let nobody = ground.command(30_000, 10_000).await;
    ground.cancel(nobody).await;
    assert_eq!(ground.ends(nobody).await.outcome, Outcome::Cancelled);

    let host = Host::start(&ground, Manner::Hangs).await;
    let id = ground.command(30_000, 60_000).await;
    eventually("it is delivered", SOON, || async {
        ground
            .told(id)
            .await
            .0
            .contains(&"command.delivered".to_owned())
    })
    .await;
    ground.cancel(id).await;
    assert_eq!(ground.ends(id).await.outcome, Outcome::Cancelled);
    let silent = ground.command(30_000, 500).await;
    assert_eq!(ground.ends(silent).await.outcome, Outcome::TimedOut);
    assert_eq!(host.executions.load(Ordering::SeqCst), 2);
}

/// The dispatcher dies again and again, at whatever line it is, and the streams with it: nothing is done twice, and every
/// command has one end.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_when_each_command_runs_once_and_has_one_end() {
    let mut ground = Ground::new().await;
    let host = Host::start(&ground, Manner::Runs).await;
    let mut ids = Vec::new();
    for round in 0..12_u64 {
        for _ in 0..5 {
            ids.push(ground.command(60_000, 30_000).await);
        }
        let mut dispatcher = ground.dispatcher().await;
        // Another line each time: from before it has read anything to after the end.
        let asked = host.asked.load(Ordering::SeqCst);
        eventually("it is at work", SOON, || async {
            host.asked.load(Ordering::SeqCst) >= asked + u32::try_from(round % 4).unwrap()
        })
        .await;
        dispatcher.shutdown().await;
        if round % 4 == 3 {
            ground.nats.kill().await.unwrap();
            ground.nats.restart().await.unwrap();
            eventually("the streams are back", SOON, || async {
                ground.bus.stream_info(StreamName::Cmd).await.is_ok()
            })
            .await;
        }
    }
    let _dispatcher = ground.dispatcher().await;
    let (mut ended, mut doubled) = (0, 0);
    for id in &ids {
        assert_eq!(ground.ends(*id).await.outcome, Outcome::Finished);
        let (kinds, _) = ground.told(*id).await;
        ended += 1;
        doubled += kinds.iter().filter(|kind| *kind == "command.ended").count() - 1;
    }
    let executions = host.executions.load(Ordering::SeqCst);
    println!(
        "asked {}, executed {executions}, ended {ended}, ended twice {doubled}",
        ids.len()
    );
    assert_eq!((ended, doubled), (60, 0));
    assert_eq!(executions, 60);
}
