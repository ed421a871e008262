//! Network interfaces from `/proc/net/dev`.
//!
//! Not from sysinfo: it reads some ten files of `/sys/class/net` for each interface; this is one read for all. Listed
//! are interfaces that carried something since boot. The host ends of containers' cables (`veth…`) are left out by
//! default: they come and go by the hundred and their bytes are the containers' own. `lo` is listed; whoever sums
//! interfaces up must leave it out.

use std::{collections::HashMap, time::Instant};

use chatops_schemas::event::metric::Interface;

use super::{
    counter::{Counter, Ledger, MAX_REMEMBERED},
    rate::{bytes_per_second, per_second, seconds},
    slot::slot,
    source::{Roots, Source},
    text::{lines, name, number, words},
};

/// Most interfaces in a sample.
pub const MAX_INTERFACES: usize = 64;

/// One line of `/proc/net/dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Kernel name.
    pub name: &'a [u8],
    /// Received.
    pub rx: Numbers,
    /// Sent.
    pub tx: Numbers,
}

/// Counters of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Errors.
    pub errors: u64,
    /// Drops.
    pub drops: u64,
}

/// Parses one line; `None` for the two header lines and whatever else is none.
pub fn parse(line: &[u8]) -> Option<Stat<'_>> {
    let colon = line.iter().rposition(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii();
    let mut n = [0; 12];
    let mut words = words(&line[colon + 1..]);
    for slot in &mut n {
        *slot = number(words.next()?)?;
    }
    let direction = |at: usize| Numbers {
        bytes: n[at],
        packets: n[at + 1],
        errors: n[at + 2],
        drops: n[at + 3],
    };
    (!name.is_empty()).then(|| Stat {
        name,
        rx: direction(0),
        tx: direction(8),
    })
}

#[derive(Debug)]
struct Device {
    name: String,
    before: (Numbers, Numbers),
    fresh: bool,
    seen_at: Instant,
    counters: [Counter; 2],
}

/// Reads network interfaces. The reading before is kept for the rates.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    skipped: Vec<String>,
    devices: HashMap<Vec<u8>, Device>,
    remembered: Ledger,
    read_at: Option<Instant>,
}

impl Reader {
    /// Reads below `roots.proc`. Interfaces whose name starts with one of `skipped` are left out; `remembered` holds
    /// the counters of earlier runs.
    pub fn new(roots: &Roots, skipped: Vec<String>, remembered: Ledger) -> Self {
        Self {
            source: Source::new(roots.proc.join("net/dev")),
            skipped,
            devices: HashMap::new(),
            remembered,
            read_at: None,
        }
    }

    /// Reads into `interfaces`; gives the number left out because there are more than [`MAX_INTERFACES`].
    pub fn read(
        &mut self,
        now: Instant,
        buffer: &mut Vec<u8>,
        interfaces: &mut Vec<Interface>,
    ) -> u32 {
        let Ok(text) = self.source.read(buffer) else {
            interfaces.clear();
            return 0;
        };
        let seconds = self
            .read_at
            .replace(now)
            .and_then(|before| seconds(now, before));
        let (mut listed, mut left_out) = (0, 0);
        for stat in lines(text).filter_map(parse) {
            let unused = stat.rx.bytes == 0 && stat.tx.bytes == 0;
            if unused
                || self
                    .skipped
                    .iter()
                    .any(|prefix| stat.name.starts_with(prefix.as_bytes()))
            {
                continue;
            }
            if listed == MAX_INTERFACES {
                left_out += 1;
                continue;
            }
            if !self.devices.contains_key(stat.name) {
                self.devices
                    .insert(stat.name.to_vec(), meet(&stat, now, &mut self.remembered));
            }
            let Some(device) = self.devices.get_mut(stat.name) else {
                continue;
            };
            let interface = slot(interfaces, listed, &device.name);
            listed += 1;
            if let Some(seconds) = seconds.filter(|_| !device.fresh) {
                fill(interface, (stat.rx, stat.tx), device.before, seconds);
            }
            interface.rx_total = Some(device.counters[0].advance(stat.rx.bytes));
            interface.tx_total = Some(device.counters[1].advance(stat.tx.bytes));
            (device.before, device.fresh, device.seen_at) = ((stat.rx, stat.tx), false, now);
        }
        if self.devices.len() > MAX_REMEMBERED {
            self.devices.retain(|_, device| device.seen_at == now);
        }
        interfaces.truncate(listed);
        left_out
    }

    /// All counters, also of interfaces not seen in this run, for the next one.
    pub fn ledger(&self) -> Ledger {
        let seen = self
            .devices
            .values()
            .map(|device| (device.name.clone(), device.counters));
        let gone = self
            .remembered
            .iter()
            .map(|(name, counters)| (name.clone(), *counters));
        seen.chain(gone).take(MAX_REMEMBERED).collect()
    }
}

fn meet(stat: &Stat<'_>, now: Instant, remembered: &mut Ledger) -> Device {
    let name = name(stat.name);
    let first = || [Counter::first(stat.rx.bytes), Counter::first(stat.tx.bytes)];
    let counters = remembered.remove(&name).unwrap_or_else(first);
    Device {
        name,
        before: (stat.rx, stat.tx),
        fresh: true,
        seen_at: now,
        counters,
    }
}

fn fill(
    interface: &mut Interface,
    now: (Numbers, Numbers),
    before: (Numbers, Numbers),
    seconds: f64,
) {
    let ((rx, tx), (rx_before, tx_before)) = (now, before);
    interface.rx = bytes_per_second(rx.bytes, rx_before.bytes, seconds);
    interface.tx = bytes_per_second(tx.bytes, tx_before.bytes, seconds);
    interface.rx_packets = per_second(rx.packets, rx_before.packets, seconds);
    interface.tx_packets = per_second(tx.packets, tx_before.packets, seconds);
    interface.rx_errors = per_second(rx.errors, rx_before.errors, seconds);
    interface.tx_errors = per_second(tx.errors, tx_before.errors, seconds);
    interface.rx_drops = per_second(rx.drops, rx_before.drops, seconds);
    interface.tx_drops = per_second(tx.drops, tx_before.drops, seconds);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const HEAD: &str = "Inter-|   Receive                            |  Transmit\n \
                        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n";

    #[test]
    fn a_line_and_its_headers() {
        for line in HEAD.lines() {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        let stat = parse(b"  eth0: 100 2 3 4 0 0 0 0 200 6 7 8 0 0 0 0").unwrap();
        assert_eq!(stat.name, b"eth0");
        assert_eq!(
            stat.rx,
            Numbers {
                bytes: 100,
                packets: 2,
                errors: 3,
                drops: 4
            }
        );
        assert_eq!(
            stat.tx,
            Numbers {
                bytes: 200,
                packets: 6,
                errors: 7,
                drops: 8
            }
        );
        assert_eq!(parse(b" : 1 2 3 4 5 6 7 8 9 10 11 12"), None);
        // Old kernels print wide numbers right behind the colon.
        assert_eq!(
            parse(b"eth0:18446744073709551615 2 3 4 0 0 0 0 200 6 7 8")
                .unwrap()
                .rx
                .bytes,
            u64::MAX
        );
    }

    fn reader(dir: &tempfile::TempDir, remembered: Ledger) -> Reader {
        std::fs::create_dir_all(dir.path().join("net")).unwrap();
        let roots = Roots {
            proc: dir.path().into(),
            ..Roots::default()
        };
        Reader::new(&roots, vec!["veth".into()], remembered)
    }

    fn write(dir: &tempfile::TempDir, lines: &str) {
        std::fs::write(dir.path().join("net/dev"), format!("{HEAD}{lines}")).unwrap();
    }

    #[test]
    fn unused_and_skipped_interfaces_are_left_out_and_rates_follow_the_clock() {
        let dir = tempfile::tempdir().unwrap();
        let mut reader = reader(&dir, Ledger::new());
        let (mut list, mut buffer, start) = (Vec::new(), Vec::new(), Instant::now());
        let rest =
            "ifb0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\nveth12: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n";
        write(
            &dir,
            &format!(
                "lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\neth0: 1000 10 0 0 0 0 0 0 100 5 0 0 0 0 0 0\n{rest}"
            ),
        );
        reader.read(start, &mut buffer, &mut list);
        assert_eq!(
            list.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(),
            ["lo", "eth0"]
        );
        assert_eq!((list[1].rx, list[1].rx_total), (None, Some(0)));
        write(
            &dir,
            &format!(
                "lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\neth0: 6000 60 5 10 0 0 0 0 1100 5 0 0 0 0 0 0\n{rest}"
            ),
        );
        reader.read(start + Duration::from_secs(5), &mut buffer, &mut list);
        assert_eq!((list[1].rx, list[1].tx), (Some(1000.0), Some(200.0)));
        assert_eq!(
            (list[1].rx_packets, list[1].rx_errors, list[1].rx_drops),
            (Some(10.0), Some(1.0), Some(2.0))
        );
        assert_eq!(
            (list[1].rx_total, list[1].tx_total),
            (Some(5000), Some(1000))
        );
    }

    #[test]
    fn an_interface_that_leaves_takes_its_entry_along() {
        let dir = tempfile::tempdir().unwrap();
        let mut reader = reader(&dir, Ledger::new());
        let (mut list, mut buffer, now) = (Vec::new(), Vec::new(), Instant::now());
        write(
            &dir,
            "a: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\nb: 7 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n",
        );
        reader.read(now, &mut buffer, &mut list);
        reader.read(now + Duration::from_secs(1), &mut buffer, &mut list);
        write(&dir, "b: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n");
        reader.read(now + Duration::from_secs(2), &mut buffer, &mut list);
        assert_eq!(list.len(), 1);
        assert_eq!(
            (list[0].name.as_str(), list[0].rx, list[0].rx_total),
            ("b", Some(2.0), Some(2))
        );
    }

    #[test]
    fn ten_thousand_interfaces_are_counted_not_sent() {
        let dir = tempfile::tempdir().unwrap();
        let mut reader = reader(&dir, Ledger::new());
        let lines: String = (0..10_000)
            .map(|n| format!("e{n}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"))
            .collect();
        write(&dir, &lines);
        let mut list = Vec::new();
        let left_out = reader.read(Instant::now(), &mut Vec::new(), &mut list);
        assert_eq!(
            (list.len(), left_out),
            (MAX_INTERFACES, 10_000 - MAX_INTERFACES as u32)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&text);
        }
    }
}
