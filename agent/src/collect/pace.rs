//! How often something costly is done. Used by the collectors that look at many things.
//!
//! The time to the next run is a multiple of what the last one cost, so that the work never takes more than its share
//! of a core, whatever the host holds.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Decides when a costly collector runs.
#[derive(Debug)]
pub(crate) struct Pace {
    share: f64,
    longest: Duration,
    next_at: Option<Instant>,
}

impl Pace {
    /// At most `share` of a core (0.001 is a thousandth), at least once in `longest`.
    pub(crate) fn new(share: f64, longest: Duration) -> Self {
        Self {
            share,
            longest,
            next_at: None,
        }
    }

    /// Whether to run at this sample. Half an interval early is on time: samples come with jitter.
    pub(crate) fn due(&self, now: Instant, interval: Duration) -> bool {
        self.next_at.is_none_or(|at| now + interval / 2 >= at)
    }

    /// Tells that it ran at `now` and what it cost. The first two runs follow each other at once: differences need two.
    pub(crate) fn ran(&mut self, now: Instant, cost: Duration) {
        let pause =
            Duration::try_from_secs_f64(cost.as_secs_f64() / self.share).unwrap_or(self.longest);
        let first = self.next_at.is_none();
        self.next_at = Some(if first {
            now
        } else {
            now + pause.min(self.longest)
        });
    }

    /// Starts measuring the processor time of this thread.
    pub(crate) fn measure() -> Cost {
        Cost(thread_time())
    }
}

/// A measurement that has begun.
#[derive(Debug)]
pub(crate) struct Cost(Duration);

impl Cost {
    /// Processor time since the beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        thread_time().saturating_sub(self.0)
    }
}

fn thread_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(spent.tv_sec).unwrap_or(0),
        u32::try_from(spent.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    #[test]
    fn dear_work_is_done_less_often_but_never_seldom() {
        let mut pace = Pace::new(0.0001, Duration::from_secs(60));
        let start = Instant::now();
        assert!(pace.due(start, INTERVAL));
        pace.ran(start, Duration::from_micros(1500));
        assert!(pace.due(start + INTERVAL, INTERVAL));
        pace.ran(start, Duration::from_micros(1500));
        assert!(!pace.due(start + Duration::from_secs(10), INTERVAL));
        assert!(pace.due(start + Duration::from_millis(14_900), INTERVAL));
        pace.ran(start, Duration::from_secs(3600));
        assert!(pace.due(start + Duration::from_secs(60), INTERVAL));
    }

    #[test]
    fn cheap_work_is_done_each_time() {
        let mut pace = Pace::new(0.0001, Duration::from_secs(60));
        let start = Instant::now();
        pace.ran(start, Duration::ZERO);
        pace.ran(start, Duration::from_micros(100));
        assert!(pace.due(start + INTERVAL, INTERVAL));
    }
}
