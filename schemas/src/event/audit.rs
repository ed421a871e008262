//! What is said about the audit chain itself. Lies among the signed heads (OPS_AUDIT_STH), where only the audit writes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{audit::Hash, clock::Timestamp};

/// Longest name of who accepts.
const BY: usize = 120;
/// Longest reason.
const REASON: usize = 1000;
/// Streams that an acceptance may move.
const STREAMS: usize = 8;

/// The streams were restored from a backup, and a person says so: the history that was signed behind entry `kept` is lost.
///
/// Its entry is the first of the history that goes on, and is what a check knows it by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreAccepted {
    /// Entries that both histories have.
    pub kept: u64,
    /// Root over the whole chain as it was found, right before this.
    #[schemars(with = "String")]
    pub after_root: Hash,
    /// Entries under the newest head of the lost history.
    pub before: u64,
    /// The root that it signed.
    #[schemars(with = "String")]
    pub before_root: Hash,
    /// When it was signed.
    pub before_time: Timestamp,
    /// Streams whose events behind this position were lost, too, or were lost before they had entries: the audit goes on
    /// behind it.
    pub positions: BTreeMap<String, u64>,
    /// Who accepts, as they say themselves: the proof is that they have a shell and the passwords of the servers.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Event for RestoreAccepted {
    const TYPE: &'static str = "audit.restore_accepted";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.positions.len() > STREAMS {
            return Err(Invalid::new("positions", "names too many streams"));
        }
        for stream in self.positions.keys() {
            let word = |c: char| c.is_ascii_uppercase() || c == '_';
            if stream.is_empty() || stream.len() > 16 || !stream.chars().all(word) {
                return Err(Invalid::new("positions", "holds a name that no stream has"));
            }
        }
        check_text("by", &self.by, BY)?;
        check_text("reason", &self.reason, REASON)
    }
}
