//! Whether a condition is true of the numbers that are there.

use chatops_schemas::rule::{Condition, Threshold};
use serde::{Deserialize, Serialize};

/// True, false, or it cannot be said because a number is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can say.
    Unknown,
}

impl Verdict {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

/// How one comparison of a condition is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Test {
    /// Against a limit.
    Threshold(Threshold),
    /// Against the reading before.
    Changed,
}

/// What one comparison remembers of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Whether the limit counts as passed.
    breached: bool,
    /// The number at the reading before.
    before: Option<f64>,
}

impl Memory {
    /// As if an alert had been raised already: between limit and clear value it goes on.
    pub fn of_open_alert() -> Self {
        Self {
            breached: true,
            before: None,
        }
    }

    /// Whether it can be forgotten: a comparison against a limit that is not passed begins anew just as well.
    pub fn is_blank(&self, test: Test) -> bool {
        !self.breached && matches!(test, Test::Threshold(_))
    }

    /// Judges the number of a reading, and remembers. A number that is missing changes nothing that is remembered.
    pub fn judge(&mut self, test: Test, value: Option<f64>) -> Verdict {
        let Some(value) = value else {
            return Verdict::Unknown;
        };
        let verdict = match test {
            Test::Threshold(threshold) => {
                self.breached = threshold.breached(self.breached, value);
                Some(self.breached)
            }
            #[expect(clippy::float_cmp, reason = "the same number, or another")]
            Test::Changed => self.before.map(|before| before != value),
        };
        self.before = Some(value);
        match verdict {
            Some(true) => Verdict::True,
            Some(false) => Verdict::False,
            None => Verdict::Unknown,
        }
    }
}

/// Puts the verdicts of a condition's comparisons together, in the order of [`Condition::measures`].
pub fn combine(condition: &Condition, verdicts: &mut impl Iterator<Item = Verdict>) -> Verdict {
    match condition {
        Condition::Compare { .. } | Condition::Changed { .. } => {
            verdicts.next().unwrap_or(Verdict::Unknown)
        }
        Condition::All(parts) => parts
            .iter()
            .map(|part| combine(part, verdicts))
            .fold(Verdict::True, Verdict::and),
        Condition::Any(parts) => parts
            .iter()
            .map(|part| combine(part, verdicts))
            .fold(Verdict::False, Verdict::or),
        // Readings say nothing about it.
        Condition::Fact(_) => Verdict::Unknown,
    }
}

/// How each comparison of a condition is made, in the order of [`Condition::measures`].
pub fn tests(condition: &Condition) -> Vec<Test> {
    match condition {
        Condition::Compare { threshold, .. } => vec![Test::Threshold(*threshold)],
        Condition::Changed { .. } => vec![Test::Changed],
        Condition::All(parts) | Condition::Any(parts) => parts.iter().flat_map(tests).collect(),
        Condition::Fact(_) => Vec::new(),
    }
}
