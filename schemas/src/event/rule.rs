//! Alert rules. One aggregate per rule, `ops.v1.ctl.rule.<rule>` in OPS_CTL; each change is a version, and an alert says
//! which one raised it.
//!
//! A rule watches the servers of its scope that its author, whoever saved it last, may change rules of. Rights that the
//! author gains or loses count at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid};
use crate::{ids::RuleId, rule::Rule};

/// A rule was made or changed: all of it. The author is the event's actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleSaved {
    /// The rule.
    pub rule: RuleId,
    /// Counts its versions, from 1.
    pub version: u32,
    /// What it says.
    pub definition: Rule,
}

impl Event for RuleSaved {
    const TYPE: &'static str = "rule.saved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.definition.validate()
    }
}

/// It is gone; its alerts stay in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleDeleted {
    /// The rule.
    pub rule: RuleId,
}

impl Event for RuleDeleted {
    const TYPE: &'static str = "rule.deleted";
    const VERSION: u16 = 1;
}
