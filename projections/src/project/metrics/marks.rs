//! Which buckets a batch must mark for the roll-up.
//!
//! A mark becomes visible together with its rows, and whoever takes it sees them. A bucket that is still open need not
//! be marked twice: the roll-up takes no mark before [`SETTLE`](crate::rollup::SETTLE) after the bucket's end, and a
//! transaction that began before that end is over by then, because
//! [`TRANSACTION_TIMEOUT`](crate::projector::TRANSACTION_TIMEOUT) is not longer. Both times are the database's.

use std::collections::HashSet;

use chatops_schemas::clock::Timestamp;

use crate::{
    projector::TRANSACTION_TIMEOUT,
    rollup::{self, SETTLE},
    store::samples::Mark,
};

const MINUTE_MICROS: i64 = 60_000_000;
const _: () = assert!(TRANSACTION_TIMEOUT.as_micros() <= SETTLE.as_micros());

/// Touched buckets as `(minute since 1970, group)`.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By the batch being made.
    touched: HashSet<(i64, i32)>,
    last: Option<(i64, i32)>,
    /// Written by the transaction in flight.
    written: Vec<(i64, i32)>,
    /// Committed since the claim, of buckets that were open.
    standing: HashSet<(i64, i32)>,
}

impl Marks {
    pub(super) fn begin(&mut self) {
        self.touched.clear();
        self.last = None;
    }

    pub(super) fn touch(&mut self, minute: i64, server_pk: i32) {
        let touched = (minute, rollup::group(server_pk));
        if self.last != Some(touched) {
            self.touched.insert(touched);
            self.last = Some(touched);
        }
    }

    /// Marks that the transaction begun at `now` must write.
    pub(super) fn needed(&mut self, now: Timestamp) -> Vec<Mark> {
        let open = |minute: i64| now.micros() < (minute + 1) * MINUTE_MICROS;
        self.standing.retain(|(minute, _)| open(*minute));
        self.written = self
            .touched
            .iter()
            .filter(|touched| !self.standing.contains(touched))
            .copied()
            .collect();
        self.written
            .iter()
            .map(|(minute, group)| Mark {
                level: rollup::MINUTES,
                bucket: Timestamp::from_micros(minute * MINUTE_MICROS),
                group: *group,
            })
            .collect()
    }

    pub(super) fn committed(&mut self) {
        self.standing.extend(self.written.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 30_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(MINUTE * MINUTE_MICROS).plus_millis(seconds * 1000)
    }

    fn batch(marks: &mut Marks, now: Timestamp) -> usize {
        marks.begin();
        marks.touch(MINUTE, 1);
        marks.touch(MINUTE, 63);
        marks.touch(MINUTE, 64);
        marks.needed(now).len()
    }

    #[test]
    fn an_open_bucket_is_marked_once_per_group() {
        let mut marks = Marks::default();
        assert_eq!(batch(&mut marks, at(1)), 2);
        marks.committed();
        assert_eq!(batch(&mut marks, at(59)), 0);
    }

    #[test]
    fn a_mark_that_was_not_committed_is_written_again() {
        let mut marks = Marks::default();
        assert_eq!(batch(&mut marks, at(1)), 2);
        assert_eq!(batch(&mut marks, at(2)), 2);
    }

    #[test]
    fn a_closed_bucket_is_marked_every_time() {
        let mut marks = Marks::default();
        assert_eq!(batch(&mut marks, at(1)), 2);
        marks.committed();
        assert_eq!(
            batch(&mut marks, at(60)),
            2,
            "its mark may have been taken already"
        );
        marks.committed();
        assert_eq!(batch(&mut marks, at(61)), 2);
    }
}
