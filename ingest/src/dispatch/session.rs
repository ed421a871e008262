//! One life of the dispatcher: read what is open, then follow until the streams are lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use chatops_bus::{From, ReadError, Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::Event as _,
    event::result::ResultFinished,
    ids::{CommandId, ServerId},
    subject,
};
use futures::StreamExt;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    Authority, DispatchParts,
    carry::{self, Done, Errand, Target},
    life::{Life, Step},
};

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("read the streams")]
    Read(#[from] ReadError),
    #[error("a stream ended")]
    Ended,
    #[error("the time is outside the calendar")]
    Time,
}

/// Ends that are remembered for commands that are not known yet.
const EARLY: usize = 256;

struct Session<A> {
    parts: Arc<DispatchParts<A>>,
    open: HashMap<CommandId, Life>,
    /// Ends that hosts told of before the command was read here: the streams are read side by side.
    early: VecDeque<(CommandId, ServerId, ResultFinished)>,
    /// Due, but too much was on its way.
    waiting: VecDeque<CommandId>,
    tasks: JoinSet<(CommandId, Done)>,
}

pub(super) async fn run<A: Authority>(parts: Arc<DispatchParts<A>>) -> Result<(), Lost> {
    let bus = parts.bus.clone();
    let life = i64::try_from(parts.config.life.as_millis()).map_err(|_| Lost::Time)?;
    let from = parts.clock.now().plus_millis(-life);
    // Results from here on are followed, and those before are looked up: none is missed, whenever it was stored.
    let results_from = bus.stream_info(StreamName::Result).await?.last_seq + 1;
    let newest = match bus.last(StreamName::Cmd, "ops.v1.cmd.*.*").await? {
        Some(last) if last.stored_at >= from => last.seq,
        _ => 0,
    };
    let mut commands = bus
        .read_many(StreamName::Cmd, &[], From::Time(from))
        .await?;
    let mut session = Session {
        parts: Arc::clone(&parts),
        open: HashMap::new(),
        early: VecDeque::new(),
        waiting: VecDeque::new(),
        tasks: JoinSet::new(),
    };
    let mut read = 0;
    while read < newest {
        let event = commands.next().await.ok_or(Lost::Ended)??;
        read = event.seq;
        session.fold(event);
    }
    session.look_for_results().await?;
    let mut results = bus
        .read_many(StreamName::Result, &[], From::Seq(results_from))
        .await?;
    tracing::info!(
        open = session.open.len(),
        "the dispatcher has read what is open"
    );
    let mut sweep = interval(parts.config.sweep);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = commands.next() => {
                let id = session.fold(event.ok_or(Lost::Ended)??);
                session.advance_one(id);
            }
            event = results.next() => {
                let id = session.hear(&event.ok_or(Lost::Ended)??);
                session.advance_one(id);
            }
            Some(done) = session.tasks.join_next(), if !session.tasks.is_empty() => {
                // A task that panicked has left its command busy; the session is not to be trusted any more.
                let (id, done) = done.map_err(|_| Lost::Ended)?;
                session.done(id, done);
            }
            _ = sweep.tick() => session.sweep(),
        }
    }
}

impl<A: Authority> Session<A> {
    /// Takes an event of OPS_CMD. Returns the command, if it is open.
    fn fold(&mut self, event: Recorded) -> Option<CommandId> {
        let (server, id) = subject::command_of(&event.subject)?;
        let envelope = match codec::decode_any(&event.payload) {
            Ok(envelope) if envelope.server.as_ref() == Some(&server) => envelope,
            Ok(_) => return None,
            Err(error) => {
                tracing::error!(seq = event.seq, %error, "an event of a command cannot be read: the command is left to whoever can");
                self.open.remove(&id);
                return None;
            }
        };
        if let Some(life) = self.open.get_mut(&id) {
            if life.fold(event.seq, event.stored_at, envelope.data) {
                self.open.remove(&id);
                return None;
            }
            return Some(id);
        }
        if !matches!(&envelope.data, Payload::CommandRequested(asked) if asked.command == id) {
            return None;
        }
        let mut life = Life::begin(server, event.seq, event.stored_at, envelope)?;
        let told = |(of, server, _): &(CommandId, ServerId, _)| *of == id && *server == life.server;
        if let Some(result) = self
            .early
            .iter()
            .position(told)
            .and_then(|n| self.early.remove(n))
        {
            life.finished(&result.2);
        }
        self.open.insert(id, life);
        Some(id)
    }

    /// Takes an event of OPS_RESULT. Returns the command, if this was its end.
    fn hear(&mut self, event: &Recorded) -> Option<CommandId> {
        let (server, id) = subject::command_of(&event.subject)?;
        if codec::head(&event.payload).ok()?.kind != ResultFinished::TYPE {
            return None;
        }
        let result = carry::read_finished(&server, id, &event.payload)?;
        match self.open.get_mut(&id) {
            Some(life) if life.server == server => life.finished(&result),
            Some(_) => return None,
            None => {
                self.early.push_back((id, server, result));
                if self.early.len() > EARLY {
                    self.early.pop_front();
                }
            }
        }
        Some(id)
    }

    /// After a start: the ends that hosts have told of while nobody listened.
    async fn look_for_results(&mut self) -> Result<(), Lost> {
        let parts = Arc::clone(&self.parts);
        let targets: Vec<Target> = self.open.values().map(target).collect();
        let mut looks = futures::stream::iter(targets.into_iter().map(|target| {
            let parts = Arc::clone(&parts);
            async move { (target.command, carry::finished(&parts, &target).await) }
        }))
        .buffer_unordered(32);
        let mut found = Vec::new();
        while let Some((id, result)) = looks.next().await {
            found.extend(result?.map(|result| (id, result)));
        }
        for (id, result) in found {
            if let Some(life) = self.open.get_mut(&id) {
                life.finished(&result);
            }
        }
        Ok(())
    }

    fn done(&mut self, id: CommandId, done: Done) {
        let now = self.parts.clock.now();
        if let Some(life) = self.open.get_mut(&id) {
            life.busy = false;
            match done {
                Done::Asked(answer) => life.answered(answer, now),
                Done::Cancelled(answer) => life.cancel_answered(&answer, now),
                Done::Written { ended: true, .. } => {
                    self.open.remove(&id);
                }
                Done::Written { seq, ended: false } => {
                    life.wrote_delivered(seq, now);
                }
                Done::TooLate { expected } => life.was_too_late(expected),
                Done::NotWritten => life.not_written(now),
                Done::Finished(result) => life.finished(&result),
            }
        }
        self.advance_one(Some(id));
        while self.tasks.len() < self.parts.config.at_once {
            let Some(id) = self.waiting.pop_front() else {
                break;
            };
            self.advance_one(Some(id));
        }
    }

    fn sweep(&mut self) {
        let (now, grace) = (self.parts.clock.now(), self.parts.config.grace);
        self.waiting.clear();
        let mut due: Vec<(u64, CommandId)> = self
            .open
            .values()
            .filter(|life| life.next(now, grace) != Step::Wait)
            .map(|life| (life.seq, life.command))
            .collect();
        due.sort_unstable();
        for (_, id) in due {
            self.advance_one(Some(id));
        }
        metrics::gauge!("chatops_dispatch_open_commands")
            .set(u32::try_from(self.open.len()).map_or(f64::MAX, f64::from));
    }

    /// Does what is due, one thing.
    fn advance_one(&mut self, id: Option<CommandId>) {
        let (now, grace) = (self.parts.clock.now(), self.parts.config.grace);
        let Some((id, life)) = id.and_then(|id| Some((id, self.open.get_mut(&id)?))) else {
            return;
        };
        let step = life.next(now, grace);
        if step == Step::Wait {
            return;
        }
        if self.tasks.len() >= self.parts.config.at_once {
            self.waiting.push_back(id);
            return;
        }
        life.busy = true;
        let (parts, target) = (Arc::clone(&self.parts), target(life));
        match step {
            Step::Wait => {}
            Step::Deliver => {
                life.attempts += 1;
                let errand = Errand {
                    actor: life.actor.clone(),
                    asked: life.asked.clone(),
                    order: life.order.clone(),
                };
                self.tasks
                    .spawn(async move { (id, carry::deliver(parts, target, errand).await) });
            }
            Step::Cancel(order) => {
                self.tasks
                    .spawn(async move { (id, carry::cancel(parts, target, order).await) });
            }
            Step::NoteDelivered => {
                let attempt = life.attempts;
                self.tasks.spawn(async move {
                    (id, carry::note_delivered(parts, target, attempt).await)
                });
            }
            Step::End(event) => {
                self.tasks
                    .spawn(async move { (id, carry::end(parts, target, *event, false).await) });
            }
            Step::EndUnlessFinished(event) => {
                self.tasks
                    .spawn(async move { (id, carry::end(parts, target, *event, true).await) });
            }
        }
    }
}

fn target(life: &Life) -> Target {
    Target {
        server: life.server.clone(),
        command: life.command,
        seq: life.seq,
    }
}
