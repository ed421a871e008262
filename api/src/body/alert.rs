//! Alerts and alert rules as they are answered, and as they are asked for.

use chatops_projections::view;
use chatops_schemas::{
    event::{
        alert::{Evidence as EvidenceData, Value as ValueData},
        metric::Process,
    },
    ids::{AlertId, RuleId, ServerId},
    rule::{self, Scope},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::moment::Moment;
use crate::problem::Problem;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl From<rule::Severity> for Severity {
    fn from(severity: rule::Severity) -> Self {
        match severity {
            rule::Severity::Info => Self::Info,
            rule::Severity::Warning => Self::Warning,
            rule::Severity::Critical => Self::Critical,
        }
    }
}

impl From<Severity> for rule::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

/// Which servers. Servers that join later and fit are in, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AlertScope)]
pub enum ScopeBody {
    /// All for which the author has the right.
    All,
    /// These.
    Servers(Vec<String>),
    /// Those with one of these labels.
    Tags(Vec<String>),
}

impl From<Scope> for ScopeBody {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Servers(servers) => {
                Self::Servers(servers.iter().map(ToString::to_string).collect())
            }
            Scope::Tags(tags) => Self::Tags(tags),
        }
    }
}

impl ScopeBody {
    /// As the event says it.
    pub fn scope(self) -> Result<Scope, Problem> {
        Ok(match self {
            Self::All => Scope::All,
            Self::Servers(servers) => {
                let servers = servers.into_iter().map(ServerId::parse);
                let servers = servers.collect::<Result<_, _>>();
                Scope::Servers(
                    servers.map_err(|error| Problem::field("scope.servers", error.to_string()))?,
                )
            }
            Self::Tags(tags) => Scope::Tags(tags),
        })
    }
}

/// How many alerts are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertCounts {
    /// All of them.
    pub open: u64,
    /// Those that nobody has acknowledged.
    pub unacknowledged: u64,
    /// Of those that are open, acknowledged or not: critical ones.
    pub critical: u64,
    /// Warnings.
    pub warning: u64,
    /// The others.
    pub info: u64,
}

impl From<view::AlertCounts> for AlertCounts {
    fn from(counts: view::AlertCounts) -> Self {
        Self {
            open: counts.open(),
            unacknowledged: counts.unacknowledged,
            critical: counts.critical,
            warning: counts.warning,
            info: counts.info,
        }
    }
}

/// Whether an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It goes on.
    Open,
    /// It is over.
    Resolved,
}

/// An alert.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Alert {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: AlertId,
    /// Where.
    #[schema(value_type = String)]
    pub server_id: ServerId,
    /// That server's name now; empty when nothing is known of it.
    pub server_name: String,
    /// The rule.
    #[schema(value_type = uuid::Uuid)]
    pub rule_id: RuleId,
    /// Which version of the rule raised it.
    pub rule_version: u32,
    /// The rule's name then.
    #[schema(example = "Disk almost full")]
    pub name: String,
    /// What the rule watched then.
    #[schema(example = "fs:*:share >= 95 for 5m")]
    pub wording: String,
    /// The device that it is about; empty: the host.
    #[schema(example = "/var")]
    pub device: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is over.
    pub state: AlertState,
    /// From when the condition was true, by the host's clock.
    pub since: Moment,
    /// When it had been true for long enough, by the host's clock.
    pub raised_at: Moment,
    /// Who takes care of it: `user:<id>` or `system`.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    /// Sign-in name of that person.
    #[schema(required)]
    pub acknowledged_by_name: Option<String>,
    /// When they said so.
    #[schema(required)]
    pub acknowledged_at: Option<Moment>,
    /// What they said.
    pub ack_note: String,
    /// When it was over.
    #[schema(required)]
    pub resolved_at: Option<Moment>,
    /// Why: `condition`, `by_hand`, `rule_changed`, `rule_gone`, `device_gone`, `server_gone` or `unknown`.
    #[schema(required, value_type = Option<String>)]
    pub resolved_cause: Option<&'static str>,
    /// Who said so, when somebody did.
    #[schema(required)]
    pub resolved_by: Option<String>,
    /// Sign-in name of that person.
    #[schema(required)]
    pub resolved_by_name: Option<String>,
    /// What they said.
    pub resolve_note: String,
    /// What the comparisons saw in the reading that raised it.
    pub values: Vec<AlertValue>,
    /// Position of its newest event: what is shown is not older than that.
    pub seq: u64,
}

impl From<view::Alert> for Alert {
    fn from(alert: view::Alert) -> Self {
        let state = match alert.end {
            None => AlertState::Open,
            Some(_) => AlertState::Resolved,
        };
        let (acknowledged_by, acknowledged_at) = alert.acknowledged.unzip();
        let end = alert.end;
        Self {
            id: alert.id,
            server_id: alert.server,
            server_name: alert.server_name,
            rule_id: alert.rule,
            rule_version: alert.rule_version,
            name: alert.name,
            wording: alert.wording,
            device: alert.device,
            severity: alert.severity.into(),
            state,
            since: alert.since.into(),
            raised_at: alert.raised_at.into(),
            acknowledged_by,
            acknowledged_by_name: alert.acknowledged_by_name,
            acknowledged_at: acknowledged_at.map(Moment),
            ack_note: alert.ack_note,
            resolved_at: end.as_ref().map(|end| end.at.into()),
            resolved_cause: end.as_ref().map(|end| end.cause.as_str()),
            resolved_by: end.as_ref().and_then(|end| end.by.clone()),
            resolved_by_name: end.as_ref().and_then(|end| end.by_name.clone()),
            resolve_note: end.map(|end| end.note).unwrap_or_default(),
            values: alert.values.into_iter().map(Into::into).collect(),
            seq: alert.seq,
        }
    }
}

/// What a comparison saw.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertValue {
    /// Name of the number.
    #[schema(example = "fs:*:share")]
    pub series: String,
    /// What it was; `null` when it was missing.
    #[schema(required)]
    pub value: Option<f64>,
}

impl From<ValueData> for AlertValue {
    fn from(value: ValueData) -> Self {
        Self {
            series: value.series,
            value: value.value,
        }
    }
}

/// A reading that was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertEvidence {
    /// The host's time.
    pub at: Moment,
    /// The numbers, in the order of the alert's `values`.
    pub values: Vec<Option<f64>>,
}

impl From<EvidenceData> for AlertEvidence {
    fn from(evidence: EvidenceData) -> Self {
        Self {
            at: evidence.at.into(),
            values: evidence.values,
        }
    }
}

/// A process that used much when the alert was raised.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertProcess {
    /// Process id then.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its user.
    #[schema(required)]
    pub user: Option<String>,
    /// Percent of one core.
    #[schema(required)]
    pub cpu: Option<f32>,
    /// Bytes of memory.
    #[schema(required)]
    pub mem: Option<u64>,
}

impl From<Process> for AlertProcess {
    fn from(process: Process) -> Self {
        Self {
            pid: process.pid,
            name: process.name,
            user: process.user,
            cpu: process.cpu,
            mem: process.mem,
        }
    }
}

/// One event of an alert, or of telling somebody of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertEntry {
    /// Position in the stream.
    pub seq: u64,
    /// When it was stored.
    pub at: Moment,
    /// `raised`, `acknowledged`, `unacknowledged`, `resolved`, `cleared` or `told`.
    pub kind: String,
    /// Who did it: `user:<id>` or `system`; `null`: it followed from readings.
    #[schema(required)]
    pub actor: Option<String>,
    /// Sign-in name of that person.
    #[schema(required)]
    pub actor_name: Option<String>,
    /// What the event says beside which alert it is about: `note`, `cause`, `values`; for `told` `channel_name`, `occasion`,
    /// `attempts` and `delivery`.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl From<view::AlertEntry> for AlertEntry {
    fn from(entry: view::AlertEntry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at.into(),
            kind: entry.kind,
            actor: entry.actor,
            actor_name: entry.actor_name,
            data: entry.data,
        }
    }
}

/// What a rule watches, in both forms.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Watching {
    /// In one line.
    #[schema(example = "cpu > 90 clear 80 for 5m")]
    pub wording: String,
    /// What has to be true, as data.
    #[schema(value_type = Object)]
    pub when: Value,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// How long an alert stays open afterwards, in milliseconds.
    pub keep_ms: u64,
}

impl Watching {
    /// Of a rule.
    pub fn of(rule: &rule::Rule) -> Self {
        Self {
            wording: rule.wording(),
            // A plain structure always becomes JSON.
            when: serde_json::to_value(&rule.when).unwrap_or_default(),
            for_ms: rule.for_ms,
            keep_ms: rule.keep_ms,
        }
    }
}

/// An alert rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertRule {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: RuleId,
    /// Counts its versions, from 1.
    pub version: u32,
    /// For people.
    #[schema(example = "Disk almost full")]
    pub name: String,
    /// What to do about it.
    pub note: String,
    /// Whether it is on.
    pub enabled: bool,
    /// How bad it is.
    pub severity: Severity,
    /// Which servers it is about; of those, the ones whose rules its author may change.
    pub scope: ScopeBody,
    #[serde(flatten)]
    pub watching: Watching,
    /// Its author, whoever saved it last: `null` for none that is known.
    #[schema(required, value_type = Option<uuid::Uuid>)]
    pub saved_by: Option<chatops_schemas::ids::UserId>,
    /// Sign-in name of the author.
    #[schema(required)]
    pub saved_by_name: Option<String>,
    /// When this version was saved.
    pub saved_at: Moment,
    /// When it was removed.
    #[schema(required)]
    pub deleted_at: Option<Moment>,
}

impl From<view::AlertRule> for AlertRule {
    fn from(rule: view::AlertRule) -> Self {
        let said = rule.definition;
        Self {
            id: rule.id,
            version: rule.version,
            watching: Watching::of(&said),
            name: said.name,
            note: said.note,
            enabled: said.enabled,
            severity: said.severity.into(),
            scope: said.scope.into(),
            saved_by: rule.saved_by,
            saved_by_name: rule.saved_by_name,
            saved_at: rule.saved_at.into(),
            deleted_at: rule.deleted_at.map(Moment),
        }
    }
}

/// One version of an alert rule.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AlertRuleVersion {
    /// Counts them, from 1.
    pub version: u32,
    /// Its name then.
    pub name: String,
    /// What to do about it.
    pub note: String,
    /// Whether it was on.
    pub enabled: bool,
    /// How bad it was.
    pub severity: Severity,
    /// Which servers it was about.
    pub scope: ScopeBody,
    #[serde(flatten)]
    pub watching: Watching,
    /// Sign-in name of its author.
    #[schema(required)]
    pub saved_by_name: Option<String>,
    /// When it was saved.
    pub saved_at: Moment,
}

impl From<view::AlertRuleVersion> for AlertRuleVersion {
    fn from(version: view::AlertRuleVersion) -> Self {
        let said = version.definition;
        Self {
            version: version.version,
            watching: Watching::of(&said),
            name: said.name,
            note: said.note,
            enabled: said.enabled,
            severity: said.severity.into(),
            scope: said.scope.into(),
            saved_by_name: version.saved_by_name,
            saved_at: version.saved_at.into(),
        }
    }
}
