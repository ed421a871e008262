//! Silences as they are answered.

use std::collections::HashMap;

use chatops_projections::view;
use chatops_schemas::{
    clock::Timestamp,
    event::silence::Times,
    ids::{RuleId, ServerId, SilenceId},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{alert::ScopeBody, moment::Moment};

/// When nobody is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SilenceTimes {
    /// Once.
    Once {
        /// Its beginning.
        from: Moment,
        /// Its end.
        until: Moment,
    },
    /// A maintenance window.
    Recurring {
        /// When each begins: five fields as in crontab.
        #[schema(example = "30 2 * * 0")]
        cron: String,
        /// In which time zone these are meant.
        #[schema(example = "Europe/Berlin")]
        zone: String,
        /// How long each is, in milliseconds.
        stretch_ms: u64,
        /// After this there are no more; `null`: until somebody ends it.
        #[schema(required)]
        until: Option<Moment>,
    },
}

impl From<Times> for SilenceTimes {
    fn from(times: Times) -> Self {
        match times {
            Times::Once { from, until } => Self::Once {
                from: from.into(),
                until: until.into(),
            },
            Times::Recurring {
                cron,
                zone,
                stretch_ms,
                until,
            } => Self::Recurring {
                cron,
                zone,
                stretch_ms,
                until: until.map(Moment),
            },
        }
    }
}

/// Where a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SilenceState {
    /// Nobody is told now.
    Active,
    /// It begins later, or again.
    Planned,
    /// It does not come any more.
    Over,
    /// Somebody ended it.
    Ended,
}

/// A stretch of time; its end is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct SilenceStretch {
    /// Its beginning.
    pub from: Moment,
    /// Its end.
    pub until: Moment,
}

impl From<chatops_alerting::silence::Stretch> for SilenceStretch {
    fn from(stretch: chatops_alerting::silence::Stretch) -> Self {
        Self {
            from: stretch.from.into(),
            until: stretch.until.into(),
        }
    }
}

/// What a silence is about at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct SilenceMatches {
    /// Servers.
    pub servers: u64,
    /// Alerts that are open now.
    pub open_alerts: u64,
}

/// A time in which nobody is told of some alerts. They are raised and kept all the same.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Silence {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: SilenceId,
    /// Why.
    pub reason: String,
    /// Alerts of which servers; of those, the ones that its author may handle alerts of.
    pub scope: ScopeBody,
    /// Alerts of which rules; none named: of every rule.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub rules: Vec<RuleId>,
    /// When.
    pub times: SilenceTimes,
    /// Where it stands.
    pub state: SilenceState,
    /// The stretch that it is in.
    #[schema(required)]
    pub now: Option<SilenceStretch>,
    /// The stretch that comes next.
    #[schema(required)]
    pub next: Option<SilenceStretch>,
    /// How many messages it has held back.
    pub held: u64,
    /// What it is about at the moment, of what you see.
    pub matches: SilenceMatches,
    /// It is about more than half of the servers that you see, or about more than a hundred.
    pub broad: bool,
    /// Who made it.
    #[schema(required)]
    pub saved_by_name: Option<String>,
    /// When.
    pub saved_at: Moment,
    /// When somebody ended it.
    #[schema(required)]
    pub ended_at: Option<Moment>,
    /// Who did: `user:<id>` or `system`.
    #[schema(required)]
    pub ended_by: Option<String>,
}

/// What is known when a silence is shown.
pub struct Surroundings<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Servers that the reader sees, with their labels.
    pub servers: &'a HashMap<ServerId, Vec<String>>,
    /// Alerts that are open on those.
    pub open: &'a [(ServerId, RuleId)],
}

/// More servers than these are many, whatever their share.
const MANY: usize = 100;

impl Silence {
    /// As somebody with these surroundings sees it.
    pub fn of(silence: view::Silence, around: &Surroundings<'_>) -> Self {
        let saved = silence.saved;
        // One that this build cannot read comes no more.
        let asked = chatops_alerting::silence::Silence::new(&saved, around.now).ok();
        let asked = asked.filter(|_| silence.ended_at.is_none());
        let now = asked.as_ref().and_then(|asked| asked.now(around.now));
        let next = asked.as_ref().and_then(|asked| asked.next(around.now));
        let state = match (silence.ended_at, now, next) {
            (Some(_), ..) => SilenceState::Ended,
            (None, Some(_), _) => SilenceState::Active,
            (None, None, Some(_)) => SilenceState::Planned,
            (None, None, None) => SilenceState::Over,
        };
        let about = |server: &ServerId| {
            let tags = around.servers.get(server);
            tags.is_some_and(|tags| saved.scope.holds(server, tags))
        };
        let open = around.open.iter().filter(|(server, rule)| {
            (saved.rules.is_empty() || saved.rules.contains(rule)) && about(server)
        });
        let open_alerts = open.count() as u64;
        let servers = around.servers.iter();
        let servers = servers
            .filter(|(id, tags)| saved.scope.holds(id, tags))
            .count();
        let broad = servers > MANY || (servers > 1 && servers * 2 > around.servers.len());
        Self {
            id: saved.silence,
            matches: SilenceMatches {
                servers: servers as u64,
                open_alerts,
            },
            broad,
            reason: saved.reason,
            scope: saved.scope.into(),
            rules: saved.rules,
            times: saved.times.into(),
            state,
            now: now.map(Into::into),
            next: next.map(Into::into),
            held: silence.held,
            saved_by_name: silence.saved_by_name,
            saved_at: silence.saved_at.into(),
            ended_at: silence.ended_at.map(Moment),
            ended_by: silence.ended_by,
        }
    }
}
