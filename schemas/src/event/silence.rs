//! Silences: times in which nobody is told of some alerts. They are raised and kept all the same. One aggregate per silence,
//! `ops.v1.ctl.silence.<silence>` in OPS_CTL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{
    clock::Timestamp,
    ids::{RuleId, SilenceId},
    rule::{MAX_NAME, MAX_SCOPE, Scope},
};

/// Longest stretch of a silence that comes again and again, in milliseconds: a day.
pub const MAX_STRETCH_MS: u64 = 86_400_000;

/// When nobody is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// Once.
    Once {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// A maintenance window.
    Recurring {
        /// When each begins: five fields as in crontab.
        cron: String,
        /// In which time zone these are meant, by its IANA name.
        zone: String,
        /// How long each is, in milliseconds.
        stretch_ms: u64,
        /// After this there are no more; absent: until somebody ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// A silence was made or changed: all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceSaved {
    /// The silence.
    pub silence: SilenceId,
    /// Why.
    pub reason: String,
    /// Alerts of which servers; of those, only the ones that its author may handle alerts of.
    pub scope: Scope,
    /// Alerts of which rules; none named: of every rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleId>,
    /// When.
    pub times: Times,
}

impl Event for SilenceSaved {
    const TYPE: &'static str = "silence.saved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.reason.trim().is_empty() {
            return Err(Invalid::new(
                "reason",
                "is empty: say why nobody is to be told",
            ));
        }
        check_text("reason", &self.reason, MAX_NAME)?;
        self.scope.validate()?;
        if self.rules.len() > MAX_SCOPE {
            return Err(Invalid::new("rules", format!("more than {MAX_SCOPE}")));
        }
        match &self.times {
            Times::Once { from, until } if until <= from => {
                Err(Invalid::new("times.until", "is not after its beginning"))
            }
            Times::Once { .. } => Ok(()),
            Times::Recurring {
                cron,
                zone,
                stretch_ms,
                ..
            } => {
                check_text("times.cron", cron, 128)?;
                check_text("times.zone", zone, 64)?;
                match stretch_ms {
                    60_000..=MAX_STRETCH_MS => Ok(()),
                    _ => Err(Invalid::new(
                        "times.stretch_ms",
                        "is not between a minute and a day",
                    )),
                }
            }
        }
    }
}

/// It is over, or will not come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceEnded {
    /// The silence.
    pub silence: SilenceId,
}

impl Event for SilenceEnded {
    const TYPE: &'static str = "silence.ended";
    const VERSION: u16 = 1;
}
