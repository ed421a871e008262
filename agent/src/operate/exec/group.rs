//! Ending a command with everything it has started. Used by [`super::run`], and by [`super::Exec::open`] for what an
//! agent that died has left running.
//!
//! A command is a process group of its own, and every process of it has [`MARK`] with its id in its environment. The group
//! is what is signalled; the mark finds those that have left the group, and those whose agent is gone. A process that
//! clears its environment and leaves the group, or runs as a user whose processes we may not touch, is not found.

use std::{fs, path::Path};

use chatops_schemas::ids::CommandId;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

/// Variable that holds the command's id.
pub(super) const MARK: &str = "CHATOPS_COMMAND";
/// New processes may be made while others are found; after this many looks that is somebody else's fight.
const LOOKS: usize = 10;

/// Signals the group; one that is gone already is no error.
pub(super) fn signal(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}

/// Kills every process that bears the mark of one of these commands, and their groups. Gives how many were found.
pub(super) fn sweep(proc: &Path, commands: &[CommandId]) -> usize {
    let marks: Vec<Vec<u8>> = commands
        .iter()
        .map(|id| format!("{MARK}={id}").into_bytes())
        .collect();
    let mut found = 0;
    for _ in 0..LOOKS {
        let marked = marked(proc, &marks);
        if marked.is_empty() {
            break;
        }
        found += marked.len();
        for pid in marked {
            if let Ok(group) = getpgid(Some(pid))
                && group != rustix::process::getpgrp()
            {
                signal(group, Signal::KILL);
            }
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    found
}

fn marked(proc: &Path, marks: &[Vec<u8>]) -> Vec<Pid> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            // Those that have ended are gone, those of others are not ours to read; a zombie's is empty.
            let environment = fs::read(entry.path().join("environ")).ok()?;
            environment
                .split(|byte| *byte == 0)
                .any(|variable| marks.iter().any(|mark| mark == variable))
                .then_some(pid)
        })
        .collect()
}
