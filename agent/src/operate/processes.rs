//! All processes of this host, when somebody asks. Called by the [`Desk`](super::Desk).
//!
//! Shares of the processor are means since the look before, so that a list that is refreshed every few seconds costs one
//! walk through `/proc` each. The first look in a while walks twice. Command lines are read only where commands may be run
//! anyway: they may hold passwords.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chatops_schemas::{
    answer::{Process, Processes},
    order::{Refusal, RefusalCode},
};
use rustix::param::{clock_ticks_per_second, page_size};

use super::Host;
use crate::collect::process::{parse, users::Users};

/// A look before this long ago says nothing about now.
const STALE: Duration = Duration::from_secs(30);
/// Between the two walks of a first look: some clock ticks.
const PAUSE: Duration = Duration::from_millis(200);
/// Characters of a command line.
const LONGEST_COMMAND: usize = 256;
/// Bytes of an answer, far below what the bus carries.
const MOST_BYTES: usize = 180 * 1024;
/// What the names of a process's fields and its numbers take.
const FIELDS: usize = 120;

/// Processor time of each process, by its number and its start.
type Ticks = HashMap<(u32, u64), u64>;

/// Looks, and remembers the look before. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Looker(Arc<Mutex<Option<(Instant, Ticks)>>>);

impl Looker {
    /// All of them; `arguments` says whether their command lines may be read.
    pub(super) async fn all(&self, host: &Host, arguments: bool) -> Result<Processes, Refusal> {
        if self.is_stale() {
            self.walk(host, false).await?;
            tokio::time::sleep(PAUSE).await;
        }
        self.walk(host, arguments).await
    }

    fn is_stale(&self) -> bool {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        before.as_ref().is_none_or(|(at, _)| at.elapsed() > STALE)
    }

    /// Off the one thread: thousands of processes take a while.
    async fn walk(&self, host: &Host, arguments: bool) -> Result<Processes, Refusal> {
        let (looker, proc) = (self.clone(), host.roots.proc.clone());
        let failed = |error: String| Refusal::new(RefusalCode::Failed, error);
        tokio::task::spawn_blocking(move || looker.look(&proc, arguments))
            .await
            .map_err(|_| failed("the agent is stopping".to_owned()))?
            .map_err(|error| failed(format!("processes cannot be read: {error}")))
    }

    fn look(&self, proc: &Path, arguments: bool) -> std::io::Result<Processes> {
        let mut users = Users::default();
        users.refresh();
        let booted = booted_at(&fs::read_to_string(proc.join("stat")).unwrap_or_default());
        let ticks_per_second = clock_ticks_per_second();
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = before
            .as_ref()
            .map(|(at, _)| now.saturating_duration_since(*at).as_secs_f64())
            .filter(|seconds| *seconds > 0.0);
        let (mut ticks, mut list) = (Ticks::new(), Vec::new());
        for entry in fs::read_dir(proc)? {
            let Some((pid, folder)) = entry.ok().and_then(|entry| {
                Some((
                    entry.file_name().to_str()?.parse::<u32>().ok()?,
                    entry.path(),
                ))
            }) else {
                continue;
            };
            // One that has ended meanwhile is no error.
            let (Ok(line), Ok(owner)) = (fs::read(folder.join("stat")), fs::metadata(&folder))
            else {
                continue;
            };
            let Some(stat) = parse(&line) else { continue };
            let key = (pid, stat.started);
            ticks.insert(key, stat.ticks);
            let spent = before.as_ref().map(|(_, before)| {
                // One that was not there before has spent all its time since.
                stat.ticks
                    .saturating_sub(before.get(&key).copied().unwrap_or(0))
            });
            let cpu = spent.zip(passed).map(|(spent, passed)| {
                (spent as f64 / ticks_per_second as f64 / passed * 1000.0).round() as f32 / 10.0
            });
            list.push(Process {
                pid,
                ppid: stat.parent,
                start_ticks: stat.started,
                name: text(stat.name, LONGEST_COMMAND),
                command: if arguments {
                    command_line(&fs::read(folder.join("cmdline")).unwrap_or_default())
                } else {
                    String::new()
                },
                user: Some(users.name(owner.uid())),
                state: stat.state.to_string(),
                cpu,
                mem: Some(stat.resident.saturating_mul(page_size() as u64)),
                threads: Some(stat.threads),
                started_at: booted
                    .map(|booted| booted + (stat.started / ticks_per_second).cast_signed()),
            });
        }
        *before = Some((now, ticks));
        Ok(fit(list))
    }
}

/// The busiest first, and as many as fit into a message.
fn fit(mut list: Vec<Process>) -> Processes {
    list.sort_by(|a, b| {
        let cpu = |process: &Process| process.cpu.unwrap_or(0.0);
        cpu(b)
            .total_cmp(&cpu(a))
            .then(b.mem.cmp(&a.mem))
            .then(a.pid.cmp(&b.pid))
    });
    let total = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let mut bytes = 0;
    let kept = list
        .iter()
        .take_while(|process| {
            let user = process.user.as_ref().map_or(0, String::len);
            bytes += FIELDS + process.name.len() + process.command.len() + user;
            bytes <= MOST_BYTES
        })
        .count();
    list.truncate(kept);
    Processes {
        processes: list,
        total,
    }
}

/// Unix seconds of `btime`.
fn booted_at(stat: &str) -> Option<i64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

/// Arguments with blanks between them.
fn command_line(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == 0 { b' ' } else { *byte })
        .collect();
    text(spaced.trim_ascii(), LONGEST_COMMAND)
}

fn text(bytes: &[u8], longest: usize) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .take(longest)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn this_process_is_found_with_what_it_is() {
        let looker = Looker::default();
        let host = Host::default();
        let found = looker.all(&host, true).await.unwrap();
        let me = |found: &Processes| {
            found
                .processes
                .iter()
                .find(|process| process.pid == std::process::id())
                .cloned()
                .unwrap()
        };
        let first = me(&found);
        assert!(first.cpu.is_some() && first.mem.unwrap() > 0 && first.user.is_some());
        assert!(first.threads.unwrap() > 0 && first.ppid > 0 && !first.command.is_empty());
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs();
        assert!(first.started_at.unwrap().unsigned_abs().abs_diff(now) < 3600);
        let hidden = looker.all(&host, false).await.unwrap();
        assert_eq!(me(&hidden).command, "");
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_and_says_how_long_it_was() {
        let list: Vec<Process> = (0..10_000)
            .map(|pid| Process {
                pid,
                command: "x".repeat(LONGEST_COMMAND),
                cpu: Some(pid as f32 / 100.0),
                ..Process::default()
            })
            .collect();
        let found = fit(list);
        assert_eq!((found.total, found.processes[0].pid), (10_000, 9999));
        let bytes = rmp_serde::to_vec_named(&found).unwrap().len();
        assert!(bytes > MOST_BYTES / 2 && bytes < 240 * 1024, "{bytes}");
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_short_line(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(command_line(&bytes).chars().count() <= LONGEST_COMMAND);
        }
    }
}
