//! The meaning of a rule, written down a second time without any memory: every question is answered from all readings
//! that have arrived, by going through them again. Slow on purpose.

use chatops_schemas::{
    clock::Timestamp,
    event::metric::Sample,
    rule::{Aggregate, Condition, Measure, Rule, Threshold},
};

/// What the naive evaluator and the real one are compared by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Waits,
    Passed,
    Raised(Timestamp),
    Resolved,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Truth {
    Yes,
    No,
    Unknown,
}

struct Past<'a> {
    /// All that arrived, in the order of arrival.
    arrived: &'a [(Timestamp, Sample)],
    /// Places in `arrived` of those that were newer than everything before, from the one that first showed the device.
    accepted: Vec<usize>,
}

impl Past<'_> {
    fn read(&self, place: usize, measure: &Measure, device: &str) -> Option<f64> {
        let mut value = None;
        let each = measure.series.contains('*');
        measure
            .selector()
            .expect("a number")
            .read(&self.arrived[place].1, |name, found| {
                if value.is_none() && (!each || name == device) {
                    value = Some(found);
                }
            });
        value
    }

    /// The number that a comparison looks at, at the `n`th accepted reading.
    fn number(&self, n: usize, measure: &Measure, device: &str) -> Option<f64> {
        let place = self.accepted[n];
        let Some(window) = measure.window else {
            return self.read(place, measure, device);
        };
        let now = self.arrived[place].0;
        let start = now.plus_micros(-micros(window.over_ms));
        let mut held: Vec<(Timestamp, f64)> = Vec::new();
        for earlier in self.accepted[0]..=place {
            let at = self.arrived[earlier].0;
            let known = held.iter().any(|(held, _)| *held == at);
            if at > start
                && at <= now
                && !known
                && let Some(value) = self.read(earlier, measure, device)
            {
                held.push((at, value));
            }
        }
        held.sort_by_key(|(at, _)| *at);
        let (first, last) = (held.first()?, held.last()?);
        let span = last.0.micros() - first.0.micros();
        if span * 2 < micros(window.over_ms) {
            return None;
        }
        let values = held.iter().map(|(_, value)| *value);
        Some(match window.aggregate {
            Aggregate::Avg => values.sum::<f64>() / held.len() as f64,
            Aggregate::Min => values.fold(f64::INFINITY, f64::min),
            Aggregate::Max => values.fold(f64::NEG_INFINITY, f64::max),
            Aggregate::Change => last.1 - first.1,
            Aggregate::Rate => (last.1 - first.1) / (span as f64 / 1e6),
            Aggregate::FullIn => panic!("no random rule asks for a forecast"),
        })
    }

    fn compare(&self, n: usize, measure: &Measure, threshold: &Threshold, device: &str) -> Truth {
        if self.number(n, measure, device).is_none() {
            return Truth::Unknown;
        }
        for earlier in (0..=n).rev() {
            let Some(value) = self.number(earlier, measure, device) else {
                continue;
            };
            if threshold.comparison.holds(value, threshold.limit) {
                return Truth::Yes;
            }
            if !threshold
                .comparison
                .holds(value, threshold.clear.unwrap_or(threshold.limit))
            {
                return Truth::No;
            }
        }
        Truth::No
    }

    fn changed(&self, n: usize, measure: &Measure, device: &str) -> Truth {
        let now = self.number(n, measure, device);
        let before = (0..n)
            .rev()
            .find_map(|earlier| self.number(earlier, measure, device));
        match (now, before) {
            (Some(now), Some(before)) if now == before => Truth::No,
            (Some(_), Some(_)) => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    fn truth(&self, n: usize, condition: &Condition, device: &str) -> Truth {
        let all = |parts: &[Condition]| -> Vec<Truth> {
            parts
                .iter()
                .map(|part| self.truth(n, part, device))
                .collect()
        };
        match condition {
            Condition::Compare { measure, threshold } => {
                self.compare(n, measure, threshold, device)
            }
            Condition::Changed { measure } => self.changed(n, measure, device),
            Condition::All(parts) => {
                let parts = all(parts);
                match () {
                    () if parts.contains(&Truth::No) => Truth::No,
                    () if parts.contains(&Truth::Unknown) => Truth::Unknown,
                    () => Truth::Yes,
                }
            }
            Condition::Any(parts) => {
                let parts = all(parts);
                match () {
                    () if parts.contains(&Truth::Yes) => Truth::Yes,
                    () if parts.contains(&Truth::Unknown) => Truth::Unknown,
                    () => Truth::No,
                }
            }
            Condition::Fact(_) => Truth::Unknown,
        }
    }
}

/// Everything that a rule says of a device while these readings arrive.
pub(crate) fn told(
    rule: &Rule,
    arrived: &[(Timestamp, Sample)],
    device: &str,
) -> Vec<(Timestamp, Said)> {
    let mut accepted: Vec<usize> = Vec::new();
    for (place, (at, _)) in arrived.iter().enumerate() {
        if accepted.last().is_none_or(|last| arrived[*last].0 < *at) {
            accepted.push(place);
        }
    }
    let shows =
        |place: usize| device.is_empty() || arrived[place].1.fs.iter().any(|fs| fs.mount == device);
    let mut said = Vec::new();
    let mut from = 0;
    while let Some(first) = (from..accepted.len()).find(|n| shows(accepted[*n])) {
        let mut seen = first;
        let mut last = accepted.len();
        for n in first..accepted.len() {
            if shows(accepted[n]) {
                seen = n;
            } else if gap(arrived, accepted[seen], accepted[n]) >= 600_000_000 {
                last = n + 1;
                break;
            }
        }
        let gone = last < accepted.len()
            || !shows(accepted[last - 1])
                && gap(arrived, accepted[seen], accepted[last - 1]) >= 600_000_000;
        let before = first.checked_sub(1).map(|n| accepted[n]);
        said.extend(life(
            rule,
            arrived,
            &accepted[first..last],
            before,
            device,
            gone,
        ));
        from = last;
    }
    said
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000) * 1000
}

fn gap(arrived: &[(Timestamp, Sample)], from: usize, to: usize) -> i64 {
    arrived[to].0.micros() - arrived[from].0.micros()
}

/// From the reading that first shows a device to the last one before it is forgotten.
fn life(
    rule: &Rule,
    arrived: &[(Timestamp, Sample)],
    accepted: &[usize],
    before: Option<usize>,
    device: &str,
    gone: bool,
) -> Vec<(Timestamp, Said)> {
    let mut said = Vec::new();
    // When it became true without a break, and the newest moment at which the open alert was true.
    let (mut since, mut open): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for n in 0..accepted.len() {
        let place = accepted[n];
        // What arrived later is not known yet.
        let past = Past {
            arrived: &arrived[..=place],
            accepted: accepted[..=n].to_vec(),
        };
        let at = arrived[place].0;
        let after = |from: Timestamp, ms: u64| at.micros() - from.micros() >= micros(ms);
        let earlier = n.checked_sub(1).map(|n| accepted[n]).or(before);
        let broken = earlier.is_some_and(|earlier| gap(arrived, earlier, place) > 30_000_000);
        match (past.truth(n, &rule.when, device), open) {
            (Truth::Yes, Some(_)) => open = Some(at),
            (Truth::No, Some(held)) if after(held, rule.keep_ms) => {
                (open, since) = (None, None);
                said.push((at, Said::Resolved));
            }
            (_, Some(_)) => {}
            (Truth::Yes, None) => {
                let new = since.is_none();
                let from = since.filter(|_| !broken).unwrap_or(at);
                since = Some(from);
                if after(from, rule.for_ms) {
                    open = Some(at);
                    said.push((at, Said::Raised(from)));
                } else if new {
                    said.push((at, Said::Waits));
                }
            }
            (_, None) if since.take().is_some() => said.push((at, Said::Passed)),
            (_, None) => {}
        }
    }
    if gone && open.is_some() {
        said.push((arrived[accepted[accepted.len() - 1]].0, Said::Resolved));
    }
    said
}
