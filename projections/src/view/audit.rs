//! The audit trail.

use chatops_schemas::{
    audit::{Entry, Hash, Head},
    clock::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An entry with the names that its ids have now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The entry, without its link to the one before.
    pub entry: Entry,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Sign-in name of the actor, when it is a person.
    pub actor_name: Option<String>,
    /// Name of the target, when it is a person or a server.
    pub target_name: Option<String>,
}

/// Which entries; empty fields let everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// This action, or with a `*` at the end all that begin so.
    pub action: Option<String>,
    /// Exactly this target.
    pub target: Option<String>,
    /// `ok`, `denied` or `failed`.
    pub result: Option<String>,
    /// Exactly this address.
    pub address: Option<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// What the appender tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTold {
    /// What it is doing.
    pub phase: String,
    /// Why it does not run.
    pub reason: Option<String>,
    /// Entries in the chain.
    pub size: u64,
    /// The newest signed head.
    pub head: Option<Head>,
    /// Why the newest head is not outside.
    pub outside: Option<String>,
    /// The last check of the whole chain.
    pub checked: Option<AuditChecked>,
}

impl Default for AuditTold {
    /// No appender has ever run.
    fn default() -> Self {
        Self {
            phase: "absent".to_owned(),
            reason: None,
            size: 0,
            head: None,
            outside: None,
            checked: None,
        }
    }
}

/// A check of the whole chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChecked {
    /// When it ended.
    pub at: Timestamp,
    /// Entries that follow from each other.
    pub size: u64,
    /// Entries that a signed head vouches for.
    pub signed: u64,
    /// Restores that a person accepted.
    #[serde(default)]
    pub restores: Vec<AuditRestored>,
    /// What is wrong; empty: nothing.
    pub findings: Vec<AuditFound>,
}

/// A restore that a person accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRestored {
    /// The entry that says so.
    pub entry: u64,
    /// When it was said.
    pub at: Timestamp,
    /// What was lost, in words.
    pub text: String,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFound {
    /// Its wire name.
    pub kind: String,
    /// The first entry it is about.
    pub entry: Option<u64>,
    /// In words.
    pub text: String,
}
