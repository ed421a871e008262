//! `kill -9` of a process that writes the spool as fast as it can.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use bytes::Bytes;
use chatops_agent::spool::{Options, Spool};

const FOLDER: &str = "CHATOPS_TEST_SPOOL";

fn record(number: u64) -> Bytes {
    Bytes::from(format!("{number}:{}", "x".repeat((number % 997) as usize)))
}

/// Not a test: the process that is killed. It says each number after the record is appended.
#[test]
#[ignore = "started by the test below"]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut spool = Spool::open(Options::in_folder(folder.into())).unwrap();
    for number in spool.end().. {
        spool.append(record(number));
        println!("appended {number}");
    }
}

/// Lets a writer run until it has appended `count` records, then kills it; gives the last number it said.
fn write_and_kill(folder: &Path, count: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spool::writer", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut said = lines.filter_map(|line| line.split_once("appended ")?.1.parse().ok());
    let mut last = said.by_ref().nth(count - 1).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    if let Some(later) = said.last() {
        last = later;
    }
    last
}

#[test]
fn twenty_kills_lose_nothing_that_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..20 {
        let last = write_and_kill(dir.path(), 20 + 37 * round);
        let mut spool = Spool::open(Options::in_folder(dir.path().into())).unwrap();
        assert_eq!(spool.dropped(), 0);
        // The first record of all stays in memory until the second comes; from then on all are on disk.
        assert!(
            spool.end() > last,
            "round {round}: {last} was appended, the spool ends at {}",
            spool.end()
        );
        assert!(
            spool.end() <= last + 2,
            "round {round}: more than was appended"
        );
        assert!(spool.end() > before);
        for number in spool.front()..spool.end() {
            assert_eq!(spool.read(number), Some(record(number)), "round {round}");
        }
        before = spool.end();
        // Some are acknowledged in between, so that fronts move and segments go.
        spool.remove_before(spool.front() + spool.len() / 2);
        spool.close().unwrap();
    }
}
