//! The three spools with what waits in them: samples, results and facts, log lines. Driven by
//! [`service`](crate::service).
//!
//! They share the connection and nothing else: a backlog of log lines does not hold up a result, and results are never
//! dropped for want of room, see [`outbox`](crate::outbox).

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use chatops_schemas::{clock::Timestamp, ids::CommandId};
use tokio::sync::mpsc;

use crate::{
    outbox::{Feedback, Lane, Outgoing},
    queue::Queue,
    record::Record,
    spool::{Contents, Options, Spool, SpoolError},
    transport::{Order, Outcome},
};

/// Lines in a record of the spool of log lines.
fn lines(record: &Bytes) -> Option<(String, u64)> {
    Record::parse(Lane::Logs, record).ok()?.lines()
}

/// All spools of a data folder.
#[derive(Debug)]
pub struct Lanes {
    /// Readings of the host.
    pub samples: Queue,
    events: Queue,
    logs: Queue,
    /// Ends of commands on their way, by their number in the spool.
    ends: HashMap<u64, CommandId>,
    feedback: Arc<Feedback>,
    /// Bytes of results on disk from which on output is left out.
    full_at: u64,
}

impl Lanes {
    /// Opens them: `spool/`, `events/`, `logs/`.
    pub(crate) fn open(
        folder: &Path,
        max_bytes: u64,
        orders: &mpsc::Sender<Order>,
        feedback: Arc<Feedback>,
    ) -> Result<Self, SpoolError> {
        let open = |lane, name, max_bytes| {
            let contents: Option<Contents> = match lane {
                Lane::Logs => Some(lines),
                Lane::Samples | Lane::Events => None,
            };
            let spool = Spool::open(Options {
                max_bytes,
                contents,
                ..Options::in_folder(folder.join(name))
            })?;
            Ok(Queue::new(lane, spool, orders.clone()))
        };
        let mut lanes = Self {
            samples: open(Lane::Samples, "spool", max_bytes)?,
            // Its bound is `full_at`: what is dropped here would be the end of a command.
            events: open(Lane::Events, "events", u64::MAX)?,
            logs: open(Lane::Logs, "logs", max_bytes)?,
            ends: HashMap::new(),
            feedback,
            full_at: max_bytes,
        };
        lanes.look_for_room();
        Ok(lanes)
    }

    fn all(&mut self) -> [&mut Queue; 3] {
        [&mut self.samples, &mut self.events, &mut self.logs]
    }

    fn of(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Samples => &mut self.samples,
            Lane::Events => &mut self.events,
            Lane::Logs => &mut self.logs,
        }
    }

    fn look_for_room(&mut self) {
        let room = self.events.bytes_on_disk() < self.full_at;
        if self.feedback.room.swap(room, Ordering::Relaxed) && !room {
            tracing::warn!(
                "the output of commands is not kept until the server has taken what waits; their ends are"
            );
        }
    }

    /// Takes a sample.
    pub fn push_sample(&mut self, record: Bytes, now: Instant, time: Timestamp) {
        self.samples.push(record, now, time);
    }

    /// Takes an event of another kind.
    pub(crate) fn take(&mut self, outgoing: Outgoing, now: Instant, time: Timestamp) {
        let Outgoing {
            lane,
            record,
            finished,
            kept,
        } = outgoing;
        let number = self.of(lane).push(record, now, time);
        if let (Lane::Events, Some(command)) = (lane, finished) {
            self.ends.insert(number, command);
        }
        if let Some(kept) = kept {
            // Whoever waited may have gone with the agent's end.
            let _ = kept.send(());
        }
        self.look_for_room();
        self.tell_lost();
    }

    /// Whoever sends lines hears which of them had no room.
    fn tell_lost(&mut self) {
        let lost = self.logs.take_lost();
        if !lost.is_empty() {
            self.feedback.lose(lost);
        }
    }

    /// The connection is up; `events` says whether it takes anything but samples.
    pub fn connected(&mut self, events: bool, now: Instant, time: Timestamp) {
        self.samples.connected(now, time);
        if events {
            self.events.connected(now, time);
            self.logs.connected(now, time);
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, now: Instant, time: Timestamp) {
        for queue in self.all() {
            queue.disconnected(now, time);
        }
        self.tell_lost();
    }

    /// Something became of a record. Gives the command whose end is with the server now, or will never be.
    pub fn settled(
        &mut self,
        lane: Lane,
        number: u64,
        outcome: Outcome,
        now: Instant,
        time: Timestamp,
    ) -> Option<CommandId> {
        let settled = !matches!(outcome, Outcome::Unknown(_));
        self.of(lane).settled(number, outcome, now, time);
        self.tell_lost();
        if lane == Lane::Events && settled {
            self.look_for_room();
            return self.ends.remove(&number);
        }
        None
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant, time: Timestamp) {
        for queue in self.all() {
            queue.tick(now, time);
        }
        self.tell_lost();
    }

    /// When to call [`Lanes::tick`].
    pub fn wake_at(&self) -> Option<Instant> {
        [&self.samples, &self.events, &self.logs]
            .into_iter()
            .filter_map(Queue::wake_at)
            .min()
    }

    /// Records on their way.
    pub fn in_flight(&self) -> usize {
        [&self.samples, &self.events, &self.logs]
            .into_iter()
            .map(Queue::in_flight)
            .sum()
    }

    /// Results, facts and log batches waiting or on their way.
    pub const fn events_waiting(&self) -> u64 {
        self.events.waiting() + self.logs.waiting()
    }

    /// Puts what is left on disk; the first thing that went wrong is told, the others are tried all the same.
    pub fn close(&mut self) -> std::io::Result<()> {
        let mut closed = Ok(());
        for queue in self.all() {
            closed = closed.and(queue.close());
        }
        closed
    }
}
