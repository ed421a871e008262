//! The one reader of OPS_CMD and OPS_RESULT for everybody in this process who waits for a command.
//!
//! Run by the composition. It reads from where it was started, decodes only what somebody waits for, and hands it over
//! through a channel per command that drops the oldest when a reader is slow; the reader then knows, and looks into the
//! stream itself. When the streams are lost it goes on behind what it has read; what is gone by then is in the stream too.

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
    ids::{CommandId, ServerId},
    subject,
};
use futures::StreamExt;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Pieces that wait for a slow reader, each of at most 48 KiB.
const BEHIND: usize = 64;
/// Commands that are waited for at the same time in this process; more are refused as busy.
const PLACES: usize = 2000;
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

type Desk = HashMap<(ServerId, CommandId), broadcast::Sender<Heard>>;

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
            .get(&self.of)
            .is_some_and(|one| one.receiver_count() == 0)
        {
            desk.remove(&self.of);
        }
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
        if desk.len() >= PLACES && !desk.contains_key(&of) {
            return None;
        }
        let sender = desk
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

    fn hand_over(&self, stream: StreamName, event: &Recorded) {
        let Some(of) = subject::command_of(&event.subject) else {
            return;
        };
        let Some(sender) = self.desk().get(&of).cloned() else {
            return;
        };
        if let Some((_, _, heard)) = read(stream, event) {
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
