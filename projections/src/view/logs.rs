//! Lines of logs.

use std::collections::BTreeMap;

use chatops_schemas::{
    clock::Timestamp,
    event::log::{LineId, LogLevel},
    ids::{EventId, ServerId},
};
use uuid::Uuid;

/// Which lines; empty lists and absent fields let everything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Of these servers, as far as the reader may see them.
    pub servers: Vec<ServerId>,
    /// Of these sources.
    pub sources: Vec<String>,
    /// Of these levels.
    pub levels: Vec<LogLevel>,
    /// With this in the message or in a field's value; upper and lower case are the same.
    pub text: Option<String>,
    /// With a message that this regular expression of PostgreSQL finds something in.
    pub pattern: Option<String>,
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
}

/// A place between two lines: what follows is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace(pub LineId);

impl LogPlace {
    /// Before everything that happened at this moment or later.
    pub const fn before(at: Timestamp) -> Self {
        Self(LineId {
            at,
            batch: EventId(Uuid::nil()),
            n: 0,
        })
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Its name.
    pub id: LineId,
    /// Of which server.
    pub server: String,
    /// Of which source.
    pub source: String,
    /// `file`, `journal`, `container` or `unknown`.
    pub kind: String,
    /// How bad.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// Path, unit or container.
    pub origin: Option<String>,
    /// What else it holds.
    pub fields: BTreeMap<String, String>,
    /// Bytes of the message that were cut off.
    pub cut: Option<u64>,
}

/// A part of what a search finds, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Lines.
    pub items: Vec<LogRow>,
    /// Where to go on; `None`: everything was searched.
    pub next: Option<LogPlace>,
    /// Everything from here on was searched.
    pub searched_to: Timestamp,
}

/// What a host ships lines of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// Of which server.
    pub server: String,
    /// Its name in the settings of the agent.
    pub source: String,
    /// `file`, `journal`, `container` or `unknown`.
    pub kind: String,
}

/// Lines in a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBar {
    /// Its beginning.
    pub at: Timestamp,
    /// Lines of each level.
    pub lines: BTreeMap<LogLevel, u64>,
    /// Lines that hosts did not send, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// A line among those of its source.
#[derive(Debug, Clone, PartialEq)]
pub struct LogContext {
    /// Older ones, the oldest first.
    pub before: Vec<LogRow>,
    /// The line.
    pub line: LogRow,
    /// Newer ones, the oldest first.
    pub after: Vec<LogRow>,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LogSearchError {
    /// Not a regular expression, or one that is too large. The database's words.
    #[error("the pattern cannot be used: {0}")]
    Pattern(String),
    /// Even a second of lines takes too long.
    #[error("the search takes too long")]
    TooSlow,
    /// The database.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}
