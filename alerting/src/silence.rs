//! Whether a silence holds an alert back. Pure: the moment is an argument.
//!
//! Called for each message that could be sent, and wherever people see what a silence covers. Whether its author may handle
//! alerts of the server is for the caller to know: rights change, silences do not.

use chatops_schemas::{
    clock::Timestamp,
    event::silence::{SilenceSaved, Times},
    ids::{RuleId, ServerId},
    rule::Scope,
};

use crate::timetable::{Timetable, Wrong};

/// A silence, ready to be asked.
#[derive(Debug)]
pub struct Silence {
    scope: Scope,
    rules: Vec<RuleId>,
    when: When,
}

#[derive(Debug)]
enum When {
    Once {
        from: Timestamp,
        until: Timestamp,
    },
    Recurring {
        begins: Box<Timetable>,
        stretch_ms: i64,
        until: Option<Timestamp>,
    },
}

/// A stretch of time; its end is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Silence {
    /// From what somebody saved. `now` is where the check begins that its times come at all.
    ///
    /// # Errors
    /// Its timetable is none: the field, and what is wrong with it.
    pub fn new(saved: &SilenceSaved, now: Timestamp) -> Result<Self, Wrong> {
        let when = match &saved.times {
            Times::Once { from, until } => When::Once {
                from: *from,
                until: *until,
            },
            Times::Recurring {
                cron,
                zone,
                stretch_ms,
                until,
            } => When::Recurring {
                begins: Box::new(Timetable::new(cron, zone, now)?),
                stretch_ms: i64::try_from(*stretch_ms).unwrap_or(i64::MAX),
                until: *until,
            },
        };
        Ok(Self {
            scope: saved.scope.clone(),
            rules: saved.rules.clone(),
            when,
        })
    }

    /// Whether nobody is to be told of an alert of this rule on this server at this moment.
    pub fn covers(&self, server: &ServerId, tags: &[String], rule: RuleId, at: Timestamp) -> bool {
        self.is_about(server, tags, rule) && self.now(at).is_some()
    }

    /// Whether it is about such alerts, whenever.
    pub fn is_about(&self, server: &ServerId, tags: &[String], rule: RuleId) -> bool {
        (self.rules.is_empty() || self.rules.contains(&rule)) && self.scope.holds(server, tags)
    }

    /// The stretch that holds this moment. Where two overlap, the one that began last.
    pub fn now(&self, at: Timestamp) -> Option<Stretch> {
        let stretch = match &self.when {
            When::Once { from, until } => Stretch {
                from: *from,
                until: *until,
            },
            When::Recurring {
                begins,
                stretch_ms,
                until,
            } => {
                let since = at.plus_millis(-stretch_ms);
                let from = begins.past(since, at, 1).pop()?;
                stretch_of(from, *stretch_ms, *until)
            }
        };
        (stretch.from <= at && at < stretch.until).then_some(stretch)
    }

    /// The stretch that begins next after this moment.
    pub fn next(&self, after: Timestamp) -> Option<Stretch> {
        let stretch = match &self.when {
            When::Once { from, until } => Stretch {
                from: *from,
                until: *until,
            },
            When::Recurring {
                begins,
                stretch_ms,
                until,
            } => stretch_of(begins.next(after, 1).pop()?, *stretch_ms, *until),
        };
        (stretch.from > after && stretch.from < stretch.until).then_some(stretch)
    }
}

fn stretch_of(from: Timestamp, ms: i64, last: Option<Timestamp>) -> Stretch {
    let until = from.plus_millis(ms);
    Stretch {
        from,
        until: last.map_or(until, |last| until.min(last)),
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::ids::SilenceId;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn server(id: &str) -> ServerId {
        ServerId::parse(id).unwrap()
    }

    fn rule(n: u128) -> RuleId {
        format!("00000000-0000-4000-8000-{n:012}").parse().unwrap()
    }

    fn saved(times: Times) -> SilenceSaved {
        SilenceSaved {
            silence: SilenceId("00000000-0000-4000-8000-000000000001".parse().unwrap()),
            reason: "maintenance".to_owned(),
            scope: Scope::All,
            rules: Vec::new(),
            times,
        }
    }

    fn silence(times: Times) -> Silence {
        Silence::new(&saved(times), at("2026-01-01T00:00:00Z")).unwrap()
    }

    fn nightly(until: Option<&str>) -> Times {
        Times::Recurring {
            cron: "30 2 * * *".to_owned(),
            zone: "Europe/Berlin".to_owned(),
            stretch_ms: 3_600_000,
            until: until.map(at),
        }
    }

    #[test]
    fn once_begins_with_its_first_moment_and_ends_before_its_last() {
        let times = Times::Once {
            from: at("2026-05-01T10:00:00Z"),
            until: at("2026-05-01T11:00:00Z"),
        };
        let silence = silence(times);
        for (moment, on) in [
            ("2026-05-01T09:59:59Z", false),
            ("2026-05-01T10:00:00Z", true),
            ("2026-05-01T10:59:59Z", true),
            ("2026-05-01T11:00:00Z", false),
        ] {
            assert_eq!(silence.now(at(moment)).is_some(), on, "{moment}");
        }
        assert!(silence.next(at("2026-05-01T09:00:00Z")).is_some());
        assert_eq!(silence.next(at("2026-05-01T10:00:00Z")), None);
    }

    #[test]
    fn a_window_comes_every_night_of_its_own_time_zone() {
        let silence = silence(nightly(None));
        // Winter: an hour ahead of UTC. Summer: two. In the night of the jump 02:30 is 03:00.
        for (moment, on) in [
            ("2026-01-10T01:29:59Z", false),
            ("2026-01-10T01:30:00Z", true),
            ("2026-01-10T02:29:59Z", true),
            ("2026-01-10T02:30:00Z", false),
            ("2026-07-10T00:30:00Z", true),
            ("2026-07-10T01:30:00Z", false),
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", true),
        ] {
            assert_eq!(silence.now(at(moment)).is_some(), on, "{moment}");
        }
        let next = silence.next(at("2026-07-10T00:30:00Z")).unwrap();
        assert_eq!(next.from, at("2026-07-11T00:30:00Z"));
        assert_eq!(next.until, at("2026-07-11T01:30:00Z"));
    }

    #[test]
    fn the_last_window_ends_with_the_silence() {
        let silence = silence(nightly(Some("2026-07-10T01:00:00Z")));
        let moment = at("2026-07-10T00:45:00Z");
        assert_eq!(
            silence.now(moment).unwrap().until,
            at("2026-07-10T01:00:00Z")
        );
        assert_eq!(silence.now(at("2026-07-10T01:00:00Z")), None);
        assert_eq!(silence.now(at("2026-07-11T00:45:00Z")), None);
        assert_eq!(silence.next(moment), None);
    }

    #[test]
    fn windows_that_overlap_are_one_silence_after_the_other() {
        let times = Times::Recurring {
            cron: "0 * * * *".to_owned(),
            zone: "UTC".to_owned(),
            stretch_ms: 2 * 3_600_000,
            until: None,
        };
        let now = silence(times).now(at("2026-07-10T10:30:00Z")).unwrap();
        assert_eq!(now.from, at("2026-07-10T10:00:00Z"));
    }

    #[test]
    fn only_named_rules_and_servers_are_covered() {
        let times = Times::Once {
            from: at("2026-05-01T10:00:00Z"),
            until: at("2026-05-01T11:00:00Z"),
        };
        let moment = at("2026-05-01T10:30:00Z");
        let covers = |scope, rules: &[RuleId], id: &str, tags: &[&str], about| {
            let said = SilenceSaved {
                scope,
                rules: rules.to_vec(),
                ..saved(times.clone())
            };
            let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
            let silence = Silence::new(&said, moment).unwrap();
            silence.covers(&server(id), &tags, about, moment)
        };
        assert!(covers(Scope::All, &[], "a", &[], rule(1)));
        assert!(covers(Scope::All, &[rule(1)], "a", &[], rule(1)));
        assert!(!covers(Scope::All, &[rule(2)], "a", &[], rule(1)));
        let these = || Scope::Servers(vec![server("a")]);
        assert!(covers(these(), &[], "a", &[], rule(1)));
        assert!(!covers(these(), &[], "b", &[], rule(1)));
        let tagged = || Scope::Tags(vec!["db".to_owned()]);
        assert!(covers(tagged(), &[], "b", &["x", "db"], rule(1)));
        assert!(!covers(tagged(), &[], "b", &["x"], rule(1)));
    }

    #[test]
    fn what_never_comes_is_refused() {
        let never = Times::Recurring {
            cron: "0 0 30 2 *".to_owned(),
            zone: "UTC".to_owned(),
            stretch_ms: 60_000,
            until: None,
        };
        let wrong = Silence::new(&saved(never), at("2026-01-01T00:00:00Z")).unwrap_err();
        assert_eq!(wrong.field, "cron");
    }
}
