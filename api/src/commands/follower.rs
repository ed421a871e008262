//! The one reader of OPS_CMD and OPS_RESULT for everybody in this process who waits for a command or watches a job.
//!
//! Run by the composition. It reads from where it was started, decodes only what somebody waits for, and hands it over
//! through a channel per command that drops the oldest when a reader is slow; the reader then knows, and looks into the
//! stream itself. When the streams are lost it goes on behind what it has read; what is gone by then is in the stream too.
//! Whoever watches a job is only told how far the streams are when one of its commands moved, and reads the rows: that
//! costs one place for all who watch the same job, and a slow one misses nothing but the steps between.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chatops_bus::{Bus, From, ReadError, Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec,
    ids::{CommandId, JobId, ServerId},
    subject,
};
use futures::StreamExt;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Pieces that wait for a slow reader, each of at most 48 KiB.
const BEHIND: usize = 64;
/// Commands that are waited for at the same time in this process; more are refused as busy.
const PLACES: usize = 2000;
/// Commands of watched jobs in this process, about 100 bytes each; further jobs are refused as busy.
const WATCHED: usize = 100_000;
const RETRY: Duration = Duration::from_millis(500);

/// Something that happened to a command.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Which stream holds it.
    pub stream: StreamName,
    /// Position there.
    pub seq: u64,
    /// When it was stored.
    pub at: Timestamp,
    /// What.
    pub event: Arc<Payload>,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: HashMap<(ServerId, CommandId), broadcast::Sender<Heard>>,
    jobs: HashMap<JobId, Watched>,
    of_jobs: HashMap<CommandId, JobId>,
}

/// A job that somebody watches.
#[derive(Debug)]
struct Watched {
    moved: watch::Sender<Moved>,
    commands: Vec<CommandId>,
}

/// How far the streams are with the commands of a job, as far as that shows in its rows; 0: nothing yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Position of OPS_CMD.
    pub cmd: u64,
    /// Position of OPS_RESULT.
    pub result: u64,
}

/// Hands events to those who wait for them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Follower(Arc<Mutex<Desk>>);

/// A place to hear of one command. Leaving happens on drop.
#[derive(Debug)]
pub struct Place {
    follower: Follower,
    of: (ServerId, CommandId),
    events: Option<broadcast::Receiver<Heard>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.events = None;
        let mut desk = self.follower.desk();
        if desk
            .waiting
            .get(&self.of)
            .is_some_and(|one| one.receiver_count() == 0)
        {
            desk.waiting.remove(&self.of);
        }
    }
}

/// A place to hear that a job's commands moved. Leaving happens on drop.
#[derive(Debug)]
pub struct JobPlace {
    follower: Follower,
    job: JobId,
    moved: Option<watch::Receiver<Moved>>,
}

impl Drop for JobPlace {
    fn drop(&mut self) {
        self.moved = None;
        let mut desk = self.follower.desk();
        if desk
            .jobs
            .get(&self.job)
            .is_some_and(|one| one.moved.receiver_count() == 0)
            && let Some(left) = desk.jobs.remove(&self.job)
        {
            for command in left.commands {
                desk.of_jobs.remove(&command);
            }
        }
    }
}

impl JobPlace {
    /// Waits until a command of the job moved. Cancel-safe: what is not taken is told again.
    pub async fn moved(&mut self) -> Moved {
        if let Some(moved) = &mut self.moved
            && moved.changed().await.is_ok()
        {
            return *moved.borrow_and_update();
        }
        // The sender lives at the desk as long as this place is.
        std::future::pending().await
    }
}

impl Place {
    /// The next event; `None`: some were missed.
    pub async fn next(&mut self) -> Option<Heard> {
        match &mut self.events {
            Some(events) => events.recv().await.ok(),
            None => None,
        }
    }
}

/// An event of OPS_CMD or OPS_RESULT that is about the command of its subject.
pub fn read(stream: StreamName, event: &Recorded) -> Option<(ServerId, CommandId, Heard)> {
    let (server, command) = subject::command_of(&event.subject)?;
    let told = codec::decode_any(&event.payload).ok()?;
    if matches!(&told.data, Payload::ResultFinished(end) if end.command != command) {
        return None;
    }
    let heard = Heard {
        stream,
        seq: event.seq,
        at: event.stored_at,
        event: Arc::new(told.data),
    };
    (told.server.as_ref() == Some(&server)).then_some((server, command, heard))
}

impl Follower {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is stored of this command from now on; `None`: too many wait already.
    pub fn place(&self, server: &ServerId, command: CommandId) -> Option<Place> {
        let of = (server.clone(), command);
        let mut desk = self.desk();
        if desk.waiting.len() >= PLACES && !desk.waiting.contains_key(&of) {
            return None;
        }
        let sender = desk
            .waiting
            .entry(of.clone())
            .or_insert_with(|| broadcast::Sender::new(BEHIND));
        let events = Some(sender.subscribe());
        drop(desk);
        Some(Place {
            follower: self.clone(),
            of,
            events,
        })
    }

    /// Every movement of these commands, which are those of a job, from now on; `None`: too many are watched already.
    pub fn job(&self, job: JobId, commands: impl Iterator<Item = CommandId>) -> Option<JobPlace> {
        let mut desk = self.desk();
        if !desk.jobs.contains_key(&job) {
            let commands: Vec<CommandId> = commands.collect();
            if desk.of_jobs.len() + commands.len() > WATCHED {
                return None;
            }
            desk.of_jobs
                .extend(commands.iter().map(|command| (*command, job)));
            let moved = watch::Sender::default();
            desk.jobs.insert(job, Watched { moved, commands });
        }
        let moved = desk.jobs.get(&job).map(|one| one.moved.subscribe());
        drop(desk);
        Some(JobPlace {
            follower: self.clone(),
            job,
            moved,
        })
    }

    fn hand_over(&self, stream: StreamName, event: &Recorded) {
        let Some(of) = subject::command_of(&event.subject) else {
            return;
        };
        let (sender, job) = {
            let desk = self.desk();
            let job = desk.of_jobs.get(&of.1).copied();
            (desk.waiting.get(&of).cloned(), job)
        };
        if sender.is_none() && job.is_none() {
            return;
        }
        let Some((_, _, heard)) = read(stream, event) else {
            return;
        };
        if let Some(job) = job
            && !matches!(*heard.event, Payload::ResultOutput(_))
            && let Some(watched) = self.desk().jobs.get(&job)
        {
            watched.moved.send_modify(|moved| match stream {
                StreamName::Result => moved.result = heard.seq,
                _ => moved.cmd = heard.seq,
            });
        }
        if let Some(sender) = sender {
            // Whoever has left meanwhile does not mind.
            let _ = sender.send(heard);
        }
    }

    /// Reads until told to stop.
    pub async fn run(self, bus: Bus, stop: CancellationToken) {
        let mut at = None;
        while let Some(Err(error)) = stop.run_until_cancelled(self.follow(&bus, &mut at)).await {
            tracing::warn!(%error, "commands are not followed for a moment");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    async fn follow(&self, bus: &Bus, at: &mut Option<(u64, u64)>) -> Result<(), ReadError> {
        let (cmd, result) = match *at {
            Some(at) => at,
            None => (
                bus.stream_info(StreamName::Cmd).await?.last_seq,
                bus.stream_info(StreamName::Result).await?.last_seq,
            ),
        };
        let (mut cmd, mut result) = (cmd, result);
        *at = Some((cmd, result));
        let mut commands = bus
            .read_many(StreamName::Cmd, &[], From::Seq(cmd + 1))
            .await?;
        let mut results = bus
            .read_many(StreamName::Result, &[], From::Seq(result + 1))
            .await?;
        loop {
            tokio::select! {
                Some(event) = commands.next() => {
                    let event = event?;
                    cmd = event.seq;
                    self.hand_over(StreamName::Cmd, &event);
                }
                Some(event) = results.next() => {
                    let event = event?;
                    result = event.seq;
                    self.hand_over(StreamName::Result, &event);
                }
                else => return Ok(()),
            }
            *at = Some((cmd, result));
        }
    }
}
