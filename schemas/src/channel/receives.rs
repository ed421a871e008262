//! Which alerts a channel tells of, and when.

use jiff::{Timestamp as Instant, civil::Time, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    event::{Invalid, check_text},
    ids::RuleId,
    rule::{MAX_SCOPE, Scope, Severity},
};

/// Least time between two reminders, in milliseconds.
const LEAST_REPEAT_MS: u64 = 60_000;
/// Longest wait before a channel is used, and longest time between reminders, in milliseconds: a week.
const LONGEST_MS: u64 = 7 * 86_400_000;

/// Which alerts, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receives {
    /// At least so bad.
    pub severity: Severity,
    /// Of which servers; of those, only the ones that the channel's author may see.
    pub scope: Scope,
    /// Of which rules; none named: of every rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleId>,
    /// Only when nobody has acknowledged it for so long, in milliseconds: escalation. Zero: at once.
    #[serde(default)]
    pub after_ms: u64,
    /// Told again as long as it is open and not acknowledged, after so many milliseconds. Zero: never.
    #[serde(default)]
    pub repeat_ms: u64,
    /// Also when it is over.
    pub resolved: bool,
    /// Only at these times; what is open when they begin is told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// The same hours on some days of every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hours {
    /// Time zone by its IANA name.
    pub zone: String,
    /// 1 is Monday, 7 is Sunday.
    pub days: Vec<u8>,
    /// Minutes after midnight at which they begin.
    pub from: u16,
    /// Minutes after midnight at which they end: later than `from`, at most 1440.
    pub until: u16,
}

impl Receives {
    /// Every alert, at once, and when it is over.
    pub fn everything() -> Self {
        Self {
            severity: Severity::Info,
            scope: Scope::All,
            rules: Vec::new(),
            after_ms: 0,
            repeat_ms: 0,
            resolved: true,
            hours: None,
        }
    }

    pub(super) fn validate(&self) -> Result<(), Invalid> {
        self.scope.validate()?;
        if self.rules.len() > MAX_SCOPE {
            return Err(Invalid::new(
                "receives.rules",
                format!("more than {MAX_SCOPE}"),
            ));
        }
        if self.after_ms > LONGEST_MS {
            return Err(Invalid::new("receives.after_ms", "is more than a week"));
        }
        match self.repeat_ms {
            0 | LEAST_REPEAT_MS..=LONGEST_MS => {}
            _ => {
                return Err(Invalid::new(
                    "receives.repeat_ms",
                    "is neither zero nor between a minute and a week",
                ));
            }
        }
        self.hours.as_ref().map_or(Ok(()), Hours::validate)
    }
}

impl Hours {
    fn validate(&self) -> Result<(), Invalid> {
        check_text("receives.hours.zone", &self.zone, 64)?;
        if TimeZone::get(&self.zone).is_err() {
            return Err(Invalid::new(
                "receives.hours.zone",
                "is no time zone; names are such as Europe/Berlin or UTC",
            ));
        }
        let days = !self.days.is_empty() && self.days.iter().all(|day| (1..=7).contains(day));
        if !days {
            return Err(Invalid::new(
                "receives.hours.days",
                "names no day, or one that is not 1 (Monday) to 7 (Sunday)",
            ));
        }
        if self.from >= self.until || self.until > 1440 {
            return Err(Invalid::new(
                "receives.hours.until",
                "is not after `from`, or after midnight",
            ));
        }
        Ok(())
    }

    /// Whether this moment lies in them. With a zone that is not known here, it always does: better told than lost.
    pub fn hold(&self, at: Timestamp) -> bool {
        let zoned = TimeZone::get(&self.zone)
            .ok()
            .zip(Instant::from_microsecond(at.micros()).ok())
            .map(|(zone, at)| at.to_zoned(zone));
        zoned.is_none_or(|zoned| {
            let minute = minute_of(zoned.time());
            let day = u8::try_from(zoned.weekday().to_monday_one_offset()).unwrap_or(0);
            self.days.contains(&day) && (self.from..self.until).contains(&minute)
        })
    }
}

fn minute_of(time: Time) -> u16 {
    let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
    u16::try_from(minutes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn hours_are_those_of_their_zone_also_when_the_clock_changes() {
        let hours = Hours {
            zone: "Europe/Berlin".to_owned(),
            days: vec![1, 2, 3, 4, 5],
            from: 8 * 60,
            until: 18 * 60,
        };
        assert_eq!(hours.validate(), Ok(()));
        for (moment, inside) in [
            ("2026-03-27T07:00:00Z", true),
            ("2026-03-27T06:59:59Z", false),
            ("2026-03-30T06:00:00Z", true),
            ("2026-03-27T17:00:00Z", false),
            ("2026-03-28T12:00:00Z", false),
        ] {
            assert_eq!(hours.hold(at(moment)), inside, "{moment}");
        }
    }

    #[test]
    fn hours_that_never_come_are_refused() {
        let refused = |zone: &str, days: &[u8], from, until| {
            let hours = Hours {
                zone: zone.to_owned(),
                days: days.to_vec(),
                from,
                until,
            };
            hours.validate().unwrap_err().field
        };
        assert_eq!(refused("Mars/Olympus", &[1], 0, 60), "receives.hours.zone");
        assert_eq!(refused("UTC", &[], 0, 60), "receives.hours.days");
        assert_eq!(refused("UTC", &[8], 0, 60), "receives.hours.days");
        assert_eq!(refused("UTC", &[1], 60, 60), "receives.hours.until");
        assert_eq!(refused("UTC", &[1], 0, 1441), "receives.hours.until");
    }
}
