//! The end of a command, as soon as a stream has it. Tables are not asked: they may lag.
//!
//! An end is there when the host's word of it is stored: the dispatcher makes `command.ended` of the very same word, see
//! [`ResultFinished::end`](chatops_schemas::event::result::ResultFinished::end). Nobody waits for that to be written down.
//! Where the dispatcher has ended it by itself, that counts.

use std::{collections::BTreeMap, time::Duration};

use chatops_bus::{Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    event::command::{CommandEnded, Outcome},
    ids::{CommandId, ServerId},
    session::Stream,
    subject,
};
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::follower::{self, Heard, Place};
use crate::{problem::Problem, state::Api, written};

/// Output in one answer, both streams together; the whole of it is at `/commands/{id}/output`.
pub const MOST_OUTPUT: usize = 1 << 20;
/// How long the rest of the output may take to follow the end: it was stored before, in another stream.
const REST: Duration = Duration::from_millis(500);

/// What is known of a command that somebody waits for.
#[derive(Debug, Default)]
pub struct Progress {
    /// When the host had it.
    pub delivered_at: Option<Timestamp>,
    /// When the host began, and its process.
    pub started: Option<(Timestamp, Option<u32>)>,
    /// The end that was written down.
    ended: Option<(Timestamp, CommandEnded)>,
    /// The end that the host has told of.
    told: Option<(Timestamp, CommandEnded)>,
    pieces: BTreeMap<u32, (Stream, Vec<u8>)>,
    bytes: usize,
    /// Pieces that the host says there are.
    expected: Option<u32>,
    /// Output that does not fit into the answer was left out.
    pub left_out: bool,
}

impl Progress {
    fn take(&mut self, heard: &Heard) {
        match (heard.stream, &*heard.event) {
            (StreamName::Cmd, Payload::CommandDelivered(_)) => self.delivered_at = Some(heard.at),
            (StreamName::Cmd, Payload::CommandEnded(end)) => {
                self.ended = Some((heard.at, end.clone()));
            }
            (StreamName::Result, Payload::ResultStarted(start)) => {
                self.started = Some((heard.at, start.pid));
            }
            (StreamName::Result, Payload::ResultOutput(piece)) => {
                if self.pieces.contains_key(&piece.n) {
                    return;
                }
                let mut data = Vec::new();
                if self.bytes + piece.data.len() <= MOST_OUTPUT {
                    data.clone_from(&piece.data);
                    self.bytes += data.len();
                } else {
                    self.left_out = true;
                }
                self.pieces.insert(piece.n, (piece.stream, data));
            }
            (StreamName::Result, Payload::ResultFinished(end)) => {
                self.expected = Some(end.pieces);
                self.told = Some((heard.at, end.end()));
            }
            _ => {}
        }
    }

    /// The end, once there is one.
    pub fn end(&self) -> Option<&(Timestamp, CommandEnded)> {
        // That the host has it is being stored at the same time, and belongs to the answer.
        let told = self.told.as_ref().filter(|_| self.delivered_at.is_some());
        self.ended.as_ref().or(told)
    }

    /// Whether there is an end and everything that was written before it.
    fn is_whole(&self) -> bool {
        let Some((_, end)) = self.end() else {
            return false;
        };
        match self.expected {
            Some(pieces) => self.pieces.len() >= pieces as usize,
            // Ended without the host: it never wrote a word.
            None => matches!(
                (end.outcome, end.duration_ms),
                (Outcome::Expired | Outcome::Denied, _)
                    | (Outcome::Failed | Outcome::Cancelled, None)
            ),
        }
    }

    /// What was written to one stream. Bytes that are no UTF-8 are replaced.
    pub fn text(&self, stream: Stream) -> String {
        let mut bytes = Vec::new();
        for (of, data) in self.pieces.values() {
            if *of == stream {
                bytes.extend_from_slice(data);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Waits until a command has ended, or until `deadline`.
pub async fn until_ended(
    api: &Api,
    mut place: Place,
    server: &ServerId,
    command: CommandId,
    deadline: Instant,
) -> Result<Progress, Problem> {
    let mut progress = Progress::default();
    let mut until = deadline;
    while !progress.is_whole() {
        match timeout_at(until, place.next()).await {
            Ok(Some(heard)) => progress.take(&heard),
            Ok(None) => look(api, server, command, &mut progress).await?,
            Err(_) => break,
        }
        if progress.end().is_some() {
            until = until.min(Instant::now() + REST);
        }
    }
    if progress.end().is_some() && !progress.is_whole() {
        look(api, server, command, &mut progress).await?;
    }
    Ok(progress)
}

/// Reads what the streams hold of a command.
async fn look(
    api: &Api,
    server: &ServerId,
    command: CommandId,
    progress: &mut Progress,
) -> Result<(), Problem> {
    for (stream, subject) in [
        (StreamName::Result, subject::result(server, command)),
        (StreamName::Cmd, subject::command(server, command)),
    ] {
        let events = api.bus().read_to_end(stream, &subject, 0).await;
        let mut events = events.map_err(|error| written::unread(&error))?;
        while let Some(event) = events.next().await {
            let event: Recorded = event.map_err(|error| written::unread(&error))?;
            if let Some((_, _, heard)) = follower::read(stream, &event) {
                progress.take(&heard);
            }
        }
    }
    Ok(())
}
