//! Hosts taking turns on one connection: which of them speaks next, and what time it says it is.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::{BufMut, BytesMut};
use chatops_schemas::clock::{Clock, System, Timestamp};

use super::{
    fleet::{Host, Ids},
    wire::Load,
};

/// Between two readings of a host.
pub(super) const INTERVAL_MS: i64 = 5000;

/// What clock the hosts go by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Time {
    /// Readings five seconds apart, starting at this moment, however fast they are sent.
    From(Timestamp),
    /// The machine's.
    Now,
}

/// When each host last spoke, for whoever measures how long it takes to be heard.
pub(super) type Spoken = Arc<Mutex<std::collections::HashMap<String, Instant>>>;

/// A part of a fleet that shares a connection.
#[derive(Debug)]
pub(super) struct Timeline {
    hosts: Vec<Host>,
    time: Time,
    /// Readings written so far.
    written: usize,
    /// Readings to write until the next stop.
    left: usize,
    ids: Ids,
    spoken: Option<Spoken>,
}

impl Timeline {
    pub(super) fn new(hosts: Vec<Host>, time: Time, seed: u64) -> Self {
        Self {
            hosts,
            time,
            written: 0,
            left: 0,
            ids: Ids::new(seed),
            spoken: None,
        }
    }

    /// Notes the moment of every reading.
    pub(super) fn noting(mut self, spoken: &Spoken) -> Self {
        self.spoken = Some(Arc::clone(spoken));
        self
    }

    /// Allows that many more readings.
    pub(super) fn grant(&mut self, readings: usize) {
        self.left += readings;
    }

    /// Bytes of one event.
    pub(super) fn event_bytes(&self) -> usize {
        self.hosts.first().map_or(0, Host::event_bytes)
    }

    fn moment(&self) -> Timestamp {
        match self.time {
            Time::Now => System.now(),
            Time::From(start) => {
                let (turn, host) = (
                    self.written / self.hosts.len(),
                    self.written % self.hosts.len(),
                );
                // Hosts do not all read at the same instant.
                start
                    .plus_millis(turn as i64 * INTERVAL_MS)
                    .plus_micros(host as i64 * 1_000_000 * 4 / self.hosts.len() as i64)
            }
        }
    }
}

impl Load for Timeline {
    fn write(&mut self, out: &mut BytesMut, reply: &str) -> bool {
        if self.left == 0 || self.hosts.is_empty() {
            return false;
        }
        let moment = self.moment();
        let id = self.ids.next(moment);
        let place = self.written % self.hosts.len();
        let host = &mut self.hosts[place];
        self.left -= 1;
        self.written += 1;
        const BEFORE: &[u8] = b"NATS/1.0\r\nNats-Msg-Id: ";
        const BEHIND: &[u8] = b"\r\nops-schema: metrics.sample/1\r\n\r\n";
        let headers = BEFORE.len() + 36 + BEHIND.len();
        for part in ["HPUB ", &host.subject, " ", reply, " "] {
            out.put_slice(part.as_bytes());
        }
        out.put_slice(format!("{headers} {}\r\n", headers + host.event_bytes()).as_bytes());
        out.put_slice(BEFORE);
        out.put_slice(id.hyphenated().encode_lower(&mut [0; 36]).as_bytes());
        out.put_slice(BEHIND);
        host.write(out, id, moment);
        out.put_slice(b"\r\n");
        if let Some(spoken) = &self.spoken {
            let mut spoken = spoken.lock().unwrap_or_else(PoisonError::into_inner);
            spoken.insert(host.server.to_string(), Instant::now());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::ids::ServerId;

    use super::*;
    use crate::bench::fleet::Shape;

    fn hosts(count: u64) -> Vec<Host> {
        let host =
            |n| Host::new(ServerId::parse(format!("h{n}")).unwrap(), Shape::Small, n).unwrap();
        (0..count).map(host).collect()
    }

    #[test]
    fn hosts_take_turns_and_no_moment_of_a_host_repeats() {
        let start = Timestamp::from_millis(1_790_000_000_000);
        let mut timeline = Timeline::new(hosts(3), Time::From(start), 1);
        let mut out = BytesMut::new();
        assert!(!timeline.write(&mut out, "r"));
        timeline.grant(7);
        let mut moments = Vec::new();
        for _ in 0..7 {
            moments.push(timeline.moment());
            assert!(timeline.write(&mut out, "r"));
        }
        assert!(!timeline.write(&mut out, "r"));
        assert_eq!(moments[3], start.plus_millis(INTERVAL_MS));
        assert!(moments.windows(2).all(|pair| pair[0] < pair[1]));
        let text = String::from_utf8_lossy(&out);
        assert_eq!(text.matches("HPUB ops.v1.metrics.h0 r ").count(), 3);
        assert_eq!(text.matches("HPUB ops.v1.metrics.h2 r ").count(), 2);
    }
}
