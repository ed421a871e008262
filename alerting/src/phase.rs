//! The life of one instance of a rule.
//!
//! ```text
//!            true                    true for long enough
//!   Ok ─────────────► Pending ─────────────────────────────► Firing
//!   ▲ ▲    false, unknown │                                  │  │ by hand
//!   │ └───────────────────┘          false for long enough   │  ▼
//!   ├────────────────────────────────────────────────────────┘ Settled
//!   └───────────────────────────── false ───────────────────────┘
//! ```
//!
//! What cannot be said keeps an open alert open: a host that is silent is not healthy.

use chatops_schemas::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::judge::Verdict;

/// How long something has to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// True before it fires, in milliseconds.
    pub raise_ms: u64,
    /// Not true any more before it is over, in milliseconds.
    pub keep_ms: u64,
}

/// Where an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing to tell.
    #[default]
    Ok,
    /// True, but not for long enough.
    Pending {
        /// The first reading of the row that made it true.
        since: Timestamp,
    },
    /// There is an open alert.
    Firing {
        /// As in [`Phase::Pending`].
        since: Timestamp,
        /// The newest reading that made it true.
        held: Timestamp,
    },
    /// A person has called it over; it can fire again once it was false.
    Settled,
}

/// What a step changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is true, and waits.
    Waits,
    /// It was true, and is no longer, before anybody was told.
    Passed,
    /// An alert begins.
    Raised {
        /// From when it was true.
        since: Timestamp,
    },
    /// The alert is over.
    Resolved,
    /// A person had called it over, and now it was false: it can fire again.
    Cleared,
}

impl Phase {
    /// Takes the verdict of a reading. `broken`: so much time lies between this reading and the one before that nobody can
    /// say what was in between, so waiting begins anew.
    pub fn step(
        &mut self,
        at: Timestamp,
        verdict: Verdict,
        broken: bool,
        patience: Patience,
    ) -> Option<Step> {
        let (next, step) = match (*self, verdict) {
            (Self::Ok, Verdict::True) => begin(at, at, patience, Some(Step::Waits)),
            (Self::Pending { since }, Verdict::True) => {
                begin(if broken { at } else { since }, at, patience, None)
            }
            (Self::Pending { .. }, _) => (Self::Ok, Some(Step::Passed)),
            (Self::Firing { since, .. }, Verdict::True) => (Self::Firing { since, held: at }, None),
            (Self::Firing { held, .. }, Verdict::False) if !passed(held, at, patience.keep_ms) => {
                (*self, None)
            }
            (Self::Firing { .. }, Verdict::False) => (Self::Ok, Some(Step::Resolved)),
            (Self::Settled, Verdict::False) => (Self::Ok, Some(Step::Cleared)),
            (same, _) => (same, None),
        };
        *self = next;
        step
    }
}

fn begin(
    since: Timestamp,
    at: Timestamp,
    patience: Patience,
    waits: Option<Step>,
) -> (Phase, Option<Step>) {
    if passed(since, at, patience.raise_ms) {
        (
            Phase::Firing { since, held: at },
            Some(Step::Raised { since }),
        )
    } else {
        (Phase::Pending { since }, waits)
    }
}

fn passed(from: Timestamp, to: Timestamp, ms: u64) -> bool {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX / 1000);
    to.micros() - from.micros() >= ms.saturating_mul(1000)
}
