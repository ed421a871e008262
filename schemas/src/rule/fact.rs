//! What a rule can look at beside numbers: things that happen on a host, or that stop happening.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MAX_FOR_MS, wording::time_text};
use crate::event::{Invalid, check_text, container::Change};

/// Something that is so, or not so. It stands alone: it cannot be joined with numbers by `and` or `or`, because the two
/// come from different streams and nobody can say which was first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The host has no connection. While it is down, its other alerts are raised but nobody is told of them.
    Down,
    /// The host is connected, and no reading came.
    Silent,
    /// A container is in trouble.
    Container {
        /// Its name, `*` for any characters.
        name: String,
        /// In which.
        trouble: Trouble,
    },
    /// A container ends again and again, however often it is started.
    CrashLoop {
        /// Its name, `*` for any characters.
        name: String,
        /// How often it has to end.
        deaths: u32,
        /// Within which time, in milliseconds.
        within_ms: u64,
    },
    /// The agent is older than this program.
    AgentOutdated,
}

/// Most deaths that a crash loop can be made of.
pub const MAX_DEATHS: u32 = 50;

/// What can be wrong with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It ended, until it is started again.
    Died,
    /// It needed more memory than it may have, until it is started again.
    OutOfMemory,
    /// Its health check fails, until it succeeds or the container ends.
    Unhealthy,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Died, Self::OutOfMemory, Self::Unhealthy];

    /// As in a wording.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::OutOfMemory => "out_of_memory",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Whether a change begins (true) or ends (false) this trouble; None: it says nothing about it.
    pub const fn told_by(self, change: Change) -> Option<bool> {
        match (self, change) {
            (Self::Died, Change::Died)
            | (Self::OutOfMemory, Change::OutOfMemory)
            | (Self::Unhealthy, Change::Unhealthy) => Some(true),
            (_, Change::Removed) => Some(false),
            (Self::Died | Self::OutOfMemory, Change::Started)
            | (Self::Unhealthy, Change::Healthy | Change::Started | Change::Died) => Some(false),
            _ => None,
        }
    }
}

impl Fact {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Down | Self::Silent | Self::AgentOutdated => Ok(()),
            Self::Container { name, .. } | Self::CrashLoop { name, .. } if name.is_empty() => Err(
                Invalid::new("when", "names no container; * stands for each"),
            ),
            Self::Container { name, .. } => check_text("when", name, 256),
            Self::CrashLoop { deaths, .. } if !(2..=MAX_DEATHS).contains(deaths) => Err(
                Invalid::new("when", "asks for fewer than 2 or more than 50 ends"),
            ),
            Self::CrashLoop { within_ms, .. } if !(10_000..=MAX_FOR_MS).contains(within_ms) => {
                Err(Invalid::new(
                    "when",
                    "looks back for less than 10 seconds or more than a day",
                ))
            }
            Self::CrashLoop { name, .. } => check_text("when", name, 256),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("down"),
            Self::Silent => f.write_str("silent"),
            Self::Container { name, trouble } => {
                write!(f, "container \"{name}\" {}", trouble.as_str())
            }
            Self::CrashLoop {
                name,
                deaths,
                within_ms,
            } => write!(
                f,
                "container \"{name}\" died {deaths} times in {}",
                time_text(*within_ms)
            ),
            Self::AgentOutdated => f.write_str("agent outdated"),
        }
    }
}
