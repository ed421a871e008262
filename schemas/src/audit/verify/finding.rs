//! What can be wrong, in words.

use std::fmt;

use super::super::head::HeadError;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The first entry that is not what it was, or the range that holds it.
    Altered {
        /// First.
        first: u64,
        /// Last; equals `first` when it is known exactly.
        last: u64,
        /// By what it is known.
        how: String,
    },
    /// Entries that were there are not.
    Missing {
        /// First.
        first: u64,
        /// Last.
        last: u64,
        /// By what it is known.
        how: String,
    },
    /// An entry lies in another place than it was put.
    Reordered {
        /// Which.
        seq: u64,
        /// The entry it lies behind.
        after: u64,
    },
    /// Two histories were signed.
    Forked {
        /// First entry that may differ between them.
        first: u64,
        /// Entries under the head that contradicts.
        size: u64,
        /// Where that head was found, and what it contradicts.
        how: String,
    },
    /// A head that its key has not signed.
    BadHead {
        /// Entries it claims to cover.
        size: u64,
        /// Where it was found.
        origin: String,
        /// What is wrong with it.
        error: HeadError,
    },
    /// Heads of another key than the first one.
    OtherKey {
        /// Where it was found.
        origin: String,
        /// Its key.
        key: String,
        /// The expected one.
        expected: String,
    },
    /// An event that should have an entry has none, although later ones have.
    Unaudited {
        /// Its stream.
        stream: String,
        /// Its position there.
        seq: u64,
    },
}

impl Finding {
    pub(super) fn altered(seq: u64, how: String) -> Self {
        Self::Altered {
            first: seq,
            last: seq,
            how,
        }
    }

    /// The wire name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Altered { .. } => "altered",
            Self::Missing { .. } => "missing",
            Self::Reordered { .. } => "reordered",
            Self::Forked { .. } => "forked",
            Self::BadHead { .. } => "bad_head",
            Self::OtherKey { .. } => "other_key",
            Self::Unaudited { .. } => "unaudited",
        }
    }

    /// The first entry it is about; `None` when it is about no entry.
    pub const fn entry(&self) -> Option<u64> {
        match self {
            Self::Altered { first, .. }
            | Self::Missing { first, .. }
            | Self::Forked { first, .. } => Some(*first),
            Self::Reordered { seq, .. } => Some(*seq),
            Self::BadHead { .. } | Self::OtherKey { .. } | Self::Unaudited { .. } => None,
        }
    }

    /// Which finding is told first: the first entry, and one that is named before a range that one must be in.
    pub(super) fn rank(&self) -> (u64, bool) {
        match self {
            Self::Altered { first, last, .. } => (*last, first != last),
            Self::Missing { first, .. } => (*first, false),
            Self::Reordered { seq, .. } => (*seq, false),
            Self::Forked { size, .. } => (*size, true),
            Self::BadHead { .. } | Self::OtherKey { .. } | Self::Unaudited { .. } => {
                (u64::MAX, true)
            }
        }
    }
}

fn range(f: &mut fmt::Formatter<'_>, first: u64, last: u64) -> fmt::Result {
    if first == last {
        write!(f, "entry {first}")
    } else {
        write!(f, "entries {first} to {last}")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { first, last, how } if first == last => {
                write!(f, "entry {first} was altered: {how}")
            }
            Self::Altered { first, last, how } => {
                write!(f, "one of entries {first} to {last} was altered: {how}")
            }
            Self::Missing { first, last, how } => {
                range(f, *first, *last)?;
                write!(
                    f,
                    " {} missing: {how}",
                    if first == last { "is" } else { "are" }
                )
            }
            Self::Reordered { seq, after } => {
                write!(f, "entry {seq} lies behind entry {after}: it was moved")
            }
            Self::Forked { first, size, how } => write!(
                f,
                "the history is forked between entries {first} and {size}: {how}"
            ),
            Self::BadHead {
                size,
                origin,
                error,
            } => write!(
                f,
                "the head over {size} entries {origin} is not genuine: {error}"
            ),
            Self::OtherKey {
                origin,
                key,
                expected,
            } => write!(
                f,
                "a head {origin} was signed by key {key}, not by {expected}"
            ),
            Self::Unaudited { stream, seq } => {
                write!(f, "event {stream} {seq} has no entry, later ones have")
            }
        }
    }
}
