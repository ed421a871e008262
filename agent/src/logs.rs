//! Ships lines of the logs that the settings of this host name. Started by [`service`](crate::service); `chatops-agent
//! logs` shows what would be sent.
//!
//! | module | answers |
//! |---|---|
//! | [`settings`] | which sources there are |
//! | [`files`], [`journal`], [`containers`] | where lines come from, and where to go on |
//! | [`join`], [`parse`] | which lines belong together, and what a line says |
//! | [`limit`], [`batch`] | how many are sent, in which pieces |
//! | [`slots`] | what is remembered over restarts |
//!
//! # What is guaranteed
//! - Nothing is read that the host's settings do not name, and nothing at all without the capability `logs`.
//! - Lines of files and of the journal are neither lost nor doubled by restarts of the agent or of the server: the place
//!   where a source goes on is written together with the batch before it, and that batch is given again under the same
//!   id, see [`slots`].
//! - More lines than a source may send are dropped and counted; so are those for which there was no room while the server
//!   was away. The counts are sent with the next batch.
//! - Memory is bounded: one batch, one unfinished record per file, and what the [`outbox`](crate::outbox) holds. A server
//!   that is away stops nothing: batches wait in their spool, of which the oldest go first.

pub mod batch;
pub mod containers;
pub mod files;
pub mod join;
pub mod journal;
pub mod limit;
pub mod parse;
pub mod settings;
pub mod slots;

use std::{path::PathBuf, sync::Arc, time::Duration};

use chatops_schemas::{
    clock::{Clock, IdSource, Timestamp},
    envelope::Envelope,
    event::log::{DropReason, LogBatch, LogKind, LogLine},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::JoinSet, time::Instant};

use crate::outbox::{EventsOut, OutboxError, Tail};
use batch::Batch;
use limit::Limit;
use settings::{From, Source};
use slots::Slots;

/// A line waits this long for others of its batch.
const LINGER: Duration = Duration::from_millis(150);
/// Pause after something could not be done.
const RETRY: Duration = Duration::from_secs(5);

/// What sources need from their surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Where batches go.
    pub out: Out,
    /// Folder of what is remembered.
    pub folder: PathBuf,
    /// Socket of Docker or Podman; the usual places when not set.
    pub docker_socket: Option<PathBuf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
}

/// Where batches go.
#[derive(Clone)]
pub enum Out {
    /// To the server.
    Events(EventsOut),
    /// To whoever looks: nothing is sent and nothing is remembered.
    Shown(tokio::sync::mpsc::Sender<LogBatch>),
}

/// Starts a task for each source.
pub fn start(sources: Vec<Source>, surroundings: &Surroundings, tasks: &mut JoinSet<()>) {
    for source in sources {
        tasks.spawn(run(source, surroundings.clone()));
    }
}

async fn run(source: Source, surroundings: Surroundings) {
    let name = source.name.clone();
    match source.from.clone() {
        From::Files(from) => files::run(from, Shipper::open(source, surroundings)).await,
        From::Journal(from) => journal::run(from, Shipper::open(source, surroundings)).await,
        From::Containers(from) => {
            let socket = surroundings.docker_socket.clone();
            containers::run(from, socket, Shipper::open(source, surroundings)).await;
        }
    }
    tracing::debug!(source = name, "a source of logs has ended");
}

/// Why a batch was not taken: the agent is stopping. Nothing is lost by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopping;

/// One source's way out. `C` is where the source goes on: everything that was given with [`Shipper::push`] up to a call of
/// [`Shipper::flush`] lies before the place named in that call.
pub struct Shipper<C> {
    source: Source,
    surroundings: Surroundings,
    slots: Option<Slots<C>>,
    batch: Batch,
    limit: Limit,
    /// When the batch has waited long enough.
    due: Option<Instant>,
}

impl<C: Serialize + DeserializeOwned + Clone> Shipper<C> {
    fn open(source: Source, surroundings: Surroundings) -> Self {
        let slots = match &surroundings.out {
            Out::Events(_) => Some(Slots::open(&surroundings.folder, &source.name)),
            Out::Shown(_) => None,
        };
        let limit = Limit::new(source.rate, std::time::Instant::now());
        Self {
            source,
            surroundings,
            slots,
            batch: Batch::default(),
            limit,
            due: None,
        }
    }

    /// The source.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    /// Gives again what an earlier process may not have given, and says where to go on; `None`: this source is new.
    pub async fn resume(&mut self) -> Result<Option<C>, Stopping> {
        let Some(slots) = &mut self.slots else {
            return Ok(None);
        };
        let (place, batches) = slots.load();
        for batch in batches {
            self.give(&batch).await?;
        }
        Ok(place)
    }

    /// Remembers where a new source begins: what comes while the agent is away is not new to it later.
    pub fn begin(&mut self, place: &C) {
        if let Some(slots) = &mut self.slots {
            slots.begin(place);
        }
    }

    /// Takes a line, or drops and counts it. True: the batch is full, call [`Shipper::flush`].
    pub fn push(&mut self, line: LogLine) -> bool {
        if self.limit.allows(std::time::Instant::now()) {
            self.batch.push(line);
        } else {
            self.batch.dropped(DropReason::Rate, 1);
        }
        self.due.get_or_insert(Instant::now() + LINGER);
        self.batch.is_full()
    }

    /// Counts lines that could not be read.
    pub fn lost(&mut self, lines: u64) {
        self.batch.dropped(DropReason::Source, lines);
        self.due.get_or_insert(Instant::now() + LINGER);
    }

    /// When the batch should be flushed at the latest; `None`: there is nothing in it.
    pub const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Sends what there is. `place` lies behind all of it.
    pub async fn flush(&mut self, place: &C) -> Result<(), Stopping> {
        self.due = None;
        if let Out::Events(events) = &self.surroundings.out {
            match events.take_lost(&self.source.name) {
                0 => {}
                lines => self.batch.dropped(DropReason::Spool, lines),
            }
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let (lines, dropped) = self.batch.take();
        let data = LogBatch {
            source: self.source.name.clone(),
            kind: self.kind(),
            lines,
            dropped,
        };
        if let Out::Shown(shown) = &self.surroundings.out {
            return shown.send(data).await.map_err(|_| Stopping);
        }
        let id = self.surroundings.ids.event_id();
        let event = Envelope::new(id, self.now(), data);
        if let Some(slots) = &mut self.slots {
            slots.remember(place, &event);
        }
        self.give(&event).await
    }

    const fn kind(&self) -> LogKind {
        match self.source.from {
            From::Files(_) => LogKind::File,
            From::Journal(_) => LogKind::Journal,
            From::Containers(_) => LogKind::Container,
        }
    }

    async fn give(&self, event: &Envelope<LogBatch>) -> Result<(), Stopping> {
        let Out::Events(events) = &self.surroundings.out else {
            return Ok(());
        };
        let tail = Tail::Log(self.source.name.clone());
        match events.keep(&tail, event).await {
            Ok(()) => Ok(()),
            Err(OutboxError::Stopping) => Err(Stopping),
            Err(error @ (OutboxError::Encode(_) | OutboxError::Tail(_))) => {
                // Batches are made to fit; this would be a defect, and must not stop the source.
                tracing::error!(
                    source = self.source.name,
                    "a batch of lines is lost: {error}"
                );
                Ok(())
            }
        }
    }
}
