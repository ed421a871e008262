//! Which running processes belong to a data directory, found by looking at them: no pid file can be stale, missing
//! (a supervisor killed between starting a child and noting it) or point to a stranger.
//!
//! nats-server and the agent carry the path of their configuration on the command line; PostgreSQL, whose sessions
//! rename themselves, works inside its cluster directory. Processes of another container are never ours, even when
//! their paths read the same.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::place::Place;

/// Order in which leftovers are stopped: writers before what they write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Agent,
    Nats,
    Postgres,
}

impl Kind {
    /// All, in stopping order.
    pub(super) const ALL: [Self; 3] = [Self::Agent, Self::Nats, Self::Postgres];

    /// The signal that asks it to finish what it is doing and leave.
    pub(super) fn leave(self) -> Signal {
        match self {
            Self::Agent | Self::Nats => Signal::TERM,
            // "Fast" shutdown: ends sessions, writes a checkpoint.
            Self::Postgres => Signal::INT,
        }
    }
}

/// How long a process may take to leave before it is killed.
pub(super) const LEAVE_PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Process ids of one kind.
pub(super) fn ours(place: &Place, kind: Kind) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let namespace = fs::read_link("/proc/self/ns/mnt").ok();
    let cluster = place.postgres().canonicalize().ok();
    let belongs = |process: &PathBuf| match kind {
        Kind::Agent => has_argument(process, &place.agent_config()),
        Kind::Nats => has_argument(process, &place.nats_config()),
        Kind::Postgres => cluster.is_some() && fs::read_link(process.join("cwd")).ok() == cluster,
    };
    processes
        .flatten()
        .filter_map(|entry| {
            Some((
                entry
                    .file_name()
                    .to_str()?
                    .parse()
                    .ok()
                    .and_then(Pid::from_raw)?,
                entry.path(),
            ))
        })
        .filter(|(_, process)| belongs(process) && !is_zombie(process))
        .filter(|(_, process)| fs::read_link(process.join("ns/mnt")).ok() == namespace)
        .map(|(pid, _)| pid)
        .collect()
}

/// Asks all processes of a kind to leave and waits until they have; kills what stays.
pub(super) async fn stop(place: &Place, kind: Kind) {
    let end = Instant::now() + LEAVE_PATIENCE;
    let mut asked = Vec::new();
    loop {
        let left = ours(place, kind);
        if left.is_empty() {
            return;
        }
        for pid in left {
            if Instant::now() >= end {
                let _ = kill_process(pid, Signal::KILL);
            } else if !asked.contains(&pid) {
                asked.push(pid);
                // A signal to a session of PostgreSQL cancels its statement; the main process ends it anyway.
                let _ = kill_process(pid, kind.leave());
            }
        }
        sleep(PAUSE).await;
    }
}

fn has_argument(process: &Path, wanted: &Path) -> bool {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .skip(1)
        .any(|argument| OsStr::from_bytes(argument) == wanted)
}

/// A zombie has ended; whether its parent has noticed is no concern of ours.
fn is_zombie(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_none_or(|rest| rest.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn only_processes_of_this_data_directory_are_stopped() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let places = [
            Place::prepare(root.path()).unwrap(),
            Place::prepare(other.path()).unwrap(),
        ];
        let mut children: Vec<_> = places
            .iter()
            .map(|place| {
                // The shell waits on a pipe, with the path as an argument it never looks at.
                Command::new("sh")
                    .args(["-c", "read line", "--"])
                    .arg(place.nats_config())
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        assert_eq!(ours(&places[0], Kind::Nats).len(), 1);
        assert!(ours(&places[0], Kind::Agent).is_empty());
        stop(&places[0], Kind::Nats).await;
        assert!(!children[0].wait().unwrap().success());
        assert!(
            children[1].try_wait().unwrap().is_none(),
            "the neighbour lives"
        );
        children[1].kill().unwrap();
        children[1].wait().unwrap();
    }
}
