//! Folds the presence facts of the stream into "which sessions are open". One per process, shared by everything in it
//! that needs to know.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chatops_bus::{Bus, From, Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Clock,
    codec::{self, DecodeError},
    ids::ServerId,
    subject,
};
use futures::StreamExt;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::book::{Book, Seen, Session, split};
use crate::metrics;

/// Cheap handle; clones share everything. Empty until [`Roster::run`] has read the stream.
#[derive(Clone)]
pub struct Roster {
    inner: Arc<Inner>,
}

struct Inner {
    book: Mutex<Book>,
    clock: Arc<dyn Clock>,
    complete: watch::Sender<bool>,
}

impl Roster {
    /// An empty one.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                book: Mutex::default(),
                clock,
                complete: watch::channel(false).0,
            }),
        }
    }

    /// Open sessions of a server.
    pub fn open_sessions(&self, server: &ServerId) -> u32 {
        self.book().count(server)
    }

    /// All open sessions.
    pub fn sessions(&self) -> Vec<Session> {
        self.book().sessions()
    }

    /// Becomes true once everything that was written before the start has been read.
    pub fn complete(&self) -> watch::Receiver<bool> {
        self.inner.complete.subscribe()
    }

    /// Reads the stream until told to stop. A broken reader is replaced, from where it was.
    pub async fn run(self, ops: Bus, stop: CancellationToken) {
        let mut next = 1;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                reason = self.follow(&ops, &mut next) => {
                    tracing::debug!(reason, "reading presence was interrupted");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(Duration::from_millis(500)) => {}
            }
        }
    }

    async fn follow(&self, ops: &Bus, next: &mut u64) -> String {
        let filter = subject::fact_every(subject::PRESENCE);
        let (info, last) = match (
            ops.stream_info(StreamName::Fact).await,
            ops.last(StreamName::Fact, &filter).await,
        ) {
            (Ok(info), Ok(last)) => (info, last.map_or(0, |fact| fact.seq)),
            (Err(error), _) | (_, Err(error)) => return error.to_string(),
        };
        if info.last_seq + 1 < *next {
            tracing::warn!(
                "the facts stream is another one than before: reading it from the start"
            );
            *self.book() = Book::default();
            *next = 1;
        }
        let mut facts = match ops.read(StreamName::Fact, &filter, From::Seq(*next)).await {
            Ok(facts) => facts,
            Err(error) => return error.to_string(),
        };
        loop {
            if *next > last {
                self.inner.complete.send_replace(true);
            }
            match facts.next().await {
                Some(Ok(fact)) => {
                    self.apply(&fact);
                    *next = fact.seq + 1;
                }
                Some(Err(error)) => return error.to_string(),
                None => return "the reader ended".to_owned(),
            }
        }
    }

    fn apply(&self, fact: &Recorded) {
        let event = match codec::decode_any(&fact.payload) {
            Ok(event) => event,
            Err(error) => {
                metrics::unreadable("presence_fact");
                if !matches!(error, DecodeError::UnknownType(_)) {
                    tracing::warn!(seq = fact.seq, error = %error, "a presence fact cannot be read");
                }
                return;
            }
        };
        let Some(server) = event.server else { return };
        match event.data {
            Payload::AgentConnected(connected) => {
                let (base, generation) = split(&connected.session);
                let seen = Seen {
                    base: base.to_owned(),
                    server,
                    key: connected.key,
                    transport: connected.transport,
                    address: connected.address,
                    orders: connected.orders,
                    since: Some(event.time),
                };
                self.book().open(seen, generation);
            }
            Payload::AgentDisconnected(disconnected) => {
                let (base, generation) = split(&disconnected.session);
                self.book().close(base, generation, self.inner.clock.now());
            }
            _ => {}
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // Worst case after a panic elsewhere is a count that is off by one; the next comparison is unaffected.
        self.inner
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").finish_non_exhaustive()
    }
}
