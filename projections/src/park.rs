//! Events that cannot become rows: why, and how much of them is kept.

use std::collections::HashMap;

use chatops_bus::Recorded;
use chatops_schemas::{clock::Timestamp, codec::DecodeError};

use crate::breaker::Breaker;

/// Payloads kept per server and minute. Beyond it only positions are kept, so that one host cannot fill the disk with
/// rubbish; the stream holds the bytes anyway.
const PAYLOADS_PER_MINUTE: u32 = 100;
const MINUTE_MICROS: i64 = 60_000_000;

/// Closed list, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Not an event, or one that says something impossible.
    Undecodable,
    /// An event type that does not belong into this stream.
    UnknownType,
    /// The body is about another server than the subject.
    WrongServer,
    /// The subject has a shape that nobody should publish on.
    WrongSubject,
    /// The host's clock is too far from the stream's.
    Clock,
    /// No such server was ever registered.
    UnknownServer,
    /// The server has left the fleet.
    DeletedServer,
    /// An earlier event of its aggregate is parked.
    Behind,
    /// Well-formed, but cannot be true of what is known.
    Refused,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownType => "unknown_type",
            Self::WrongServer => "wrong_server",
            Self::WrongSubject => "wrong_subject",
            Self::Clock => "clock",
            Self::UnknownServer => "unknown_server",
            Self::DeletedServer => "deleted_server",
            Self::Behind => "behind",
            Self::Refused => "refused",
        }
    }

    /// Whether many of these may mean that *we* are wrong. The others say something about a host or a person.
    pub(crate) const fn suspicious(self) -> bool {
        matches!(self, Self::Undecodable | Self::UnknownType | Self::Refused)
    }

    pub(crate) const fn of(error: &DecodeError) -> Self {
        match error {
            DecodeError::UnknownType(_) => Self::UnknownType,
            _ => Self::Undecodable,
        }
    }
}

/// A row of `dlq` to be.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    pub(crate) seq: u64,
    pub(crate) subject: String,
    pub(crate) server: Option<String>,
    pub(crate) reason: Reason,
    pub(crate) error: String,
    pub(crate) payload: Option<Vec<u8>>,
}

/// Collects the parked events of a batch.
#[derive(Debug)]
pub(crate) struct Parking {
    pub(crate) breaker: Breaker,
    /// Start of the current minute and payloads kept in it per server.
    minute: i64,
    kept: HashMap<String, u32>,
    parked: Vec<Parked>,
}

impl Parking {
    pub(crate) fn new(breaker: Breaker) -> Self {
        Self {
            breaker,
            minute: 0,
            kept: HashMap::new(),
            parked: Vec::new(),
        }
    }

    /// Starts a batch of `events` at `now`.
    pub(crate) fn begin(&mut self, now: Timestamp, events: usize) {
        self.parked.clear();
        let minute = now.micros().div_euclid(MINUTE_MICROS);
        if minute != self.minute {
            self.minute = minute;
            self.kept.clear();
        }
        self.breaker.seen(now, events);
    }

    /// Parks an event. `server` is the subject's token, if it has one.
    pub(crate) fn park(
        &mut self,
        event: &Recorded,
        server: Option<&str>,
        reason: Reason,
        error: impl std::fmt::Display,
    ) {
        let key = server.unwrap_or_default();
        let kept = self.kept.entry(key.to_owned()).or_insert(0);
        *kept += 1;
        let payload = (*kept <= PAYLOADS_PER_MINUTE && reason != Reason::DeletedServer)
            .then(|| event.payload.to_vec());
        if reason.suspicious() {
            self.breaker.parked(key);
        }
        // The error may quote what a stranger sent.
        let error = error
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .take(500)
            .collect();
        self.parked.push(Parked {
            seq: event.seq,
            subject: event.subject.clone(),
            server: server.map(str::to_owned),
            reason,
            error,
            payload,
        });
    }

    pub(crate) fn events(&self) -> &[Parked] {
        &self.parked
    }
}
