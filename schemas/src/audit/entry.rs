//! One entry: who did what to what, from where, with which outcome, and which event says so.
//!
//! The bytes are ours, not a serialiser's: an entry has exactly one encoding, for ever, in any language.
//!
//! ```text
//! 1      version, 1                      numbers: big-endian
//! 8      seq                             text: one byte length, then UTF-8
//! 32     hash of the entry before
//! 8      at, microseconds since 1970
//! 1+n    actor                           user:<id>, agent:<server>, key:<id>, stranger, system
//! 1+n    action                          type of the event
//! 1+n    target                          <kind>:<id>
//! 1+n    address                         empty: none
//! 1      outcome                         1 ok, 2 denied, 3 failed
//! 1+n    stream of the event
//! 8      its sequence there
//! 1+16   the event that caused it        0 and zeros: none; 1 and its id
//! 32     SHA-256 of the event's bytes
//! ```

use uuid::Uuid;

use super::Hash;
use crate::{clock::Timestamp, ids::EventId};

const VERSION: u8 = 1;
/// Longest text, in bytes.
const MAX_TEXT: usize = u8::MAX as usize;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// Who asked was not allowed.
    Denied,
    /// It was tried and did not work.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Denied, Self::Failed];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Ok => 1,
            Self::Denied => 2,
            Self::Failed => 3,
        }
    }
}

/// The event behind an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Its stream.
    pub stream: String,
    /// Its position there.
    pub seq: u64,
}

/// What an entry says; everything but its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// When the stream stored the event: the trusted clock.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: the type of the event.
    pub action: String,
    /// With what: `<kind>:<id>`.
    pub target: String,
    /// From where.
    pub address: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Which event says so.
    pub source: Source,
    /// Which event led to it.
    pub cause: Option<EventId>,
    /// SHA-256 of the event as it was stored.
    pub digest: Hash,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1; equals the position in OPS_AUDIT.
    pub seq: u64,
    /// Leaf hash of the entry before; [`Hash::NONE`] for the first.
    pub prev: Hash,
    /// What it says.
    pub content: Content,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Shorter or longer than it says.
    #[error("it has the wrong length")]
    Length,
    /// Of a later version of this program.
    #[error("it has version {0}, this build reads version 1")]
    Version(u8),
    /// A value that no writer writes.
    #[error("its {0} is not valid")]
    Value(&'static str),
}

impl Entry {
    /// Its only encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.prev.bytes());
        self.content.write(&mut bytes);
        bytes
    }

    /// Reads exactly what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let mut rest = Reader(bytes);
        match rest.byte()? {
            VERSION => {}
            other => return Err(EntryError::Version(other)),
        }
        let entry = Self {
            seq: rest.number()?,
            prev: Hash::from_bytes(rest.take()?),
            content: Content::read(&mut rest)?,
        };
        if rest.0.is_empty() {
            Ok(entry)
        } else {
            Err(EntryError::Length)
        }
    }
}

impl Content {
    /// The hash by which two entries say the same, wherever they stand.
    pub fn fingerprint(&self) -> Hash {
        let mut bytes = Vec::with_capacity(256);
        self.write(&mut bytes);
        Hash::of(&bytes)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.at.micros().to_be_bytes());
        for text in [
            &self.actor,
            &self.action,
            &self.target,
            self.address.as_deref().unwrap_or_default(),
        ] {
            write_text(bytes, text);
        }
        bytes.push(self.outcome.byte());
        write_text(bytes, &self.source.stream);
        bytes.extend(self.source.seq.to_be_bytes());
        bytes.push(u8::from(self.cause.is_some()));
        let cause = self.cause.map_or(Uuid::nil(), |cause| cause.0);
        bytes.extend(cause.as_bytes());
        bytes.extend(self.digest.bytes());
    }

    fn read(rest: &mut Reader<'_>) -> Result<Self, EntryError> {
        Ok(Self {
            at: Timestamp::from_micros(i64::from_be_bytes(rest.take()?)),
            actor: rest.text("actor")?,
            action: rest.text("action")?,
            target: rest.text("target")?,
            address: Some(rest.text("address")?).filter(|text| !text.is_empty()),
            outcome: {
                let byte = rest.byte()?;
                Outcome::ALL
                    .into_iter()
                    .find(|outcome| outcome.byte() == byte)
                    .ok_or(EntryError::Value("outcome"))?
            },
            source: Source {
                stream: rest.text("stream")?,
                seq: rest.number()?,
            },
            cause: {
                let (some, id) = (rest.byte()?, Uuid::from_bytes(rest.take()?));
                match some {
                    0 if id.is_nil() => None,
                    1 => Some(EventId(id)),
                    _ => return Err(EntryError::Value("cause")),
                }
            },
            digest: Hash::from_bytes(rest.take()?),
        })
    }
}

/// Makes a text fit for an entry: no control characters, not too long. The same for everybody who derives the entry.
pub(super) fn clip(text: &str) -> String {
    let mut clipped = String::with_capacity(text.len().min(MAX_TEXT));
    for c in text.chars().filter(|c| !c.is_control()) {
        if clipped.len() + c.len_utf8() > MAX_TEXT {
            break;
        }
        clipped.push(c);
    }
    clipped
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    let text = clip(text);
    // `clip` leaves at most 255 bytes.
    bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    bytes.extend(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], EntryError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(EntryError::Length)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, EntryError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u64, EntryError> {
        self.take().map(u64::from_be_bytes)
    }

    fn text(&mut self, field: &'static str) -> Result<String, EntryError> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length).ok_or(EntryError::Length)?;
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| EntryError::Value(field))?;
        if text.chars().any(char::is_control) {
            return Err(EntryError::Value(field));
        }
        Ok(text.to_owned())
    }
}
