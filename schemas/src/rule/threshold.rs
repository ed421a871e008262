//! One value against one limit, with hysteresis.
//!
//! Without a second limit, a value that hovers around the first one would raise and resolve an alert at every sample. A
//! threshold therefore may name the value at which it counts as cleared; between the two nothing changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::Invalid;

/// How a value is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Comparison {
    /// Greater.
    #[serde(rename = ">")]
    Above,
    /// Greater or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// Less.
    #[serde(rename = "<")]
    Below,
    /// Less or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
}

impl Comparison {
    /// Its sign.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
        }
    }

    /// Whether `value` stands in this relation to `limit`. A value that is not a number stands in none.
    pub fn holds(self, value: f64, limit: f64) -> bool {
        if value.is_nan() || limit.is_nan() {
            return false;
        }
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
        }
    }
}

/// A limit, and optionally the one at which it is over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// How to compare.
    pub comparison: Comparison,
    /// Beyond this it is breached.
    pub limit: f64,
    /// Once breached, it stays so until the comparison with this value no longer holds; absent: until it no longer holds
    /// with `limit`.
    #[serde(default)]
    pub clear: Option<f64>,
}

impl Threshold {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        if !self.limit.is_finite() {
            return Err(Invalid::new("threshold.limit", "is not a number"));
        }
        let Some(clear) = self.clear else {
            return Ok(());
        };
        let apart = match self.comparison {
            Comparison::Above | Comparison::AtLeast => clear <= self.limit,
            Comparison::Below | Comparison::AtMost => clear >= self.limit,
            Comparison::Equal | Comparison::NotEqual => false,
        };
        match apart {
            true => Ok(()),
            false => Err(Invalid::new(
                "threshold.clear",
                "is on the wrong side of the limit: an alert would be over before it began",
            )),
        }
    }

    /// Whether the threshold counts as breached after seeing `value`, given whether it was before. A value that is not a
    /// number changes nothing.
    pub fn breached(&self, was: bool, value: f64) -> bool {
        if value.is_nan() {
            return was;
        }
        let limit = if was {
            self.clear.unwrap_or(self.limit)
        } else {
            self.limit
        };
        self.comparison.holds(value, limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn above(limit: f64, clear: Option<f64>) -> Threshold {
        Threshold {
            comparison: Comparison::Above,
            limit,
            clear,
        }
    }

    #[test]
    fn every_comparison_at_below_and_above_its_limit() {
        use Comparison::{Above, AtLeast, AtMost, Below, Equal, NotEqual};
        for (comparison, expected) in [
            (Above, [false, false, true]),
            (AtLeast, [false, true, true]),
            (Below, [true, false, false]),
            (AtMost, [true, true, false]),
            (Equal, [false, true, false]),
            (NotEqual, [true, false, true]),
        ] {
            assert_eq!(
                [79.0, 80.0, 81.0].map(|value| comparison.holds(value, 80.0)),
                expected,
                "{comparison:?}"
            );
        }
    }

    #[test]
    fn between_limit_and_clear_nothing_changes() {
        let threshold = above(90.0, Some(80.0));
        let mut state = false;
        let states = [85.0, 91.0, 85.0, 80.5, 80.0, 85.0].map(|value| {
            state = threshold.breached(state, value);
            state
        });
        assert_eq!(states, [false, true, true, true, false, false]);
    }

    #[test]
    fn a_missing_number_changes_nothing() {
        assert!(above(90.0, None).breached(true, f64::NAN));
        assert!(!above(90.0, None).breached(false, f64::NAN));
    }

    #[test]
    fn symbols_are_the_wire_form() {
        let json = serde_json::to_string(&above(1.0, None)).unwrap();
        assert!(json.contains("\">\""), "{json}");
    }

    proptest! {
        #[test]
        fn a_clear_value_never_makes_it_flap_more(values in proptest::collection::vec(0.0_f64..100.0, 2..200)) {
            let changes = |threshold: Threshold| {
                let mut state = false;
                values.iter().filter(|value| {
                    let was = state;
                    state = threshold.breached(was, **value);
                    was != state
                }).count()
            };
            prop_assert!(changes(above(60.0, Some(50.0))) <= changes(above(60.0, None)));
        }
    }
}
