//! One child process: started with its output in a log, asked whether it is ready, asked to leave.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::{
    identity::Identity,
    process::{Kind, LEAVE_PATIENCE},
    runtime::unstartable,
};
use crate::trouble::{Code, Trouble, plain};

/// A log beyond this is moved aside when its owner starts, and halved while it runs.
const LOG_LIMIT: u64 = 8 << 20;
/// The system's words, as servers repeat them.
const FULL_DISK: &str = "no space left on device";
const PAUSE: Duration = Duration::from_millis(10);

/// Everything needed to start it again.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub kind: Kind,
    /// As people know it: `nats-server`, `PostgreSQL`, `agent`.
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// The whole environment; nothing is inherited, so no PGDATA or NATS_… of the user's can interfere.
    pub environment: Vec<(OsString, OsString)>,
    pub identity: Option<Identity>,
    pub log: PathBuf,
}

/// A started child.
#[derive(Debug)]
pub(super) struct Running {
    plan: Plan,
    child: Child,
    /// Where its output begins in the log.
    log_start: u64,
}

impl Plan {
    /// Starts it. Its process group is its own: Ctrl-C reaches the supervisor alone, which stops things in order.
    pub(super) fn start(&self) -> Result<Running, Trouble> {
        let log = self
            .open_log()
            .map_err(|error| Trouble::writing(&self.log, &error))?;
        let log_start = log.metadata().map(|found| found.len()).unwrap_or_default();
        let errors = log
            .try_clone()
            .map_err(|error| Trouble::writing(&self.log, &error))?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0);
        if let Some(Identity { uid, gid }) = self.identity {
            command.uid(uid).gid(gid);
        }
        let child = command
            .spawn()
            .map_err(|error| unstartable(&self.program, &error))?;
        Ok(Running {
            plan: self.clone(),
            child,
            log_start,
        })
    }

    fn open_log(&self) -> std::io::Result<File> {
        if fs::metadata(&self.log).is_ok_and(|found| found.len() > LOG_LIMIT) {
            fs::rename(&self.log, self.log.with_extension("log.1"))?;
        }
        OpenOptions::new().create(true).append(true).open(&self.log)
    }

    /// Keeps a long-running child's log within bounds. It was opened for appending, so cutting it is safe.
    pub(super) fn trim_log(&self) {
        if fs::metadata(&self.log).is_ok_and(|found| found.len() > LOG_LIMIT) {
            let _ = fs::copy(&self.log, self.log.with_extension("log.1"));
            let _ = OpenOptions::new()
                .write(true)
                .open(&self.log)
                .and_then(|file| file.set_len(0));
        }
    }
}

impl Running {
    /// Waits until `probe` says yes; explains when the child ends first or takes longer than `patience`.
    pub(super) async fn ready(
        &mut self,
        patience: Duration,
        mut probe: impl AsyncFnMut(u32) -> bool,
    ) -> Result<(), Trouble> {
        let end = Instant::now() + patience;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.explain(&format!("{} ended at once ({status})", self.plan.name)));
            }
            if probe(self.child.id().unwrap_or_default()).await {
                return Ok(());
            }
            if Instant::now() >= end {
                let late = format!(
                    "{} did not become ready within {} s",
                    self.plan.name,
                    patience.as_secs()
                );
                return Err(self.explain(&late));
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to leave; kills it when it stays.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, self.plan.kind.leave());
        }
        if timeout(LEAVE_PATIENCE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// What it was started from.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether it has said lately that the disk is full.
    pub(super) fn met_full_disk(&self) -> bool {
        tail(&self.plan.log, self.log_start).contains(FULL_DISK)
    }

    /// `what` happened, with the child's own last words, or our words for those that are well known.
    pub(super) fn explain(&self, what: &str) -> Trouble {
        let said = tail(&self.plan.log, self.log_start);
        let lower = said.to_lowercase();
        let log = self.plan.log.display();
        let known = [
            (
                FULL_DISK,
                Code::Disk,
                "free some space on the disk of the data directory",
            ),
            (
                "address already in use",
                Code::PortTaken,
                "stop the program that has the port, or choose another port",
            ),
            (
                "permission denied",
                Code::Disk,
                "make the data directory writable for the user that runs it",
            ),
            (
                "could not create shared memory",
                Code::Failed,
                "this machine is out of memory: free some",
            ),
            (
                "cannot allocate memory",
                Code::Failed,
                "this machine is out of memory: free some",
            ),
        ];
        let found = known.into_iter().find(|(words, ..)| lower.contains(words));
        let (code, remedy) = match found {
            Some((_, code, remedy)) => (code, format!("{remedy}; its log: {log}")),
            None => (Code::Failed, format!("read its log: {log}")),
        };
        let last = telling_line(&said)
            .map(|line| format!(": {line}"))
            .unwrap_or_default();
        Trouble::new(code, format!("{what}{last}"), remedy)
    }
}

/// The line that most likely says why: the last one that sounds like a failure, else the last one.
fn telling_line(said: &str) -> Option<&str> {
    let sounds = |line: &&str| {
        ["FATAL", "PANIC", "[FTL]", "ERROR", "[ERR]", "error:"]
            .iter()
            .any(|s| line.contains(s))
    };
    let mut lines = said
        .lines()
        .rev()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let all = lines.clone();
    lines.find(sounds).or_else(|| all.into_iter().next())
}

fn tail(log: &Path, from: u64) -> String {
    const MOST: u64 = 8 << 10;
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(
            from.max(length.saturating_sub(MOST)).min(length),
        ))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("(log unreadable: {})", plain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(root: &Path, script: &str) -> Plan {
        Plan {
            kind: Kind::Nats,
            name: "child",
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("PATH".into(), "/bin:/usr/bin".into())],
            identity: None,
            log: root.join("child.log"),
        }
    }

    #[tokio::test]
    async fn a_child_that_ends_is_explained_by_its_last_words() {
        let root = tempfile::tempdir().unwrap();
        let plan = shell(root.path(), "echo FATAL: no such thing; echo bye; exit 3");
        let trouble = plan
            .start()
            .unwrap()
            .ready(Duration::from_secs(20), async |_| false)
            .await
            .unwrap_err();
        assert!(
            trouble.to_string().ends_with("FATAL: no such thing"),
            "{trouble}"
        );
        assert!(trouble.remedy().contains("child.log"));
    }

    #[tokio::test]
    async fn well_known_failures_have_their_own_code_and_old_words_are_not_repeated() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(
            root.path().join("child.log"),
            "FATAL: address already in use\n",
        )
        .unwrap();
        let plan = shell(root.path(), "echo write: no space left on device; exit 1");
        let trouble = plan
            .start()
            .unwrap()
            .ready(Duration::from_secs(20), async |_| false)
            .await
            .unwrap_err();
        assert_eq!(trouble.code(), Code::Disk, "{trouble}");
    }

    #[tokio::test]
    async fn stopping_waits_for_the_end() {
        let root = tempfile::tempdir().unwrap();
        let mark = root.path().join("left");
        let script = format!(
            "trap 'echo > {}; exit' TERM; echo up; while :; do sleep 0.01; done",
            mark.display()
        );
        let plan = shell(root.path(), &script);
        let mut running = plan.start().unwrap();
        let log = plan.log.clone();
        running
            .ready(Duration::from_secs(20), async |_| {
                tail(&log, 0).contains("up")
            })
            .await
            .unwrap();
        running.stop().await;
        assert!(mark.exists());
    }

    #[tokio::test]
    async fn a_full_disk_is_read_from_the_log_of_this_run_only() {
        let root = tempfile::tempdir().unwrap();
        let plan = shell(root.path(), "echo [ERR] write: no space left on device");
        let mut first = plan.start().unwrap();
        first.ended().await.unwrap();
        assert!(first.met_full_disk());
        let mut second = shell(root.path(), "echo fine").start().unwrap();
        second.ended().await.unwrap();
        assert!(!second.met_full_disk());
    }

    #[test]
    fn a_long_log_is_cut() {
        let root = tempfile::tempdir().unwrap();
        let plan = shell(root.path(), "");
        let file = plan.open_log().unwrap();
        file.set_len(LOG_LIMIT + 1).unwrap();
        plan.trim_log();
        assert_eq!(fs::metadata(&plan.log).unwrap().len(), 0);
    }
}
