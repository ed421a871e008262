//! A rule tried on readings that are already stored: the evaluator of [`watch`](crate::watch), with a memory of what it did.

use std::collections::BTreeMap;

use chatops_schemas::{
    clock::Timestamp,
    rule::{MeasureError, Reading, Rule},
};

use crate::{
    phase::Step,
    watch::{Change, Found, Kind, Watch},
};

/// An alert that begins within this time of the end of the one before is the same trouble told twice, in milliseconds.
const FLAP_MS: i64 = 600_000;
/// For how long a rule could be asked to wait, in milliseconds.
const LADDER_MS: [u64; 9] = [
    0, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

/// A stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The device; empty for the host.
    pub device: String,
    /// From when the condition was true.
    pub since: Timestamp,
    /// When somebody would have been told.
    pub raised: Timestamp,
    /// When it was over; None: it still is not at the end of the readings.
    pub resolved: Option<Timestamp>,
    /// The number of each comparison when it was raised.
    pub values: Vec<Option<f64>>,
}

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Readings looked at.
    pub readings: u64,
    /// Alerts, by the time at which they were raised.
    pub episodes: Vec<Episode>,
    /// How often the condition was true for too short a time to tell anybody.
    pub passed: u64,
    /// How many of the alerts began within ten minutes of the end of the one before, on the same device.
    pub flaps: u64,
    /// The shortest wait, in milliseconds, with which no alert would have come back within ten minutes.
    pub suggested_for_ms: u64,
}

/// A trial that is going on.
#[derive(Debug)]
pub struct Trial {
    /// As it is written.
    asked: Course,
    /// The same without any patience: every stretch in which the condition was true.
    bare: Course,
    readings: u64,
    passed: u64,
    newest: Option<Timestamp>,
}

#[derive(Debug)]
struct Course {
    watch: Watch,
    episodes: Vec<Episode>,
    open: BTreeMap<String, usize>,
}

impl Trial {
    /// Begins.
    ///
    /// # Errors
    /// The rule names a number that does not exist.
    pub fn new(rule: &Rule) -> Result<Self, MeasureError> {
        let bare = Rule {
            for_ms: 0,
            keep_ms: 0,
            ..rule.clone()
        };
        Ok(Self {
            asked: Course::new(rule.clone())?,
            bare: Course::new(bare)?,
            readings: 0,
            passed: 0,
            newest: None,
        })
    }

    /// Takes a reading; they come in the order in which they were stored.
    pub fn see(&mut self, at: Timestamp, reading: &dyn Reading) {
        self.readings += 1;
        self.newest = self.newest.max(Some(at));
        // Both have the same condition, so the reading is looked at once.
        let found = self.asked.watch.find(reading);
        self.passed += self.asked.take(at, &found);
        self.bare.take(at, &found);
    }

    /// In how many stretches the condition was true until now: what the memory that is needed grows with.
    pub fn stretches(&self) -> usize {
        self.bare.episodes.len()
    }

    /// What there is to say at the end.
    pub fn report(self) -> Report {
        let flaps = flaps(&self.asked.episodes);
        let end = self.newest;
        let suggested_for_ms = LADDER_MS.into_iter().find(|wait| {
            let long_enough = |episode: &&Episode| {
                let until = episode.resolved.or(end).unwrap_or(episode.since);
                until.micros_since(episode.since)
                    >= i64::try_from(*wait)
                        .unwrap_or(i64::MAX)
                        .saturating_mul(1000)
            };
            let left: Vec<_> = self
                .bare
                .episodes
                .iter()
                .filter(long_enough)
                .cloned()
                .collect();
            self::flaps(&left) == 0
        });
        Report {
            readings: self.readings,
            episodes: self.asked.episodes,
            passed: self.passed,
            flaps,
            suggested_for_ms: suggested_for_ms.unwrap_or(LADDER_MS[LADDER_MS.len() - 1]),
        }
    }
}

impl Course {
    fn new(rule: Rule) -> Result<Self, MeasureError> {
        Ok(Self {
            watch: Watch::new(rule)?,
            episodes: Vec::new(),
            open: BTreeMap::new(),
        })
    }

    /// How many waited in vain.
    fn take(&mut self, at: Timestamp, found: &Found) -> u64 {
        let mut passed = 0;
        for Change {
            device,
            at,
            kind,
            values,
            ..
        } in self.watch.take(at, found)
        {
            match kind {
                Kind::Step(Step::Raised { since }) => {
                    self.open.insert(device.clone(), self.episodes.len());
                    self.episodes.push(Episode {
                        device,
                        since,
                        raised: at,
                        resolved: None,
                        values,
                    });
                }
                Kind::Step(Step::Resolved) | Kind::Gone => {
                    if let Some(index) = self.open.remove(&device) {
                        self.episodes[index].resolved = Some(at);
                    }
                }
                Kind::Step(Step::Passed) => passed += 1,
                Kind::Step(Step::Waits | Step::Cleared) => {}
            }
        }
        passed
    }
}

fn flaps(episodes: &[Episode]) -> u64 {
    let mut ended: BTreeMap<&str, Timestamp> = BTreeMap::new();
    let mut flaps = 0;
    for episode in episodes {
        let device = episode.device.as_str();
        let near = |end: &Timestamp| episode.raised.micros_since(*end) < FLAP_MS * 1000;
        flaps += u64::from(ended.get(device).is_some_and(near));
        if let Some(end) = episode.resolved {
            ended.insert(device, end);
        }
    }
    flaps
}
