//! The line to an agent that checks signed orders itself: what the server roles say to its host on NATS goes down the
//! socket, and what the host says goes to where only this line decides. One per connection; driven by
//! [`socket`](super::socket).
//!
//! # What is guaranteed
//! - An agent names no subject. Events and output go to the server of its key; an answer goes to whoever asked the
//!   request that it numbers, once, on the connection on which it was asked, and only for [`ANSWER_WITHIN`].
//! - Everything is bounded: [`AT_ONCE`] requests wait for an answer, [`SESSIONS`] sessions are spoken in, and at most
//!   [`HELD`] bytes wait for a socket that does not take them. A session into which more is typed than the line carries
//!   is ended, and a line that takes nothing at all is cut: nothing is lost unseen.
//! - Every connection of a server hears what it is asked, so a socket that is dead and not noticed yet holds nothing up.
//!   The agent is on one of them, and its journal knows what it has done.
//!
//! Nothing here survives the process, and nothing has to: who asked asks again, sessions go on over the next connection
//! and events stay with the agent until a stream has them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chatops_bus::{Bus, Message, RequestError};
use chatops_schemas::{
    ids::{CommandId, ServerId},
    order::{Refusal, RefusalCode, Reply, Verb},
    session::Control,
    subject::{self, Way},
    wire::{MAX_FRAME_BYTES, ServerFrame},
};
use futures::{Stream, StreamExt as _};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// Requests that wait for the agent's answer: as many as an agent of ours looks at.
const AT_ONCE: usize = 128;
/// How long an agent may answer, as on NATS.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Sessions of one connection: twice of what an agent of ours has open.
const SESSIONS: usize = 128;
/// A session of which nothing was heard for so long gives its place away.
const QUIET: Duration = Duration::from_secs(120);
/// Bytes, and messages, that wait for the socket before the line is cut.
const HELD: usize = 4 << 20;
const HELD_MESSAGES: usize = 8192;
/// Bytes that wait before whoever types more loses the session: as many as the agent itself would hold.
const HELD_INPUT: usize = 1 << 20;

/// What the server roles say to the host.
#[derive(Debug)]
pub(super) enum Down {
    Request {
        verb: Verb,
        reply: String,
        payload: Bytes,
    },
    Session {
        session: CommandId,
        way: Way,
        payload: Bytes,
    },
}

impl Down {
    /// `None` for what nobody could answer, and for what is too large for a frame.
    fn read(message: Message) -> Option<Self> {
        let payload = message.payload;
        if payload.len() > MAX_FRAME_BYTES {
            return None;
        }
        if let Some((session, way)) = subject::session_of(&message.subject) {
            return Some(Self::Session {
                session,
                way,
                payload,
            });
        }
        Some(Self::Request {
            verb: subject::verb_of(&message.subject)?,
            reply: message.reply?,
            payload,
        })
    }

    const fn len(&self) -> usize {
        match self {
            Self::Request { payload, .. } | Self::Session { payload, .. } => payload.len(),
        }
    }
}

/// A connection's half of the bus.
pub(super) struct Line {
    server: ServerId,
    waiting: mpsc::Receiver<Down>,
    held: Arc<AtomicUsize>,
    asked: Asked,
    sessions: Sessions,
    _pump: AbortOnDropHandle<()>,
}

impl Line {
    /// Listens for what is said to this host. Returns when the bus delivers it.
    pub(super) async fn open(ops: &Bus, server: &ServerId) -> Result<Self, RequestError> {
        let mut heard = Vec::new();
        for subject in [
            subject::rpc_every(server),
            subject::io_every(server, Way::In),
            subject::io_every(server, Way::Ctl),
        ] {
            heard.push(ops.subscribe(&subject).await?);
        }
        ops.flush().await?;
        let (to, waiting) = mpsc::channel(HELD_MESSAGES);
        let held = Arc::new(AtomicUsize::new(0));
        let heard = futures::stream::select_all(heard);
        let pump = tokio::spawn(pump(heard, to, Arc::clone(&held)));
        Ok(Self {
            server: server.clone(),
            waiting,
            held,
            asked: Asked::default(),
            sessions: Sessions::default(),
            _pump: AbortOnDropHandle::new(pump),
        })
    }

    /// What comes next; `None` when more has been said than this line takes. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Down> {
        let down = self.waiting.recv().await?;
        self.held.fetch_sub(down.len(), Ordering::Relaxed);
        Some(down)
    }

    /// The frame for the agent; or where to say that it has too much to do.
    pub(super) fn frame(
        &mut self,
        down: Down,
        now: Instant,
    ) -> Result<ServerFrame, (String, Bytes)> {
        match down {
            Down::Session {
                session,
                way,
                payload,
            } => {
                self.sessions.spoken_to(session, now);
                Ok(ServerFrame::Session {
                    session,
                    way: way.token().to_owned(),
                    data: payload.into(),
                })
            }
            Down::Request {
                verb,
                reply,
                payload,
            } => match self.asked.put(reply, now) {
                Ok(request) => Ok(ServerFrame::Request {
                    request,
                    verb: verb.token().to_owned(),
                    data: payload.into(),
                }),
                Err(reply) => Err((reply, busy())),
            },
        }
    }

    /// Where the answer to this request goes; `None` when nobody waits for it (any more).
    pub(super) fn answered(&mut self, request: u64, now: Instant) -> Option<String> {
        self.asked.take(request, now)
    }

    /// Where the output of this session goes; `None` when too many sessions are open.
    pub(super) fn output(&mut self, session: CommandId, now: Instant) -> Option<String> {
        self.sessions
            .speaks(session, now)
            .then(|| subject::io(&self.server, session, Way::Out))
    }
}

fn busy() -> Bytes {
    let text = "the connection of this host carries as many requests as it may already";
    let reply = Reply::Refused(Refusal::new(RefusalCode::Busy, text));
    // It is ours and has a form.
    rmp_serde::to_vec_named(&reply).unwrap_or_default().into()
}

/// Takes everything off the bus at once: what waits, waits here, where it is counted. Ends when that is too much.
async fn pump(
    mut heard: impl Stream<Item = Message> + Unpin,
    to: mpsc::Sender<Down>,
    held: Arc<AtomicUsize>,
) {
    let mut ended: Vec<CommandId> = Vec::new();
    while let Some(message) = heard.next().await {
        let Some(mut down) = Down::read(message) else {
            continue;
        };
        let before = held.load(Ordering::Relaxed);
        if before == 0 {
            ended.clear();
        }
        if let Down::Session {
            session,
            way: Way::In,
            payload,
        } = &down
        {
            if ended.contains(session) {
                continue;
            }
            if before + payload.len() > HELD_INPUT {
                ended.push(*session);
                let Ok(close) = Control::Close.encode() else {
                    continue;
                };
                down = Down::Session {
                    session: *session,
                    way: Way::Ctl,
                    payload: close.into(),
                };
            }
        }
        let len = down.len();
        if before + len > HELD {
            return;
        }
        held.fetch_add(len, Ordering::Relaxed);
        if to.try_send(down).is_err() {
            return;
        }
    }
}

/// Requests that the agent has not answered.
#[derive(Debug, Default)]
struct Asked {
    last: u64,
    open: HashMap<u64, (String, Instant)>,
}

impl Asked {
    fn put(&mut self, reply: String, now: Instant) -> Result<u64, String> {
        self.open
            .retain(|_, (_, at)| now.saturating_duration_since(*at) < ANSWER_WITHIN);
        if self.open.len() >= AT_ONCE {
            return Err(reply);
        }
        self.last += 1;
        self.open.insert(self.last, (reply, now));
        Ok(self.last)
    }

    fn take(&mut self, request: u64, now: Instant) -> Option<String> {
        let (reply, at) = self.open.remove(&request)?;
        (now.saturating_duration_since(at) < ANSWER_WITHIN).then_some(reply)
    }
}

/// Sessions in which something was said on this connection, and when.
#[derive(Debug, Default)]
struct Sessions {
    open: HashMap<CommandId, Instant>,
}

impl Sessions {
    /// Somebody uses it. Their sessions go before those of which only the agent speaks.
    fn spoken_to(&mut self, session: CommandId, now: Instant) {
        if self.open.len() >= SESSIONS && !self.open.contains_key(&session) {
            let oldest = self.open.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(session, _)| *session) {
                self.open.remove(&oldest);
            }
        }
        self.open.insert(session, now);
    }

    /// The agent has something to say in it; whether it may.
    fn speaks(&mut self, session: CommandId, now: Instant) -> bool {
        if let Some(at) = self.open.get_mut(&session) {
            *at = now;
            return true;
        }
        if self.open.len() >= SESSIONS {
            self.open
                .retain(|_, at| now.saturating_duration_since(*at) < QUIET);
        }
        let room = self.open.len() < SESSIONS;
        if room {
            self.open.insert(session, now);
        }
        room
    }
}

#[cfg(test)]
mod tests;
