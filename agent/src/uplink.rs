//! What to send when: a state machine without sockets, files or clock. Driven by [`service`](crate::service), which
//! tells it what happened and does what it answers.
//!
//! # What is guaranteed
//! - Records go out in the order of their numbers, at most [`Pace::window`] ahead of the first unacknowledged one.
//! - A record is done only when its acknowledgement came. A missing one means *unknown*: sending stops until the others
//!   in flight have settled, then goes back to the first unacknowledged record. It carries the id it had before, so
//!   the stream recognises it; acknowledged ones are not sent again.
//! - What piled up during an outage is sent at most [`Pace::rate`] records a second, so that a fleet that returns does not
//!   bury the server. A live sample alone never waits.
//!
//! A crash loses this state and nothing else: the next process starts from the front of the spool.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// How much at once, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Records sent but not known to be stored, at most.
    pub window: u64,
    /// Records a second, at most.
    pub rate: f64,
    /// Records that may go out at once before the rate counts.
    pub burst: f64,
}

impl Pace {
    /// For samples: what piled up during an outage is not urgent.
    pub const SAMPLES: Self = Self {
        window: 256,
        rate: 400.0,
        burst: 32.0,
    };
    /// For results, which somebody waits for. They are large, so few are in flight: what is sent stays in memory until
    /// it is acknowledged.
    pub const RESULTS: Self = Self {
        window: 32,
        rate: 5000.0,
        burst: 256.0,
    };
    /// For log lines: large batches, as fast as the stream takes them.
    pub const LOGS: Self = Self {
        window: 32,
        rate: 1000.0,
        burst: 64.0,
    };
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The connection is up and authenticated.
    Connected,
    /// It is gone; nothing more is heard of what is in flight, and what is heard still counts.
    Disconnected,
    /// Records up to, not including, this number exist.
    Grown(u64),
    /// Records before this number are gone without us: the spool was full.
    Dropped(u64),
    /// The stream holds this record.
    Acknowledged(u64),
    /// Nobody knows whether the stream holds this record.
    Unknown(u64),
    /// This record cannot be sent at all; whoever says so has counted it.
    Unsendable(u64),
    /// Time has passed; see [`Uplink::wake_at`].
    Tick,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this record.
    Send(u64),
    /// Forget all records before this number.
    Done(u64),
}

/// The state.
#[derive(Debug)]
pub struct Uplink {
    pace: Pace,
    connected: bool,
    /// First record that is not done.
    front: u64,
    /// Next record to send.
    next: u64,
    /// Number behind the last record.
    end: u64,
    in_flight: BTreeSet<u64>,
    /// Done, but behind one that is not.
    settled: BTreeSet<u64>,
    failed: bool,
    pause: Duration,
    paused_until: Option<Instant>,
    tokens: f64,
    filled_at: Option<Instant>,
}

impl Uplink {
    /// Not connected, with what the spool holds.
    pub fn new(pace: Pace, front: u64, end: u64) -> Self {
        Self {
            pace,
            connected: false,
            front,
            next: front,
            end,
            in_flight: BTreeSet::new(),
            settled: BTreeSet::new(),
            failed: false,
            pause: FIRST_PAUSE,
            paused_until: None,
            tokens: pace.burst,
            filled_at: None,
        }
    }

    /// Takes what happened and adds to `actions` what is to be done now.
    pub fn handle(&mut self, now: Instant, input: Input, actions: &mut Vec<Action>) {
        match input {
            Input::Connected => {
                self.connected = true;
                self.go_back();
                (self.pause, self.paused_until) = (FIRST_PAUSE, None);
            }
            Input::Disconnected => {
                self.connected = false;
                self.go_back();
            }
            Input::Grown(end) => self.end = self.end.max(end),
            Input::Dropped(front) => self.advance(front, actions),
            Input::Acknowledged(number) => {
                self.pause = FIRST_PAUSE;
                self.settle(number, actions);
            }
            Input::Unsendable(number) => self.settle(number, actions),
            Input::Unknown(number) => {
                if self.in_flight.remove(&number) {
                    self.failed = true;
                }
            }
            Input::Tick => {}
        }
        if self.failed && self.in_flight.is_empty() {
            self.go_back();
            self.paused_until = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.send(now, actions);
    }

    /// When to come back with [`Input::Tick`] although nothing else happened.
    pub fn wake_at(&self) -> Option<Instant> {
        if !self.may_send() {
            return None;
        }
        match self.paused_until {
            Some(until) => Some(until),
            None if self.tokens < 1.0 => {
                let missing = Duration::from_secs_f64((1.0 - self.tokens) / self.pace.rate);
                self.filled_at
                    .map(|at| at + missing + Duration::from_millis(1))
            }
            None => None,
        }
    }

    /// Records that are sent and not settled.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether this record is sent and not settled.
    pub fn is_in_flight(&self, number: u64) -> bool {
        self.in_flight.contains(&number)
    }

    /// Whether this record is done although one before it is not.
    pub fn is_settled(&self, number: u64) -> bool {
        self.settled.contains(&number)
    }

    /// Whether records can be sent.
    pub const fn connected(&self) -> bool {
        self.connected
    }

    fn may_send(&self) -> bool {
        self.connected
            && !self.failed
            && self.next < self.end
            && self.next - self.front < self.pace.window
    }

    fn send(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        self.paused_until = None;
        self.fill(now);
        while self.may_send() && self.tokens >= 1.0 {
            let number = self.next;
            self.next += 1;
            if !self.settled.contains(&number) {
                self.tokens -= 1.0;
                self.in_flight.insert(number);
                actions.push(Action::Send(number));
            }
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = self
            .filled_at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.tokens = (self.tokens + passed * self.pace.rate).min(self.pace.burst);
        self.filled_at = Some(now);
    }

    fn go_back(&mut self) {
        self.failed = false;
        self.in_flight.clear();
        self.next = self.front;
    }

    fn settle(&mut self, number: u64, actions: &mut Vec<Action>) {
        self.in_flight.remove(&number);
        if number < self.front || number >= self.end {
            return;
        }
        self.settled.insert(number);
        let before = self.front;
        while self.settled.remove(&self.front) {
            self.front += 1;
        }
        self.next = self.next.max(self.front);
        if self.front > before {
            actions.push(Action::Done(self.front));
        }
    }

    fn advance(&mut self, front: u64, actions: &mut Vec<Action>) {
        self.front = self.front.max(front);
        self.end = self.end.max(self.front);
        self.in_flight = self.in_flight.split_off(&self.front);
        self.settled = self.settled.split_off(&self.front);
        let dropped = self.front;
        while self.settled.remove(&self.front) {
            self.front += 1;
        }
        self.next = self.next.max(self.front);
        // What was settled behind the dropped ones is now at the front, and the spool still holds it.
        if self.front > dropped {
            actions.push(Action::Done(self.front));
        }
    }
}

#[cfg(test)]
mod tests;
