//! Decides whether a key is admitted. Shared by the gate (NATS), the gateway (WebSocket) and the HTTP route, so that an
//! agent is judged alike whichever way it comes.
//!
//! Good records are remembered for 5 s, refusals never: a key that was just made works at once. A revocation seen on
//! the control stream ([`KeyRing::revoke`]) holds from that moment, whatever a lagging database still says.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chatops_schemas::{
    clock::{Clock, Timestamp},
    ids::{KeyId, ServerId},
};
use tokio::{sync::broadcast, time::timeout};

use crate::{
    api_key::ApiKey,
    directory::{DirectoryError, Erased, KeyDirectory, KeyRecord, KeyState},
    metrics,
};

/// How long a good record is believed, in microseconds.
const BELIEVED: i64 = 5_000_000;
/// How long the directory may take. Servers wait 5 s for the gate, queueing included.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long an end is remembered, in microseconds: longer than any database lags behind the streams.
const REMEMBERED: i64 = 24 * 3_600_000_000;
/// How often a key's use is written down, in microseconds.
const NOTED_EVERY: i64 = 60_000_000;
/// Records beyond this are swept before another is added.
const SWEEP_AT: usize = 8192;
/// Revocations a slow listener may lag behind before it has to assume the worst.
const REVOCATIONS: usize = 256;

/// Somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Key that was shown.
    pub key: KeyId,
    /// Server it speaks for.
    pub server: ServerId,
    /// That server's name.
    pub name: String,
    /// When the key stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Milliseconds between samples that the owner asked for.
    pub interval_ms: Option<u32>,
}

/// Why somebody may not come in.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nobody made this key.
    #[error("unknown key")]
    Unknown,
    /// The key exists; the refusal can be shown to its owner.
    #[error("{reason}")]
    Known {
        /// The server of the key.
        server: ServerId,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The directory is out of reach: not the key's fault, try again.
    #[error(transparent)]
    Unavailable(#[from] DirectoryError),
}

/// What is wrong with a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The secret does not belong to the key.
    WrongSecret,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its server was deleted.
    ServerDeleted,
}

impl Reason {
    /// Stable name, as in `agent.refused` events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongSecret => "wrong_secret",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::ServerDeleted => "server_deleted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whom the loss of a right hits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// One key.
    Key(KeyId),
    /// One key, whose time is over.
    Expired(KeyId),
    /// Every key of a deleted server.
    Server(ServerId),
}

impl Revoked {
    /// Whether a connection with this key of this server must end.
    pub fn hits(&self, key: &KeyId, server: &ServerId) -> bool {
        match self {
            Self::Key(revoked) | Self::Expired(revoked) => revoked == key,
            Self::Server(deleted) => deleted == server,
        }
    }

    /// What its connections are told.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Key(_) => Reason::Revoked.as_str(),
            Self::Expired(_) => Reason::Expired.as_str(),
            Self::Server(_) => Reason::ServerDeleted.as_str(),
        }
    }
}

/// Cheap handle; clones share everything.
#[derive(Clone)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Box<dyn Erased>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    revocations: broadcast::Sender<Revoked>,
}

#[derive(Default)]
struct State {
    believed: HashMap<KeyId, (Timestamp, KeyRecord)>,
    noted: HashMap<KeyId, Timestamp>,
    revoked: HashSet<Revoked>,
    /// Ends that were heard of, however long the directory may lag behind them; until a day after.
    ends: HashMap<KeyId, Timestamp>,
}

impl KeyRing {
    /// Over a directory.
    pub fn new(directory: impl KeyDirectory, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                directory: Box::new(directory),
                clock,
                state: Mutex::default(),
                revocations: broadcast::channel(REVOCATIONS).0,
            }),
        }
    }

    /// Judges a key.
    pub async fn admit(&self, key: &ApiKey) -> Result<Admitted, Refusal> {
        let record = self.find(&key.id).await?.ok_or(Refusal::Unknown)?;
        let now = self.inner.clock.now();
        let refuse = |reason| {
            Err(Refusal::Known {
                server: record.server.clone(),
                reason,
            })
        };
        // The secret first: only who holds it learns more about the key.
        if !key.opens(&record.secret_sha256) {
            return refuse(Reason::WrongSecret);
        }
        match record.state {
            KeyState::Revoked => return refuse(Reason::Revoked),
            KeyState::ServerDeleted => return refuse(Reason::ServerDeleted),
            KeyState::Active => {}
        }
        if record.expires_at.is_some_and(|at| at <= now) {
            return refuse(Reason::Expired);
        }
        Ok(Admitted {
            key: key.id.clone(),
            server: record.server,
            name: record.server_name,
            expires_at: record.expires_at,
            interval_ms: record.interval_ms,
        })
    }

    /// The record of a key that has already been admitted, for `whoami`.
    pub async fn find(&self, key: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        let now = self.inner.clock.now();
        let remembered = self
            .state()
            .believed
            .get(key)
            .filter(|(at, _)| (0..BELIEVED).contains(&now.micros_since(*at)))
            .map(|(_, record)| record.clone());
        let mut record = match remembered {
            Some(record) => record,
            None => match self.ask(self.inner.directory.find(key)).await? {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        let mut state = self.state();
        if let Some(end) = state.ends.get(key) {
            record.expires_at = Some(record.expires_at.map_or(*end, |at| at.min(*end)));
        }
        if state.revoked.contains(&Revoked::Key(key.clone())) {
            record.state = KeyState::Revoked;
        } else if state
            .revoked
            .contains(&Revoked::Server(record.server.clone()))
        {
            record.state = KeyState::ServerDeleted;
        } else if record.state == KeyState::Active {
            if state.believed.len() >= SWEEP_AT {
                state
                    .believed
                    .retain(|_, (at, _)| now.micros_since(*at) < BELIEVED);
            }
            // The age of a remembered record counts from when it was read, not from when it was last used.
            state
                .believed
                .entry(key.clone())
                .and_modify(|(at, known)| {
                    if now.micros_since(*at) >= BELIEVED {
                        (*at, *known) = (now, record.clone());
                    }
                })
                .or_insert_with(|| (now, record.clone()));
        }
        Ok(Some(record))
    }

    /// A directory that hangs must not hold those who wait for it: their own deadline is near.
    async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        timeout(ANSWER_WITHIN, question)
            .await
            .unwrap_or_else(|elapsed| Err(DirectoryError::new(elapsed)))
            .inspect_err(|_| metrics::directory_error())
    }

    /// Writes down that a key was used, unless that was done a moment ago.
    pub async fn note_use(&self, key: &KeyId) {
        let now = self.inner.clock.now();
        {
            let mut state = self.state();
            let noted = state.noted.get(key);
            if noted.is_some_and(|at| (0..NOTED_EVERY).contains(&now.micros_since(*at))) {
                return;
            }
            if state.noted.len() >= SWEEP_AT {
                state
                    .noted
                    .retain(|_, at| now.micros_since(*at) < NOTED_EVERY);
            }
            state.noted.insert(key.clone(), now);
        }
        if let Err(error) = self.ask(self.inner.directory.used(key, now)).await {
            tracing::debug!(key = %key, error = %error, "could not note the use of a key");
        }
    }

    /// Marks: from now on the key, or the server's keys, are refused here. Everyone who watches
    /// [`KeyRing::revocations`] then ends the live connections; in this order, because a kicked client is back
    /// in 0.1 s and must then be refused.
    pub fn revoke(&self, revoked: Revoked) {
        {
            let mut state = self.state();
            match &revoked {
                Revoked::Key(key) => {
                    state.believed.remove(key);
                }
                // Its record says itself when it ends.
                Revoked::Expired(_) => {}
                Revoked::Server(server) => {
                    state
                        .believed
                        .retain(|_, (_, record)| record.server != *server);
                }
            }
            state.revoked.insert(revoked.clone());
        }
        self.tell(revoked);
    }

    /// Learns when a key ends; the earliest end that was heard of counts.
    pub fn ends(&self, key: &KeyId, at: Timestamp) {
        let mut state = self.state();
        let end = state.ends.entry(key.clone()).or_insert(at);
        *end = (*end).min(at);
    }

    /// Marks the keys whose time is over, tells those who hold their connections, and says when the next one ends.
    pub fn end_due(&self) -> Option<Timestamp> {
        let now = self.inner.clock.now();
        let mut due = Vec::new();
        let next = {
            let mut state = self.state();
            let State { ends, revoked, .. } = &mut *state;
            ends.retain(|key, at| {
                let expired = Revoked::Expired(key.clone());
                let long_ago = now.micros_since(*at) >= REMEMBERED;
                if long_ago {
                    revoked.remove(&expired);
                } else if *at <= now && revoked.insert(expired.clone()) {
                    due.push(expired);
                }
                !long_ago
            });
            ends.values().filter(|at| **at > now).min().copied()
        };
        for expired in due {
            self.tell(expired);
        }
        next
    }

    /// Asks the directory which keys end between two moments, and remembers.
    pub async fn learn_ends(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(), DirectoryError> {
        for (key, at) in self.ask(self.inner.directory.ending(from, until)).await? {
            self.ends(&key, at);
        }
        Ok(())
    }

    fn tell(&self, revoked: Revoked) {
        // Nobody listening means nobody connected.
        let _ = self.inner.revocations.send(revoked);
    }

    /// Why this key counts no more, as far as this process has heard.
    pub fn lost(&self, key: &KeyId, server: &ServerId) -> Option<Revoked> {
        let state = self.state();
        [
            Revoked::Key(key.clone()),
            Revoked::Expired(key.clone()),
            Revoked::Server(server.clone()),
        ]
        .into_iter()
        .find(|lost| state.revoked.contains(lost))
    }

    /// Every loss of a right from now on.
    pub fn revocations(&self) -> broadcast::Receiver<Revoked> {
        self.inner.revocations.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single map operation: a panic elsewhere cannot leave it half done.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
