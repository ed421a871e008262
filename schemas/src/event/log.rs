//! Lines of logs: `ops.v1.log.<server>.<source>` in OPS_LOG, from sources that the host's owner has opted in to.
//!
//! A line is named by its batch and its place in it, see [`LineId`]: the agent keeps a batch with the place where the
//! next one begins before it sends it, and sends it again under the same id when it does not know what became of it.
//! So a repeated line has the name it had before, and is stored once.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Invalid};
use crate::{clock::Timestamp, ids::EventId};

/// Most lines in one batch.
pub const MAX_LINES: usize = 1000;
/// Most bytes of one message; what is longer is cut by the agent.
pub const MAX_MESSAGE: usize = 16 * 1024;
/// Most fields of one line.
pub const MAX_FIELDS: usize = 64;
/// Most bytes of a field's value.
pub const MAX_VALUE: usize = 4096;
/// Most bytes of a field's name, and of an origin.
pub const MAX_NAME: usize = 256;

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Files.
    File,
    /// The system's journal.
    Journal,
    /// Containers.
    Container,
    /// A kind this build does not know.
    #[serde(other)]
    Unknown,
}

impl LogKind {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Journal => "journal",
            Self::Container => "container",
            Self::Unknown => "unknown",
        }
    }
}

/// How bad a line is. In the order of severity.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Single steps.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The program or the machine cannot go on.
    Fatal,
    /// The line does not say.
    #[default]
    #[serde(other)]
    Unknown,
}

impl LogLevel {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// Its place in the order: 0 for none, then from 1.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Unknown => 0,
            Self::Trace => 1,
            Self::Debug => 2,
            Self::Info => 3,
            Self::Warn => 4,
            Self::Error => 5,
            Self::Fatal => 6,
        }
    }

    /// From its place in the order.
    pub fn of_rank(rank: i16) -> Self {
        Self::ALL
            .into_iter()
            .find(|level| level.rank() == rank)
            .unwrap_or_default()
    }

    const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// One line, or several that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, as the line says; when it was read, where it does not say.
    pub time: Timestamp,
    /// How bad.
    #[serde(default, skip_serializing_if = "LogLevel::is_unknown")]
    pub level: LogLevel,
    /// The text, without line end and colours.
    pub message: String,
    /// What else the line holds, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Path of the file, name of the unit or of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Bytes of the message that were cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
}

/// Why lines were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// More lines in a second than the source may send.
    Rate,
    /// The host's spool was full while the server was away.
    Spool,
    /// The source threw them away before they could be read.
    Source,
    /// A reason this build does not know.
    #[serde(other)]
    Unknown,
}

impl DropReason {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Spool => "spool",
            Self::Source => "source",
            Self::Unknown => "unknown",
        }
    }
}

/// Lines that were not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub lines: u64,
}

/// Lines of one source, in the order in which they were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogBatch {
    /// Name of the source on its host; equals the last token of the subject.
    pub source: String,
    /// What it is.
    pub kind: LogKind,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines before these that were not sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

/// The name of one line. In the order of time, and of reading where the time is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineId {
    /// When, see [`moment`].
    pub at: Timestamp,
    /// Its batch.
    pub batch: EventId,
    /// Its place in the batch, from 0.
    pub n: u16,
}

/// Lines may be older than their batch by this: what was in a file before somebody opted in.
const OLDEST_MICROS: i64 = 7 * 24 * 3600 * 1_000_000;
/// Lines may be ahead of their batch by this.
const NEWEST_MICROS: i64 = 120 * 1_000_000;

/// When a line is shown: its own time where that can be true, else its batch's. A pure function of the event, so that a
/// line keeps its name when its batch comes again.
pub fn moment(line: Timestamp, batch: Timestamp) -> Timestamp {
    let ahead = line.micros_since(batch);
    if (-OLDEST_MICROS..=NEWEST_MICROS).contains(&ahead) {
        line
    } else {
        batch
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}-{}",
            self.at.micros(),
            self.batch.0.simple(),
            self.n
        )
    }
}

impl FromStr for LineId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let id = || {
            let mut parts = text.split('-');
            let (at, batch, n) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            Some(Self {
                at: Timestamp::from_micros(at.parse().ok()?),
                batch: EventId(Uuid::try_parse(batch).ok()?),
                n: n.parse().ok()?,
            })
        };
        id().ok_or_else(|| Invalid::new("id", "is not the id of a line"))
    }
}

/// Whether a text can be the name of a source: it is a token of a subject.
pub fn is_source(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn at_most(field: impl FnOnce() -> String, bytes: usize, most: usize) -> Result<(), Invalid> {
    if bytes > most {
        return Err(Invalid::new(field(), format!("is more than {most}")));
    }
    Ok(())
}

impl Event for LogBatch {
    const TYPE: &'static str = "log.batch";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if !is_source(&self.source) {
            return Err(Invalid::new(
                "source",
                "must be 1 to 64 letters, digits, '_' and '-'",
            ));
        }
        at_most(|| "lines".to_owned(), self.lines.len(), MAX_LINES)?;
        at_most(|| "dropped".to_owned(), self.dropped.len(), 8)?;
        for (n, line) in self.lines.iter().enumerate() {
            let of = |part: &str| format!("lines[{n}].{part}");
            at_most(|| of("message"), line.message.len(), MAX_MESSAGE)?;
            at_most(|| of("fields"), line.fields.len(), MAX_FIELDS)?;
            at_most(
                || of("origin"),
                line.origin.as_ref().map_or(0, String::len),
                MAX_NAME,
            )?;
            for (name, value) in &line.fields {
                at_most(|| of("fields.name"), name.len(), MAX_NAME)?;
                at_most(|| of("fields.value"), value.len(), MAX_VALUE)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_by_its_batch_and_place() {
        let id = LineId {
            at: Timestamp::from_micros(1_770_000_000_000_001),
            batch: EventId(Uuid::from_u128(7)),
            n: 12,
        };
        let text = "1770000000000001-00000000000000000000000000000007-12";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse::<LineId>().unwrap(), id);
        let batch = "00000000000000000000000000000007";
        for wrong in [
            "",
            "7",
            "x-1-1",
            &format!("1-{batch}-70000"),
            &format!("1-{batch}-1-1"),
        ] {
            assert!(wrong.parse::<LineId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_is_shown_where_its_time_can_be_true() {
        let batch = Timestamp::from_micros(1_770_000_000_000_000);
        let earlier = batch.plus_millis(-3_600_000);
        assert_eq!(moment(earlier, batch), earlier);
        assert_eq!(moment(Timestamp::from_micros(0), batch), batch);
        assert_eq!(moment(batch.plus_millis(3_600_000), batch), batch);
        assert_eq!(moment(Timestamp::from_micros(i64::MIN), batch), batch);
    }

    #[test]
    fn a_source_is_one_token() {
        assert!(is_source("nginx-access_2"));
        for wrong in ["", "a.b", "a*", "ä", &"x".repeat(65)] {
            assert!(!is_source(wrong), "{wrong}");
        }
    }

    #[test]
    fn ranks_and_names_lead_back() {
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::of_rank(level.rank()), level);
            assert_eq!(LogLevel::parse(level.as_str()), Some(level));
        }
    }
}
