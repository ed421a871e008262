//! An accepted restore, as its entry says it. A check has nothing but entries and heads, so everything that it needs stands
//! in the entry's target; who and why stand in the event.
//!
//! ```text
//! restore:<kept>/<entries under the newest lost head>/<when it was signed, microseconds>/<its root>[/<stream>=<position>]*
//! ```

use std::{collections::BTreeMap, fmt};

use super::{Entry, Hash, Head};
use crate::{
    clock::Timestamp,
    event::{Event, audit::RestoreAccepted},
};

/// Where the acceptance lies; an entry of the same words about an event elsewhere accepts nothing.
pub const STREAM: &str = "OPS_AUDIT_STH";

/// A person said that the history behind `kept` was lost by a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The entry that says so.
    pub entry: u64,
    /// When it was said, by the stream's clock.
    pub at: Timestamp,
    /// Entries that both histories have.
    pub kept: u64,
    /// Entries under the newest lost head.
    pub before: u64,
    /// When that was signed.
    pub before_time: Timestamp,
    /// Its root.
    pub before_root: Hash,
    /// Streams that the audit goes on with behind another event than the last one that has an entry.
    pub positions: BTreeMap<String, u64>,
    /// Whether a signed head covers the entry: until then it accepts nothing.
    pub signed: bool,
}

/// The target of the entry.
pub(super) fn target(said: &RestoreAccepted) -> String {
    let mut target = format!(
        "restore:{}/{}/{}/{}",
        said.kept,
        said.before,
        said.before_time.micros(),
        said.before_root
    );
    for (stream, position) in &said.positions {
        target.push_str(&format!("/{stream}={position}"));
    }
    target
}

impl Restore {
    /// What an entry accepts. `Some(None)`: it is an acceptance that no program of ours has written.
    pub fn of(entry: &Entry) -> Option<Option<Self>> {
        let content = &entry.content;
        (content.action == RestoreAccepted::TYPE && content.source.stream == STREAM)
            .then(|| Self::parse(entry))
    }

    fn parse(entry: &Entry) -> Option<Self> {
        let mut parts = entry.content.target.strip_prefix("restore:")?.split('/');
        let kept = parts.next()?.parse().ok()?;
        let before = parts.next()?.parse().ok()?;
        let before_time = Timestamp::from_micros(parts.next()?.parse().ok()?);
        let before_root = parts.next()?.parse().ok()?;
        let positions = parts.map(|part| {
            let (stream, position) = part.split_once('=')?;
            Some((stream.to_owned(), position.parse().ok()?))
        });
        let restore = Self {
            entry: entry.seq,
            at: entry.content.at,
            kept,
            before,
            before_time,
            before_root,
            positions: positions.collect::<Option<_>>()?,
            signed: false,
        };
        (kept < entry.seq).then_some(restore)
    }

    /// Whether a head is one of the lost history: it covers more than was kept, and was signed before this was said.
    pub(super) fn excuses(&self, head: &Head) -> bool {
        head.size > self.kept && head.time <= self.at.max(self.before_time)
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} accepts a restore: ", self.entry)?;
        match self.before {
            before if before > self.kept => {
                let first = self.kept + 1;
                write!(
                    f,
                    "entries {first} to {before} of the history before are gone"
                )?;
            }
            _ => f.write_str("no entry is gone")?,
        }
        for (stream, position) in &self.positions {
            write!(f, "; {stream} goes on behind event {position}")?;
        }
        match self.signed {
            true => Ok(()),
            false => f.write_str(" (not signed: it counts for nothing yet)"),
        }
    }
}
