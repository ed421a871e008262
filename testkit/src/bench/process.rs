//! What processes cost, read from `/proc`. Used around every round, for each server by itself.
//!
//! Processor time comes in ticks of 10 ms, so rounds are long enough for thousands of them; where they are not (an
//! agent's collections), the scheduler's nanoseconds are read instead.

use std::fs;

use anyhow::Context;

/// Ticks per second of the times in `/proc/<pid>/stat`: fixed at 100 in the kernel's interface.
const TICKS: f64 = 100.0;

/// The processes of one installation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    pub(super) nats: u32,
    /// The postmaster; its sessions and writers are found below it.
    pub(super) postgres: u32,
    /// Absent while only limits are measured.
    pub(super) chatops: Option<u32>,
}

/// Processor seconds of the servers, and of everybody.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cpu {
    pub(super) nats: f64,
    pub(super) postgres: f64,
    pub(super) chatops: f64,
    pub(super) bench: f64,
    /// Busy time of the whole machine.
    pub(super) machine: f64,
}

impl Servers {
    /// Seconds used since each of them began.
    pub(super) fn cpu(&self) -> Cpu {
        let stat = read("/proc/stat");
        Cpu {
            nats: alone(self.nats),
            postgres: family(self.postgres),
            chatops: self.chatops.map_or(0.0, alone),
            bench: alone(std::process::id()),
            machine: busy(&stat),
        }
    }
}

impl Cpu {
    /// What was used between two readings.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            nats: self.nats - before.nats,
            postgres: self.postgres - before.postgres,
            chatops: self.chatops - before.chatops,
            bench: self.bench - before.bench,
            machine: self.machine - before.machine,
        }
    }

    /// Of two rounds together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            nats: self.nats + other.nats,
            postgres: self.postgres + other.postgres,
            chatops: self.chatops + other.chatops,
            bench: self.bench + other.bench,
            machine: self.machine + other.machine,
        }
    }

    /// All server processes together.
    pub(super) fn servers(&self) -> f64 {
        self.nats + self.postgres + self.chatops
    }

    /// What others on this machine used: noise.
    pub(super) fn foreign(&self) -> f64 {
        (self.machine - self.servers() - self.bench).max(0.0)
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Fields of `/proc/<pid>/stat` from the third on: the second, the name, may hold spaces.
fn fields(pid: u32) -> Vec<f64> {
    let stat = read(&format!("/proc/{pid}/stat"));
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    // The third is a letter; it counts as 0 so that the numbers keep their places.
    rest.split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect()
}

fn seconds(pid: u32, places: std::ops::Range<usize>) -> f64 {
    fields(pid)
        .get(places)
        .map_or(0.0, |ticks| ticks.iter().sum::<f64>() / TICKS)
}

/// A process with all its threads, without its children.
pub(super) fn alone(pid: u32) -> f64 {
    seconds(pid, 11..13)
}

/// A process, its living descendants, and those it has waited for.
pub(super) fn family(pid: u32) -> f64 {
    std::iter::once(pid)
        .chain(descendants(pid))
        .map(|pid| seconds(pid, 11..15))
        .sum()
}

fn busy(stat: &str) -> f64 {
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map(|t| t.parse().unwrap_or(0.0))
        .collect();
    // user nice system - - irq softirq; idle, iowait and what a guest repeats are left out.
    [0, 1, 2, 5, 6]
        .iter()
        .filter_map(|place| ticks.get(*place))
        .sum::<f64>()
        / TICKS
}

/// Every process below this one.
pub(super) fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut open = vec![pid];
    while let Some(parent) = open.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else {
            continue;
        };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            let children = children
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok());
            for child in children {
                found.push(child);
                open.push(child);
            }
        }
    }
    found
}

/// The descendant that runs a program of this name.
pub(super) fn descendant(pid: u32, name: &str) -> anyhow::Result<u32> {
    descendants(pid)
        .into_iter()
        .find(|child| read(&format!("/proc/{child}/comm")).trim() == name)
        .with_context(|| format!("find {name} below process {pid}"))
}

/// Nanoseconds all living threads have run. A thread that ended takes its time with it.
pub(super) fn nanoseconds(pid: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0;
    };
    let run = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.flatten().filter_map(run).sum()
}

/// Resident bytes; `None` when the process is gone.
pub(super) fn resident(pid: u32) -> Option<u64> {
    status(pid, "VmRSS:")
}

/// Resident bytes that are neither a file's nor shared.
pub(super) fn private(pid: u32) -> Option<u64> {
    status(pid, "RssAnon:")
}

fn status(pid: u32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        let own = std::process::id();
        let before = nanoseconds(own);
        let mut x = 1_u64;
        while nanoseconds(own) - before < 30_000_000 {
            x = x.wrapping_mul(3).wrapping_add(1);
        }
        assert_ne!(x, 0);
        assert!(alone(own) > 0.0);
        assert!(resident(own).is_some_and(|bytes| bytes > 1 << 20));
        assert!(busy(&read("/proc/stat")) >= alone(own));
    }

    #[test]
    fn children_are_found_and_counted() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "read line"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(descendants(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family(std::process::id()) >= alone(std::process::id()));
    }
}
