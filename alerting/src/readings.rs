//! The readings of one number within a window, and what they amount to.

use std::collections::VecDeque;

use chatops_schemas::{
    clock::Timestamp,
    rule::{Aggregate, Window},
};

use crate::trend;

/// So many readings of a window make a line: more are left out, because such windows are long.
const OF_A_LINE: u64 = 64;
/// What a share is full at.
const FULL: f64 = 100.0;

/// Readings by time, the newest last. Holds what lies in the window before the newest one, and nothing else.
#[derive(Debug, Clone)]
pub struct Readings {
    window: Window,
    held: VecDeque<(Timestamp, f64)>,
}

impl Readings {
    /// Empty.
    pub fn new(window: Window) -> Self {
        Self {
            window,
            held: VecDeque::new(),
        }
    }

    /// Takes a reading, wherever in time it belongs. One of a time that is there already changes nothing.
    pub fn put(&mut self, at: Timestamp, value: f64) {
        let place = self.held.partition_point(|(held, _)| *held < at);
        if self.window.aggregate == Aggregate::FullIn {
            // The first one of each stretch stands for it, wherever a restart or a late one comes in between.
            let stretch = (to_i64(self.window.over_ms) * 1000 / to_i64(OF_A_LINE)).max(1);
            let same = |n: usize| {
                let held = self.held.get(n);
                held.is_some_and(|(held, _)| {
                    held.micros().div_euclid(stretch) == at.micros().div_euclid(stretch)
                })
            };
            if same(place) || place.checked_sub(1).is_some_and(same) {
                return;
            }
        }
        if self.held.get(place).is_none_or(|(held, _)| *held != at) {
            self.held.insert(place, (at, value));
        }
    }

    /// What is held, the oldest first.
    pub fn held(&self) -> impl Iterator<Item = (Timestamp, f64)> + '_ {
        self.held.iter().copied()
    }

    /// The number at `now`, after forgetting what has left the window.
    ///
    /// None: there are no readings, or those that are there span less than half of the window, so that the first seconds
    /// after a start would be taken for a whole window.
    pub fn amount(&mut self, now: Timestamp) -> Option<f64> {
        let start = now.plus_millis(-to_i64(self.window.over_ms));
        while self.held.front().is_some_and(|(at, _)| *at <= start) {
            self.held.pop_front();
        }
        let (&(first_at, first), &(last_at, last)) = (self.held.front()?, self.held.back()?);
        let span = last_at.micros() - first_at.micros();
        if span.saturating_mul(2) < to_i64(self.window.over_ms).saturating_mul(1000) {
            return None;
        }
        let values = || self.held.iter().map(|(_, value)| *value);
        let amount = match self.window.aggregate {
            #[expect(clippy::cast_precision_loss, reason = "a window holds thousands")]
            Aggregate::Avg => values().sum::<f64>() / self.held.len() as f64,
            Aggregate::Min => values().fold(f64::INFINITY, f64::min),
            Aggregate::Max => values().fold(f64::NEG_INFINITY, f64::max),
            Aggregate::Change => last - first,
            #[expect(
                clippy::cast_precision_loss,
                reason = "at most an hour of microseconds"
            )]
            Aggregate::Rate => (last - first) / (span as f64 / 1e6),
            #[expect(clippy::cast_precision_loss, reason = "at most a day of microseconds")]
            Aggregate::FullIn => {
                let seconds = |at: Timestamp| (at.micros() - first_at.micros()) as f64 / 1e6;
                let held = self.held.iter().map(|(at, value)| (seconds(*at), *value));
                let points: Vec<_> = held.collect();
                trend::full_in(&points, seconds(now), FULL)?
            }
        };
        amount.is_finite().then_some(amount)
    }
}

fn to_i64(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn readings(aggregate: Aggregate) -> Readings {
        let mut readings = Readings::new(Window {
            aggregate,
            over_ms: 10_000,
        });
        for (second, value) in [(0, 9.0), (5, 1.0), (10, 4.0), (8, 3.0), (8, 99.0)] {
            readings.put(at(second), value);
        }
        readings
    }

    #[test]
    fn the_oldest_edge_is_out_and_late_ones_are_in() {
        for (aggregate, amount) in [
            (Aggregate::Avg, 8.0 / 3.0),
            (Aggregate::Min, 1.0),
            (Aggregate::Max, 4.0),
            (Aggregate::Change, 3.0),
            (Aggregate::Rate, 0.6),
        ] {
            assert_eq!(
                readings(aggregate).amount(at(10)),
                Some(amount),
                "{aggregate:?}"
            );
        }
    }

    #[test]
    fn half_a_window_is_enough_and_less_is_not() {
        let mut some = readings(Aggregate::Max);
        assert_eq!(some.amount(at(14)), Some(4.0), "from 5 to 10");
        assert_eq!(some.amount(at(15)), None, "from 8 to 10");
        assert_eq!(some.amount(at(60)), None);
    }
}
