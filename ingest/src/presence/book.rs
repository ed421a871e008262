//! Which sessions are open, as a pure state machine.
//!
//! A session is named by its *base*, which server or gateway gave it and which is never given twice. What was closed
//! stays closed: facts about one session may arrive twice and late. The one exception is a session that was presumed
//! gone and is then seen alive; it goes on under the next generation, a session id of its own.

use std::collections::HashMap;

use chatops_schemas::{
    clock::Timestamp,
    event::fact::Transport,
    ids::{KeyId, ServerId},
};

/// How long a closed session is remembered, in microseconds: longer than any fact is on its way.
const REMEMBERED: i64 = 15 * 60_000_000;
/// Evidence of life must be this much younger than the end it contradicts, in microseconds.
const SURELY_LATER: i64 = 2_000_000;
const GENERATION: char = '~';

/// A connection that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) base: String,
    pub(crate) server: ServerId,
    pub(crate) key: KeyId,
    pub(crate) transport: Transport,
    pub(crate) address: Option<String>,
    /// Over a WebSocket: it checks signed orders itself.
    pub(crate) orders: bool,
    pub(crate) since: Option<Timestamp>,
}

/// An open, or just closed, session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id in the facts.
    pub id: String,
    /// The server it speaks for.
    pub server: ServerId,
    /// The key it came with.
    pub key: KeyId,
    /// How it came.
    pub transport: Transport,
    /// From where.
    pub address: Option<String>,
    /// Over a WebSocket: whether it checks signed orders itself.
    pub orders: bool,
    /// Since when, where known.
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Entry {
    seen: Seen,
    generation: u32,
}

impl Entry {
    fn session(&self) -> Session {
        let seen = self.seen.clone();
        Session {
            id: match self.generation {
                1 => seen.base,
                generation => format!("{}{GENERATION}{generation}", seen.base),
            },
            server: seen.server,
            key: seen.key,
            transport: seen.transport,
            address: seen.address,
            orders: seen.orders,
            since: seen.since,
        }
    }
}

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Book {
    open: HashMap<String, Entry>,
    per_server: HashMap<ServerId, u32>,
    closed: HashMap<String, (Timestamp, Entry)>,
    swept: Timestamp,
}

/// Base of a NATS connection.
pub(crate) fn nats_base(server_id: &str, cid: u64) -> String {
    format!("nats:{server_id}:{cid}")
}

/// Base of a WebSocket.
pub(crate) fn websocket_base(instance: &str, number: u64) -> String {
    format!("ws:{instance}:{number}")
}

/// Transport, holder (server id or gateway instance) and number of a base.
pub(crate) fn holder(base: &str) -> Option<(Transport, &str, u64)> {
    let (transport, rest) = base.split_once(':')?;
    let (holder, number) = rest.rsplit_once(':')?;
    let transport = match transport {
        "nats" => Transport::Nats,
        "ws" => Transport::Websocket,
        _ => return None,
    };
    Some((transport, holder, number.parse().ok()?))
}

/// Base and generation of a session id.
pub(crate) fn split(id: &str) -> (&str, u32) {
    id.rsplit_once(GENERATION)
        .and_then(|(base, generation)| Some((base, generation.parse().ok()?)))
        .unwrap_or((id, 1))
}

impl Book {
    /// Opens a session; `None` when it is open or has been closed already.
    pub(crate) fn open(&mut self, seen: Seen, generation: u32) -> Option<Session> {
        let closed = self.closed.get(&seen.base);
        if closed.is_some_and(|(_, entry)| entry.generation >= generation) {
            return None;
        }
        if let Some(entry) = self.open.get_mut(&seen.base) {
            entry.generation = entry.generation.max(generation);
            return None;
        }
        *self.per_server.entry(seen.server.clone()).or_default() += 1;
        let entry = Entry { seen, generation };
        let session = entry.session();
        self.open.insert(entry.seen.base.clone(), entry);
        Some(session)
    }

    /// Closes a session up to `generation`; with how many of its server remain open. `None` when it is not open.
    pub(crate) fn close(
        &mut self,
        base: &str,
        generation: u32,
        now: Timestamp,
    ) -> Option<(Session, u32)> {
        if self.open.get(base)?.generation > generation {
            return None;
        }
        let entry = self.open.remove(base)?;
        let session = entry.session();
        let remaining = self.per_server.get_mut(&session.server).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if remaining == 0 {
            self.per_server.remove(&session.server);
        }
        self.sweep(now);
        self.closed.insert(base.to_owned(), (now, entry));
        Some((session, remaining))
    }

    /// A closed session was seen alive by a question asked at `asked`: opens its next generation.
    pub(crate) fn revive(&mut self, base: &str, asked: Timestamp) -> Option<Session> {
        let (at, entry) = self.closed.get(base)?;
        if asked.micros_since(*at) < SURELY_LATER {
            return None;
        }
        let (seen, generation) = (entry.seen.clone(), entry.generation + 1);
        self.open(seen, generation)
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self, base: &str) -> bool {
        self.open.contains_key(base)
    }

    /// Whether anything is known of it.
    pub(crate) fn knows(&self, base: &str) -> bool {
        self.is_open(base) || self.closed.contains_key(base)
    }

    /// Bases of the open sessions of one transport.
    pub(crate) fn bases(&self, transport: Transport) -> Vec<String> {
        self.open
            .values()
            .filter(|entry| entry.seen.transport == transport)
            .map(|entry| entry.seen.base.clone())
            .collect()
    }

    /// Whether an agent of this server is connected that keeps a journal of its own.
    pub(crate) fn has_journal(&self, server: &ServerId) -> bool {
        self.open.values().any(|entry| {
            let seen = &entry.seen;
            seen.server == *server && (seen.orders || seen.transport == Transport::Nats)
        })
    }

    /// Open sessions of a server.
    pub(crate) fn count(&self, server: &ServerId) -> u32 {
        self.per_server.get(server).copied().unwrap_or(0)
    }

    /// All open sessions.
    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.open.values().map(Entry::session).collect()
    }

    fn sweep(&mut self, now: Timestamp) {
        if now.micros_since(self.swept) >= REMEMBERED {
            self.swept = now;
            self.closed
                .retain(|_, (at, _)| now.micros_since(*at) < REMEMBERED);
        }
    }
}

#[cfg(test)]
mod tests;
