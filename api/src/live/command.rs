//! The topic `command:<id>`: how a command goes, and what it writes, in order.
//!
//! Each subscription reads the two streams of its command from their beginning and sends what the client has not: the
//! command as `GET /commands/{id}` shows it, at first and at every step of its life, and the pieces of its output from the
//! number that was asked for, each once and in order. The end comes last, behind all output. A piece that the stream does
//! not hold any more comes from the tables. When this process dies, the client subscribes at another one from the number
//! behind the last piece it has.
//!
//! A client that takes nothing stops the reading: at most [`AHEAD`] pieces of each stream wait here.

use std::{collections::BTreeMap, time::Duration};

use chatops_bus::{From, ReadError, Reader, StreamName};
use chatops_projections::view::{self, CommandEnd};
use chatops_schemas::{
    catalogue::Payload,
    event::command::{CommandEnded, Outcome},
    subject,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::watched::{Telling, Told, Watched};
use crate::{
    body::command::{Command, CommandState},
    commands::follower::{self, Heard},
    problem::{Chain, Problem},
    routes::commands::output::Piece,
    state::Api,
    written,
};

/// Events of each stream that wait for the client, of up to 48 KiB each.
const AHEAD: u32 = 16;
/// Bytes of output in one frame, about.
const FRAME: usize = 256 * 1024;
/// Pieces that came too early are kept for their turn, so many at most.
const EARLY: usize = 64;
/// How long the rest of the output may take to follow the end. It was stored before, in another stream; of a host that is
/// gone it never comes.
const REST: Duration = Duration::from_secs(2);

/// What is told of a command.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Frame<'a> {
    /// How it is now. When its `state` is `ended`, this is the last frame and the topic is given up.
    Command {
        /// As it was subscribed to.
        topic: String,
        /// As `GET /api/v1/commands/{id}` shows it.
        #[schemars(with = "serde_json::Value")]
        command: &'a Command,
    },
    /// What it wrote.
    Output {
        /// As it was subscribed to.
        topic: String,
        /// As `GET /api/v1/commands/{id}/output` shows them: `n`, `stream`, `off`, `data` (base64), `at`.
        #[schemars(with = "Vec<serde_json::Value>")]
        pieces: Vec<Piece>,
        /// What to begin `from` after a break.
        next: u32,
    },
}

/// Follows a command from this piece of its output on. Whether this person may see it is the caller's to know.
pub(crate) async fn follow(api: &Api, found: view::Command, from: u32) -> Result<Telling, Problem> {
    let (id, server) = (found.id, found.server.clone());
    let end = found.end.clone();
    let mut following = Following {
        api: api.clone(),
        shown: end.is_some(),
        deadline: end.is_some().then(|| Instant::now() + REST),
        end,
        command: Command::from(found),
        readers: None,
        pieces: Pieces::new(from),
        expected: None,
        looked: None,
        over: false,
    };
    let subject = subject::result(&server, id);
    let unread = |error: ReadError| written::unread(&error);
    let last = api.bus().last(StreamName::Result, &subject).await;
    if following.end.is_none() || last.map_err(unread)?.is_some() {
        let results = api
            .bus()
            .read_few(StreamName::Result, &subject, From::Seq(1), AHEAD);
        let subject = subject::command(&server, id);
        let commands = api
            .bus()
            .read_few(StreamName::Cmd, &subject, From::Seq(1), AHEAD);
        following.readers = Some((
            results.await.map_err(unread)?,
            commands.await.map_err(unread)?,
        ));
    }
    let telling = stream::unfold(following, |mut following| async move {
        let told = following.next().await?;
        Some((told, following))
    });
    Ok(telling.boxed())
}

struct Following {
    api: Api,
    command: Command,
    /// The client knows how it is.
    shown: bool,
    /// Its end, kept until everything that it wrote is told.
    end: Option<CommandEnd>,
    deadline: Option<Instant>,
    /// None: the stream has nothing of it any more, the tables have all.
    readers: Option<(Reader, Reader)>,
    pieces: Pieces,
    /// Pieces that the host says there are.
    expected: Option<u32>,
    /// The first missing piece that the tables were asked for.
    looked: Option<u32>,
    over: bool,
}

impl Following {
    fn tell(&self, frame: &Frame<'_>, last: bool) -> Told {
        Told {
            topic: Watched::Command(self.command.id),
            about: vec![self.command.server_id.clone()],
            // Our own plain structures always become JSON.
            frame: Some(serde_json::to_string(frame).unwrap_or_default().into()),
            last,
        }
    }

    fn topic(&self) -> String {
        Watched::Command(self.command.id).to_string()
    }

    /// What is to be sent next; `None`: it is over.
    async fn next(&mut self) -> Option<Result<Told, ReadError>> {
        while !self.over {
            if let Some(pieces) = self.pieces.take() {
                let (topic, next) = (self.topic(), self.pieces.next);
                return Some(Ok(self.tell(
                    &Frame::Output {
                        topic,
                        pieces,
                        next,
                    },
                    false,
                )));
            }
            if !std::mem::replace(&mut self.shown, true) {
                return Some(Ok(self.state(false)));
            }
            if self.is_whole() {
                self.over = true;
                if let Some(end) = self.end.take() {
                    self.command.ended(end);
                    self.command.cancelling = false;
                }
                return Some(Ok(self.state(true)));
            }
            if let Err(error) = self.read().await {
                self.over = true;
                return Some(Err(error));
            }
        }
        None
    }

    fn state(&self, last: bool) -> Told {
        let (topic, command) = (self.topic(), &self.command);
        self.tell(&Frame::Command { topic, command }, last)
    }

    /// Whether there is an end and everything that was written before it.
    fn is_whole(&self) -> bool {
        let Some(end) = &self.end else {
            return false;
        };
        match self.expected {
            Some(pieces) => self.pieces.next >= pieces,
            // Ended without the host: it never wrote a word.
            None => matches!(
                (end.outcome, end.duration_ms),
                (Outcome::Expired | Outcome::Denied, _)
                    | (Outcome::Failed | Outcome::Cancelled, None)
            ),
        }
    }

    /// Takes what comes next, and with it what has come already.
    async fn read(&mut self) -> Result<(), ReadError> {
        if self.readers.is_none() || self.pieces.missing() && self.looked != Some(self.pieces.next)
        {
            self.looked = Some(self.pieces.next);
            self.look().await;
            if self.readers.is_none() && self.pieces.ready.is_empty() {
                self.give_up();
            }
            return Ok(());
        }
        let Some((results, commands)) = &mut self.readers else {
            return Ok(());
        };
        let late = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let (stream, event) = tokio::select! {
            biased;
            event = results.next() => (StreamName::Result, event),
            event = commands.next() => (StreamName::Cmd, event),
            () = late => {
                self.look().await;
                if self.pieces.ready.is_empty() {
                    self.give_up();
                }
                return Ok(());
            }
        };
        let mut next = event.map(|event| (stream, event));
        while let Some((stream, event)) = next.take() {
            let event = event?;
            if let Some((_, _, heard)) = follower::read(stream, &event) {
                self.take(&heard);
            }
            if stream == StreamName::Result
                && self.pieces.bytes < FRAME
                && !self.pieces.missing()
                && let Some((results, _)) = &mut self.readers
            {
                // An error met here is met again at the next poll.
                let ready = results.next().now_or_never().flatten();
                next = ready
                    .filter(Result::is_ok)
                    .map(|event| (StreamName::Result, event));
            }
        }
        Ok(())
    }

    /// What is missing will not come.
    fn give_up(&mut self) {
        if self.pieces.missing() {
            self.pieces.skip();
        } else {
            self.expected = Some(self.pieces.next);
        }
    }

    /// Asks the tables for what the stream does not hold.
    async fn look(&mut self) {
        let (store, command) = (self.api.store(), &self.command);
        let found = store.command_output(
            &command.server_id,
            command.id,
            self.pieces.next,
            FRAME as u64,
        );
        match found.await {
            Ok(found) => {
                for piece in found {
                    self.pieces.add(piece.n, piece.data.len(), || piece.into());
                }
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a part of an output cannot be shown live");
            }
        }
    }

    fn take(&mut self, heard: &Heard) {
        let at = heard.at;
        let before = (self.command.state, self.command.cancelling);
        match (heard.stream, &*heard.event) {
            (StreamName::Cmd, Payload::CommandApproved(_)) => self.reach(CommandState::Waiting),
            (StreamName::Cmd, Payload::CommandDelivered(_)) => {
                self.command.delivered_at.get_or_insert(at.into());
                self.reach(CommandState::Delivered);
            }
            (StreamName::Cmd, Payload::CommandCancelRequested(_)) => {
                self.command.cancelling = self.end.is_none();
            }
            (StreamName::Cmd, Payload::CommandEnded(end)) if self.end.is_none() => {
                self.end = Some(end_of(heard, end));
                self.deadline = Some(Instant::now() + REST);
            }
            (StreamName::Result, Payload::ResultStarted(start)) => {
                self.command.started_at.get_or_insert(at.into());
                self.command.pid = self.command.pid.or(start.pid);
                self.reach(CommandState::Running);
            }
            (StreamName::Result, Payload::ResultOutput(piece)) => {
                let (n, size) = (piece.n, piece.data.len());
                self.pieces.add(n, size, || {
                    Piece::from(view::OutputPiece {
                        n,
                        stream: piece.stream,
                        off: piece.off,
                        data: piece.data.clone(),
                        at,
                    })
                });
            }
            (StreamName::Result, Payload::ResultFinished(end)) => self.expected = Some(end.pieces),
            _ => {}
        }
        if before != (self.command.state, self.command.cancelling) {
            self.shown = false;
        }
    }

    /// Never back: the two streams are not in step.
    fn reach(&mut self, state: CommandState) {
        self.command.state = self.command.state.max(state);
    }
}

fn end_of(heard: &Heard, end: &CommandEnded) -> CommandEnd {
    CommandEnd {
        at: heard.at,
        outcome: end.outcome,
        exit_code: end.exit_code,
        signal: end.signal,
        message: end.message.clone(),
        duration_ms: end.duration_ms,
        stdout_bytes: end.stdout_bytes,
        stderr_bytes: end.stderr_bytes,
        cut_bytes: end.cut_bytes,
    }
}

/// Output on its way to the client: each piece once, in the order of their numbers.
struct Pieces {
    /// The first that is neither sent nor ready.
    next: u32,
    ready: Vec<Piece>,
    bytes: usize,
    early: BTreeMap<u32, (usize, Piece)>,
}

impl Pieces {
    fn new(from: u32) -> Self {
        Self {
            next: from,
            ready: Vec::new(),
            bytes: 0,
            early: BTreeMap::new(),
        }
    }

    fn add(&mut self, n: u32, size: usize, piece: impl FnOnce() -> Piece) {
        if n < self.next {
            return;
        }
        self.early.entry(n).or_insert_with(|| (size, piece()));
        if self.early.len() > EARLY {
            self.skip();
        }
        self.settle();
    }

    /// Those whose turn it is.
    fn settle(&mut self) {
        while let Some((size, piece)) = self.early.remove(&self.next) {
            self.ready.push(piece);
            self.bytes += size;
            self.next += 1;
        }
    }

    /// Something is here that comes behind what is not.
    fn missing(&self) -> bool {
        !self.early.is_empty()
    }

    /// Goes on without what is missing.
    fn skip(&mut self) {
        while let Some(n) = self.early.keys().next() {
            self.next = *n;
            self.settle();
        }
    }

    fn take(&mut self) -> Option<Vec<Piece>> {
        self.bytes = 0;
        (!self.ready.is_empty()).then(|| std::mem::take(&mut self.ready))
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{clock::Timestamp, session::Stream};

    use super::*;

    fn add(pieces: &mut Pieces, n: u32) {
        pieces.add(n, 1, || {
            Piece::from(view::OutputPiece {
                n,
                stream: Stream::Stdout,
                off: u64::from(n),
                data: vec![b'x'],
                at: Timestamp::default(),
            })
        });
    }

    fn numbers(pieces: &mut Pieces) -> Vec<u32> {
        let taken = pieces.take().unwrap_or_default();
        taken.iter().map(|piece| piece.n).collect()
    }

    #[test]
    fn pieces_go_out_once_and_in_order() {
        let mut pieces = Pieces::new(2);
        for n in [0, 1, 2, 4, 2, 5, 4] {
            add(&mut pieces, n);
        }
        assert_eq!(numbers(&mut pieces), [2]);
        assert!(pieces.missing());
        add(&mut pieces, 3);
        assert_eq!(numbers(&mut pieces), [3, 4, 5]);
        assert!(!pieces.missing() && pieces.next == 6);
    }

    #[test]
    fn what_never_comes_does_not_hold_up_the_rest_for_ever() {
        let mut pieces = Pieces::new(0);
        for n in 1..=EARLY as u32 {
            add(&mut pieces, n);
        }
        assert!(numbers(&mut pieces).is_empty());
        add(&mut pieces, EARLY as u32 + 1);
        assert_eq!(numbers(&mut pieces).len(), EARLY + 1);
        add(&mut pieces, 0);
        assert!(numbers(&mut pieces).is_empty());
    }
}
