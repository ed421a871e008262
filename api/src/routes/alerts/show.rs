//! `GET /alerts/{id}`: an alert with everything that says why it was raised.

use axum::{Json, extract::State};
use chatops_projections::{Visible, view};
use chatops_schemas::{
    event::alert::Head,
    ids::{AlertId, SilenceId},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{
        alert::{Alert, AlertEntry, AlertEvidence, AlertProcess, AlertRuleVersion},
        moment::Moment,
        silence::SilenceStretch,
    },
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// The rule of an alert: as it was, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleThen {
    #[serde(flatten)]
    then: AlertRuleVersion,
    /// The newest version of the rule.
    current_version: u32,
    /// When the rule was removed.
    #[schema(required)]
    deleted_at: Option<Moment>,
}

/// A silence that holds this alert back now.
#[derive(Debug, Serialize, ToSchema)]
pub struct SilenceOfAlert {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    id: SilenceId,
    /// Why.
    reason: String,
    /// Who made it.
    #[schema(required)]
    saved_by_name: Option<String>,
    /// The stretch that it is in.
    now: SilenceStretch,
}

/// An alert, and why it was raised.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertDetail {
    #[serde(flatten)]
    alert: Alert,
    /// The readings before it, oldest first, the one that raised it last.
    evidence: Vec<AlertEvidence>,
    /// The processes that used most then.
    processes: Vec<AlertProcess>,
    /// What to do about it, in the words of the rule's author.
    note: String,
    /// More about it, such as the last lines of a container that died.
    lines: Vec<String>,
    /// The rule as it was; `null`: it is not known any more.
    #[schema(required)]
    rule: Option<RuleThen>,
    /// The life of the alert and who was told of it, oldest first.
    log: Vec<AlertEntry>,
    /// Silences that hold it back now.
    silences: Vec<SilenceOfAlert>,
}

/// An alert of a server with which this person may do this; otherwise it does not exist for them, or they are refused.
pub(super) async fn known(
    api: &Api,
    actor: &Actor,
    id: AlertId,
    action: Action,
) -> Result<(view::Alert, view::Registered), Problem> {
    // What the credential does not allow is refused before anything is looked up.
    if !actor.subject().may_use(action.scope()) {
        access::may(actor, action)?;
    }
    let alert = api.store().alert(Visible::All, id).await?;
    let alert = alert.ok_or(Problem::new(Code::NoAlert))?;
    let server = access::server_or(api, actor, &alert.server, action, Code::NoAlert).await?;
    Ok((alert, server))
}

/// Show an alert
///
/// With what was seen when it was raised, the rule as it was, its life, who was told of it, and the silences that hold it
/// back now.
#[utoipa::path(get, path = "/alerts/{id}", tag = "Alerts", operation_id = "alerts_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the alert", body = AlertDetail),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1701", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<AlertId>,
) -> Result<Json<AlertDetail>, Problem> {
    let (alert, server) = known(&api, &actor, id, Action::SeeServer).await?;
    let store = api.store();
    let raised = store.alert_seen(id).await?.raised(head(&alert));
    let log = store.alert_log(id).await?;
    let versions = store
        .alert_rule_versions(alert.rule, Some(alert.rule_version), 1)
        .await?;
    let now = store.alert_rule(alert.rule).await?;
    let rule = versions.into_iter().next().zip(now);
    let rule = rule.map(|(then, now)| RuleThen {
        then: then.into(),
        current_version: now.version,
        deleted_at: now.deleted_at.map(Moment),
    });
    let silences = silences(&api, &alert, &server).await?;
    let (evidence, processes, note, lines) = match raised {
        Some(raised) => (raised.evidence, raised.processes, raised.note, raised.lines),
        None => Default::default(),
    };
    Ok(Json(AlertDetail {
        alert: alert.into(),
        evidence: evidence.into_iter().map(Into::into).collect(),
        processes: processes.into_iter().map(Into::into).collect(),
        note,
        lines,
        rule,
        log: log.into_iter().map(Into::into).collect(),
        silences,
    }))
}

/// Silences whose author may handle alerts of the server: others hold nothing back there.
async fn silences(
    api: &Api,
    alert: &view::Alert,
    server: &view::Registered,
) -> Result<Vec<SilenceOfAlert>, Problem> {
    let now = api.clock().now();
    let mut found = Vec::new();
    for silence in api.store().silences(None, None, false).await? {
        let saved = &silence.saved;
        let about = saved.rules.is_empty() || saved.rules.contains(&alert.rule);
        if !about || !saved.scope.holds(&server.id, &server.tags) {
            continue;
        }
        let Ok(asked) = chatops_alerting::silence::Silence::new(saved, now) else {
            continue;
        };
        let Some(stretch) = asked.now(now) else {
            continue;
        };
        let Some(author) = silence.saved_by else {
            continue;
        };
        if access::person_may(api, author, server, Action::HandleAlert).await? {
            found.push(SilenceOfAlert {
                id: silence.saved.silence,
                reason: silence.saved.reason,
                saved_by_name: silence.saved_by_name,
                now: stretch.into(),
            });
        }
    }
    Ok(found)
}

/// As far as the row knows it; only what was seen is wanted.
fn head(alert: &view::Alert) -> Head {
    Head {
        alert: alert.id,
        rule: alert.rule,
        rule_version: alert.rule_version,
        name: alert.name.clone(),
        wording: alert.wording.clone(),
        device: alert.device.clone(),
        severity: alert.severity,
        since: alert.since,
        raised: alert.raised_at,
        source: String::new(),
        through: 0,
    }
}
