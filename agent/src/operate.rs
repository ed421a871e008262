//! What the server may ask of this host, and the checks before it. Driven by [`service`](crate::service), which hands over
//! what the transport hears.
//!
//! | module | answers |
//! |---|---|
//! | [`permits`] | what this host allows, and for how long |
//! | [`exec`] | run, signal, unit, container action: once, with a journal |
//! | [`journal`] | which commands were begun, over restarts |
//! | [`session`] | the two directions of an open session |
//! | [`terminal`], [`follow`] | sessions |
//! | [`container`], [`processes`], [`units`] | questions and actions |
//!
//! # What is guaranteed
//! - Nothing is done that is not signed with the key that was pinned when this host was enrolled, for this host, not too
//!   late, of the kind that the subject says, within its limits, and allowed by the host's own settings or a grant given
//!   on the host. Everything else is answered with a [`Refusal`] that says what to do.
//! - A command is begun at most once, whatever dies, see [`exec`]; a session at most once per id.
//! - Orders are bounded: [`AT_ONCE`] are looked at, [`SESSIONS`] sessions are open; more are refused as busy.
//!
//! Orders hold secrets. Neither their contents nor what is typed is in any log line or `Debug` text.

pub mod container;
pub mod exec;
pub mod follow;
pub mod journal;
pub mod permits;
pub mod processes;
pub mod session;
pub mod terminal;
pub mod units;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chatops_schemas::{
    clock::{Clock, IdSource},
    ids::{CommandId, ServerId},
    order::{
        LONGEST_VALIDITY_MS, Operation, Order, Question, Refusal, RefusalCode, Reply, SKEW_MS,
        SignedOrder, Verb,
    },
    session::{Control, Ended},
    subject::Way,
};
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{collect::Roots, config::Capability, outbox::EventsOut, transport::Io};
use exec::Exec;
use permits::Permits;
use session::{Down, Keep, Session, SessionOut};

/// Orders that are being looked at, at most.
pub const AT_ONCE: usize = 128;
/// Sessions that are open, at most.
pub const SESSIONS: usize = 64;

/// The host, for those who act on it.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Where the kernel's file systems are.
    pub roots: Roots,
    /// Socket of Docker or Podman; the usual places when not set.
    pub docker_socket: Option<PathBuf>,
}

/// What the desk needs from its surroundings.
pub struct Surroundings {
    /// The pinned key; without one everything is refused.
    pub key: Option<[u8; 32]>,
    /// What is allowed.
    pub permits: Permits,
    /// The host.
    pub host: Host,
    /// The data folder.
    pub data: PathBuf,
    /// Where results go.
    pub events: EventsOut,
    /// Where bytes of sessions go.
    pub io: mpsc::Sender<Io>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
}

/// Takes orders. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    key: Option<VerifyingKey>,
    permits: Permits,
    host: Host,
    io: mpsc::Sender<Io>,
    clock: Arc<dyn Clock>,
    exec: Exec,
    processes: processes::Looker,
    server: Mutex<Option<ServerId>>,
    sessions: Mutex<HashMap<CommandId, Open>>,
    looking: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// An open session.
struct Open {
    down: mpsc::Sender<Down>,
    out: SessionOut,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is held under a lock here can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Opens the journal and tells of what an earlier process left undone.
    pub fn open(surroundings: Surroundings) -> Result<Self, exec::JournalError> {
        let Surroundings {
            key,
            permits,
            host,
            data,
            events,
            io,
            clock,
            ids,
        } = surroundings;
        let key = key.and_then(|key| {
            VerifyingKey::from_bytes(&key)
                .inspect_err(|_| tracing::error!("signing_key is no key: enrol this host again"))
                .ok()
        });
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let exec = Exec::open(&data, events, Arc::clone(&clock), ids)?;
        Ok(Self(Arc::new(Inner {
            key,
            permits,
            host,
            io,
            clock,
            exec,
            processes: processes::Looker::default(),
            server: Mutex::new(None),
            sessions: Mutex::new(HashMap::new()),
            looking: Arc::new(Semaphore::new(AT_ONCE)),
            tasks,
            stop,
        })))
    }

    /// There is a line to the server, and this is which one this host is.
    pub fn welcome(&self, server: ServerId) {
        *lock(&self.0.server) = Some(server);
        for open in lock(&self.0.sessions).values() {
            open.out.again();
        }
    }

    /// What is allowed here.
    pub fn permits(&self) -> &Permits {
        &self.0.permits
    }

    /// The stream holds the end of this command.
    pub fn told(&self, command: CommandId) {
        self.0.exec.told(command);
    }

    /// Takes an order and answers it, now or soon.
    pub fn request(&self, verb: Verb, payload: Bytes, answer: oneshot::Sender<Bytes>) {
        let Ok(permit) = Arc::clone(&self.0.looking).try_acquire_owned() else {
            let busy = Refusal::new(
                RefusalCode::Busy,
                "this host is busy with other orders; try again in a moment",
            );
            reply(answer, &Reply::Refused(busy));
            return;
        };
        let desk = self.clone();
        self.0.tasks.spawn(async move {
            let answered = desk.carry_out(verb, &payload).await;
            reply(answer, &answered.unwrap_or_else(Reply::Refused));
            drop(permit);
        });
    }

    /// Something for an open session; for one that is not open it is for nobody.
    pub fn io(&self, session: CommandId, way: Way, payload: Bytes) {
        let sessions = lock(&self.0.sessions);
        let Some(open) = sessions.get(&session) else {
            return;
        };
        let down = match way {
            Way::In => Down::Input(payload),
            Way::Ctl => match Control::decode(&payload) {
                Some(control) => {
                    open.out.heard(control);
                    Down::Control(control)
                }
                None => return,
            },
            Way::Out => return,
        };
        // An owner that has gone has ended the session; one that does not keep up must not lose keystrokes silently.
        if let Err(mpsc::error::TrySendError::Full(_)) = open.down.try_send(down) {
            let message = "more was sent to this session than its program reads";
            open.out.end(Ended::Failed, None, Some(message.to_owned()));
        }
    }

    /// Ends what is running: sessions, then commands, which are told of.
    pub async fn close(&self) {
        self.0.stop.cancel();
        for open in lock(&self.0.sessions).values() {
            open.out.end(Ended::AgentStopped, None, None);
        }
        self.0.exec.close().await;
    }

    /// Checks an order and does what it says.
    async fn carry_out(&self, verb: Verb, payload: &[u8]) -> Result<Reply, Refusal> {
        let order = self.ours(verb, payload)?;
        let id = order.id;
        // Begun before: what the journal says counts, even when it is too late or not allowed any more by now.
        if verb == Verb::Exec
            && let Some(progress) = self.0.exec.progress(id)
        {
            return Ok(Reply::Accepted { progress });
        }
        self.may_do(&order)?;
        match order.operation {
            Operation::Ask(question) => {
                let answer = self.answer(question).await?;
                Ok(Reply::Done { answer })
            }
            Operation::Terminal(terminal) if terminal.reattach => self.still_open(id),
            Operation::Terminal(terminal) => {
                let host = self.0.host.clone();
                let lease = Duration::from_secs(terminal.lease_s.into());
                self.start(id, Keep::Ring, lease, |io| {
                    terminal::open(host, terminal, io)
                })
                .await
            }
            Operation::Follow(follow) => {
                let host = self.0.host.clone();
                let lease = Duration::from_secs(follow.lease_s.into());
                self.start(id, Keep::Unacknowledged, lease, |io| {
                    follow::open(host, follow, io)
                })
                .await
            }
            Operation::Cancel(cancel) => {
                if let Some(open) = lock(&self.0.sessions).get(&cancel.command) {
                    open.out.heard(Control::Close);
                    let _ = open.down.try_send(Down::Control(Control::Close));
                    return Ok(Reply::Done { answer: Vec::new() });
                }
                self.0.exec.cancel(cancel.command)
            }
            operation @ (Operation::Run(_)
            | Operation::Container(_)
            | Operation::Signal(_)
            | Operation::Unit(_)) => self.0.exec.begin(id, operation, &self.0.host).await,
        }
    }

    /// What our server asks of this host.
    fn ours(&self, verb: Verb, payload: &[u8]) -> Result<Order, Refusal> {
        let not_ours = |reason: String| Refusal::new(RefusalCode::NotOurs, reason);
        let Some(key) = &self.0.key else {
            return Err(Refusal::new(
                RefusalCode::NotAllowed,
                "this host was given its key by hand and does not know who may ask it for something; enrol it with \
                 chatops-agent enroll",
            ));
        };
        let signed = SignedOrder::decode(payload).map_err(|error| not_ours(error.to_string()))?;
        let order = signed
            .open(key)
            .map_err(|error| not_ours(error.to_string()))?;
        match &*lock(&self.0.server) {
            Some(server) if *server == order.server => {}
            _ => return Err(not_ours("the order is for another host".to_owned())),
        }
        if order.operation.verb() != verb {
            return Err(not_ours(
                "the order was asked for in another way".to_owned(),
            ));
        }
        if let Err(invalid) = order.operation.validate() {
            return Err(not_ours(format!("the order is impossible: {invalid}")));
        }
        Ok(order)
    }

    /// Whether it may be done now.
    fn may_do(&self, order: &Order) -> Result<(), Refusal> {
        let now = self.0.clock.now();
        let left = order.not_after.micros_since(now) / 1000;
        let skew = SKEW_MS.cast_signed();
        if left < -skew {
            let late = -left / 1000;
            return Err(Refusal::new(
                RefusalCode::Expired,
                format!(
                    "the order was good until {late} s ago by this host's clock; if it was just given, the clocks of \
                     server and host differ"
                ),
            ));
        }
        if left > LONGEST_VALIDITY_MS.cast_signed() + skew {
            return Err(Refusal::new(
                RefusalCode::Expired,
                "the order is good for longer than a week by this host's clock; the clocks of server and host differ",
            ));
        }
        self.0.permits.check(&order.operation, now)
    }

    async fn answer(&self, question: Question) -> Result<Vec<u8>, Refusal> {
        let host = &self.0.host;
        match question {
            Question::Processes => {
                let arguments = self.0.permits.allows(Capability::Exec, self.0.clock.now());
                encode(&self.0.processes.all(host, arguments).await?)
            }
            Question::Units => encode(&units::all().await?),
            Question::Containers => encode(&container::containers(host).await?),
            Question::Inspect { container } => encode(&container::inspect(host, &container).await?),
            Question::Images => encode(&container::images(host).await?),
        }
    }

    /// Whether somebody can go on with this session; it is renewed, so that it still is there when they do.
    fn still_open(&self, id: CommandId) -> Result<Reply, Refusal> {
        let sessions = lock(&self.0.sessions);
        let Some(open) = sessions.get(&id) else {
            return Err(Refusal::new(
                RefusalCode::NotFound,
                "this terminal is not open any more",
            ));
        };
        // One whose owner does not keep up is renewed by what it has not looked at yet.
        let _ = open.down.try_send(Down::Control(Control::Renew));
        Ok(Reply::Done { answer: Vec::new() })
    }

    /// Opens a session, unless this id was open before.
    async fn start<F>(
        &self,
        id: CommandId,
        keep: Keep,
        linger: Duration,
        owner: impl FnOnce(session::SessionIo) -> F,
    ) -> Result<Reply, Refusal>
    where
        F: Future<Output = Result<(), Refusal>>,
    {
        let Session { io, down, sending } = Session::new(id, keep, linger, self.0.io.clone());
        let out = io.out.clone();
        {
            let mut sessions = lock(&self.0.sessions);
            if sessions.contains_key(&id) {
                // The answer to the first request was lost on its way.
                return Ok(Reply::Done { answer: Vec::new() });
            }
            if sessions.len() >= SESSIONS {
                return Err(Refusal::new(
                    RefusalCode::Busy,
                    format!(
                        "{SESSIONS} terminals and log views are open on this host, which is the limit"
                    ),
                ));
            }
            if self.0.stop.is_cancelled() {
                return Err(Refusal::new(RefusalCode::Busy, "the agent is stopping"));
            }
            self.0.exec.open_session(id)?;
            sessions.insert(
                id,
                Open {
                    down,
                    out: out.clone(),
                },
            );
        }
        let opened = owner(io).await;
        if opened.is_err() {
            lock(&self.0.sessions).remove(&id);
            return opened.map(|()| Reply::Done { answer: Vec::new() });
        }
        let desk = self.clone();
        self.0.tasks.spawn(async move {
            sending.run().await;
            // An owner that still reads sees that nobody writes any more.
            lock(&desk.0.sessions).remove(&id);
        });
        Ok(Reply::Done { answer: Vec::new() })
    }
}

fn encode<T: Serialize>(answer: &T) -> Result<Vec<u8>, Refusal> {
    rmp_serde::to_vec_named(answer)
        .map_err(|error| Refusal::new(RefusalCode::Failed, error.to_string()))
}

fn reply(answer: oneshot::Sender<Bytes>, reply: &Reply) {
    match rmp_serde::to_vec_named(reply) {
        // Nobody waits any more: the line is gone.
        Ok(bytes) => drop(answer.send(bytes.into())),
        Err(error) => tracing::error!("an answer cannot be encoded: {error}"),
    }
}
