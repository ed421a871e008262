//! Block devices from `/proc/diskstats`.
//!
//! Not from sysinfo: it knows disks by their mounts only, so it misses unmounted ones, and it has neither utilisation
//! nor service times. Listed are whole devices that did something since boot: no partitions, no RAM or loop devices,
//! and none that are made of others (device mapper, md), because their traffic would be counted twice.

use std::{collections::HashMap, path::Path, path::PathBuf, time::Instant};

use chatops_schemas::event::metric::Disk;

use super::{
    counter::{Counter, Ledger, MAX_REMEMBERED},
    rate::{bytes_per_second, per_second, seconds, tenths},
    slot::slot,
    source::{Roots, Source},
    text::{lines, name, number, words},
};

/// Most devices in a sample.
pub const MAX_DISKS: usize = 64;
/// `/proc/diskstats` counts in these, whatever the device's own block size.
const SECTOR_BYTES: u64 = 512;
const VIRTUAL: [&[u8]; 6] = [b"ram", b"loop", b"zram", b"zd", b"sr", b"fd"];

/// One line of `/proc/diskstats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Kernel name.
    pub name: &'a [u8],
    /// Its numbers.
    pub numbers: Numbers,
}

/// Counters of one device since boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Reads completed.
    pub reads: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Milliseconds all reads took together.
    pub read_ms: u64,
    /// Writes completed.
    pub writes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Milliseconds all writes took together.
    pub write_ms: u64,
    /// Milliseconds with a request in flight.
    pub busy_ms: u64,
}

/// Parses one line: major minor name reads merged sectors ms writes merged sectors ms in-flight busy-ms …
pub fn parse(line: &[u8]) -> Option<Stat<'_>> {
    let mut words = words(line).skip(2);
    let name = words.next()?;
    let mut n = [0; 10];
    for slot in &mut n {
        *slot = number(words.next()?)?;
    }
    let [
        reads,
        _,
        read_sectors,
        read_ms,
        writes,
        _,
        write_sectors,
        write_ms,
        _,
        busy_ms,
    ] = n;
    let numbers = Numbers {
        reads,
        read_bytes: read_sectors.saturating_mul(SECTOR_BYTES),
        read_ms,
        writes,
        write_bytes: write_sectors.saturating_mul(SECTOR_BYTES),
        write_ms,
        busy_ms,
    };
    Some(Stat { name, numbers })
}

/// What is known of a device name.
#[derive(Debug)]
enum Device {
    /// Partition, virtual, or made of others.
    Ignored,
    /// A whole device, with its reading before.
    Listed {
        name: String,
        before: Option<Numbers>,
        counters: Option<[Counter; 2]>,
    },
}

/// Reads block devices. The reading before is kept for the rates.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    blocks: PathBuf,
    devices: HashMap<Vec<u8>, Device>,
    remembered: Ledger,
    read_at: Option<Instant>,
}

impl Reader {
    /// Reads below `roots`; `remembered` holds the counters of earlier runs.
    pub fn new(roots: &Roots, remembered: Ledger) -> Self {
        Self {
            source: Source::new(roots.proc.join("diskstats")),
            blocks: roots.sys.join("block"),
            devices: HashMap::new(),
            remembered,
            read_at: None,
        }
    }

    /// Reads into `disks`; gives the number of devices left out because there are more than [`MAX_DISKS`].
    pub fn read(&mut self, now: Instant, buffer: &mut Vec<u8>, disks: &mut Vec<Disk>) -> u32 {
        let Ok(text) = self.source.read(buffer) else {
            disks.clear();
            return 0;
        };
        let seconds = self
            .read_at
            .replace(now)
            .and_then(|before| seconds(now, before));
        let (mut listed, mut left_out) = (0, 0);
        for stat in lines(text).filter_map(parse) {
            if stat.numbers.reads == 0 && stat.numbers.writes == 0 {
                continue;
            }
            if !self.devices.contains_key(stat.name) {
                let device = meet(stat.name, &self.blocks, &mut self.remembered);
                self.devices.insert(stat.name.to_vec(), device);
            }
            let Some(Device::Listed {
                name,
                before,
                counters,
            }) = self.devices.get_mut(stat.name)
            else {
                continue;
            };
            if listed == MAX_DISKS {
                left_out += 1;
                continue;
            }
            let disk = slot(disks, listed, name);
            listed += 1;
            fill(disk, stat.numbers, before.replace(stat.numbers), seconds);
            let [read, write] = counters.get_or_insert([
                Counter::first(stat.numbers.read_bytes),
                Counter::first(stat.numbers.write_bytes),
            ]);
            disk.read_total = Some(read.advance(stat.numbers.read_bytes));
            disk.write_total = Some(write.advance(stat.numbers.write_bytes));
        }
        disks.truncate(listed);
        left_out
    }

    /// All counters, also of devices not seen in this run, for the next one.
    pub fn ledger(&self) -> Ledger {
        let seen = self.devices.values().filter_map(|device| match device {
            Device::Listed {
                name,
                counters: Some(counters),
                ..
            } => Some((name.clone(), *counters)),
            Device::Listed { .. } | Device::Ignored => None,
        });
        let gone = self
            .remembered
            .iter()
            .map(|(name, counters)| (name.clone(), *counters));
        seen.chain(gone).take(MAX_REMEMBERED).collect()
    }
}

fn meet(raw: &[u8], blocks: &Path, remembered: &mut Ledger) -> Device {
    let name = name(raw);
    // sysfs writes the slash in names like cciss/c0d0 as an exclamation mark.
    let folder = blocks.join(name.replace('/', "!"));
    let made_of_others =
        || std::fs::read_dir(folder.join("slaves")).is_ok_and(|mut parts| parts.next().is_some());
    if VIRTUAL.iter().any(|prefix| raw.starts_with(prefix)) || !folder.is_dir() || made_of_others()
    {
        return Device::Ignored;
    }
    let counters = remembered.remove(&name);
    Device::Listed {
        name,
        before: None,
        counters,
    }
}

fn fill(disk: &mut Disk, now: Numbers, before: Option<Numbers>, seconds: Option<f64>) {
    let (Some(before), Some(seconds)) = (before, seconds) else {
        return;
    };
    disk.read = bytes_per_second(now.read_bytes, before.read_bytes, seconds);
    disk.write = bytes_per_second(now.write_bytes, before.write_bytes, seconds);
    disk.read_ops = per_second(now.reads, before.reads, seconds);
    disk.write_ops = per_second(now.writes, before.writes, seconds);
    let busy = now.busy_ms.checked_sub(before.busy_ms);
    disk.util = busy.map(|ms| tenths((ms as f64 / (seconds * 10.0)).min(100.0)));
    let requests = || {
        Some((
            now.reads
                .checked_sub(before.reads)?
                .checked_add(now.writes.checked_sub(before.writes)?)?,
            now.read_ms
                .checked_sub(before.read_ms)?
                .checked_add(now.write_ms.checked_sub(before.write_ms)?)?,
        ))
    };
    // Without a request there is nothing to take the mean of, and 0 would look like a very fast disk.
    disk.await_ms = requests()
        .filter(|(count, _)| *count > 0)
        .map(|(count, ms)| tenths(ms as f64 / count as f64));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const LINE: &[u8] =
        b" 254       0 vda 140126 23013 15032554 196686 40369 108875 12000688 56669 0 21344 255399 17377 13 1815528 1742";

    #[test]
    fn a_line() {
        let stat = parse(LINE).unwrap();
        assert_eq!(stat.name, b"vda");
        assert_eq!(stat.numbers.read_bytes, 15_032_554 * 512);
        assert_eq!(
            (
                stat.numbers.writes,
                stat.numbers.write_ms,
                stat.numbers.busy_ms
            ),
            (40_369, 56_669, 21_344)
        );
        assert_eq!(parse(b"8 0 sda 1 2 3"), None);
        assert_eq!(parse(b"8 0 sda 1 2 3 4 5 6 7 8 9 -1 1"), None);
    }

    /// A tree of `/proc` and `/sys` with whole devices `sda`, `dm-0` (on top of `sda`), and a partition.
    fn tree() -> (tempfile::TempDir, Roots) {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: dir.path().join("proc"),
            sys: dir.path().join("sys"),
        };
        std::fs::create_dir_all(&roots.proc).unwrap();
        for folder in ["sda/slaves", "dm-0/slaves/sda", "loop0", "sdb"] {
            std::fs::create_dir_all(roots.sys.join("block").join(folder)).unwrap();
        }
        (dir, roots)
    }

    fn write(roots: &Roots, lines: &[(&str, [u64; 10])]) {
        let text: String = lines
            .iter()
            .map(|(name, n)| format!("8 0 {name} {}\n", n.map(|n| n.to_string()).join(" ")))
            .collect();
        std::fs::write(roots.proc.join("diskstats"), text).unwrap();
    }

    #[test]
    fn only_whole_devices_in_use_are_listed_and_rates_follow_the_clock() {
        let (_dir, roots) = tree();
        let mut reader = Reader::new(&roots, Ledger::new());
        let (mut disks, mut buffer, start) = (Vec::new(), Vec::new(), Instant::now());
        let one = [1, 0, 8, 1, 1, 0, 8, 1, 0, 1];
        let all = |sda| {
            vec![
                ("sda", sda),
                ("sda1", one),
                ("dm-0", one),
                ("loop0", one),
                ("sdb", [0; 10]),
            ]
        };
        write(&roots, &all([100, 0, 1000, 50, 200, 0, 2000, 100, 0, 1000]));
        reader.read(start, &mut buffer, &mut disks);
        assert_eq!(
            disks
                .iter()
                .map(|disk| disk.name.as_str())
                .collect::<Vec<_>>(),
            ["sda"]
        );
        assert_eq!((disks[0].read, disks[0].read_total), (None, Some(0)));

        write(
            &roots,
            &all([150, 0, 2000, 150, 300, 0, 6000, 300, 0, 3500]),
        );
        reader.read(start + Duration::from_secs(5), &mut buffer, &mut disks);
        let disk = &disks[0];
        assert_eq!((disk.read, disk.write), (Some(102_400.0), Some(409_600.0)));
        assert_eq!((disk.read_ops, disk.write_ops), (Some(10.0), Some(20.0)));
        assert_eq!((disk.util, disk.await_ms), (Some(50.0), Some(2.0)));
        assert_eq!(
            (disk.read_total, disk.write_total),
            (Some(512_000), Some(2_048_000))
        );
    }

    #[test]
    fn totals_go_on_after_a_restart_and_a_replacement() {
        let (_dir, roots) = tree();
        let (mut disks, mut buffer, now) = (Vec::new(), Vec::new(), Instant::now());
        write(&roots, &[("sda", [10, 0, 1000, 0, 10, 0, 1000, 0, 0, 0])]);
        let remembered = Ledger::from([
            (
                "sda".to_owned(),
                [Counter {
                    raw: 500 * 512,
                    total: 7 * 512,
                }; 2],
            ),
            ("gone".to_owned(), [Counter { raw: 1, total: 2 }; 2]),
        ]);
        let mut reader = Reader::new(&roots, remembered);
        reader.read(now, &mut buffer, &mut disks);
        assert_eq!(disks[0].read_total, Some(507 * 512));
        write(&roots, &[("sda", [1, 0, 3, 0, 1, 0, 3, 0, 0, 0])]);
        reader.read(now + Duration::from_secs(1), &mut buffer, &mut disks);
        assert_eq!(
            (disks[0].read, disks[0].read_total),
            (None, Some(510 * 512))
        );
        assert_eq!(reader.ledger().keys().collect::<Vec<_>>(), ["gone", "sda"]);
    }

    #[test]
    fn more_disks_than_fit_are_counted() {
        let (_dir, roots) = tree();
        let names: Vec<String> = (0..MAX_DISKS + 3).map(|n| format!("sd{n}")).collect();
        for name in &names {
            std::fs::create_dir_all(roots.sys.join("block").join(name)).unwrap();
        }
        write(
            &roots,
            &names
                .iter()
                .map(|name| (name.as_str(), [1; 10]))
                .collect::<Vec<_>>(),
        );
        let mut disks = Vec::new();
        let left_out =
            Reader::new(&roots, Ledger::new()).read(Instant::now(), &mut Vec::new(), &mut disks);
        assert_eq!((disks.len(), left_out), (MAX_DISKS, 3));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse(&text);
        }

        #[test]
        fn figures_are_finite(a in proptest::array::uniform7(any::<u64>()), b in proptest::array::uniform7(any::<u64>()),
                              seconds in 0.000_001f64..1e9) {
            let numbers = |v: [u64; 7]| Numbers { reads: v[0], read_bytes: v[1], read_ms: v[2], writes: v[3],
                                                  write_bytes: v[4], write_ms: v[5], busy_ms: v[6] };
            let mut disk = Disk::default();
            fill(&mut disk, numbers(b), Some(numbers(a)), Some(seconds));
            for figure in [disk.read, disk.write, disk.read_ops, disk.write_ops, disk.util, disk.await_ms] {
                prop_assert!(figure.is_none_or(f32::is_finite));
            }
        }
    }
}
