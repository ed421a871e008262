//! Entries of the audit trail as clients see them.

use chatops_projections::view::AuditRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::moment::Moment;

/// The event behind an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditSource {
    /// Stream.
    #[schema(example = "OPS_CTL")]
    pub stream: String,
    /// Position there.
    pub seq: u64,
}

/// Who did what to what, from where, and how it ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Number in the chain, from 1.
    pub seq: u64,
    /// When it was stored.
    pub at: Moment,
    /// `user:<id>`, `key:<id>`, `stranger`, `system`.
    pub actor: String,
    /// Sign-in name of the actor now, when it is a person.
    #[schema(required)]
    pub actor_name: Option<String>,
    /// Type of the event.
    #[schema(example = "server.changed")]
    pub action: String,
    /// `<kind>:<id>`.
    pub target: String,
    /// Name of the target now, when it is a person or a server.
    #[schema(required)]
    pub target_name: Option<String>,
    /// Where the actor came from.
    #[schema(required)]
    pub address: Option<String>,
    /// `ok`, `denied` or `failed`.
    #[schema(example = "ok")]
    pub result: &'static str,
    /// The event that says so.
    pub source: AuditSource,
    /// The event that led to it.
    #[schema(required)]
    pub cause: Option<Uuid>,
    /// SHA-256 of the event as it was stored, in hexadecimal.
    pub digest: String,
    /// Leaf hash of the entry in the Merkle tree, in hexadecimal.
    pub leaf: String,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let content = row.entry.content;
        Self {
            seq: row.entry.seq,
            at: content.at.into(),
            actor: content.actor,
            actor_name: row.actor_name,
            action: content.action,
            target: content.target,
            target_name: row.target_name,
            address: content.address,
            result: content.outcome.as_str(),
            source: AuditSource {
                stream: content.source.stream,
                seq: content.source.seq,
            },
            cause: content.cause.map(|cause| cause.0),
            digest: content.digest.to_string(),
            leaf: row.leaf.to_string(),
        }
    }
}
