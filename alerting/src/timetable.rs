//! When something that comes again and again is due: schedules of jobs, windows of silences. Pure: the time is an argument.
//!
//! Moments are those of the timetable's own time zone. A run at a fixed time that the clock jumps over in spring happens at
//! the end of the jump; one that the clock shows twice in autumn happens once. A run every so many minutes happens in all
//! of them.

use std::fmt;

use chatops_schemas::{clock::Timestamp, event::schedule::Missed};
use croner::{
    Cron, Direction,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Zoned, tz::TimeZone};

/// A run that is begun within this time of its moment is on time, in milliseconds.
pub const ON_TIME_MS: i64 = 60_000;
/// Two runs are at least this far apart, in milliseconds.
const APART_MS: i64 = 10_000;
/// Missed runs that are counted one by one, and most that are made up for.
pub const COUNTED: usize = 100;

/// Why there is no such timetable: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// `cron` or `zone`.
    pub field: &'static str,
    /// In words.
    pub reason: String,
}

/// When.
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
}

impl fmt::Debug for Timetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timetable")
            .field("cron", &self.cron.as_str())
            .field("zone", &self.zone.iana_name())
            .finish()
    }
}

/// A moment that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which moment.
    pub planned: Timestamp,
    /// Whether the job is started.
    pub start: bool,
    /// What there is to say.
    pub reason: Option<String>,
}

impl Timetable {
    /// Five fields, or six with seconds in front, in a zone with this IANA name. `now` is where the check begins that runs
    /// are apart, and come at all.
    pub fn new(cron: &str, zone: &str, now: Timestamp) -> Result<Self, Wrong> {
        let wrong = |field, reason: String| Wrong { field, reason };
        let zone = TimeZone::get(zone).map_err(|_| {
            wrong(
                "zone",
                "is no time zone; names are such as Europe/Berlin or UTC".to_owned(),
            )
        })?;
        let cron = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(cron)
            .map_err(|error| wrong("cron", error.to_string()))?;
        let table = Self { cron, zone };
        let next = table.next(now, 20);
        if next.is_empty() {
            return Err(wrong("cron", "never comes".to_owned()));
        }
        if next
            .windows(2)
            .any(|two| two[1].micros_since(two[0]) < APART_MS * 1000)
        {
            let reason = format!("runs must be at least {} s apart", APART_MS / 1000);
            return Err(wrong("cron", reason));
        }
        Ok(table)
    }

    fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        let at = jiff::Timestamp::from_microsecond(at.micros()).ok()?;
        Some(at.to_zoned(self.zone.clone()))
    }

    /// The next runs after a moment.
    pub fn next(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let mut runs = Vec::with_capacity(count);
        let mut at = self.zoned(after);
        while let Some(from) = at.take()
            && runs.len() < count
        {
            let Ok(next) = self.cron.find_next_occurrence(&from, false) else {
                break;
            };
            let moment = stamp(&next);
            // A library that stands still must not make this stand still.
            if moment <= stamp(&from) {
                break;
            }
            runs.push(moment);
            at = Some(next);
        }
        runs
    }

    /// Runs after `counted_from` and until `now`, the newest first, at most so many.
    pub fn past(&self, counted_from: Timestamp, now: Timestamp, most: usize) -> Vec<Timestamp> {
        let Some(from) = self.zoned(now) else {
            return Vec::new();
        };
        self.cron
            .iter_from(from, Direction::Backward)
            .map(|at| stamp(&at))
            .take_while(|at| *at > counted_from)
            .take(most)
            .collect()
    }

    /// What is to be done now about the moments after `counted_from`, the oldest first.
    pub fn due(&self, counted_from: Timestamp, now: Timestamp, policy: Missed) -> Vec<Run> {
        // One more than are ever made up for.
        let past = self.past(counted_from, now, COUNTED + 1);
        let counted_all = past.len() <= COUNTED;
        let (timely, missed): (Vec<_>, Vec<_>) = past
            .into_iter()
            .partition(|at| now.micros_since(*at) <= ON_TIME_MS * 1000);
        let count = match counted_all {
            true => missed.len().to_string(),
            false => format!("{} or more", missed.len()),
        };
        let run = |planned: &Timestamp| Run {
            planned: *planned,
            start: true,
            reason: None,
        };
        let left_out = |planned: Timestamp, reason: String| Run {
            planned,
            start: false,
            reason: Some(reason),
        };
        let mut runs = Vec::new();
        match (policy, missed.first()) {
            (_, None) => {}
            (Missed::Skip, Some(newest)) => {
                runs.push(left_out(*newest, format!("{count} missed, left out")));
            }
            (Missed::RunOnce, Some(newest)) if timely.is_empty() => runs.push(Run {
                reason: Some(format!("makes up for {count} missed")),
                ..run(newest)
            }),
            (Missed::RunOnce, Some(newest)) => {
                let reason = format!("{count} missed, the next run makes up for them");
                runs.push(left_out(*newest, reason));
            }
            (Missed::RunAll(max), Some(_)) => {
                let max = usize::try_from(max).unwrap_or(COUNTED);
                let max = max.min(COUNTED).min(missed.len());
                if let Some(newest) = missed.get(max) {
                    let reason = "missed, and more than may be made up for".to_owned();
                    runs.push(left_out(*newest, reason));
                }
                runs.extend(missed[..max].iter().rev().map(|planned| Run {
                    reason: Some("was missed".to_owned()),
                    ..run(planned)
                }));
            }
        }
        runs.extend(timely.iter().rev().map(run));
        runs
    }
}

fn stamp(at: &Zoned) -> Timestamp {
    Timestamp::from_micros(at.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn table(cron: &str, zone: &str) -> Timetable {
        Timetable::new(cron, zone, at("2026-01-01T00:00:00Z")).unwrap()
    }

    fn next(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let runs = table(cron, zone).next(at(from), count);
        runs.into_iter().map(Timestamp::rfc3339).collect()
    }

    #[test]
    fn a_fixed_time_that_the_clock_jumps_over_comes_at_the_end_of_the_jump() {
        // In Berlin, 02:00 becomes 03:00 on 29 March 2026.
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3),
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z"
            ]
        );
    }

    #[test]
    fn a_fixed_time_that_the_clock_shows_twice_comes_once() {
        // 03:00 becomes 02:00 on 25 October 2026.
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn every_half_hour_is_every_half_hour_whatever_the_clock_does() {
        for night in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z"] {
            let runs = table("*/30 * * * *", "Europe/Berlin").next(at(night), 16);
            for two in runs.windows(2) {
                assert_eq!(two[1].micros_since(two[0]), 30 * 60_000_000, "{runs:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_a_timetable_says_which_field() {
        let field = |cron, zone| {
            Timetable::new(cron, zone, at("2026-01-01T00:00:00Z"))
                .map(drop)
                .map_err(|wrong| wrong.field)
        };
        assert_eq!(field("0 3 * * *", "Mars/Olympus"), Err("zone"));
        assert_eq!(field("sometimes", "UTC"), Err("cron"));
        assert_eq!(field("0 0 30 2 *", "UTC"), Err("cron"), "no such day");
        assert_eq!(field("* * * * * *", "UTC"), Err("cron"), "every second");
        assert_eq!(field("*/15 * * * * *", "UTC"), Ok(()));
    }

    fn due(policy: Missed, from: &str, now: &str) -> Vec<(String, bool)> {
        let runs = table("0 * * * *", "UTC").due(at(from), at(now), policy);
        runs.into_iter()
            .map(|run| (run.planned.rfc3339()[11..16].to_owned(), run.start))
            .collect()
    }

    #[test]
    fn missed_runs_are_left_out_made_up_for_once_or_each() {
        let (from, late) = ("2026-05-01T00:30:00Z", "2026-05-01T04:30:00Z");
        let run = |at: &str, start| (at.to_owned(), start);
        assert_eq!(due(Missed::Skip, from, late), [run("04:00", false)]);
        assert_eq!(due(Missed::RunOnce, from, late), [run("04:00", true)]);
        assert_eq!(
            due(Missed::RunAll(2), from, late),
            [run("02:00", false), run("03:00", true), run("04:00", true)]
        );
        assert_eq!(due(Missed::RunAll(9), from, late).len(), 4);
        // With a run that is on time, nothing else has to make up for the missed ones.
        let timely = "2026-05-01T05:00:20Z";
        assert_eq!(
            due(Missed::RunOnce, from, timely),
            [run("04:00", false), run("05:00", true)]
        );
        assert_eq!(due(Missed::RunOnce, timely, timely), []);
    }

    proptest! {
        /// However often and whenever it is looked, by a runner that notes what it did: no moment twice, none forgotten.
        #[test]
        fn each_moment_comes_once(looks in prop::collection::vec(1i64..80_000, 1..60)) {
            let table = table("*/15 * * * *", "America/New_York");
            let start = at("2026-10-31T12:00:00Z");
            let (mut now, mut counted_from) = (start, start);
            let mut begun = Vec::new();
            for seconds in looks {
                now = now.plus_millis(seconds * 1000);
                for run in table.due(counted_from, now, Missed::RunAll(u32::MAX)) {
                    prop_assert!(run.start && run.planned > counted_from);
                    counted_from = run.planned;
                    begun.push(run.planned);
                }
            }
            let all: Vec<_> = table
                .next(start, begun.len() + 1)
                .into_iter()
                .take_while(|at| *at <= now)
                .collect();
            prop_assert_eq!(begun, all);
        }
    }
}
