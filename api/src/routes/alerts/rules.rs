//! `/alerts/rules`: alert rules and their versions.
//!
//! A rule is its person's own; those who see everything see and change all of them. Whoever saves one makes it theirs: it
//! watches servers by their rights.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view;
use chatops_schemas::{
    event::rule::{RuleDeleted, RuleSaved},
    ids::RuleId,
    rule::{Rule, Scope},
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::wording::Asked;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::{AlertRule, AlertRuleVersion, ScopeBody, Severity},
    code::Code,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Most versions in an answer.
const VERSIONS: u32 = 100;

/// A rule as somebody wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleRequest {
    /// 1 to 128 characters.
    #[schema(example = "Disk almost full")]
    name: String,
    /// What to do about it, for whoever is told; at most 2000 characters.
    #[schema(nullable = false)]
    note: Option<String>,
    /// Whether it is on; `true` when absent.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// How bad it is.
    severity: Severity,
    /// Which servers it is about.
    scope: ScopeBody,
    /// What it watches, in one line. Either this or `when`.
    #[schema(nullable = false, example = "fs:*:share >= 95 clear 90 for 5m")]
    wording: Option<String>,
    /// What has to be true, as data.
    #[schema(nullable = false, value_type = Option<Object>)]
    when: Option<Value>,
    /// With `when`: for how long, in milliseconds.
    #[schema(nullable = false)]
    for_ms: Option<u64>,
    /// With `when`: how long an alert stays open afterwards, in milliseconds.
    #[schema(nullable = false)]
    keep_ms: Option<u64>,
    /// When a rule is changed: the version that was looked at. If it is not the newest any more, nothing is changed.
    #[schema(nullable = false)]
    version: Option<u32>,
}

/// Alert rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleList {
    /// By name.
    rules: Vec<AlertRule>,
}

/// Versions of a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleVersions {
    /// Newest first.
    versions: Vec<AlertRuleVersion>,
}

impl RuleRequest {
    fn rule(self) -> Result<Rule, Problem> {
        let asked = Asked {
            wording: self.wording,
            when: self.when,
            for_ms: self.for_ms,
            keep_ms: self.keep_ms,
        };
        asked.rule(
            self.name,
            self.note.unwrap_or_default(),
            self.enabled.unwrap_or(true),
            self.severity.into(),
            self.scope.scope()?,
        )
    }
}

/// A rule that this person may know of, also one that was removed.
async fn any(api: &Api, actor: &Actor, id: RuleId) -> Result<view::AlertRule, Problem> {
    let found = api.store().alert_rule(id).await?;
    found
        .filter(|rule| actor.role.is_everywhere() || rule.saved_by == Some(actor.user))
        .ok_or(Problem::new(Code::NoRule))
}

/// One that was not removed.
pub(super) async fn known(
    api: &Api,
    actor: &Actor,
    id: RuleId,
) -> Result<view::AlertRule, Problem> {
    let rule = any(api, actor, id).await?;
    match rule.deleted_at {
        None => Ok(rule),
        Some(_) => Err(Problem::new(Code::NoRule)),
    }
}

/// The rules that this person may know of.
pub(super) async fn seen(api: &Api, actor: &Actor) -> Result<Vec<view::AlertRule>, Problem> {
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    Ok(api.store().alert_rules(of).await?)
}

/// Whether this person may set rules for each server that is named. Of `all` and labels, the rule is about those servers
/// alone whose rules its author may change, at each moment.
pub(super) async fn may_cover(api: &Api, actor: &Actor, scope: &Scope) -> Result<(), Problem> {
    if let Scope::Servers(servers) = scope {
        for server in servers {
            access::server(api, actor, server, Action::ChangeRules).await?;
        }
    }
    Ok(())
}

/// List alert rules
#[utoipa::path(get, path = "/alerts/rules", tag = "Alerts", operation_id = "alerts_rules_list",
    responses(
        (status = 200, description = "one's own, or all for those who see everything", body = RuleList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<RuleList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let rules = seen(&api, &actor).await?;
    Ok(Json(RuleList {
        rules: rules.into_iter().map(AlertRule::from).collect(),
    }))
}

/// Show an alert rule
#[utoipa::path(get, path = "/alerts/rules/{id}", tag = "Alerts", operation_id = "alerts_rules_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the rule", body = AlertRule),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1702", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<RuleId>,
) -> Result<Json<AlertRule>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    Ok(Json(known(&api, &actor, id).await?.into()))
}

/// List the versions of an alert rule
///
/// Newest first, at most a hundred; also of a rule that was removed.
#[utoipa::path(get, path = "/alerts/rules/{id}/versions", tag = "Alerts", operation_id = "alerts_rules_versions",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the versions", body = RuleVersions),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1702", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn versions(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<RuleId>,
) -> Result<Json<RuleVersions>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let rule = any(&api, &actor, id).await?;
    let versions = api
        .store()
        .alert_rule_versions(rule.id, None, VERSIONS)
        .await?;
    Ok(Json(RuleVersions {
        versions: versions.into_iter().map(AlertRuleVersion::from).collect(),
    }))
}

/// Make an alert rule
///
/// It watches the servers of its scope whose rules you may change, as your rights are at each moment; servers that are added
/// later are in, too.
#[utoipa::path(post, path = "/alerts/rules", tag = "Alerts", operation_id = "alerts_rules_create",
    request_body = RuleRequest,
    responses(
        (status = 201, description = "the rule", body = AlertRule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<RuleRequest>,
) -> Result<Written<Json<AlertRule>>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    let (id, seq) = make(&api, &actor, request.rule()?).await?;
    answer(&api, id, seq, StatusCode::CREATED).await
}

/// Stores a new rule.
pub(super) async fn make(api: &Api, actor: &Actor, rule: Rule) -> Result<(RuleId, u64), Problem> {
    may_cover(api, actor, &rule.scope).await?;
    let id = RuleId(api.ids().next());
    let saved = RuleSaved {
        rule: id,
        version: 1,
        definition: rule,
    };
    let event = written::event(api, &actor.by(), saved);
    match written::append(api, Entity::Rule, &id.to_string(), 0, &event).await? {
        Appended::At(seq) => Ok((id, seq)),
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Change an alert rule
///
/// The whole of it. It is yours afterwards: it watches servers by your rights. An alert that is open stays open as long as
/// what the rule says now is true, too.
#[utoipa::path(put, path = "/alerts/rules/{id}", tag = "Alerts", operation_id = "alerts_rules_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = RuleRequest,
    responses(
        (status = 200, description = "the rule", body = AlertRule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1702", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<RuleId>,
    Body(request): Body<RuleRequest>,
) -> Result<Written<Json<AlertRule>>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    let looked_at = request.version;
    let rule = request.rule()?;
    known(&api, &actor, id).await?;
    may_cover(&api, &actor, &rule.scope).await?;
    let seq = save(&api, &actor, id, |now| match (now.deleted_at, looked_at) {
        (Some(_), _) => Err(Problem::new(Code::NoRule)),
        (None, Some(version)) if version != now.version => Err(Problem::new(Code::Conflict)),
        (None, _) => Ok(rule.clone()),
    })
    .await?;
    answer(&api, id, seq, StatusCode::OK).await
}

/// Stores another version of a rule, decided on the newest one.
pub(super) async fn save(
    api: &Api,
    actor: &Actor,
    id: RuleId,
    decide: impl Fn(&view::AlertRule) -> Result<Rule, Problem>,
) -> Result<u64, Problem> {
    for _ in 0..written::ATTEMPTS {
        let now = any(api, actor, id).await?;
        let saved = RuleSaved {
            rule: id,
            version: now.version.saturating_add(1),
            definition: decide(&now)?,
        };
        let event = written::event(api, &actor.by(), saved);
        match written::append(api, Entity::Rule, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => return Ok(seq),
            Appended::Conflict => {
                written::visible_now(api, Entity::Rule, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Remove an alert rule
///
/// Its open alerts are over; they stay in the history. It can be brought back.
#[utoipa::path(delete, path = "/alerts/rules/{id}", tag = "Alerts", operation_id = "alerts_rules_delete",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1702", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<RuleId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    remove(&api, &actor, id).await
}

/// Removes a rule.
pub(super) async fn remove(api: &Api, actor: &Actor, id: RuleId) -> Result<Written<()>, Problem> {
    for _ in 0..written::ATTEMPTS {
        let now = known(api, actor, id).await?;
        let event = written::event(api, &actor.by(), RuleDeleted { rule: id });
        match written::append(api, Entity::Rule, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => {
                return Ok(match written::visible(api, seq).await? {
                    true => Written::Row(StatusCode::NO_CONTENT, ()),
                    false => Written::Pending(seq),
                });
            }
            Appended::Conflict => {
                written::visible_now(api, Entity::Rule, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// Bring a removed alert rule back
///
/// As it was, and yours.
#[utoipa::path(post, path = "/alerts/rules/{id}/restore", tag = "Alerts", operation_id = "alerts_rules_restore",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the rule", body = AlertRule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1702", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn restore(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<RuleId>,
) -> Result<Written<Json<AlertRule>>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    let removed = any(&api, &actor, id).await?;
    may_cover(&api, &actor, &removed.definition.scope).await?;
    let seq = save(&api, &actor, id, |now| match now.deleted_at {
        Some(_) => Ok(now.definition.clone()),
        None => Err(Problem::new(Code::NotNow).detail("It was not removed.")),
    })
    .await?;
    answer(&api, id, seq, StatusCode::OK).await
}

async fn answer(
    api: &Api,
    id: RuleId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<AlertRule>>, Problem> {
    let rule = match written::visible(api, seq).await? {
        true => api.store().alert_rule(id).await?,
        false => None,
    };
    Ok(rule.map_or(Written::Pending(seq), |rule| {
        Written::Row(status, Json(rule.into()))
    }))
}
