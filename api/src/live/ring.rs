//! What happened lately, for all sockets at once.
//!
//! The relay appends ticks, sockets take what they have not seen. A slow socket costs nothing but its own place: nothing
//! is queued per socket. When it is so far behind that its next tick is gone, it is told that there is a gap.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::extract::ws::Utf8Bytes;

use super::{
    frame,
    item::{Item, Kind},
};

/// Items that became visible together.
#[derive(Debug)]
pub struct Tick {
    /// Counts up by one.
    pub number: u64,
    /// Position in the metrics stream after these items.
    pub seq: u64,
    /// When they became visible.
    pub made: Instant,
    /// In stream order.
    pub items: Vec<Item>,
    /// The relay lost its place before this tick: everybody has a gap from this position.
    pub gap_from: Option<u64>,
    /// Looked for once, not by every socket.
    alerts: bool,
    whole_fleet: OnceLock<Vec<Utf8Bytes>>,
}

impl Tick {
    /// Position of the first sample in it; the position behind it when there is none.
    pub fn first_seq(&self) -> u64 {
        self.items
            .iter()
            .map(|item| item.seq)
            .find(|seq| *seq > 0)
            .unwrap_or(self.seq + 1)
    }

    /// Whether it tells of alerts.
    pub fn has_alerts(&self) -> bool {
        self.alerts
    }

    /// The frames for those who see every server and look at nothing but the fleet: made once, shared by all of them.
    pub fn whole_fleet(&self) -> &[Utf8Bytes] {
        self.whole_fleet
            .get_or_init(|| frame::batches(&[self], &frame::whole_fleet))
    }
}

/// The newest ticks.
#[derive(Debug)]
pub struct Ring {
    ticks: VecDeque<Arc<Tick>>,
    items: usize,
    capacity: usize,
    next: u64,
}

/// What a socket that has seen everything before tick `next` gets.
#[derive(Debug)]
pub enum Unseen {
    /// These, oldest first; may be none.
    Ticks(Vec<Arc<Tick>>),
    /// Some are gone.
    TooOld,
}

impl Ring {
    /// Keeps about so many items.
    pub fn new(capacity: usize) -> Self {
        Self {
            ticks: VecDeque::new(),
            items: 0,
            capacity: capacity.max(1),
            next: 1,
        }
    }

    /// Number that the next tick will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Appends a tick.
    pub fn push(&mut self, items: Vec<Item>, seq: u64, gap_from: Option<u64>) -> u64 {
        let number = self.next;
        self.next += 1;
        // A tick without items counts too, or ticks could pile up.
        self.items += items.len().max(1);
        self.ticks.push_back(Arc::new(Tick {
            number,
            seq,
            made: Instant::now(),
            alerts: items.iter().any(|item| item.kind == Kind::Alert),
            items,
            gap_from,
            whole_fleet: OnceLock::new(),
        }));
        while self.items > self.capacity && self.ticks.len() > 1 {
            if let Some(old) = self.ticks.pop_front() {
                self.items -= old.items.len().max(1);
            }
        }
        number
    }

    /// Ticks from number `from` on, at most `most`.
    pub fn since(&self, from: u64, most: usize) -> Unseen {
        let oldest = self.ticks.front().map_or(self.next, |tick| tick.number);
        if from < oldest {
            return Unseen::TooOld;
        }
        let start = usize::try_from(from - oldest)
            .unwrap_or(usize::MAX)
            .min(self.ticks.len());
        Unseen::Ticks(self.ticks.range(start..).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{clock::Timestamp, ids::ServerId};

    use super::*;
    use crate::live::item;

    fn some(n: usize) -> Vec<Item> {
        let server = ServerId::parse("s").unwrap();
        (0..n)
            .map(|_| item::presence(&server, None, true, Timestamp::default(), "nats").unwrap())
            .collect()
    }

    fn numbers(unseen: Unseen) -> Option<Vec<u64>> {
        match unseen {
            Unseen::Ticks(ticks) => Some(ticks.iter().map(|tick| tick.number).collect()),
            Unseen::TooOld => None,
        }
    }

    #[test]
    fn a_socket_gets_what_it_has_not_seen_or_learns_that_it_is_gone() {
        let mut ring = Ring::new(10);
        assert_eq!(numbers(ring.since(1, 99)), Some(vec![]));
        for _ in 0..5 {
            ring.push(some(3), 0, None);
        }
        assert_eq!(ring.next(), 6);
        assert_eq!(numbers(ring.since(6, 99)), Some(vec![]));
        assert_eq!(numbers(ring.since(4, 99)), Some(vec![4, 5]));
        assert_eq!(numbers(ring.since(3, 2)), Some(vec![3, 4]));
        assert_eq!(numbers(ring.since(2, 99)), None);
    }

    #[test]
    fn one_huge_tick_and_many_empty_ones_are_bounded() {
        let mut ring = Ring::new(10);
        ring.push(some(50), 0, None);
        assert_eq!(numbers(ring.since(1, 99)), Some(vec![1]));
        for _ in 0..50 {
            ring.push(vec![], 0, None);
        }
        assert_eq!(ring.ticks.len(), 10);
    }
}
