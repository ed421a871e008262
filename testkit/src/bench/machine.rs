//! What the figures were taken on. A figure without its machine says nothing, so this is part of every report.

use std::{fs, io::Write, path::Path, process::Command, time::Instant};

use anyhow::Context;
use serde::Serialize;

use super::stats::quantile;
use crate::Runtime;

/// Pages written one by one to learn what a write that must be on the disk costs here.
const SYNCS: usize = 300;

/// One line each.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Machine {
    pub(super) processor: String,
    pub(super) cores: usize,
    pub(super) memory_gib: f64,
    pub(super) kernel: String,
    pub(super) system: String,
    /// Milliseconds of an 8 KiB write with fdatasync in the directory the servers write to: p50 and p99.
    pub(super) sync_ms: (f64, f64),
    pub(super) nats_server: String,
    pub(super) postgres: String,
    /// What is measured.
    pub(super) commit: String,
}

impl Machine {
    /// Asks the machine; `directory` is where the servers will write.
    pub(super) fn describe(directory: &Path) -> anyhow::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = value(&cpuinfo, "model name")
            .unwrap_or("unknown processor")
            .to_owned();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = value(&meminfo, "MemTotal")
            .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let system = release
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="))
            .unwrap_or("unknown")
            .trim_matches('"');
        let runtime = Runtime::find()?;
        Ok(Self {
            processor,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory.unwrap_or_default() / 1048576.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            system: system.to_owned(),
            sync_ms: sync(directory)?,
            nats_server: version(&runtime, "nats-server"),
            postgres: version(&runtime, "postgres"),
            commit: commit(),
        })
    }

    /// For people.
    pub(super) fn lines(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, {}, kernel {}\ndisk: 8 KiB write + fdatasync p50 {:.2} ms, p99 {:.2} ms\n{}, {}, ChatOps {}",
            self.processor,
            self.cores,
            self.memory_gib,
            self.system,
            self.kernel,
            self.sync_ms.0,
            self.sync_ms.1,
            self.nats_server,
            self.postgres,
            self.commit
        )
    }
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn version(runtime: &Runtime, name: &str) -> String {
    let answer = runtime.program(name).map(|program| {
        Command::new(program)
            .arg("--version")
            .current_dir("/")
            .output()
    });
    match answer {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => format!("{name} of unknown version"),
    }
}

/// A checkout with changes is marked: its figures belong to no commit.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "of unknown commit".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])
        .is_none_or(|changes| !changes.is_empty());
    format!("{commit}{}", if changed { " with changes" } else { "" })
}

fn sync(directory: &Path) -> anyhow::Result<(f64, f64)> {
    let mut file = tempfile::tempfile_in(directory).context("make a file to time the disk with")?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&[0x5a; 8192])
            .and_then(|()| file.sync_data())
            .context("time the disk")?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok((quantile(&mut times, 0.5), quantile(&mut times, 0.99)))
}
