//! One follow of a container's log on its host for everybody here who watches it from the same beginning. Called by
//! [`container_logs`](super::container_logs).
//!
//! # What is guaranteed
//! - Each viewer gets the lines it asked for, then all that come, in order. Nobody is held up for long by somebody who
//!   does not read: while some are behind and others wait, those behind are given [`STALL`] to catch up, then go on
//!   at the end and are told how many lines they missed. A viewer alone is never left behind: the host waits for it.
//! - Memory is bounded: [`board`] says by what. Who wants more of the past than is kept here gets a follow of its own.
//! - The follow ends with its last viewer. Whether somebody may see the log is not asked here but by each viewer for
//!   itself, when it comes and whenever rights change.
//!
//! When this process dies, the host ends the follow by its lease.

mod board;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use chatops_schemas::ids::ServerId;
use tokio::{
    sync::{Notify, OnceCell, watch},
    time::{Instant, sleep},
};

use super::{
    container_logs::{ServerFrame, text},
    follow::{Log, Piece},
};
use crate::{problem::Problem, state::Api, written::By};
use board::{Board, Room, Taken};

/// How long those who are behind may hold up the others.
const STALL: Duration = Duration::from_secs(2);

/// Time between looks at those who are behind.
const STEP: Duration = Duration::from_millis(200);

/// A log, and where watching begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watched {
    /// Where.
    pub server: ServerId,
    /// Its id or name.
    pub container: String,
    /// Lines of the past.
    pub tail: u32,
    /// Unix seconds to begin at.
    pub since: Option<i64>,
}

type Cell = Arc<OnceCell<Arc<Shared>>>;

/// The logs that are followed here. Cheap to clone.
#[derive(Clone, Default)]
pub struct Follows(Arc<Mutex<HashMap<Watched, Cell>>>);

/// Somebody who comes to a log. Who goes away before it could be opened leaves nothing behind.
struct Coming<'a> {
    follows: &'a Follows,
    watched: &'a Watched,
    cell: Cell,
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        let mut cells = self.follows.cells();
        // This one and the one in the table: nobody else is waiting for it.
        if !self.cell.initialized() && Arc::strong_count(&self.cell) == 2 {
            cells.remove(self.watched);
        }
    }
}

struct Shared {
    board: Mutex<Board>,
    /// Moves when there is something for viewers.
    news: watch::Sender<u64>,
    /// A viewer has read or left.
    moved: Notify,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, tail: u32) -> Option<Viewer> {
        let place = self.board().join(tail.into())?;
        Some(Viewer {
            news: self.news.subscribe(),
            shared: Arc::clone(self),
            place,
        })
    }
}

/// Somebody's place at a log. Leaving happens on drop.
pub struct Viewer {
    shared: Arc<Shared>,
    news: watch::Receiver<u64>,
    place: u64,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.shared.board().leave(self.place);
        self.shared.moved.notify_one();
    }
}

impl Viewer {
    /// The next frame; `None` behind the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        loop {
            self.news.mark_unchanged();
            let taken = self.shared.board().take(self.place);
            match taken {
                Taken::Frame(frame) => {
                    self.shared.moved.notify_one();
                    return Some(frame);
                }
                Taken::Missed(lines) => return Some(text(&ServerFrame::Dropped { lines })),
                Taken::Over => return None,
                // The sender lives in what this viewer holds.
                Taken::Nothing => drop(self.news.changed().await),
            }
        }
    }
}

impl Follows {
    fn cells(&self) -> MutexGuard<'_, HashMap<Watched, Cell>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at this log. Asks the host only when nobody watches it yet.
    pub async fn watch(&self, api: &Api, by: &By, watched: &Watched) -> Result<Viewer, Problem> {
        loop {
            let coming = Coming {
                follows: self,
                watched,
                cell: Arc::clone(self.cells().entry(watched.clone()).or_default()),
            };
            let cell = &coming.cell;
            let mut first = None;
            let opened = cell.get_or_try_init(|| async {
                let (shared, viewer) = self.open(api, by, watched, Some(cell)).await?;
                first = Some(viewer);
                Ok::<_, Problem>(shared)
            });
            let shared = opened.await?;
            if let Some(viewer) = first.or_else(|| shared.join(watched.tail)) {
                return Ok(viewer);
            }
            if !shared.board().over() {
                // What they want of the past is not kept here.
                return Ok(self.open(api, by, watched, None).await?.1);
            }
            self.forget(watched, cell);
        }
    }

    fn forget(&self, watched: &Watched, cell: &Cell) {
        let mut cells = self.cells();
        if cells
            .get(watched)
            .is_some_and(|known| Arc::ptr_eq(known, cell))
        {
            cells.remove(watched);
        }
    }

    async fn open(
        &self,
        api: &Api,
        by: &By,
        watched: &Watched,
        cell: Option<&Cell>,
    ) -> Result<(Arc<Shared>, Viewer), Problem> {
        let Watched {
            server,
            container,
            tail,
            since,
        } = watched.clone();
        let log = Log::open(api, by, &server, container, Some(tail), since, true).await?;
        let shared = Arc::new(Shared {
            board: Mutex::default(),
            news: watch::Sender::new(0),
            moved: Notify::new(),
        });
        // Before anybody reads: a log without a viewer ends.
        let place = shared.board().join(0).unwrap_or_default();
        let viewer = Viewer {
            news: shared.news.subscribe(),
            shared: Arc::clone(&shared),
            place,
        };
        let (api, follows) = (api.clone(), self.clone());
        let (watched, cell, reading) = (watched.clone(), cell.cloned(), Arc::clone(&shared));
        tokio::spawn(async move {
            tokio::select! {
                () = api.stopping() => {}
                () = read(log, &reading) => {}
            }
            reading.board().end();
            if let Some(cell) = cell {
                follows.forget(&watched, &cell);
            }
            reading.news.send_modify(|n| *n += 1);
        });
        Ok((shared, viewer))
    }
}

/// Reads for as long as somebody looks.
async fn read(mut log: Log, shared: &Shared) {
    loop {
        let room = shared.board().room();
        match room {
            Room::Free => {}
            Room::Full => {
                shared.moved.notified().await;
                continue;
            }
            Room::Uneven => {
                let began = Instant::now();
                tokio::select! {
                    () = shared.moved.notified() => {}
                    () = sleep(STEP) => {}
                }
                shared.board().held(began.elapsed(), STALL);
                continue;
            }
            Room::Deserted => return log.close().await,
        }
        let piece = tokio::select! {
            piece = log.next() => piece,
            () = shared.moved.notified() => continue,
        };
        let (frame, lines) = match &piece {
            Piece::Lines(lines) => (text(&ServerFrame::Lines { lines }), lines.len() as u64),
            Piece::Dropped(lines) => (text(&ServerFrame::Dropped { lines: *lines }), *lines),
            Piece::Ended(reason, message) => {
                let (reason, message) = (*reason, message.clone());
                (text(&ServerFrame::Ended { reason, message }), 0)
            }
        };
        shared.board().add(frame, lines);
        shared.news.send_modify(|n| *n += 1);
        match piece {
            Piece::Lines(_) => log.taken().await,
            Piece::Dropped(_) => {}
            Piece::Ended(..) => return,
        }
    }
}
