//! Processor time from `/proc/stat`.
//!
//! Not from sysinfo: it folds iowait and steal away, and these two are what people look for on a slow virtual machine.
//! One read gives all cores and the number of running and blocked tasks. Figures are differences between two
//! readings; the first reading has none.

use chatops_schemas::event::metric::{Cpu, MAX_ITEMS};

use super::{
    rate::percent,
    source::{Roots, Source},
    text::{lines, number, words},
};

/// Ticks since boot, as percentages need them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// User and nice; both contain guests already.
    pub user: u64,
    /// Kernel, hard and soft interrupts.
    pub system: u64,
    /// Idle.
    pub idle: u64,
    /// Idle with a block request outstanding. The kernel lets it shrink at times.
    pub iowait: u64,
    /// Taken by the hypervisor.
    pub steal: u64,
}

impl Times {
    fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            idle: self.idle.saturating_sub(before.idle),
            iowait: self.iowait.saturating_sub(before.iowait),
            steal: self.steal.saturating_sub(before.steal),
        }
    }

    fn busy(self) -> u64 {
        self.user
            .saturating_add(self.system)
            .saturating_add(self.steal)
    }

    fn all(self) -> u64 {
        self.busy()
            .saturating_add(self.idle)
            .saturating_add(self.iowait)
    }
}

/// What `/proc/stat` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stat {
    /// All cores together.
    pub total: Option<Times>,
    /// By number; `None` where a core is offline.
    pub cores: Vec<Option<Times>>,
    /// Tasks running or ready to run.
    pub running: Option<u32>,
    /// Tasks in uninterruptible sleep.
    pub blocked: Option<u32>,
    /// Cores beyond [`MAX_ITEMS`].
    pub left_out: u32,
}

/// Parses `/proc/stat` into `stat`, whose memory is used again.
pub fn parse(text: &[u8], stat: &mut Stat) {
    stat.total = None;
    stat.cores.clear();
    (stat.running, stat.blocked, stat.left_out) = (None, None, 0);
    for line in lines(text) {
        let mut words = words(line);
        match words.next() {
            Some(b"cpu") => stat.total = times(words),
            Some(b"procs_running") => stat.running = count(words.next()),
            Some(b"procs_blocked") => stat.blocked = count(words.next()),
            Some(label) => {
                if let Some(core) = label.strip_prefix(b"cpu").and_then(number) {
                    let Some(index) = usize::try_from(core)
                        .ok()
                        .filter(|index| *index < MAX_ITEMS)
                    else {
                        stat.left_out += 1;
                        continue;
                    };
                    if stat.cores.len() <= index {
                        stat.cores.resize(index + 1, None);
                    }
                    stat.cores[index] = times(words);
                }
            }
            None => {}
        }
    }
}

fn count(word: Option<&[u8]>) -> Option<u32> {
    u32::try_from(number(word?)?).ok()
}

/// Columns: user nice system idle iowait irq softirq steal guest guest_nice; old kernels have fewer.
fn times<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Option<Times> {
    let mut next = || words.next().map_or(Some(0), number);
    let (user, nice, system, idle) = (next()?, next()?, next()?, next()?);
    let (iowait, irq, softirq, steal) = (next()?, next()?, next()?, next()?);
    Some(Times {
        user: user.saturating_add(nice),
        system: system.saturating_add(irq).saturating_add(softirq),
        idle,
        iowait,
        steal,
    })
}

/// Reads processor time. The reading before is kept for the difference.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    now: Stat,
    before: Stat,
}

impl Reader {
    /// Reads below `roots.proc`.
    pub fn new(roots: &Roots) -> Self {
        Self {
            source: Source::new(roots.proc.join("stat")),
            now: Stat::default(),
            before: Stat::default(),
        }
    }

    /// Reads; `None` when the kernel does not tell, or at the first reading. [`Reader::stat`] is fresh after it.
    pub fn read(&mut self, buffer: &mut Vec<u8>, mut reuse: Vec<Option<f32>>) -> Option<Cpu> {
        std::mem::swap(&mut self.now, &mut self.before);
        match self.source.read(buffer) {
            Ok(text) => parse(text, &mut self.now),
            Err(_) => self.now = Stat::default(),
        }
        let spent = self.now.total?.since(self.before.total?);
        let all = spent.all();
        reuse.clear();
        reuse.extend(self.now.cores.iter().enumerate().map(|(index, now)| {
            let spent = (*now)?.since((*self.before.cores.get(index)?)?);
            percent(spent.busy(), spent.all())
        }));
        Some(Cpu {
            total: percent(spent.busy(), all),
            user: percent(spent.user, all),
            system: percent(spent.system, all),
            iowait: percent(spent.iowait, all),
            steal: percent(spent.steal, all),
            cores: reuse,
        })
    }

    /// The last reading.
    pub fn stat(&self) -> &Stat {
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &[u8] = b"cpu  100 10 50 800 20 5 5 10 3 1
cpu0 60 5 25 400 10 5 0 5 3 1
cpu2 40 5 25 400 10 0 5 5 0 0
intr 114930548 113199788 3 0 5 263 0 4
ctxt 1990473
btime 1062191376
processes 2915
procs_running 3
procs_blocked 1
softirq 183433 0 21755 12
";

    fn parsed(text: &[u8]) -> Stat {
        let mut stat = Stat::default();
        parse(text, &mut stat);
        stat
    }

    #[test]
    fn an_offline_core_keeps_its_place() {
        let stat = parsed(STAT);
        assert_eq!(
            stat.total,
            Some(Times {
                user: 110,
                system: 60,
                idle: 800,
                iowait: 20,
                steal: 10
            })
        );
        assert_eq!(stat.cores.len(), 3);
        assert_eq!(stat.cores[1], None);
        assert_eq!((stat.running, stat.blocked), (Some(3), Some(1)));
    }

    #[test]
    fn a_kernel_without_steal_still_counts() {
        let stat = parsed(b"cpu 1 2 3 4\n");
        assert_eq!(
            stat.total,
            Some(Times {
                user: 3,
                system: 3,
                idle: 4,
                ..Times::default()
            })
        );
    }

    #[test]
    fn a_core_of_absurd_number_takes_no_memory() {
        let stat =
            parsed(b"cpu4000000000 1 2 3 4\ncpu18446744073709551616 1 2 3 4\ncpu1 1 2 3 4\n");
        assert_eq!(stat.cores.len(), 2);
        assert_eq!(stat.left_out, 1);
    }

    #[test]
    fn percentages_are_shares_of_the_time_between() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: dir.path().into(),
            ..Roots::default()
        };
        let mut reader = Reader::new(&roots);
        std::fs::write(
            dir.path().join("stat"),
            "cpu 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0\n",
        )
        .unwrap();
        assert_eq!(reader.read(&mut Vec::new(), Vec::new()), None);
        std::fs::write(
            dir.path().join("stat"),
            "cpu 10 10 5 60 5 3 2 5\ncpu0 10 10 5 60 5 3 2 5\n",
        )
        .unwrap();
        let cpu = reader.read(&mut Vec::new(), Vec::new()).unwrap();
        assert_eq!(cpu.total, Some(35.0));
        assert_eq!(cpu.user, Some(20.0));
        assert_eq!(cpu.system, Some(10.0));
        assert_eq!(cpu.iowait, Some(5.0));
        assert_eq!(cpu.steal, Some(5.0));
        assert_eq!(cpu.cores, [Some(35.0)]);
        let same_tick = reader.read(&mut Vec::new(), Vec::new()).unwrap();
        assert_eq!(same_tick.total, None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_without_panic(text in proptest::collection::vec(any::<u8>(), 0..2000)) {
            parsed(&text);
        }

        #[test]
        fn shares_never_leave_the_scale(
            a in proptest::array::uniform8(0u64..u64::MAX / 2),
            b in proptest::array::uniform8(0u64..u64::MAX / 2),
        ) {
            let line = |v: [u64; 8]| format!("cpu {}\n", v.map(|n| n.to_string()).join(" "));
            let (a, b) = (parsed(line(a).as_bytes()), parsed(line(b).as_bytes()));
            let spent = b.total.unwrap().since(a.total.unwrap());
            if let Some(busy) = percent(spent.busy(), spent.all()) {
                prop_assert!((0.0..=100.0).contains(&busy));
            }
        }
    }
}
