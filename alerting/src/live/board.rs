//! Where every alert is: the newest event of each aggregate of OPS_ALERT, in memory.
//!
//! Read at the start, followed ever after, because people acknowledge and resolve by hand, and because another evaluator
//! may write. What this process writes is noted at once. Nothing is evaluated before the whole board was read. When the
//! stream cannot be read, what is known stays; an append that builds on it finds out.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chatops_bus::{Bus, From, Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec::{self, DecodeError},
    event::alert::{Cause, Head},
    ids::{RuleId, ServerId},
    subject,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pause before a broken reader is replaced.
const AGAIN: Duration = Duration::from_millis(500);

/// What became of one instance.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Sequence of the newest event in OPS_ALERT.
    pub seq: u64,
    /// Its rule.
    pub rule: RuleId,
    /// Its device; empty: the host.
    pub device: String,
    /// Stream whose event was evaluated last for it.
    pub source: String,
    /// Sequence of that event.
    pub through: u64,
    /// Where the alert is.
    pub state: State,
}

/// Where an alert is.
#[derive(Debug, Clone)]
pub enum State {
    /// There is none.
    Ok,
    /// It goes on.
    Open(Arc<Head>),
    /// A person has called it over, and the condition was not false since.
    Settled(Arc<Head>),
}

impl Entry {
    /// Whether what follows from this event is there already.
    pub fn has_seen(&self, stream: StreamName, seq: u64) -> bool {
        self.source == stream.as_str() && self.through >= seq
    }

    fn new(seq: u64, head: Head, state: impl FnOnce(Arc<Head>) -> State) -> Self {
        Self {
            seq,
            rule: head.rule,
            device: head.device.clone(),
            source: head.source.clone(),
            through: head.through,
            state: state(Arc::new(head)),
        }
    }
}

/// An event of an alert as the board sees it. None: it is about something else.
pub fn entry(seq: u64, event: Payload) -> Option<Entry> {
    let over = |_| State::Ok;
    Some(match event {
        Payload::AlertRaised(event) => Entry::new(seq, event.head, State::Open),
        Payload::AlertAcknowledged(event) => Entry::new(seq, event.head, State::Open),
        Payload::AlertUnacknowledged(event) => Entry::new(seq, event.head, State::Open),
        Payload::AlertResolved(event) if event.cause == Cause::ByHand => {
            Entry::new(seq, event.head, State::Settled)
        }
        Payload::AlertResolved(event) => Entry::new(seq, event.head, over),
        Payload::AlertCleared(event) => Entry::new(seq, event.head, over),
        _ => return None,
    })
}

/// All aggregates of one server, by subject.
type OfServer = HashMap<String, Entry>;

/// See the module.
#[derive(Debug)]
pub struct Board {
    servers: Mutex<HashMap<ServerId, OfServer>>,
    /// For each reader of samples: servers about which somebody else wrote.
    suspects: Vec<Mutex<HashSet<ServerId>>>,
    /// Counts what somebody else wrote; 0 until all was read.
    changes: watch::Sender<u64>,
}

impl Board {
    /// Empty, for so many readers of samples.
    pub fn new(readers: usize) -> Self {
        Self {
            servers: Mutex::default(),
            suspects: (0..readers).map(|_| Mutex::default()).collect(),
            changes: watch::channel(0).0,
        }
    }

    /// Moves when somebody else wrote; 0 until all was read.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Waits until all was read.
    pub async fn complete(&self) {
        // The sender lives as long as this board.
        let _ = self.changes.subscribe().wait_for(|count| *count > 0).await;
    }

    /// What became of an instance.
    pub fn get(&self, server: &ServerId, subject: &str) -> Option<Entry> {
        lock(&self.servers).get(server)?.get(subject).cloned()
    }

    /// The instances of a server that ever had an alert.
    pub fn of_server(&self, server: &ServerId) -> Vec<Entry> {
        let servers = lock(&self.servers);
        let entries = servers.get(server).map(|entries| entries.values().cloned());
        entries.into_iter().flatten().collect()
    }

    /// Open alerts for which `pick` says yes.
    pub fn open(
        &self,
        mut pick: impl FnMut(&ServerId, &Entry, &Head) -> bool,
    ) -> Vec<(ServerId, Entry)> {
        let mut found = Vec::new();
        for (server, entries) in &*lock(&self.servers) {
            for entry in entries.values() {
                if let State::Open(head) = &entry.state
                    && pick(server, entry, head)
                {
                    found.push((server.clone(), entry.clone()));
                }
            }
        }
        found
    }

    /// What this process has written or read. False: something newer is known.
    pub fn note(&self, server: &ServerId, subject: String, entry: Entry) -> bool {
        let mut servers = lock(&self.servers);
        let entries = servers.entry(server.clone()).or_default();
        if entries.get(&subject).is_some_and(|is| is.seq >= entry.seq) {
            return false;
        }
        entries.insert(subject, entry);
        true
    }

    /// Servers about which somebody else wrote since this was asked last.
    pub fn take_suspects(&self, reader: usize) -> HashSet<ServerId> {
        std::mem::take(&mut *lock(&self.suspects[reader]))
    }

    /// Puts back what could not be looked at yet.
    pub fn put_suspects(&self, reader: usize, servers: HashSet<ServerId>) {
        lock(&self.suspects[reader]).extend(servers);
    }

    /// All servers that ever had an alert, to be looked at by a reader that begins.
    pub fn suspect_all(&self, reader: usize) {
        let servers: HashSet<_> = lock(&self.servers).keys().cloned().collect();
        self.put_suspects(reader, servers);
    }

    /// Reads an event that somebody may have written.
    pub fn take(&self, recorded: &Recorded) {
        let event = match codec::decode_any(&recorded.payload) {
            Ok(event) => event,
            Err(DecodeError::UnknownType(_)) => return,
            Err(error) => {
                metrics::counter!("chatops_alerting_unreadable_total", "what" => "alert")
                    .increment(1);
                tracing::warn!(seq = recorded.seq, %error, "an event of an alert cannot be read");
                return;
            }
        };
        let (Some(server), Some(entry)) = (event.server, entry(recorded.seq, event.data)) else {
            return;
        };
        if self.note(&server, recorded.subject.clone(), entry) {
            for suspects in &self.suspects {
                lock(suspects).insert(server.clone());
            }
            self.changes.send_if_modified(|count| {
                *count > 0 && {
                    *count += 1;
                    true
                }
            });
        }
    }
}

/// Keeps the board current until told to stop.
pub(super) async fn follow(board: Arc<Board>, bus: Bus, stop: CancellationToken) {
    let mut next = None;
    while !stop.is_cancelled() {
        let followed = stop
            .run_until_cancelled(read(&board, &bus, &mut next))
            .await;
        let Some(reason) = followed else { return };
        tracing::debug!(reason, "reading the alerts was interrupted");
        let _ = stop.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
    }
}

/// Reads from `next`, or the newest event of each aggregate and on, until that is interrupted.
async fn read(board: &Board, bus: &Bus, next: &mut Option<u64>) -> String {
    let last = match bus.last(StreamName::Alert, subject::ALERTS).await {
        Ok(last) => last.map_or(0, |event| event.seq),
        Err(error) => return error.to_string(),
    };
    let from = next.map_or(From::LastPerSubject, From::Seq);
    let mut events = match bus.read(StreamName::Alert, subject::ALERTS, from).await {
        Ok(events) => events,
        Err(error) => return error.to_string(),
    };
    let mut read = 0;
    loop {
        if read >= last {
            board.changes.send_if_modified(|count| {
                *count == 0 && {
                    *count = 1;
                    true
                }
            });
        }
        match futures::StreamExt::next(&mut events).await {
            Some(Ok(event)) => {
                board.take(&event);
                read = event.seq;
                // Before all was read once, an interruption begins anew.
                if read >= last {
                    *next = Some(read + 1);
                }
            }
            Some(Err(error)) => return error.to_string(),
            None => return "the reader ended".to_owned(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded are maps of whole entries; a panic elsewhere leaves none half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
