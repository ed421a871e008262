//! Commands: each begun at most once, and told of until its end. Called by the [`Desk`](super::Desk), which has checked
//! the order.
//!
//! ```text
//! order ─► journal: begun, on disk ─► start ─► accepted, result.started ─► result.output … ─► journal: ended ─► result.finished
//! ```
//!
//! | the agent dies | what the next one does |
//! |---|---|
//! | before the entry is on disk | nothing was begun; the order comes again and is carried out |
//! | before it has started, or while it runs | kills what is left of it, tells `unknown`; never begins it again |
//! | with the end in the journal, before it is told | tells that end under the same event id |
//! | when the end is told | nothing |
//!
//! An order that comes again is answered with how far it is. At most [`AT_ONCE`] run at the same time. When the agent is
//! stopped softly it ends what runs and tells so.

mod act;
mod group;
mod output;
mod run;

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chatops_schemas::{
    clock::{Clock, IdSource, Timestamp},
    envelope::Envelope,
    event::{
        Event,
        command::Outcome,
        result::{ResultFinished, ResultOutput, ResultStarted},
    },
    ids::CommandId,
    order::{Operation, Progress, Refusal, RefusalCode, Reply, Run},
};
use tokio::{process::Child, sync::watch, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    Host,
    journal::{End, Journal, Left},
};
use crate::outbox::{EventsOut, Tail};
use output::{Output, Piece};
use run::Ran;

/// Commands that run at the same time, at most.
pub const AT_ONCE: usize = 64;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the journal of commands cannot be used: {0}")]
pub struct JournalError(#[from] io::Error);

/// Why something is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    /// Somebody wants it.
    Cancelled,
    /// Its time is over.
    TimedOut,
    /// The agent is being stopped.
    Stopping,
}

/// Carries out commands. Cheap to clone.
#[derive(Clone)]
pub(super) struct Exec(Arc<Inner>);

struct Inner {
    journal: Journal,
    events: EventsOut,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    /// How to end what is running.
    running: Mutex<HashMap<CommandId, watch::Sender<Option<Halt>>>>,
    /// One beginning at a time, so that the same order twice is begun once.
    beginning: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
}

impl Exec {
    /// Opens the journal below `data` and tells the ends that an earlier process could not tell.
    pub(super) fn open(
        data: &Path,
        events: EventsOut,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, JournalError> {
        let (journal, left) = Journal::open(&data.join("journal"), clock.now())?;
        let exec = Self(Arc::new(Inner {
            journal,
            events,
            clock,
            ids,
            running: Mutex::new(HashMap::new()),
            beginning: tokio::sync::Mutex::new(()),
            tasks: TaskTracker::new(),
        }));
        exec.settle(left);
        Ok(exec)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<CommandId, watch::Sender<Option<Halt>>>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes ends of what an earlier process left without one, and tells all that are not told.
    fn settle(&self, left: Left) {
        let Left { begun, untold } = left;
        let abandoned: Vec<CommandId> = begun.iter().map(|(id, _)| *id).collect();
        if !abandoned.is_empty() {
            let killed = group::sweep(Path::new("/proc"), &abandoned);
            tracing::warn!(
                commands = abandoned.len(),
                killed,
                "commands were running when an earlier agent died; what was left of them is killed, their end is unknown"
            );
        }
        let mut ends = untold;
        for (id, began_at) in begun {
            let message = "the agent died while this ran; nobody can say how it ended, and it is not begun again";
            let finished = ResultFinished {
                message: Some(message.to_owned()),
                started_at: Some(began_at),
                ..over(id, Outcome::Unknown)
            };
            ends.push(self.end(finished));
        }
        let exec = self.clone();
        self.0.tasks.spawn(async move {
            for end in ends {
                exec.tell_end(&end).await;
            }
        });
    }

    /// How far a command is that was begun before.
    pub(super) fn progress(&self, id: CommandId) -> Option<Progress> {
        self.0.journal.progress(id)
    }

    /// Begins a command, or says how far it is.
    pub(super) async fn begin(
        &self,
        id: CommandId,
        operation: Operation,
        host: &Host,
    ) -> Result<Reply, Refusal> {
        let beginning = self.0.beginning.lock().await;
        if let Some(progress) = self.0.journal.progress(id) {
            return Ok(Reply::Accepted { progress });
        }
        if self.0.tasks.is_closed() {
            return Err(Refusal::new(RefusalCode::Busy, "the agent is stopping"));
        }
        if self.running().len() >= AT_ONCE {
            return Err(Refusal::new(
                RefusalCode::Busy,
                format!("{AT_ONCE} commands run on this host already, which is the limit"),
            ));
        }
        let work = act::prepare(operation)?;
        let now = self.0.clock.now();
        self.write_down(id, now).await?;
        let (halt, halted) = watch::channel(None);
        self.running().insert(id, halt);
        drop(beginning);
        let began = Began {
            at: now,
            moment: Instant::now(),
        };
        // Before the answer: it runs while the answer is on its way.
        let started = match work {
            act::Work::Run(run) => Started::Program(run::start(id, &run), run),
            act::Work::Container(order) => Started::Container(order, host.clone()),
            act::Work::Signal(order) => Started::Signal(order),
        };
        let exec = self.clone();
        self.0.tasks.spawn(async move {
            let end = exec.attend(id, began, started, halted).await;
            exec.tell_end(&end).await;
            exec.running().remove(&id);
        });
        Ok(Reply::Accepted {
            progress: Progress::Begun,
        })
    }

    /// Puts the beginning on disk, off the one thread: a slow disk must hold up nothing else.
    async fn write_down(&self, id: CommandId, now: Timestamp) -> Result<(), Refusal> {
        let exec = self.clone();
        let written = tokio::task::spawn_blocking(move || exec.0.journal.begin(id, now)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::new(
                RefusalCode::Failed,
                format!(
                    "this host cannot write down that the command begins, so it is not begun: {error}"
                ),
            )),
            Err(_) => Err(Refusal::new(RefusalCode::Busy, "the agent is stopping")),
        }
    }

    /// Sees it to its end.
    async fn attend(
        &self,
        id: CommandId,
        began: Began,
        started: Started,
        halted: watch::Receiver<Option<Halt>>,
    ) -> End {
        let mut teller = Teller {
            id,
            exec: self.clone(),
        };
        let mut finished = match started {
            Started::Program(Ok(child), run) => {
                let limit = run.timeout_ms;
                teller.started(child.id()).await;
                let ran = run::attend(child, run, began.moment, &mut teller, halted).await;
                ended(id, ran, limit)
            }
            Started::Program(Err(message), _) => {
                return self.end(failed(id, message));
            }
            Started::Container(order, host) => {
                teller.started(None).await;
                act::container(id, &host, &order, halted).await
            }
            Started::Signal(order) => act::signal(id, &order),
        };
        finished.started_at = Some(began.at);
        finished.duration_ms = u64::try_from(began.moment.elapsed().as_millis()).ok();
        self.end(finished)
    }

    /// Writes an end down, so that it is told whatever happens.
    fn end(&self, finished: ResultFinished) -> End {
        let end = End {
            event: self.0.ids.event_id(),
            at: self.0.clock.now(),
            finished,
        };
        if let Err(error) = self.0.journal.end(&end) {
            tracing::error!(
                "the end of a command cannot be written down: {error}; if the agent dies before it is told, it counts as unknown"
            );
        }
        end
    }

    async fn tell_end(&self, end: &End) {
        let event = Envelope::new(end.event, end.at, end.finished.clone());
        let tail = Tail::Result(end.finished.command);
        if let Err(error) = self.0.events.publish(&tail, &event).await {
            tracing::warn!("the end of a command is told after the next start: {error}");
        }
    }

    async fn tell<T: Event>(&self, id: CommandId, data: T, kept: bool) {
        let event = Envelope::new(self.0.ids.event_id(), self.0.clock.now(), data);
        let tail = Tail::Result(id);
        let told = if kept {
            self.0.events.keep(&tail, &event).await
        } else {
            self.0.events.publish(&tail, &event).await
        };
        if let Err(error) = told {
            tracing::warn!("a part of a command's story is lost: {error}");
        }
    }

    /// Ends a command; one that is over stays as it is.
    pub(super) fn cancel(&self, id: CommandId) -> Result<Reply, Refusal> {
        let Some(progress) = self.0.journal.progress(id) else {
            return Err(Refusal::new(
                RefusalCode::NotFound,
                "nothing was begun under this id on this host",
            ));
        };
        if let Some(halt) = self.running().get(&id) {
            ask(halt, Halt::Cancelled);
        }
        Ok(Reply::Accepted { progress })
    }

    /// Takes note of a session; refused when its id was used before.
    pub(super) fn open_session(&self, id: CommandId) -> Result<(), Refusal> {
        match self.0.journal.opened(id, self.0.clock.now()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::new(
                RefusalCode::NotFound,
                "this session is over; open another",
            )),
            Err(error) => Err(Refusal::new(
                RefusalCode::Failed,
                format!("this host cannot write down that a session is opened: {error}"),
            )),
        }
    }

    /// The stream holds the end of this command.
    pub(super) fn told(&self, id: CommandId) {
        if let Err(error) = self.0.journal.told(id, self.0.clock.now()) {
            tracing::warn!("{error}; the end of a command will be told once more");
        }
    }

    /// Ends what runs, and returns when all ends are given to their spool.
    pub(super) async fn close(&self) {
        self.0.tasks.close();
        for halt in self.running().values() {
            ask(halt, Halt::Stopping);
        }
        self.0.tasks.wait().await;
    }
}

/// Asks for an end; the first who asks says why.
fn ask(halt: &watch::Sender<Option<Halt>>, why: Halt) {
    halt.send_if_modified(|reason| {
        let first = reason.is_none();
        reason.get_or_insert(why);
        first
    });
}

/// When it began, by both clocks.
struct Began {
    at: Timestamp,
    moment: Instant,
}

/// What has been set going.
enum Started {
    Program(Result<Child, String>, Run),
    Container(chatops_schemas::order::ContainerOrder, Host),
    Signal(chatops_schemas::order::SignalOrder),
}

/// Tells how a command goes.
struct Teller {
    id: CommandId,
    exec: Exec,
}

impl Teller {
    async fn started(&self, pid: Option<u32>) {
        let started = ResultStarted {
            command: self.id,
            pid,
        };
        self.exec.tell(self.id, started, false).await;
    }

    /// Tells pieces; `last` waits until they are kept, because what is written down next says how many there were.
    async fn tell(&self, pieces: Vec<Piece>, last: bool) {
        let mut left = pieces.len();
        for piece in pieces {
            left -= 1;
            let output = ResultOutput {
                command: self.id,
                n: piece.n,
                stream: piece.stream,
                off: piece.off,
                data: piece.data,
            };
            self.exec.tell(self.id, output, last && left == 0).await;
        }
    }

    fn has_room(&self) -> bool {
        self.exec.0.events.has_room()
    }
}

/// An end with nothing more to say.
fn over(command: CommandId, outcome: Outcome) -> ResultFinished {
    ResultFinished {
        command,
        outcome,
        exit_code: None,
        signal: None,
        message: None,
        started_at: None,
        duration_ms: None,
        pieces: 0,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    }
}

/// It could not be done.
fn failed(command: CommandId, message: String) -> ResultFinished {
    ResultFinished {
        message: Some(words(&message)),
        ..over(command, Outcome::Failed)
    }
}

/// What others said, as an event may hold it.
fn words(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .take(1000)
        .collect()
}

fn ended(command: CommandId, ran: Ran, timeout_ms: u64) -> ResultFinished {
    let Ran {
        status,
        halted,
        output,
        left_behind,
    } = ran;
    let Output {
        pieces,
        stdout,
        stderr,
        cut,
        ..
    } = output;
    let (outcome, message) = match (halted, &status) {
        (Some(Halt::Cancelled), _) => (Outcome::Cancelled, None),
        (Some(Halt::Stopping), _) => (
            Outcome::Cancelled,
            Some("the agent was stopped, and this with it".to_owned()),
        ),
        (Some(Halt::TimedOut), _) => (
            Outcome::TimedOut,
            Some(format!(
                "it was ended because it ran longer than {} s",
                timeout_ms as f64 / 1000.0
            )),
        ),
        (None, Err(error)) => (Outcome::Unknown, Some(words(&error.to_string()))),
        (None, Ok(_)) => (
            Outcome::Finished,
            left_behind.then(|| {
                "processes that it started go on running; what they write is not kept".to_owned()
            }),
        ),
    };
    let (exit_code, signal) = status.map_or((None, None), run::how);
    ResultFinished {
        exit_code,
        signal,
        message,
        pieces,
        stdout_bytes: stdout,
        stderr_bytes: stderr,
        cut_bytes: cut,
        ..over(command, outcome)
    }
}
