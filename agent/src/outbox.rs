//! Events other than samples on their way out: results of commands, log lines, facts. Made by
//! [`operate`](crate::operate) and whoever ships logs; taken by [`service`](crate::service), which keeps them in spools of
//! their own until the stream has acknowledged them.
//!
//! # What is guaranteed
//! - An event that was taken here survives an outage of the server, and a crash of the agent as a sample does (see
//!   [`spool`](crate::spool)). It is sent under the id that it has now, however often.
//! - Results and facts are never dropped. While [`EventsOut::has_room`] says no, whoever has much to say leaves it out and
//!   counts it; the ends of commands are short and always taken.
//! - Log lines have a spool of their own, of which the oldest go first. Their sources count them in what they give next
//!   ([`EventsOut::take_lost`]); only what was not given by then is lost without a number when the agent dies.
//! - Nobody waits for the server here, only for the disk: giving an event waits while [`WAITING`] are not spooled yet.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use chatops_schemas::{
    codec::EncodeError,
    envelope::Envelope,
    event::{Event, result::ResultFinished},
    ids::{CommandId, ServerId},
    subject,
};
use tokio::sync::{mpsc, oneshot};

use crate::record;

/// Events that are given and not spooled yet, at most: a few large ones fit into little memory.
pub const WAITING: usize = 16;

/// Which spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Readings of the host.
    Samples,
    /// Results and facts.
    Events,
    /// Log lines.
    Logs,
}

/// What an event is about: the end of its subject, without the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// What became of a command.
    Result(CommandId),
    /// Lines of a log source.
    Log(String),
    /// A fact of this kind.
    Fact(String),
}

impl Tail {
    /// Which spool keeps it.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Result(_) | Self::Fact(_) => Lane::Events,
            Self::Log(_) => Lane::Logs,
        }
    }

    /// Where it is published.
    pub fn subject(&self, server: &ServerId) -> String {
        match self {
            Self::Result(command) => subject::result(server, *command),
            Self::Log(source) => subject::log(server, source),
            Self::Fact(kind) => subject::fact(server, kind),
        }
    }

    /// As it stands in a record.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Result(command) => format!("result.{command}"),
            Self::Log(source) => format!("log.{source}"),
            Self::Fact(kind) => format!("fact.{kind}"),
        }
    }

    /// From a record.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('.')?;
        let token = !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        match kind {
            "result" => Some(Self::Result(rest.parse().ok()?)),
            "log" if token => Some(Self::Log(rest.to_owned())),
            "fact" if token => Some(Self::Fact(rest.to_owned())),
            _ => None,
        }
    }
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// It does not fit, or has no form.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A source or kind that is no subject token.
    #[error("{0:?} cannot be part of a subject")]
    Tail(String),
    /// The agent is ending.
    #[error("the agent is stopping")]
    Stopping,
}

/// An event for its spool.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) lane: Lane,
    pub(crate) record: Bytes,
    /// The command that is over once the stream has this.
    pub(crate) finished: Option<CommandId>,
    /// Told once the spool has it.
    pub(crate) kept: Option<oneshot::Sender<()>>,
}

/// What whoever keeps events says to those who give them.
#[derive(Debug)]
pub(crate) struct Feedback {
    /// Whether results may still be long.
    pub(crate) room: AtomicBool,
    /// Lines that were dropped for want of room and are not told yet, by source.
    lost: Mutex<BTreeMap<String, u64>>,
}

impl Feedback {
    fn lost(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        // Numbers cannot be left half done.
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines of these sources are gone.
    pub(crate) fn lose(&self, lines: BTreeMap<String, u64>) {
        for (source, lines) in lines {
            *self.lost().entry(source).or_default() += lines;
        }
    }
}

/// Where events are given. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventsOut {
    sender: mpsc::Sender<Outgoing>,
    feedback: Arc<Feedback>,
}

impl EventsOut {
    /// The giving side, the taking side, and what the taker says back.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Outgoing>, Arc<Feedback>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let feedback = Arc::new(Feedback {
            room: AtomicBool::new(true),
            lost: Mutex::default(),
        });
        let events = Self {
            sender,
            feedback: Arc::clone(&feedback),
        };
        (events, receiver, feedback)
    }

    /// Gives an event, which must not name the server: the agent knows its own only once it is connected.
    pub async fn publish<T: Event>(
        &self,
        tail: &Tail,
        event: &Envelope<T>,
    ) -> Result<(), OutboxError> {
        self.give(tail, event, None).await
    }

    /// The same, and waits until the spool has it: on disk, unless it is on its way to the server.
    pub async fn keep<T: Event>(
        &self,
        tail: &Tail,
        event: &Envelope<T>,
    ) -> Result<(), OutboxError> {
        let (kept, keeping) = oneshot::channel();
        self.give(tail, event, Some(kept)).await?;
        keeping.await.map_err(|_| OutboxError::Stopping)
    }

    async fn give<T: Event>(
        &self,
        tail: &Tail,
        event: &Envelope<T>,
        kept: Option<oneshot::Sender<()>>,
    ) -> Result<(), OutboxError> {
        let text = tail.text();
        if Tail::parse(&text).as_ref() != Some(tail) {
            return Err(OutboxError::Tail(text));
        }
        let finished = match tail {
            Tail::Result(command) if T::TYPE == ResultFinished::TYPE => Some(*command),
            _ => None,
        };
        let outgoing = Outgoing {
            lane: tail.lane(),
            record: record::encode_event(tail, event)?,
            finished,
            kept,
        };
        self.sender
            .send(outgoing)
            .await
            .map_err(|_| OutboxError::Stopping)
    }

    /// Whether results may still be long. While the server is away for long, output is counted instead of kept.
    pub fn has_room(&self) -> bool {
        self.feedback.room.load(Ordering::Relaxed)
    }

    /// Lines of this source that were taken, had to be dropped for want of room, and are not told yet. The caller tells.
    pub fn take_lost(&self, source: &str) -> u64 {
        self.feedback.lost().remove(source).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_tail_is_read_back_and_makes_one_subject() {
        let server = ServerId::parse("web-1").unwrap();
        let command = CommandId(Uuid::from_u128(7));
        for (tail, subject) in [
            (
                Tail::Result(command),
                format!("ops.v1.result.web-1.{command}"),
            ),
            (Tail::Log("nginx".into()), "ops.v1.log.web-1.nginx".into()),
            (
                Tail::Fact("container".into()),
                "ops.v1.fact.web-1.container".into(),
            ),
        ] {
            assert_eq!(Tail::parse(&tail.text()), Some(tail.clone()));
            assert_eq!(tail.subject(&server), subject);
        }
    }

    #[test]
    fn a_tail_cannot_leave_its_place_in_the_tree() {
        for text in [
            "log.a.b", "log.*", "log.>", "log.", "fact. ", "result.x", "ctl.a",
        ] {
            assert_eq!(Tail::parse(text), None, "{text}");
        }
    }
}
