//! One open session as whoever serves it sees it: [`SessionIo`]. Made by the [`Desk`](super::Desk), used by
//! [`terminal`](super::terminal) and [`follow`](super::follow).
//!
//! # What is guaranteed
//! - Output goes out in its order, under its offsets, in messages of at most [`MAX_DATA`] bytes. What a viewer missed
//!   is sent again from the ring when it asks; what the ring no longer has is announced as lost.
//! - [`SessionOut::write`] waits while [`WINDOW`](chatops_schemas::session::WINDOW) bytes are not acknowledged. Whoever writes must then not read from its
//!   program: that is what stops it. Memory is bounded whatever the viewer does.
//! - After [`SessionOut::end`] what is left is still sent, with the end behind it, and stays to be had again until
//!   everything is acknowledged, somebody closes the session, or the lease has run out once more.
//!
//! The desk applies acknowledgements and requests to send again before the owner sees them in [`Down::Control`]; the owner
//! acts on [`Control::Resize`] and [`Control::Close`], and renews its lease at any of them. When the owner drops its
//! [`SessionIo`] without an end, the session ends as failed. On crash of the agent the session is gone; a viewer finds
//! nobody and says so.

mod ring;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chatops_schemas::{
    ids::CommandId,
    session::{Control, Ended, MAX_DATA, RING, Stream},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};

use crate::transport::Io;
use ring::{Ended as Last, Ring};

/// Messages that may wait for the owner, each from a person's keyboard or clipboard.
const DOWN: usize = 256;

/// What comes from the viewer.
#[derive(Debug)]
pub enum Down {
    /// What was typed, as it is. Never logged.
    Input(Bytes),
    /// Something about the session.
    Control(Control),
}

/// A session's two directions, for its owner.
#[derive(Debug)]
pub struct SessionIo {
    /// Its name.
    pub id: CommandId,
    /// What comes from the viewer; `None` when the agent is stopping.
    pub input: mpsc::Receiver<Down>,
    /// Where output goes.
    pub out: SessionOut,
}

/// How much output is kept for those who missed some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest [`RING`] bytes: a viewer that comes back sees them again.
    Ring,
    /// Only what is not acknowledged: many of these may be open.
    Unacknowledged,
}

impl Keep {
    const fn bytes(self) -> usize {
        match self {
            Self::Ring => RING,
            Self::Unacknowledged => 0,
        }
    }
}

/// The session takes no more output: it was closed, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session is closed")]
pub struct Closed;

/// The output of a session. Cheap to clone: one task may write while another ends it.
#[derive(Debug, Clone)]
pub struct SessionOut(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// Something may be sent.
    changed: Notify,
    /// Something may be written.
    room: Notify,
}

impl SessionOut {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing panics while it is held; if something did, offsets still hold.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds output and returns once it is within the window. `stream` is absent in a terminal.
    pub async fn write(&self, stream: Option<Stream>, data: &[u8]) -> Result<(), Closed> {
        for piece in data.chunks(MAX_DATA) {
            loop {
                let room = self.0.room.notified();
                tokio::pin!(room);
                // From here on no word of room is missed.
                room.as_mut().enable();
                if self.ring().write(stream, piece)? {
                    break;
                }
                room.await;
            }
            self.0.changed.notify_one();
        }
        Ok(())
    }

    /// Says that lines were left out behind what was written last.
    pub fn skipped(&self, lines: u64) {
        self.ring().skip(lines);
        self.0.changed.notify_one();
    }

    /// Output is over. Later writes are refused; a second end changes nothing.
    pub fn end(&self, reason: Ended, exit_code: Option<i32>, message: Option<String>) {
        self.ring().end(Last {
            reason,
            exit_code,
            message,
        });
        self.0.changed.notify_one();
        self.0.room.notify_waiters();
    }

    /// Applies what a viewer says. Called by the desk.
    pub(super) fn heard(&self, control: Control) {
        self.ring().heard(control);
        self.0.changed.notify_one();
        self.0.room.notify_waiters();
    }

    /// There is a line to the server again: what was not acknowledged may have been lost with the one before, and a viewer
    /// sees a gap only behind it.
    pub(super) fn again(&self) {
        self.ring().again();
        self.0.changed.notify_one();
    }

    /// Whether it has ended.
    pub fn ended(&self) -> bool {
        self.ring().ended()
    }
}

/// A session, seen from the desk.
pub(super) struct Session {
    pub(super) io: SessionIo,
    pub(super) down: mpsc::Sender<Down>,
    /// Sends until the session is over for good. To be spawned.
    pub(super) sending: Sending,
}

/// The sending half; see [`Sending::run`].
pub(super) struct Sending {
    id: CommandId,
    out: SessionOut,
    io: mpsc::Sender<Io>,
    linger: Duration,
}

impl Session {
    /// Makes a session that sends through `io`; its end stays to be had for `linger`.
    pub(super) fn new(id: CommandId, keep: Keep, linger: Duration, io: mpsc::Sender<Io>) -> Self {
        let out = SessionOut(Arc::new(Shared {
            ring: Mutex::new(Ring::new(keep.bytes())),
            changed: Notify::new(),
            room: Notify::new(),
        }));
        let (down, input) = mpsc::channel(DOWN);
        Self {
            sending: Sending {
                id,
                out: out.clone(),
                io,
                linger,
            },
            io: SessionIo { id, input, out },
            down,
        }
    }
}

impl Sending {
    /// Sends what may be sent until nobody wants anything of this session any more.
    pub(super) async fn run(self) {
        let Self {
            id,
            out,
            io,
            linger,
        } = self;
        let mut over_at = None;
        loop {
            let next = out.ring().next();
            if let Some(frame) = next {
                let Ok(payload) = frame.encode() else {
                    continue;
                };
                let io_frame = Io {
                    session: id,
                    payload: payload.into(),
                };
                if io.send(io_frame).await.is_err() {
                    return;
                }
                continue;
            }
            if out.ring().over() {
                return;
            }
            let changed = out.0.changed.notified();
            if out.ended() {
                let deadline = *over_at.get_or_insert_with(|| Instant::now() + linger);
                if timeout_at(deadline, changed).await.is_err() {
                    return;
                }
            } else {
                changed.await;
            }
        }
    }
}

impl Drop for SessionIo {
    fn drop(&mut self) {
        // Nothing happens to a session that was ended properly.
        self.out.end(Ended::Failed, None, None);
    }
}

#[cfg(test)]
mod tests;
