//! The life of alerts: raised, acknowledged, over. One aggregate per rule, server and device,
//! `ops.v1.alert.<server>.<rule>.<instance>` in OPS_ALERT, so that an instance has at most one open alert.
//!
//! Each event says all that a reader needs to know where the alert is ([`Head`]): the newest event of an aggregate is its
//! state. The evaluator writes what follows from readings and facts; people acknowledge and resolve by hand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text, metric::Process};
use crate::{
    clock::Timestamp,
    ids::{AlertId, ChannelId, EventId, RuleId, SilenceId},
    rule::Severity,
};

/// Most readings that are kept with an alert as evidence.
pub const MAX_EVIDENCE: usize = 24;
/// Most processes that are kept with an alert.
pub const MAX_PROCESSES: usize = 10;
/// Most characters of a person's words about an alert.
pub const MAX_NOTE: usize = 2000;

/// What every event of an alert says. The server is the envelope's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The alert.
    pub alert: AlertId,
    /// Its rule.
    pub rule: RuleId,
    /// Which version of the rule raised it.
    pub rule_version: u32,
    /// The rule's name then.
    pub name: String,
    /// What it watches, in the words of [`wording`](crate::rule::wording).
    pub wording: String,
    /// The device; empty for the host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// How bad it is.
    pub severity: Severity,
    /// From when the condition was true, by the host's clock.
    pub since: Timestamp,
    /// When it had been true for long enough, by the host's clock.
    pub raised: Timestamp,
    /// Name of the stream whose event was evaluated last for this alert.
    pub source: String,
    /// Sequence of that event. What is evaluated again up to here changes nothing any more.
    pub through: u64,
}

impl Head {
    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, crate::rule::MAX_NAME)?;
        check_text("wording", &self.wording, 4096)?;
        check_text("device", &self.device, 512)?;
        check_text("source", &self.source, 64)
    }
}

/// One comparison of the rule, or the fact it looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// Name of the number, as in [`Measure`](crate::rule::Measure).
    pub series: String,
    /// What it was; absent when it was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// One reading that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The host's time.
    pub at: Timestamp,
    /// The numbers, in the order of the alert's [`Value`]s.
    pub values: Vec<Option<f64>>,
}

/// It began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    /// Which.
    pub head: Head,
    /// What the comparisons saw in the reading that raised it.
    pub values: Vec<Value>,
    /// The readings before it, oldest first, the one that raised it last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// The processes that used most then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
    /// What somebody should do, in the words of the rule's author.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// More about it, such as the last lines of a container that died.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

impl Event for AlertRaised {
    const TYPE: &'static str = "alert.raised";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.head.validate()?;
        for (field, count, most) in [
            ("values", self.values.len(), crate::rule::MAX_LEAVES),
            ("evidence", self.evidence.len(), MAX_EVIDENCE),
            ("processes", self.processes.len(), MAX_PROCESSES),
            ("lines", self.lines.len(), super::container::MAX_LINES),
        ] {
            if count > most {
                return Err(Invalid::new(field, format!("has more than {most} entries")));
            }
        }
        self.values
            .iter()
            .try_for_each(|value| check_text("values.series", &value.series, 512))?;
        check_note(&self.note)
    }
}

/// A person has seen it and takes care of it. Nobody is told of it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertAcknowledged {
    /// Which.
    pub head: Head,
    /// What they say about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Event for AlertAcknowledged {
    const TYPE: &'static str = "alert.acknowledged";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.head.validate()?;
        check_note(&self.note)
    }
}

/// The person takes that back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertUnacknowledged {
    /// Which.
    pub head: Head,
}

impl Event for AlertUnacknowledged {
    const TYPE: &'static str = "alert.unacknowledged";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.head.validate()
    }
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The condition is not true any more.
    Condition,
    /// A person said so. The instance fires again only after [`AlertCleared`].
    ByHand,
    /// The rule was changed, and what it says now is not true.
    RuleChanged,
    /// The rule is gone, switched off, or not about this server any more.
    RuleGone,
    /// The device is not there any more.
    DeviceGone,
    /// The server was deleted.
    ServerGone,
    /// Something this build does not know.
    #[serde(other)]
    Unknown,
}

impl Cause {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::ByHand => "by_hand",
            Self::RuleChanged => "rule_changed",
            Self::RuleGone => "rule_gone",
            Self::DeviceGone => "device_gone",
            Self::ServerGone => "server_gone",
            Self::Unknown => "unknown",
        }
    }
}

/// It is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertResolved {
    /// Which.
    pub head: Head,
    /// When, by the host's clock where the host's reading did it.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// What the comparisons saw in the reading that ended it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
    /// What a person says about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Event for AlertResolved {
    const TYPE: &'static str = "alert.resolved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.head.validate()?;
        check_note(&self.note)
    }
}

/// After it was resolved by hand, the condition was false for once: the instance may fire again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertCleared {
    /// The alert that was resolved by hand.
    pub head: Head,
}

impl Event for AlertCleared {
    const TYPE: &'static str = "alert.cleared";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.head.validate()
    }
}

/// What a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It began.
    Raised,
    /// It still goes on.
    Reminder,
    /// It is over.
    Resolved,
}

/// What became of telling somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The other side has taken it.
    Sent {
        /// What it answered, shortened.
        answer: String,
        /// Milliseconds from the first byte to the answer.
        took_ms: u32,
    },
    /// It could not be delivered; nothing more will be tried.
    Failed {
        /// Why, without any secret.
        reason: String,
    },
    /// It was kept back.
    Held {
        /// Why.
        why: Held,
    },
}

/// Why nobody was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// A silence was on.
    Silence(SilenceId),
    /// It was over before anybody could be told.
    Over,
    /// The host itself is down, and that alert is told.
    HostDown(AlertId),
    /// So many alerts began at once that one message tells of them all.
    Storm {
        /// How many.
        alerts: u32,
    },
    /// Somebody had acknowledged it.
    Acknowledged,
    /// The channel's author may not see this server any more.
    NotAllowed,
}

/// Somebody was told of an alert, or not, and why not. One aggregate per channel and alert, `ops.v1.told.<channel>.<alert>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToldAlert {
    /// Which alert.
    pub alert: AlertId,
    /// Its rule.
    pub rule: RuleId,
    /// Through which channel.
    pub channel: ChannelId,
    /// Its name then.
    pub channel_name: String,
    /// What was told.
    pub occasion: Occasion,
    /// Counts what this channel was told of this alert, from 1. With channel and alert it is the message's stable id.
    pub number: u32,
    /// The event of the alert that caused it.
    pub of: EventId,
    /// How often it was tried.
    pub attempts: u32,
    /// What became of it.
    pub delivery: Delivery,
}

impl Event for ToldAlert {
    const TYPE: &'static str = "told.alert";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("channel_name", &self.channel_name, crate::rule::MAX_NAME)
    }
}

fn check_note(note: &str) -> Result<(), Invalid> {
    if note.chars().count() > MAX_NOTE {
        return Err(Invalid::new(
            "note",
            format!("has more than {MAX_NOTE} characters"),
        ));
    }
    Ok(())
}
