//! The last readings of an instance, kept so that an alert can show what led to it.

use chatops_schemas::{
    clock::Timestamp,
    event::alert::{Evidence, MAX_EVIDENCE},
};

/// At most [`MAX_EVIDENCE`] readings. One list of numbers, because there is one for each rule and server: the time in
/// microseconds, then the number of each comparison, NaN where it was missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trail {
    numbers: Vec<f64>,
    /// Where the next reading goes once the list is full.
    next: usize,
}

impl Trail {
    /// Takes a reading; the oldest one makes room.
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds are exact until the year 2255"
    )]
    pub(super) fn add(&mut self, at: Timestamp, values: &[Option<f64>]) {
        let stride = values.len() + 1;
        let reading = std::iter::once(at.micros() as f64)
            .chain(values.iter().map(|value| value.unwrap_or(f64::NAN)));
        if self.numbers.len() < stride * MAX_EVIDENCE {
            self.numbers.extend(reading);
            return;
        }
        let place = self.next * stride;
        for (kept, number) in self.numbers[place..place + stride].iter_mut().zip(reading) {
            *kept = number;
        }
        self.next = (self.next + 1) % MAX_EVIDENCE;
    }

    /// The readings, oldest first. `leaves`: comparisons of the rule.
    pub(super) fn evidence(&self, leaves: usize) -> Vec<Evidence> {
        let stride = leaves + 1;
        let (newer, older) = self.numbers.split_at(self.next * stride);
        let readings = older.chunks_exact(stride).chain(newer.chunks_exact(stride));
        let value = |number: &f64| Some(*number).filter(|number| number.is_finite());
        readings
            .map(|reading| Evidence {
                #[expect(clippy::cast_possible_truncation, reason = "it was a whole number")]
                at: Timestamp::from_micros(reading[0] as i64),
                values: reading[1..].iter().map(value).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_in_order_and_what_was_missing_is_missing() {
        let mut trail = Trail::default();
        let count = i64::try_from(MAX_EVIDENCE).unwrap() + 5;
        for second in 0..count {
            let at = Timestamp::from_micros(second * 1_000_001);
            let value = (second % 2 == 0).then_some(second as f64);
            trail.add(at, &[value, None]);
        }
        let evidence = trail.evidence(2);
        assert_eq!(evidence.len(), MAX_EVIDENCE);
        for (second, reading) in (5..count).zip(evidence) {
            assert_eq!(reading.at.micros(), second * 1_000_001);
            let value = (second % 2 == 0).then_some(second as f64);
            assert_eq!(reading.values, [value, None]);
        }
    }
}
