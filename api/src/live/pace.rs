//! How long items are collected before they go out. A wake-up and a write cost 5 to 10 µs per socket whatever the frame
//! holds: with few sockets every item goes out at once, with many they are collected, up to a tenth of a second.

use std::time::Duration;

/// Writes per second to all sockets together up to which nothing is collected.
const UNCOLLECTED_WRITES: f64 = 5_000.0;
/// Writes per second to all sockets together that collecting aims at.
const WRITES: f64 = 10_000.0;
const LONGEST: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(5);
/// Time over which the rate of items is averaged, in seconds.
const MEMORY_S: f64 = 1.0;

/// Follows the rate of items.
#[derive(Debug, Default)]
pub struct Pace {
    items_per_s: f64,
    last_micros: i64,
}

impl Pace {
    /// Notes items at a moment (any clock that counts microseconds up).
    pub fn note(&mut self, items: usize, now_micros: i64) {
        let passed = (now_micros - self.last_micros).max(0) as f64 / 1e6;
        self.last_micros = now_micros;
        // An exponentially fading count over MEMORY_S is a rate per second.
        self.items_per_s = self.items_per_s * (-passed / MEMORY_S).exp() + items as f64 / MEMORY_S;
    }

    /// How long to collect with so many sockets.
    pub fn interval(&self, sockets: usize) -> Duration {
        let sockets = sockets as f64;
        if self.items_per_s * sockets <= UNCOLLECTED_WRITES {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(sockets / WRITES).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_rate(per_s: i64) -> Pace {
        let mut pace = Pace::default();
        for n in 0..per_s * 5 {
            pace.note(1, n * 1_000_000 / per_s);
        }
        pace
    }

    #[test]
    fn few_writes_go_at_once_and_many_are_collected() {
        for (rate, sockets, millis) in [
            (200, 1, 0),
            (200, 20, 0),
            (200, 100, 10),
            (200, 1000, 100),
            (5000, 3, 5),
            (100, 5000, 100),
            (1, 1000, 0),
        ] {
            assert_eq!(
                at_rate(rate).interval(sockets).as_millis(),
                millis,
                "{rate}/s to {sockets}"
            );
        }
    }

    #[test]
    fn the_rate_follows() {
        let mut pace = at_rate(1000);
        assert!(
            (800.0..1200.0).contains(&pace.items_per_s),
            "{}",
            pace.items_per_s
        );
        pace.note(0, 15_000_000);
        assert!(pace.items_per_s < 1.0, "{}", pace.items_per_s);
    }
}
