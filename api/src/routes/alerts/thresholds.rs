//! `/alerts/thresholds`: rules that compare one number with one limit, in the short form that other programs know. Each is
//! an alert rule like any other, and shows up under `/alerts/rules`, too.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view;
use chatops_schemas::{
    ids::{RuleId, ServerId},
    rule::{Comparison, Condition, Measure, Rule, Scope, Severity as Bad, Threshold as Limit},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rules;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::alert::Severity,
    code::Code,
    extract::{Body, Path, Query},
    problem::{Document, Problem},
    state::Api,
    written::{self, Pending, Written},
};

/// Which thresholds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ThresholdFilter {
    /// Those about this server alone, and those about all.
    #[param(nullable = false)]
    server_id: Option<String>,
}

/// A threshold as somebody wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRequest {
    /// A number as in the wording of a rule, or `memory` or `disk`.
    #[schema(example = "cpu")]
    metric: String,
    /// `>`, `>=`, `<`, `<=`, `=` or `!=`.
    #[schema(example = ">")]
    operator: String,
    /// The limit.
    #[schema(example = 90)]
    value: f64,
    /// Whether it is on; `true` when absent.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// About this server alone; about all when absent.
    #[schema(value_type = Option<String>)]
    server_id: Option<ServerId>,
    /// How bad it is; `warning` when absent, or as it was.
    #[schema(nullable = false)]
    severity: Option<Severity>,
}

/// A threshold.
#[derive(Debug, Serialize, ToSchema)]
pub struct Threshold {
    /// The rule.
    #[schema(value_type = uuid::Uuid)]
    id: RuleId,
    /// The rule's name.
    name: String,
    /// Which number.
    metric: String,
    /// How it is compared.
    #[schema(value_type = String)]
    operator: &'static str,
    /// The limit.
    value: f64,
    /// Whether it is on.
    enabled: bool,
    /// How bad it is.
    severity: Severity,
    /// About this server alone; `null`: about all.
    #[schema(required, value_type = Option<String>)]
    server_id: Option<ServerId>,
}

/// Thresholds.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThresholdList {
    /// By name.
    thresholds: Vec<Threshold>,
}

impl Threshold {
    /// `None`: the rule says more than fits into this form.
    fn of(rule: view::AlertRule) -> Option<Self> {
        let said = rule.definition;
        let Condition::Compare { measure, threshold } = said.when else {
            return None;
        };
        let server_id = match said.scope {
            Scope::All => None,
            Scope::Servers(mut servers) if servers.len() == 1 => servers.pop(),
            Scope::Servers(_) | Scope::Tags(_) => return None,
        };
        if measure.window.is_some() {
            return None;
        }
        Some(Self {
            id: rule.id,
            name: said.name,
            metric: measure.series,
            operator: threshold.comparison.as_str(),
            value: threshold.limit,
            enabled: said.enabled,
            severity: said.severity.into(),
            server_id,
        })
    }
}

fn metric(name: &str) -> &str {
    match name {
        "memory" => "mem",
        "disk" => "fs:*:share",
        name => name,
    }
}

fn comparison(text: &str) -> Result<Comparison, Problem> {
    Ok(match text {
        ">" | "gt" => Comparison::Above,
        ">=" | "gte" => Comparison::AtLeast,
        "<" | "lt" => Comparison::Below,
        "<=" | "lte" => Comparison::AtMost,
        "=" | "==" | "eq" => Comparison::Equal,
        "!=" | "ne" => Comparison::NotEqual,
        _ => {
            return Err(Problem::field(
                "operator",
                "must be one of >, >=, <, <=, =, !=",
            ));
        }
    })
}

impl ThresholdRequest {
    fn when(&self) -> Result<Condition, Problem> {
        Ok(Condition::Compare {
            measure: Measure {
                series: metric(&self.metric).to_owned(),
                window: None,
            },
            threshold: Limit {
                comparison: comparison(&self.operator)?,
                limit: self.value,
                clear: None,
            },
        })
    }

    fn scope(&self) -> Scope {
        match &self.server_id {
            Some(server) => Scope::Servers(vec![server.clone()]),
            None => Scope::All,
        }
    }

    /// A rule of its own.
    fn rule(&self) -> Result<Rule, Problem> {
        let when = self.when()?;
        let name: String = when.to_string().chars().take(128).collect();
        checked(Rule {
            name,
            note: String::new(),
            enabled: self.enabled.unwrap_or(true),
            severity: self.severity.map_or(Bad::Warning, Into::into),
            scope: self.scope(),
            when,
            for_ms: 0,
            keep_ms: 0,
        })
    }

    /// A rule that keeps what this form does not say: its name, unless that was made from the comparison, its note, how long
    /// the condition has to hold.
    fn changed(&self, before: &Rule) -> Result<Rule, Problem> {
        let when = self.when()?;
        let name = match before.name == before.when.to_string() {
            true => when.to_string().chars().take(128).collect(),
            false => before.name.clone(),
        };
        checked(Rule {
            name,
            enabled: self.enabled.unwrap_or(before.enabled),
            severity: self.severity.map_or(before.severity, Into::into),
            scope: self.scope(),
            when,
            ..before.clone()
        })
    }
}

fn checked(rule: Rule) -> Result<Rule, Problem> {
    rule.validate().map_err(|invalid| match &*invalid.field {
        "threshold.limit" => Problem::field("value", invalid.reason),
        _ => Problem::field("metric", invalid.reason),
    })?;
    Ok(rule)
}

/// A rule that fits into this form.
async fn known(api: &Api, actor: &Actor, id: RuleId) -> Result<view::AlertRule, Problem> {
    let rule = rules::known(api, actor, id).await?;
    match Threshold::of(rule.clone()) {
        Some(_) => Ok(rule),
        None => Err(Problem::new(Code::NoRule)),
    }
}

/// List thresholds
///
/// The rules that compare one number with one limit, for one server or for all.
#[utoipa::path(get, path = "/alerts/thresholds", tag = "Alerts", operation_id = "alerts_thresholds_list",
    params(ThresholdFilter),
    responses(
        (status = 200, description = "one's own, or all for those who see everything", body = ThresholdList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<ThresholdFilter>,
) -> Result<Json<ThresholdList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let about = filter.server_id.filter(|id| !id.is_empty());
    let rules = rules::seen(&api, &actor).await?;
    let thresholds = rules.into_iter().filter_map(Threshold::of);
    let asked = thresholds.filter(|threshold| match (&about, &threshold.server_id) {
        (Some(about), Some(server)) => about == server.as_str(),
        _ => true,
    });
    Ok(Json(ThresholdList {
        thresholds: asked.collect(),
    }))
}

/// Make a threshold
#[utoipa::path(post, path = "/alerts/thresholds", tag = "Alerts", operation_id = "alerts_thresholds_create",
    request_body = ThresholdRequest,
    responses(
        (status = 201, description = "the threshold", body = Threshold),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<ThresholdRequest>,
) -> Result<Written<Json<Threshold>>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    let (id, seq) = rules::make(&api, &actor, request.rule()?).await?;
    answer(&api, id, seq, StatusCode::CREATED).await
}

/// Change a threshold
///
/// The whole of it; what the rule says beyond this form stays as it is.
#[utoipa::path(put, path = "/alerts/thresholds/{id}", tag = "Alerts", operation_id = "alerts_thresholds_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = ThresholdRequest,
    responses(
        (status = 200, description = "the threshold", body = Threshold),
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
    Body(request): Body<ThresholdRequest>,
) -> Result<Written<Json<Threshold>>, Problem> {
    access::may(&actor, Action::SaveRule)?;
    let rule = known(&api, &actor, id).await?;
    rules::may_cover(&api, &actor, &request.changed(&rule.definition)?.scope).await?;
    let seq = rules::save(&api, &actor, id, |now| match now.deleted_at {
        None if Threshold::of(now.clone()).is_some() => request.changed(&now.definition),
        _ => Err(Problem::new(Code::NoRule)),
    })
    .await?;
    answer(&api, id, seq, StatusCode::OK).await
}

/// Remove a threshold
///
/// And with it the rule.
#[utoipa::path(delete, path = "/alerts/thresholds/{id}", tag = "Alerts", operation_id = "alerts_thresholds_delete",
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
    known(&api, &actor, id).await?;
    rules::remove(&api, &actor, id).await
}

async fn answer(
    api: &Api,
    id: RuleId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Threshold>>, Problem> {
    let rule = match written::visible(api, seq).await? {
        true => api.store().alert_rule(id).await?,
        false => None,
    };
    let threshold = rule.and_then(Threshold::of);
    Ok(threshold.map_or(Written::Pending(seq), |threshold| {
        Written::Row(status, Json(threshold))
    }))
}
