//! Differences of counters as rates, and rounding. Used by the readers of disks, networks, processors and processes.

use std::time::Instant;

/// Seconds between two readings; `None` when no time has passed, because nothing can be divided by it.
pub(crate) fn seconds(now: Instant, before: Instant) -> Option<f64> {
    let seconds = now.checked_duration_since(before)?.as_secs_f64();
    (seconds > 0.0).then_some(seconds)
}

/// Units per second. `None` when the counter went backwards: the device was replaced, and a guess would be a lie.
pub(crate) fn per_second(now: u64, before: u64, seconds: f64) -> Option<f32> {
    Some(tenths(now.checked_sub(before)? as f64 / seconds))
}

/// Bytes per second, whole: nobody reads tenths of bytes, and round numbers compress.
pub(crate) fn bytes_per_second(now: u64, before: u64, seconds: f64) -> Option<f32> {
    Some((now.checked_sub(before)? as f64 / seconds).round() as f32)
}

/// `part` of `whole` in percent, one decimal, never above 100. `None` when `whole` is 0.
pub(crate) fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| tenths((part as f64 / whole as f64 * 100.0).min(100.0)))
}

/// One decimal: what sensors and ticks can tell.
pub(crate) fn tenths(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_went_backwards_has_no_rate() {
        assert_eq!(per_second(150, 100, 5.0), Some(10.0));
        assert_eq!(per_second(100, 150, 5.0), None);
        assert_eq!(bytes_per_second(100, 150, 5.0), None);
    }

    #[test]
    fn no_time_no_rate() {
        let now = Instant::now();
        assert_eq!(seconds(now, now), None);
    }

    #[test]
    fn percentages_stay_within_the_scale() {
        assert_eq!(percent(1, 3), Some(33.3));
        assert_eq!(percent(5, 3), Some(100.0));
        assert_eq!(percent(5, 0), None);
    }
}
