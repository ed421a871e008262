//! How many lines of a source are sent: a bucket that holds two seconds' worth.

use std::time::Instant;

/// Lines that may be sent now, and how they come back.
#[derive(Debug)]
pub struct Limit {
    rate: f64,
    left: f64,
    at: Instant,
}

impl Limit {
    /// So many lines a second.
    pub fn new(rate: u32, now: Instant) -> Self {
        let rate = f64::from(rate);
        Self {
            rate,
            left: rate * 2.0,
            at: now,
        }
    }

    /// Whether one more line may be sent; takes it if so.
    pub fn allows(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + since * self.rate).min(self.rate * 2.0);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_seconds_at_once_then_the_rate() {
        let start = Instant::now();
        let mut limit = Limit::new(10, start);
        let allowed =
            |limit: &mut Limit, at: Instant| (0..100).filter(|_| limit.allows(at)).count();
        assert_eq!(allowed(&mut limit, start), 20);
        assert_eq!(allowed(&mut limit, start + Duration::from_secs(1)), 10);
        assert_eq!(allowed(&mut limit, start + Duration::from_secs(60)), 20);
    }
}
