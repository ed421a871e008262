//! `GET /audit/verify`: what the appender is doing and what its last check of the whole chain said. The check itself runs
//! in the background, where the appender runs; whoever trusts neither runs `chatops audit verify` elsewhere.

use axum::{Json, extract::State};
use chatops_projections::view::{AuditChecked, AuditTold};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::moment::Moment,
    problem::{Document, Problem},
    state::Api,
};

/// A signed head.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditHead {
    /// Entries under it.
    size: u64,
    /// Root over them, in hexadecimal.
    root: String,
    /// When it was signed.
    time: Moment,
    /// Which key signed it. Compare it with what you wrote down elsewhere.
    key_id: String,
    /// That key, in hexadecimal.
    public_key: String,
    /// Ed25519 signature, in hexadecimal.
    sig: String,
}

/// Something that must not be.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditFinding {
    /// `altered`, `missing`, `reordered`, `forked`, `bad_head`, `other_key` or `unaudited`.
    kind: String,
    /// The first entry it is about.
    #[schema(required)]
    entry: Option<u64>,
    /// In words.
    text: String,
}

/// A check of the whole chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditCheck {
    /// When it ended.
    at: Moment,
    /// `good` or `tampered`.
    outcome: &'static str,
    /// Entries that follow from each other, from the first on.
    size: u64,
    /// Entries that a signed head vouches for.
    signed: u64,
    /// Restores from a backup that a person accepted; what they lost is no finding.
    restores: Vec<AuditRestore>,
    /// What is wrong, the most telling first.
    findings: Vec<AuditFinding>,
}

/// A restore from a backup that a person accepted: `chatops audit accept-restore`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRestore {
    /// The entry that says so; its event says who and why.
    entry: u64,
    /// When it was said.
    at: Moment,
    /// What was lost, in words.
    text: String,
}

/// How the audit is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditStatus {
    /// `running`, `starting`, `waiting`, `tampered`, or `absent`: no appender has ever run.
    phase: String,
    /// Why it does not run.
    #[schema(required)]
    reason: Option<String>,
    /// Entries in the chain.
    size: u64,
    /// The newest signed head.
    #[schema(required)]
    head: Option<AuditHead>,
    /// Why the newest head is not outside, when it should be.
    #[schema(required)]
    outside_problem: Option<String>,
    /// The last check of the whole chain.
    #[schema(required)]
    checked: Option<AuditCheck>,
    /// When the appender said all this.
    #[schema(required)]
    told_at: Option<Moment>,
}

/// Show whether the audit trail was verified
#[utoipa::path(get, path = "/audit/verify", tag = "Audit", operation_id = "audit_verify",
    responses(
        (status = 200, description = "the state", body = AuditStatus),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(State(api): State<Api>, actor: Actor) -> Result<Json<AuditStatus>, Problem> {
    access::may(&actor, Action::SeeAudit)?;
    let (told, told_at) = api.store().audit_state().await?.unzip();
    let told: AuditTold = told.unwrap_or_default();
    Ok(Json(AuditStatus {
        phase: told.phase,
        reason: told.reason,
        size: told.size,
        head: told.head.map(|head| AuditHead {
            size: head.size,
            root: head.root.to_string(),
            time: head.time.into(),
            key_id: head.key_id.to_string(),
            public_key: head.public_key.to_string(),
            sig: head.sig.to_string(),
        }),
        outside_problem: told.outside,
        checked: told.checked.map(check),
        told_at: told_at.map(Moment),
    }))
}

fn check(checked: AuditChecked) -> AuditCheck {
    AuditCheck {
        at: checked.at.into(),
        outcome: if checked.findings.is_empty() {
            "good"
        } else {
            "tampered"
        },
        size: checked.size,
        signed: checked.signed,
        restores: checked
            .restores
            .into_iter()
            .map(|restore| AuditRestore {
                entry: restore.entry,
                at: restore.at.into(),
                text: restore.text,
            })
            .collect(),
        findings: checked
            .findings
            .into_iter()
            .map(|finding| AuditFinding {
                kind: finding.kind,
                entry: finding.entry,
                text: finding.text,
            })
            .collect(),
    }
}
