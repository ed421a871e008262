//! Decides when so many events cannot be read that the fault is probably ours.
//!
//! A bad release fails on events of every host, a bad host only on its own. So one server counts at most
//! [`Settings::per_server`] times a minute, and nothing trips while fewer than [`Settings::servers`] different ones are
//! involved: a stranger with one key cannot stop the projector for everybody.

use std::collections::HashMap;

use chatops_schemas::clock::Timestamp;

const WINDOW_MICROS: i64 = 60_000_000;

/// When to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Off: park everything, however much. For an operator who has looked and knows.
    pub enabled: bool,
    /// More parked events than this within a minute.
    pub count: u32,
    /// More than one in this many events within a minute …
    pub one_in: u32,
    /// … once this many have been seen in it.
    pub of_at_least: u32,
    /// Most parked events of one server that count.
    pub per_server: u32,
    /// Fewest different servers that make it look like our fault.
    pub servers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            count: 100,
            one_in: 100,
            of_at_least: 1000,
            per_server: 20,
            servers: 5,
        }
    }
}

/// Counts over a minute.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: Settings,
    window_start: Timestamp,
    seen: u64,
    by_server: HashMap<String, u32>,
}

impl Breaker {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            window_start: Timestamp::default(),
            seen: 0,
            by_server: HashMap::new(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.seen = 0;
        self.by_server.clear();
    }

    pub(crate) fn seen(&mut self, now: Timestamp, events: usize) {
        if now.micros_since(self.window_start).abs() >= WINDOW_MICROS {
            self.window_start = now;
            self.reset();
        }
        self.seen += events as u64;
    }

    pub(crate) fn parked(&mut self, server: &str) {
        if let Some(count) = self.by_server.get_mut(server) {
            *count += 1;
        } else {
            self.by_server.insert(server.to_owned(), 1);
        }
    }

    /// The reason to stop, in words.
    pub(crate) fn tripped(&self) -> Option<String> {
        if !self.settings.enabled || self.by_server.len() < self.settings.servers {
            return None;
        }
        let parked: u64 = self
            .by_server
            .values()
            .map(|count| u64::from((*count).min(self.settings.per_server)))
            .sum();
        let too_many = parked > u64::from(self.settings.count);
        let too_often = self.seen >= u64::from(self.settings.of_at_least)
            && parked.saturating_mul(u64::from(self.settings.one_in)) > self.seen;
        (too_many || too_often).then(|| {
            format!(
                "{parked} of {} events of {} servers within a minute",
                self.seen,
                self.by_server.len()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Settings::default())
    }

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn one_bad_host_never_trips_it() {
        let mut breaker = breaker();
        breaker.seen(START, 10_000);
        for _ in 0..10_000 {
            breaker.parked("bad");
        }
        assert_eq!(breaker.tripped(), None);
    }

    #[test]
    fn a_bad_release_trips_it_by_count() {
        let mut breaker = breaker();
        breaker.seen(START, 500);
        for n in 0..101 {
            breaker.parked(&format!("host-{}", n % 10));
        }
        assert!(breaker.tripped().is_some());
    }

    #[test]
    fn a_share_above_one_percent_trips_it_only_among_many() {
        let mut breaker = breaker();
        breaker.seen(START, 999);
        for n in 0..12 {
            breaker.parked(&format!("host-{n}"));
        }
        assert_eq!(breaker.tripped(), None);
        breaker.seen(START, 1);
        assert!(breaker.tripped().is_some());
    }

    #[test]
    fn a_minute_later_it_forgets() {
        let mut breaker = breaker();
        breaker.seen(START, 200);
        for n in 0..200 {
            breaker.parked(&format!("host-{n}"));
        }
        assert!(breaker.tripped().is_some());
        breaker.seen(START.plus_millis(60_000), 1);
        assert_eq!(breaker.tripped(), None);
    }
}
