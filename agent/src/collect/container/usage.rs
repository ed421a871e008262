//! What a container has used, and what that makes per second.

use chatops_schemas::event::metric::Container;

use crate::collect::rate::{bytes_per_second, tenths};

/// Counters of a container; what cannot be told is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processor time in microseconds.
    pub(super) cpu_us: Option<u64>,
    /// Bytes in use, without what can be reclaimed at once.
    pub(super) memory: Option<u64>,
    /// Limit in bytes.
    pub(super) memory_limit: Option<u64>,
    /// Bytes received.
    pub(super) received: Option<u64>,
    /// Bytes sent.
    pub(super) sent: Option<u64>,
    /// Bytes read from block devices.
    pub(super) read: Option<u64>,
    /// Bytes written to block devices.
    pub(super) written: Option<u64>,
}

impl Usage {
    /// Fills in what it says, and rates since `before`, which was so many seconds ago.
    pub(super) fn fill(self, before: Option<(Self, f64)>, container: &mut Container) {
        container.mem = self.memory;
        container.mem_limit = self.memory_limit;
        let Some((before, seconds)) = before else {
            return;
        };
        let rate = |now: Option<u64>, before: Option<u64>| bytes_per_second(now?, before?, seconds);
        let spent = self
            .cpu_us
            .zip(before.cpu_us)
            .and_then(|(now, before)| now.checked_sub(before));
        container.cpu = spent.map(|us| tenths(us as f64 / (seconds * 10_000.0)));
        container.rx = rate(self.received, before.received);
        container.tx = rate(self.sent, before.sent);
        container.read = rate(self.read, before.read);
        container.write = rate(self.written, before.written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_and_a_restart_has_none() {
        let before = Usage {
            cpu_us: Some(1_000_000),
            received: Some(100),
            sent: Some(900),
            ..Usage::default()
        };
        let now = Usage {
            cpu_us: Some(6_000_000),
            received: Some(1100),
            sent: Some(10),
            memory: Some(7),
            ..Usage::default()
        };
        let mut container = Container::default();
        now.fill(Some((before, 10.0)), &mut container);
        assert_eq!(
            (container.cpu, container.rx, container.tx),
            (Some(50.0), Some(100.0), None)
        );
        assert_eq!((container.mem, container.read), (Some(7), None));
    }
}
