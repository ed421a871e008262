//! Alert rules, alerts and silences as people see them.

use std::collections::HashMap;

use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::{
        alert::{AlertRaised, Cause, Head, Value as Seen},
        ctl::Role,
        silence::SilenceSaved,
    },
    ids::{AlertId, RuleId, ServerId, UserId},
    rule::{Rule, Severity},
};
use serde_json::Value;

/// An alert rule: its newest version.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// Which.
    pub id: RuleId,
    /// Counts its versions, from 1.
    pub version: u32,
    /// What it says.
    pub definition: Rule,
    /// Its author.
    pub saved_by: Option<UserId>,
    /// Sign-in name of the author.
    pub saved_by_name: Option<String>,
    /// When this version was saved.
    pub saved_at: Timestamp,
    /// When it was removed.
    pub deleted_at: Option<Timestamp>,
    /// What the next decision about it must expect.
    pub ctl_seq: u64,
}

/// One version of an alert rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRuleVersion {
    /// Counts them, from 1.
    pub version: u32,
    /// What it said.
    pub definition: Rule,
    /// Its author.
    pub saved_by: Option<UserId>,
    /// Sign-in name of the author.
    pub saved_by_name: Option<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// A rule that is on, for whoever evaluates it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleInForce {
    /// Which.
    pub rule: RuleId,
    /// Which version of it.
    pub version: u32,
    /// What it says.
    pub definition: Rule,
    /// Whose rights it has; `None`: no person's, and so none.
    pub author: Option<UserId>,
}

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Which.
    pub id: AlertId,
    /// Where.
    pub server: ServerId,
    /// That server's name now; empty when nothing is known of it.
    pub server_name: String,
    /// Its rule.
    pub rule: RuleId,
    /// Which version of the rule raised it.
    pub rule_version: u32,
    /// The rule's name then.
    pub name: String,
    /// What the rule watched then.
    pub wording: String,
    /// The device that it is about; empty: the host.
    pub device: String,
    /// How bad it is.
    pub severity: Severity,
    /// From when the condition was true, by the host's clock.
    pub since: Timestamp,
    /// When it had been true for long enough, by the host's clock.
    pub raised_at: Timestamp,
    /// Position of its first event: the order of the list.
    pub raised_seq: u64,
    /// Who takes care of it, and when they said so.
    pub acknowledged: Option<(String, Timestamp)>,
    /// Sign-in name of that person.
    pub acknowledged_by_name: Option<String>,
    /// What they said.
    pub ack_note: String,
    /// How it ended; `None`: it is open.
    pub end: Option<AlertEnd>,
    /// What the comparisons saw when it was raised.
    pub values: Vec<Seen>,
    /// Position of its newest event.
    pub seq: u64,
}

/// How an alert ended.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEnd {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// Who said so, when somebody did.
    pub by: Option<String>,
    /// Sign-in name of that person.
    pub by_name: Option<String>,
    /// What they said.
    pub note: String,
}

/// What was seen when an alert was raised: [`AlertRaised`] without its head.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertSeen(pub Value);

impl AlertSeen {
    /// As the event said it; `None`: the event could not be read, and only what followed it is known.
    pub fn raised(&self, head: Head) -> Option<AlertRaised> {
        let mut fields = self
            .0
            .as_object()
            .filter(|fields| !fields.is_empty())?
            .clone();
        fields.insert("head".to_owned(), serde_json::to_value(head).ok()?);
        serde_json::from_value(Value::Object(fields)).ok()
    }
}

/// One event of an alert, or of telling somebody of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEntry {
    /// Position in the stream.
    pub seq: u64,
    /// When it was stored.
    pub at: Timestamp,
    /// `raised`, `acknowledged`, `unacknowledged`, `resolved`, `cleared` or `told`.
    pub kind: String,
    /// Who did it, when somebody did.
    pub actor: Option<String>,
    /// Sign-in name of that person.
    pub actor_name: Option<String>,
    /// What the event says beside which alert it is about.
    pub data: Value,
}

/// A step in the life of an alert, as one of the things that happened on its server.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStep {
    /// Which alert.
    pub alert: AlertId,
    /// Its rule's name then.
    pub name: String,
    /// What the rule watched then.
    pub wording: String,
    /// The device that it is about; empty: the host.
    pub device: String,
    /// How bad the alert is.
    pub severity: Severity,
    /// What happened; never `told`.
    pub entry: AlertEntry,
}

/// Which alerts; empty fields let everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertQuery {
    /// That are open (`true`) or over (`false`).
    pub open: Option<bool>,
    /// That are as bad as one of these; none named: all.
    pub severity: Vec<Severity>,
    /// On this server.
    pub server: Option<ServerId>,
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// On servers with this tag now.
    pub tag: Option<String>,
    /// With this text in name, wording, device or the server's name.
    pub text: Option<String>,
    /// That somebody takes care of, or nobody does.
    pub acknowledged: Option<bool>,
    /// Raised not before.
    pub from: Option<Timestamp>,
    /// Raised before.
    pub to: Option<Timestamp>,
    /// Where the page before ended ([`Page::next`](crate::Page)).
    pub after: Option<String>,
    /// Most alerts on the page.
    pub limit: u32,
}

/// How many alerts are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertCounts {
    /// That nobody takes care of yet.
    pub unacknowledged: u64,
    /// Of these severities, acknowledged or not.
    pub critical: u64,
    /// See above.
    pub warning: u64,
    /// See above.
    pub info: u64,
}

impl AlertCounts {
    /// All that are open.
    pub const fn open(&self) -> u64 {
        self.critical + self.warning + self.info
    }
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// As it was saved.
    pub saved: SilenceSaved,
    /// Whose rights it has.
    pub saved_by: Option<UserId>,
    /// Sign-in name of that person.
    pub saved_by_name: Option<String>,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// When somebody ended it.
    pub ended_at: Option<Timestamp>,
    /// Who did.
    pub ended_by: Option<String>,
    /// How many messages it has held back.
    pub held: u64,
    /// What the next decision about it must expect.
    pub ctl_seq: u64,
}

/// What decides where alert rules are in force.
#[derive(Debug, Clone, Default)]
pub struct AlertGround {
    /// Servers that were not deleted.
    pub servers: Vec<GroundServer>,
    /// Role of each author, and whether their account is switched on.
    pub people: HashMap<UserId, (Role, bool)>,
    /// The highest level at which servers are shared with each author.
    pub shared: HashMap<UserId, HashMap<ServerId, Level>>,
}

/// A server as far as alert rules choose it.
#[derive(Debug, Clone)]
pub struct GroundServer {
    /// Which.
    pub id: ServerId,
    /// Its owner.
    pub owner: UserId,
    /// Its tags.
    pub tags: Vec<String>,
}
