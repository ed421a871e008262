//! What a person wants to be told: the definition of an alert rule.
//!
//! A rule watches *instances*: one per server, or one per server and device when its condition names devices with `*`. Each
//! instance is judged by itself and has at most one open alert, so two file systems of one host are two alerts, and two
//! rules about one number never collide.

mod fact;
mod measure;
mod reading;
mod threshold;
pub mod wording;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use fact::{Fact, MAX_DEATHS, Trouble};
pub use measure::{Aggregate, Measure, MeasureError, Number, Selector, Window, fits};
pub use reading::{Needs, Reading, Row};
pub use threshold::{Comparison, Threshold};
pub use wording::Wording;

use crate::{
    event::{Invalid, check_text},
    ids::ServerId,
};

/// Most characters in a rule's name.
pub const MAX_NAME: usize = 128;
/// Most comparisons in one condition.
pub const MAX_LEAVES: usize = 8;
/// Deepest nesting of a condition.
pub const MAX_DEPTH: usize = 4;
/// Longest time that a condition can be asked to hold, in milliseconds: a day.
pub const MAX_FOR_MS: u64 = 24 * 3_600_000;
/// Most servers or tags that a rule can name.
pub const MAX_SCOPE: usize = 1000;

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// As in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Which servers a rule is about. Servers that join later and fit are in, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All that its author may set rules for.
    All,
    /// These.
    Servers(Vec<ServerId>),
    /// Those with one of these tags.
    Tags(Vec<String>),
}

impl Scope {
    /// Whether it names something, and not too much.
    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::All => Ok(()),
            Self::Servers(servers) => check_count(servers.len()),
            Self::Tags(tags) => {
                check_count(tags.len())?;
                let mut tags = tags.iter();
                tags.try_for_each(|tag| check_text("scope.tags", tag, 64))
            }
        }
    }

    /// Whether this server is one of them.
    pub fn holds(&self, server: &ServerId, tags: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Servers(servers) => servers.contains(server),
            Self::Tags(named) => named.iter().any(|tag| tags.contains(tag)),
        }
    }
}

/// What has to be true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A number against a limit.
    Compare {
        /// Which number.
        measure: Measure,
        /// The limit.
        threshold: Threshold,
    },
    /// A number is another than at the reading before.
    Changed {
        /// Which number.
        measure: Measure,
    },
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Something other than a number.
    Fact(Fact),
}

impl Condition {
    /// The comparisons, in the order in which they are written.
    pub fn measures(&self) -> Vec<&Measure> {
        match self {
            Self::Compare { measure, .. } | Self::Changed { measure } => vec![measure],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::measures).collect(),
            Self::Fact(_) => Vec::new(),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Compare { .. } | Self::Changed { .. } | Self::Fact(_) => 1,
            Self::All(parts) | Self::Any(parts) => {
                1 + parts.iter().map(Self::depth).max().unwrap_or_default()
            }
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Compare { measure, threshold } => {
                measure.validate()?;
                threshold.validate()
            }
            Self::Changed { measure } => measure.validate(),
            Self::All(parts) | Self::Any(parts) if parts.is_empty() => Err(Invalid::new(
                "when",
                "names no condition: `all` and `any` need at least one",
            )),
            Self::All(parts) | Self::Any(parts)
                if parts.iter().any(|part| matches!(part, Self::Fact(_))) =>
            {
                Err(Invalid::new(
                    "when",
                    "joins a fact with something else: `down`, `silent`, `container` and `agent` stand alone",
                ))
            }
            Self::All(parts) | Self::Any(parts) => parts.iter().try_for_each(Self::validate),
            Self::Fact(fact) => fact.validate(),
        }
    }
}

/// An alert rule, as its author wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// For people.
    pub name: String,
    /// What to do about it, for whoever is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether it is on.
    pub enabled: bool,
    /// How bad it is.
    pub severity: Severity,
    /// Which servers it is about.
    pub scope: Scope,
    /// What has to be true.
    pub when: Condition,
    /// For how long without a break, by the host's clock, in milliseconds. Zero: at once.
    #[serde(default)]
    pub for_ms: u64,
    /// For how long an alert stays open after the condition was last true, in milliseconds.
    #[serde(default)]
    pub keep_ms: u64,
}

impl Rule {
    /// Whether this can be a rule.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.name.trim().is_empty() {
            return Err(Invalid::new("name", "is empty"));
        }
        check_text("name", &self.name, MAX_NAME)?;
        if self.note.chars().count() > 2000 {
            return Err(Invalid::new("note", "has more than 2000 characters"));
        }
        for (field, ms) in [("for_ms", self.for_ms), ("keep_ms", self.keep_ms)] {
            if ms > MAX_FOR_MS {
                return Err(Invalid::new(field, "is more than a day"));
            }
        }
        self.scope.validate()?;
        self.when.validate()?;
        let measures = self.when.measures();
        if measures.len() > MAX_LEAVES {
            return Err(Invalid::new(
                "when",
                format!("has more than {MAX_LEAVES} comparisons"),
            ));
        }
        if self.when.depth() > MAX_DEPTH {
            return Err(Invalid::new(
                "when",
                format!("is nested deeper than {MAX_DEPTH}"),
            ));
        }
        let mut families = measures.iter().filter_map(|measure| measure.each());
        match families.next() {
            Some(first) if families.any(|family| family != first) => Err(Invalid::new(
                "when",
                "asks for each device of two kinds; one rule can go through the devices of one kind",
            )),
            _ => Ok(()),
        }
    }

    /// The fact that it looks at, when it does not look at numbers.
    pub fn fact(&self) -> Option<&Fact> {
        match &self.when {
            Condition::Fact(fact) => Some(fact),
            _ => None,
        }
    }

    /// In one line, as [`Wording::parse`] reads it.
    pub fn wording(&self) -> String {
        let Self {
            when,
            for_ms,
            keep_ms,
            ..
        } = self;
        let (when, for_ms, keep_ms) = (when.clone(), *for_ms, *keep_ms);
        Wording {
            when,
            for_ms,
            keep_ms,
        }
        .to_string()
    }

    /// The longest stretch of readings that the condition looks back on, in milliseconds.
    pub fn look_back_ms(&self) -> u64 {
        let windows = self
            .when
            .measures()
            .into_iter()
            .map(|measure| measure.window.map_or(0, |window| window.over_ms));
        windows.max().unwrap_or_default()
    }
}

fn check_count(count: usize) -> Result<(), Invalid> {
    match count {
        0 => Err(Invalid::new("scope", "names nothing")),
        1..=MAX_SCOPE => Ok(()),
        _ => Err(Invalid::new(
            "scope",
            format!("names more than {MAX_SCOPE}"),
        )),
    }
}

#[cfg(test)]
mod tests;
