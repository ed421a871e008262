//! One rule on one server: readings in, changes of its instances out.

mod saved;
mod trail;

use std::{collections::BTreeMap, sync::Arc};

use chatops_schemas::{
    clock::Timestamp,
    event::alert::Evidence,
    rule::{MeasureError, Reading, Rule, Selector},
};

use crate::{
    judge::{self, Memory, Test},
    phase::{Patience, Phase, Step},
    readings::Readings,
};
use trail::Trail;

pub use saved::Saved;

/// Readings further apart than this many of their own intervals have a break between them, and at least [`BREAK_MS`].
const BREAK_INTERVALS: i64 = 3;
/// See [`BREAK_INTERVALS`].
const BREAK_MS: i64 = 30_000;
/// A device that has not been in the readings for this long is gone, and its alert with it.
const GONE_MS: i64 = 600_000;

/// What became of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The device; empty for the host.
    pub device: String,
    /// The time of the reading that did it.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
    /// The number of each comparison, in the order of [`Condition::measures`](chatops_schemas::rule::Condition::measures).
    pub values: Vec<Option<f64>>,
    /// When an alert begins: the readings of the device up to this one, oldest first.
    pub evidence: Vec<Evidence>,
}

/// See [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A step of its life.
    Step(Step),
    /// Its device is gone, so its alert is over.
    Gone,
}

/// One comparison, ready to be made.
#[derive(Debug, Clone)]
struct Leaf {
    selector: Selector,
    /// Looks at each device by itself.
    each: bool,
    window: Option<chatops_schemas::rule::Window>,
    test: Test,
}

#[derive(Debug, Clone)]
struct Instance {
    phase: Phase,
    memories: Vec<Memory>,
    windows: Vec<Option<Readings>>,
    trail: Trail,
    /// When its device was in a reading.
    seen: Timestamp,
}

/// A rule, made ready once for all the servers that it watches.
#[derive(Debug)]
pub struct Plan {
    rule: Rule,
    leaves: Vec<Leaf>,
}

impl Plan {
    /// Takes the rule apart.
    ///
    /// # Errors
    /// The rule names a number that does not exist.
    pub fn new(rule: Rule) -> Result<Self, MeasureError> {
        let leaves = rule
            .when
            .measures()
            .into_iter()
            .zip(judge::tests(&rule.when))
            .map(|(measure, test)| {
                Ok(Leaf {
                    selector: measure.selector()?,
                    each: measure.each().is_some(),
                    window: measure.window,
                    test,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rule, leaves })
    }

    /// As its author wrote it.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Whether its instances are devices, not the host.
    pub fn is_each(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.each)
    }
}

/// A rule at work on one server.
#[derive(Debug, Clone)]
pub struct Watch {
    plan: Arc<Plan>,
    instances: BTreeMap<String, Instance>,
    newest: Option<Timestamp>,
    /// Where the numbers of a reading are put together.
    values: Vec<Option<f64>>,
}

/// The numbers that a rule looks at in a reading, by comparison and device.
#[derive(Debug)]
pub struct Found {
    interval_ms: Option<u32>,
    of_each: Vec<Vec<(String, f64)>>,
}

impl Watch {
    /// Begins with nothing known.
    ///
    /// # Errors
    /// The rule names a number that does not exist.
    pub fn new(rule: Rule) -> Result<Self, MeasureError> {
        Ok(Self::of(Arc::new(Plan::new(rule)?), None))
    }

    /// Begins with nothing known but when the newest reading was, where there was one.
    pub fn of(plan: Arc<Plan>, newest: Option<Timestamp>) -> Self {
        Self {
            plan,
            instances: BTreeMap::new(),
            newest,
            values: Vec::new(),
        }
    }

    /// Continues with an alert that is open, or that a person has called over.
    pub fn resume(&mut self, device: &str, phase: Phase, seen: Timestamp) {
        let mut instance = fresh(&self.plan.leaves, seen);
        instance.phase = phase;
        if phase != Phase::Ok {
            instance.memories.fill(Memory::of_open_alert());
        }
        self.instances.insert(device.to_owned(), instance);
    }

    /// A person calls the alert of a device over. False: there is no open one.
    pub fn settle(&mut self, device: &str) -> bool {
        match self.instances.get_mut(device) {
            Some(instance) if matches!(instance.phase, Phase::Firing { .. }) => {
                instance.phase = Phase::Settled;
                true
            }
            _ => false,
        }
    }

    /// Where the instance of a device is.
    pub fn phase(&self, device: &str) -> Phase {
        let instance = self.instances.get(device);
        instance.map_or(Phase::Ok, |instance| instance.phase)
    }

    /// Where the instances are that are not [`Phase::Ok`].
    pub fn phases(&self) -> impl Iterator<Item = (&str, Phase)> {
        let all = self.instances.iter();
        all.map(|(device, instance)| (device.as_str(), instance.phase))
            .filter(|(_, phase)| *phase != Phase::Ok)
    }

    /// Takes a reading.
    pub fn see(&mut self, at: Timestamp, reading: &dyn Reading) -> Vec<Change> {
        let found = self.plan.find(reading);
        self.take(at, &found)
    }

    /// The numbers of a reading, for this watch and others of the same condition.
    pub fn find(&self, reading: &dyn Reading) -> Found {
        self.plan.find(reading)
    }

    /// Takes the numbers of a reading.
    pub fn take(&mut self, at: Timestamp, found: &Found) -> Vec<Change> {
        let plan = Arc::clone(&self.plan);
        let Found {
            interval_ms,
            of_each: found,
        } = found;
        if self.newest.is_some_and(|newest| at <= newest) {
            self.remember_late(at, found);
            return Vec::new();
        }
        let interval = i64::from(interval_ms.unwrap_or_default());
        let longest = BREAK_MS.max(interval * BREAK_INTERVALS) * 1000;
        let broken = self
            .newest
            .is_some_and(|newest| at.micros() - newest.micros() > longest);
        self.newest = Some(at);
        if plan.is_each() {
            let each = plan.leaves.iter().zip(found).filter(|(leaf, _)| leaf.each);
            for (device, _) in each.flat_map(|(_, found)| found) {
                self.present(device, at);
            }
        } else {
            self.present("", at);
        }
        // What is not there any more because all is well with it is not gone before its alert is over.
        if plan
            .leaves
            .iter()
            .any(|leaf| leaf.each && leaf.selector.absent().is_some())
        {
            let all = self.instances.values_mut();
            all.filter(|instance| instance.phase != Phase::Ok)
                .for_each(|instance| instance.seen = at);
        }
        let patience = Patience {
            raise_ms: plan.rule.for_ms,
            keep_ms: plan.rule.keep_ms,
        };
        let mut changes = Vec::new();
        let values = &mut self.values;
        for (device, instance) in &mut self.instances {
            values.clear();
            let leaves = plan.leaves.iter().zip(found);
            values.extend(
                leaves
                    .zip(&mut instance.windows)
                    .map(|((leaf, found), window)| {
                        let value = number(leaf, found, device);
                        match window {
                            None => value,
                            Some(window) => {
                                if let Some(value) = value {
                                    window.put(at, value);
                                }
                                window.amount(at)
                            }
                        }
                    }),
            );
            instance.trail.add(at, values);
            let mut verdicts = plan
                .leaves
                .iter()
                .zip(values.iter())
                .zip(&mut instance.memories)
                .map(|((leaf, value), memory)| memory.judge(leaf.test, *value));
            let verdict = judge::combine(&plan.rule.when, &mut verdicts);
            if let Some(step) = instance.phase.step(at, verdict, broken, patience) {
                let evidence = match step {
                    Step::Raised { .. } => instance.trail.evidence(plan.leaves.len()),
                    _ => Vec::new(),
                };
                changes.push(Change {
                    device: device.clone(),
                    at,
                    kind: Kind::Step(step),
                    values: values.clone(),
                    evidence,
                });
            }
        }
        self.forget_gone(at, &mut changes);
        changes
    }

    /// The device is in the reading.
    fn present(&mut self, device: &str, at: Timestamp) {
        match self.instances.get_mut(device) {
            Some(instance) => instance.seen = at,
            None => {
                let instance = fresh(&self.plan.leaves, at);
                self.instances.insert(device.to_owned(), instance);
            }
        }
    }

    /// A reading that came late counts in windows, and nowhere else.
    fn remember_late(&mut self, at: Timestamp, found: &[Vec<(String, f64)>]) {
        let leaves = &self.plan.leaves;
        for (device, instance) in &mut self.instances {
            for ((leaf, found), window) in leaves.iter().zip(found).zip(&mut instance.windows) {
                if let (Some(window), Some(value)) = (window, number(leaf, found, device)) {
                    window.put(at, value);
                }
            }
        }
    }

    fn forget_gone(&mut self, at: Timestamp, changes: &mut Vec<Change>) {
        let none = self.plan.leaves.len();
        self.instances.retain(|device, instance| {
            let here = at.micros() - instance.seen.micros() < GONE_MS * 1000;
            if !here && matches!(instance.phase, Phase::Firing { .. }) {
                changes.push(Change {
                    device: device.clone(),
                    at,
                    kind: Kind::Gone,
                    values: vec![None; none],
                    evidence: Vec::new(),
                });
            }
            here
        });
    }
}

impl Plan {
    /// The numbers of each comparison by device.
    fn find(&self, reading: &dyn Reading) -> Found {
        let read = |leaf: &Leaf| {
            let mut found = Vec::new();
            leaf.selector.read(reading, |device, value| {
                found.push((device.to_owned(), value))
            });
            found
        };
        Found {
            interval_ms: reading.interval_ms(),
            of_each: self.leaves.iter().map(read).collect(),
        }
    }
}

fn fresh(leaves: &[Leaf], seen: Timestamp) -> Instance {
    Instance {
        phase: Phase::Ok,
        memories: vec![Memory::default(); leaves.len()],
        windows: leaves
            .iter()
            .map(|leaf| leaf.window.map(Readings::new))
            .collect(),
        trail: Trail::default(),
        seen,
    }
}

/// The number that a comparison looks at for an instance.
fn number(leaf: &Leaf, found: &[(String, f64)], device: &str) -> Option<f64> {
    let fitting = found.iter().find(|(name, _)| !leaf.each || name == device);
    let value = fitting.map(|(_, value)| *value);
    value.or(leaf.selector.absent())
}
