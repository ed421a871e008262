//! The busiest and the biggest processes from `/proc/<pid>/stat`.
//!
//! Not from sysinfo: it reads five to ten files of each process, builds a table of all of them and keeps their command
//! lines; here it is one file each, in one buffer, and only the winners become text. Arguments are never read: they
//! may hold passwords.
//!
//! Looking at every process is what costs most of a sample, so [`Pace`] stretches the time between two scans with
//! their measured cost: on a host with thousands of processes once a minute. Samples in between repeat the last
//! result. Figures are means over the time between two scans.

mod rank;
pub(crate) mod users;

use std::{
    ffi::CStr,
    io::Write as _,
    os::fd::OwnedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use chatops_schemas::event::metric::Process;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, RawDir, SeekFrom, openat, seek, statat},
    io::read,
    param::{clock_ticks_per_second, page_size},
};

use super::{
    pace::Pace,
    rate::{seconds, tenths},
    source::Roots,
    text::{name, number, words},
};
use rank::{Candidate, Ranking};
use users::Users;

/// Processes in each of the two lists.
pub const TOP: usize = 10;
/// At most this share of one core goes into scanning…
const SHARE: f64 = 0.0001;
/// …but a scan is made at least this often.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// Longer than any `/proc/<pid>/stat`.
const LINE_BYTES: usize = 1024;

/// What `/proc/<pid>/stat` tells that is of use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat<'a> {
    /// Command name as the kernel keeps it; any bytes, parentheses and line feeds too.
    pub name: &'a [u8],
    /// `R`, `S`, `D`, `Z`, `T`, `I`, …
    pub state: char,
    /// Number of its parent.
    pub parent: u32,
    /// Threads.
    pub threads: u32,
    /// Processor time, in clock ticks.
    pub ticks: u64,
    /// Start, in clock ticks since boot: with the pid it tells one process from its successor.
    pub started: u64,
    /// Resident pages.
    pub resident: u64,
}

/// Parses one line: `pid (name) state ppid … utime stime … starttime vsize rss …`.
pub fn parse(text: &[u8]) -> Option<Stat<'_>> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text
        .iter()
        .rposition(|byte| *byte == b')')
        .filter(|close| *close > open)?;
    let mut words = words(&text[close + 1..]);
    let state = char::from(*words.next()?.first()?);
    let parent = u32::try_from(number(words.next()?)?).ok()?;
    let user = number(words.nth(9)?)?;
    let system = number(words.next()?)?;
    let threads = u32::try_from(number(words.nth(4)?)?).ok()?;
    let started = number(words.nth(1)?)?;
    let resident = number(words.nth(1)?)?;
    Some(Stat {
        name: &text[open + 1..close],
        state,
        parent,
        threads,
        ticks: user.saturating_add(system),
        started,
        resident,
    })
}

/// A process at the last scan.
#[derive(Debug, Clone, Copy)]
struct Seen {
    pid: u32,
    started: u64,
    ticks: u64,
}

/// Reads processes. The scan before is kept for the differences.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    folder: Option<OwnedFd>,
    entries: Vec<u8>,
    now: Vec<Seen>,
    before: Vec<Seen>,
    scanned_at: Option<Instant>,
    busiest: Ranking,
    biggest: Ranking,
    users: Users,
    pace: Pace,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            path: roots.proc.clone(),
            folder: None,
            entries: Vec::with_capacity(8 * 1024),
            now: Vec::new(),
            before: Vec::new(),
            scanned_at: None,
            busiest: Ranking::new(TOP),
            biggest: Ranking::new(TOP),
            users: Users::default(),
            pace: Pace::new(SHARE, AT_LEAST_EVERY),
        }
    }

    /// Scans when it is time to, and then fills both lists, busiest and biggest first; else leaves them as they are.
    /// `interval` is the time between samples.
    pub fn read(
        &mut self,
        now: Instant,
        interval: Duration,
        by_cpu: &mut Vec<Process>,
        by_mem: &mut Vec<Process>,
    ) {
        if !self.pace.due(now, interval) {
            return;
        }
        let cost = Pace::measure();
        if self.scan().is_err() {
            by_cpu.clear();
            by_mem.clear();
            self.folder = None;
        } else {
            let seconds = self.scanned_at.and_then(|before| seconds(now, before));
            self.scanned_at = Some(now);
            let Self {
                busiest,
                biggest,
                users,
                folder,
                ..
            } = self;
            users.refresh();
            for (list, ranking) in [(by_cpu, busiest), (by_mem, biggest)] {
                list.clear();
                list.extend(
                    ranking
                        .winners()
                        .map(|candidate| describe(candidate, seconds, folder.as_ref(), users)),
                );
            }
        }
        self.pace.ran(now, cost.elapsed());
    }

    /// Number of processes at the last scan.
    pub fn count(&self) -> Option<u32> {
        self.scanned_at
            .and_then(|_| u32::try_from(self.now.len()).ok())
    }

    fn scan(&mut self) -> rustix::io::Result<()> {
        if self.folder.is_none() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            self.folder = Some(openat(CWD, &self.path, flags, Mode::empty())?);
        }
        let Self {
            folder: Some(folder),
            entries,
            now,
            before,
            busiest,
            biggest,
            scanned_at,
            ..
        } = self
        else {
            return Ok(());
        };
        seek(&*folder, SeekFrom::Start(0))?;
        std::mem::swap(now, before);
        now.clear();
        busiest.clear();
        biggest.clear();
        let mut path = Vec::with_capacity(16);
        let mut line = [0_u8; LINE_BYTES];
        let mut listing = RawDir::new(&*folder, entries.spare_capacity_mut());
        while let Some(entry) = listing.next() {
            let Some(pid) =
                number(entry?.file_name().to_bytes()).and_then(|pid| u32::try_from(pid).ok())
            else {
                continue;
            };
            path.clear();
            // Writing into memory cannot fail.
            let _ = write!(path, "{pid}/stat\0");
            let Ok(path) = CStr::from_bytes_with_nul(&path) else {
                continue;
            };
            // A process that has ended meanwhile is no error.
            let Some(len) = read_line(folder, path, &mut line) else {
                continue;
            };
            let Some(stat) = parse(&line[..len]) else {
                continue;
            };
            let same = before
                .binary_search_by_key(&pid, |seen| seen.pid)
                .ok()
                .map(|at| before[at])
                .filter(|seen| seen.started == stat.started);
            // One that was not there before has spent all its time since.
            let spent =
                scanned_at.map(|_| stat.ticks.saturating_sub(same.map_or(0, |seen| seen.ticks)));
            now.push(Seen {
                pid,
                started: stat.started,
                ticks: stat.ticks,
            });
            if let Some(spent) = spent {
                busiest.offer(spent, || Candidate::new(pid, &stat, Some(spent)));
            }
            biggest.offer(stat.resident, || Candidate::new(pid, &stat, spent));
        }
        // The kernel lists them in order already; this only makes sure.
        now.sort_unstable_by_key(|seen| seen.pid);
        Ok(())
    }
}

fn read_line(folder: &OwnedFd, path: &CStr, line: &mut [u8]) -> Option<usize> {
    let file = openat(
        folder,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    read(&file, line).ok()
}

fn describe(
    winner: &Candidate,
    seconds: Option<f64>,
    folder: Option<&OwnedFd>,
    users: &Users,
) -> Process {
    let owner =
        folder.and_then(|folder| statat(folder, winner.pid.to_string(), AtFlags::empty()).ok());
    let percent = |ticks: u64| {
        let spent = ticks as f64 / clock_ticks_per_second() as f64;
        Some(tenths(spent / seconds? * 100.0))
    };
    Process {
        pid: winner.pid,
        name: name(winner.name()),
        user: owner.map(|owner| users.name(owner.st_uid)),
        cpu: winner.ticks.and_then(percent),
        mem: Some(winner.resident.saturating_mul(page_size() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &[u8] = b"1234 (a) b (c) S 1 1 1 0 -1 4194560 1 2 3 4 150 50 7 8 20 0 1 0 9999 1000 321 18446744073709551615 1";

    #[test]
    fn a_name_may_hold_parentheses() {
        assert_eq!(
            parse(LINE),
            Some(Stat {
                name: b"a) b (c",
                state: 'S',
                parent: 1,
                threads: 1,
                ticks: 200,
                started: 9999,
                resident: 321
            })
        );
        assert_eq!(parse(b"1 )( S 1 1"), None);
        assert_eq!(parse(b"1 (x) S 1 1"), None);
    }

    fn top(
        folders: &[(u32, &str, u64, u64, u64)],
        reader: &mut Reader,
        roots: &Roots,
        now: Instant,
    ) -> Lists {
        let _ = std::fs::remove_dir_all(&roots.proc);
        std::fs::create_dir_all(roots.proc.join("sys")).unwrap();
        for (pid, name, ticks, started, pages) in folders {
            let folder = roots.proc.join(pid.to_string());
            std::fs::create_dir(&folder).unwrap();
            let line = format!(
                "{pid} ({name}) S 1 1 1 0 -1 0 1 2 3 4 {ticks} 0 7 8 20 0 1 0 {started} 1000 {pages} 0\n"
            );
            std::fs::write(folder.join("stat"), line).unwrap();
        }
        reader.folder = None;
        let mut lists = Lists::default();
        reader.read(now, Duration::from_secs(1), &mut lists.0, &mut lists.1);
        lists
    }

    #[derive(Default)]
    struct Lists(Vec<Process>, Vec<Process>);

    #[test]
    fn winners_are_those_of_the_time_between() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: dir.path().join("proc"),
            ..Roots::default()
        };
        let mut reader = Reader::new(&roots);
        let start = Instant::now();
        let Lists(busy, big) = top(
            &[
                (5, "old", 90_000, 1, 10),
                (7, "calm", 10, 2, 500),
                (9, "gone", 1, 3, 1),
            ],
            &mut reader,
            &roots,
            start,
        );
        assert!(busy.is_empty());
        assert_eq!(
            big.iter().map(|process| process.pid).collect::<Vec<_>>(),
            [7, 5, 9]
        );
        assert_eq!(reader.count(), Some(3));

        let ticks = clock_ticks_per_second();
        let second = [
            (5, "old", 90_000 + ticks, 1, 10),
            (7, "calm", 10, 2, 500),
            (9, "reborn", ticks / 2, 44, 1),
        ];
        let Lists(busy, _) = top(&second, &mut reader, &roots, start + Duration::from_secs(1));
        let busy: Vec<_> = busy
            .iter()
            .map(|p| (p.pid, p.name.as_str(), p.cpu.unwrap()))
            .collect();
        assert_eq!(busy, [(5, "old", 100.0), (9, "reborn", 50.0)]);
    }

    #[test]
    fn this_process_is_found_with_its_owner() {
        let mut reader = Reader::new(&Roots::default());
        let (mut busy, mut big) = (Vec::new(), Vec::new());
        reader.read(Instant::now(), Duration::from_secs(1), &mut busy, &mut big);
        assert!(reader.now.iter().any(|seen| seen.pid == std::process::id()));
        assert!(big[0].mem.unwrap() > 0 && big[0].user.is_some());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse(&text);
        }

        #[test]
        fn any_name_parses(name in proptest::collection::vec(any::<u8>(), 0..64)) {
            let line = [b"1 (", name.as_slice(), b") S 1 1 1 0 -1 0 1 2 3 4 1 1 7 8 20 0 1 0 9 1000 3 0"].concat();
            prop_assert_eq!(parse(&line).unwrap().name, name);
        }
    }
}
