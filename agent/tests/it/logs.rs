//! Lines of logs on their way into the stream: rotation, deaths of either side, limits.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use chatops_bus::StreamName;
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::log::{DropReason, LogBatch, LogLevel},
    subject,
};
use chatops_testkit::eventually;
use futures::StreamExt as _;

use crate::{
    agent::Agent,
    server::{PATIENCE, Server, server_id},
};

/// A host with settings and a log.
struct Host {
    folder: tempfile::TempDir,
    log: File,
}

impl Host {
    /// `more` are lines of the source.
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let settings = format!(
            "capabilities = [\"logs\"]\n[[logs]]\nname = \"app\"\nfiles = [\"{}/*.log\"]\nstart = \"beginning\"\n{more}\n",
            folder.path().display()
        );
        fs::write(folder.path().join("agent.toml"), settings).unwrap();
        Self {
            log: append_to(&path),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&mut self, text: &str) {
        self.log.write_all(text.as_bytes()).unwrap();
    }

    /// `n` numbered lines from `first`.
    fn count(&mut self, first: usize, n: usize) {
        let lines: String = (first..first + n).map(|n| format!("line {n}\n")).collect();
        self.write(&lines);
    }

    /// As logrotate does it: the old file gets another name, a new one is begun.
    fn rotate(&mut self, to: &str) {
        fs::rename(self.path("app.log"), self.path(to)).unwrap();
        self.log = append_to(&self.path("app.log"));
    }

    fn agent(&self, server: &Server) -> Agent {
        Agent::with_config(
            &server.nats.url(),
            &self.path("data"),
            &self.path("agent.toml"),
        )
    }
}

fn append_to(path: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

async fn batches(server: &Server) -> Vec<Envelope<LogBatch>> {
    let filter = subject::log_every(&server_id());
    let read = server.bus.read_to_end(StreamName::Log, &filter, 1).await;
    let Ok(mut reader) = read else {
        return Vec::new();
    };
    let mut batches = Vec::new();
    while let Some(Ok(recorded)) = reader.next().await {
        batches.push(codec::decode(&recorded.payload).unwrap());
    }
    batches
}

fn messages(batches: &[Envelope<LogBatch>]) -> Vec<String> {
    let lines = batches.iter().flat_map(|batch| &batch.data.lines);
    lines.map(|line| line.message.clone()).collect()
}

async fn until_lines(server: &Server, many: usize) -> Vec<Envelope<LogBatch>> {
    eventually(
        &format!("{many} lines are in the stream"),
        PATIENCE,
        async || messages(&batches(server).await).len() >= many,
    )
    .await;
    batches(server).await
}

/// Every number from 0 once, in any order of files.
fn assert_each_once(found: &[String], many: usize) {
    let distinct: HashSet<&String> = found.iter().collect();
    let doubled = found.len() - distinct.len();
    let lost = (0..many)
        .filter(|n| !distinct.contains(&format!("line {n}")))
        .count();
    println!(
        "{many} written, {} in the stream, {doubled} doubled, {lost} lost",
        found.len()
    );
    assert_eq!((doubled, lost), (0, 0));
}

#[tokio::test]
async fn lines_arrive_parsed_joined_and_in_order() {
    let server = Server::start().await;
    let mut host = Host::new("");
    host.write("2026-11-22T10:15:00Z ERROR boom\n  at a.rs:1\n  at b.rs:2\n");
    host.write(
        "{\"level\":\"warn\",\"msg\":\"slow\",\"ms\":12}\nlevel=info msg=\"all well\" user=ada\n",
    );
    let _agent = host.agent(&server);
    let found = until_lines(&server, 3).await;
    let lines: Vec<_> = found.iter().flat_map(|batch| &batch.data.lines).collect();
    assert_eq!(
        lines[0].message,
        "2026-11-22T10:15:00Z ERROR boom\n  at a.rs:1\n  at b.rs:2"
    );
    assert_eq!(lines[0].level, LogLevel::Error);
    assert_eq!(lines[0].time.rfc3339(), "2026-11-22T10:15:00Z");
    assert_eq!(
        (lines[1].message.as_str(), lines[1].fields["ms"].as_str()),
        ("slow", "12")
    );
    assert_eq!(
        (lines[2].level, lines[2].fields["user"].as_str()),
        (LogLevel::Info, "ada")
    );
    assert!(
        lines
            .iter()
            .all(|line| line.origin.as_deref().unwrap().ends_with("/app.log"))
    );
    assert_eq!(found[0].server, Some(server_id()));
}

#[tokio::test]
async fn rotation_loses_and_doubles_nothing() {
    let server = Server::start().await;
    let mut host = Host::new("rate = 200000");
    let _agent = host.agent(&server);
    let mut written = 0;
    for round in 0..5 {
        host.count(written, 2000);
        // It is known by now; the rest of it is not read yet.
        until_lines(&server, written + 1).await;
        written += 2000;
        host.rotate(&format!("app.log.{round}"));
        // The program has not noticed yet and writes to the old file.
        append_to(&host.path(&format!("app.log.{round}")))
            .write_all(format!("line {written}\n").as_bytes())
            .unwrap();
        written += 1;
        until_lines(&server, written).await;
    }
    // Emptied in its place.
    host.log.set_len(0).unwrap();
    until_lines(&server, written).await;
    host.count(written, 10);
    written += 10;
    assert_each_once(&messages(&until_lines(&server, written).await), written);
}

#[tokio::test]
async fn killing_either_side_loses_and_doubles_nothing() {
    let mut server = Server::start().await;
    let mut host = Host::new("rate = 200000");
    let mut written = 0;
    for round in 0..6 {
        let agent = host.agent(&server);
        // Some of it is on its way, whatever that means at this moment.
        host.count(written, 3000);
        written += 3000;
        let so_far = messages(&batches(&server).await).len();
        until_lines(&server, so_far + 1).await;
        if round % 2 == 1 {
            server.nats.kill().await.unwrap();
            host.count(written, 500);
            written += 500;
        }
        agent.kill();
        // While nobody looks: lines, and another name for the file.
        host.count(written, 500);
        written += 500;
        if round % 3 == 2 {
            host.rotate(&format!("app.log.{round}"));
            host.count(written, 500);
            written += 500;
        }
        if round % 2 == 1 {
            server.nats.restart().await.unwrap();
        }
    }
    let _agent = host.agent(&server);
    assert_each_once(&messages(&until_lines(&server, written).await), written);
}

#[tokio::test]
async fn lines_beyond_the_rate_are_counted() {
    let server = Server::start().await;
    let mut host = Host::new("rate = 100");
    host.count(0, 5000);
    let _agent = host.agent(&server);
    let sums = async || {
        let batches = batches(&server).await;
        let dropped = batches.iter().flat_map(|batch| &batch.data.dropped);
        let dropped: u64 = dropped
            .filter(|dropped| dropped.reason == DropReason::Rate)
            .map(|dropped| dropped.lines)
            .sum();
        (messages(&batches).len() as u64, dropped)
    };
    eventually("every line is sent or counted", PATIENCE, async || {
        let (sent, dropped) = sums().await;
        sent + dropped == 5000
    })
    .await;
    let (sent, dropped) = sums().await;
    println!("{sent} sent, {dropped} dropped and counted");
    assert!((200..1500).contains(&sent), "{sent}");
}

#[tokio::test]
async fn lines_without_room_in_the_spool_are_counted() {
    let mut server = Server::start().await;
    let mut host = Host::new("rate = 200000");
    let settings = fs::read_to_string(host.path("agent.toml")).unwrap();
    let settings = format!("spool_mib = 1\n{settings}");
    fs::write(host.path("agent.toml"), settings).unwrap();
    let _agent = host.agent(&server);
    host.count(0, 1);
    until_lines(&server, 1).await;

    server.nats.kill().await.unwrap();
    let oldest = |host: &Host| {
        let segments = fs::read_dir(host.path("data/logs")).unwrap().flatten();
        let names = segments.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.len() > 16).min()
    };
    let mut written = 1;
    let mut write = |host: &mut Host, many: usize| {
        host.count(written, many);
        written += many;
        written as u64
    };
    write(&mut host, 10_000);
    let mut first = None;
    eventually("batches wait on disk", PATIENCE, async || {
        first = oldest(&host);
        first.is_some()
    })
    .await;
    eventually("the oldest of them have gone", PATIENCE, async || {
        write(&mut host, 10_000);
        oldest(&host) > first
    })
    .await;
    // Nothing is dropped any more once everything is read: what is sent then is not dropped on its way.
    let size = host.log.metadata().unwrap().len();
    let place = format!("\"offset\":{size}");
    eventually("the file is read to its end", PATIENCE, async || {
        let slots = fs::read_dir(host.path("data/log-sources"))
            .unwrap()
            .flatten();
        let mut slots = slots.filter_map(|slot| fs::read(slot.path()).ok());
        slots.any(|slot| String::from_utf8_lossy(&slot).contains(&place))
    })
    .await;
    server.nats.restart().await.unwrap();

    // The next line carries what had to be counted before it.
    let written = write(&mut host, 1);
    let mut dropped = 0;
    eventually("every line is there, or is counted", PATIENCE, async || {
        let batches = batches(&server).await;
        let counts = batches.iter().flat_map(|batch| &batch.data.dropped);
        dropped = counts
            .filter(|count| count.reason == DropReason::Spool)
            .map(|count| count.lines)
            .sum();
        let arrived = messages(&batches).len() as u64;
        // Whether the first one was stored may not have been heard before the server died.
        assert!(arrived + dropped <= written + 1, "{arrived} {dropped}");
        arrived + dropped >= written
    })
    .await;
    assert!(dropped > 0);
}

#[tokio::test]
async fn without_the_capability_nothing_is_read() {
    let server = Server::start().await;
    let mut host = Host::new("");
    let settings = fs::read_to_string(host.path("agent.toml")).unwrap();
    fs::write(host.path("agent.toml"), settings.replace("\"logs\"", "")).unwrap();
    host.count(0, 10);
    let agent = host.agent(&server);
    eventually("two samples arrive", PATIENCE, async || {
        server.count().await >= 2
    })
    .await;
    assert!(batches(&server).await.is_empty());
    assert!(agent.log().contains("no lines are sent"), "{}", agent.log());
}

#[tokio::test]
async fn a_journal_without_journalctl_is_told_and_the_rest_goes_on() {
    let server = Server::start().await;
    let mut host = Host::new("[[logs]]\nname = \"journal\"\njournald = true");
    host.count(0, 10);
    let empty = tempfile::tempdir().unwrap();
    let agent = Agent::run_with_path(
        &server.nats.url(),
        &host.path("data"),
        &host.path("agent.toml"),
        empty.path(),
    );
    until_lines(&server, 10).await;
    eventually("it is told", PATIENCE, async || {
        agent.log().contains("journalctl is not installed")
    })
    .await;
}

/// How fast lines get from a file into the stream, in this build; the number is printed, the floor only catches a
/// collapse.
#[tokio::test]
async fn two_hundred_thousand_lines_arrive_each_once() {
    let server = Server::start().await;
    let mut host = Host::new("rate = 200000");
    let begun = Instant::now();
    let _agent = host.agent(&server);
    // Below the rate, so that nothing may be dropped.
    for part in 0..10 {
        host.count(part * 20_000, 20_000);
    }
    let found = until_lines(&server, 200_000).await;
    let rate = 200_000.0 / begun.elapsed().as_secs_f64();
    println!("{rate:.0} lines/s from the file into the stream, reading it all again included");
    assert_each_once(&messages(&found), 200_000);
    assert!(found.iter().all(|batch| batch.data.dropped.is_empty()));
    assert!(rate > 2_000.0, "{rate:.0} lines/s");
}
