//! One nats-server process: started, asked for its greeting, and ended.

use std::{
    fs::OpenOptions,
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{Scratch, watchdog};

const PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    log: std::path::PathBuf,
}

pub(super) fn log(scratch: &Scratch) -> String {
    std::fs::read_to_string(scratch.join("log")).unwrap_or_default()
}

impl Server {
    pub(super) fn spawn(
        program: &Path,
        config: &Path,
        scratch: &Scratch,
        environment: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let path = scratch.join("log");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .context("open the nats-server log")?;
        let child = Command::new(program)
            .arg("--config")
            .arg(config)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let server = Self { child, log: path };
        watchdog::watch(server.child.id())?;
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the greeting every NATS server sends first.
    pub(super) async fn answer(&mut self, port: u16, patience: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().context("look after nats-server")? {
                bail!("nats-server ended with {status}:\n{}", self.last_words());
            }
            if greets(port).await {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!(
                    "nats-server did not answer on port {port} within {patience:?}:\n{}",
                    self.last_words()
                );
            }
            sleep(PAUSE).await;
        }
    }

    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("kill nats-server")?;
        while self
            .child
            .try_wait()
            .context("wait for nats-server")?
            .is_none()
        {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    pub(super) async fn stop(mut self, patience: Duration) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .context("name the nats-server process")?;
        kill_process(pid, Signal::TERM).context("stop nats-server")?;
        let end = Instant::now() + patience;
        while self
            .child
            .try_wait()
            .context("wait for nats-server")?
            .is_none()
        {
            if Instant::now() >= end {
                bail!("nats-server did not leave within {patience:?}");
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id();
        let _ = self.child.kill();
        let _ = self.child.wait();
        watchdog::forget(pid);
    }
}

async fn greets(port: u16) -> bool {
    let Ok(Ok(mut stream)) = timeout(
        Duration::from_secs(1),
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)),
    )
    .await
    else {
        return false;
    };
    let mut start = [0; 4];
    matches!(
        timeout(Duration::from_secs(1), stream.read_exact(&mut start)).await,
        Ok(Ok(_))
    ) && &start == b"INFO"
}
