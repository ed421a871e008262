//! Servers for tests that other people wrote for Node. Called by [`openid`](crate::OpenIdProvider) and
//! [`mail`](crate::MailServer).
//!
//! Guarantees: `start` returns once the program has said that it listens. On Drop it is killed. Its packages are installed
//! from the lock file at the first use in a checkout, by one process at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{Runtime, Scratch, forget, scratch_dir, watch};

/// They read hundreds of small files before they listen; a machine that builds and tests at once takes its time for that.
const PATIENCE: Duration = Duration::from_secs(150);

/// A running program.
#[derive(Debug)]
pub(crate) struct NodeProgram {
    child: Child,
    /// Holds what it complains of.
    _scratch: Scratch,
    /// Kept open: a program that cannot say something may end.
    _said: Lines<BufReader<ChildStdout>>,
}

impl NodeProgram {
    /// Starts a script of a folder beside `src`, and returns what it says behind the word when it listens.
    pub(crate) async fn start(
        folder: &str,
        script: &str,
        settings: &str,
        word: &str,
    ) -> anyhow::Result<(Self, String)> {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        install(folder, &place).await?;
        let scratch = scratch_dir()?;
        let complaints = scratch.join("complaints.txt");
        let stderr = File::create(&complaints).context("make a file for complaints")?;
        let mut child = Command::new(node("node")?)
            .arg(place.join(script))
            .arg(settings)
            .current_dir(&place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {folder}/{script}"))?;
        watch(child.id().with_context(|| format!("{script} has ended"))?)?;
        let said = child.stdout.take().context("read what it says")?;
        let mut lines = BufReader::new(said).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(told) = line.strip_prefix(word) {
                    return Ok(told.to_owned());
                }
            }
            bail!("{script} has ended")
        };
        let told = match timeout(PATIENCE, ready).await {
            Ok(told) => told,
            Err(_) => Err(anyhow!("{script} does not listen")),
        };
        let told = told.with_context(|| {
            let complaints = std::fs::read_to_string(&complaints).unwrap_or_default();
            format!("it complained: {complaints:?}")
        })?;
        let program = Self {
            child,
            _scratch: scratch,
            _said: lines,
        };
        Ok((program, told))
    }

    /// Ends it.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let pid = self.child.id();
        self.child.kill().await.context("kill a server")?;
        pid.into_iter().for_each(forget);
        Ok(())
    }
}

/// Installs the packages unless they are there; one of several test processes does, the others wait.
async fn install(folder: &str, place: &Path) -> anyhow::Result<()> {
    let lock = std::env::temp_dir().join(format!("chatops-test-{folder}.lock"));
    let lock = File::create(lock).context("open the lock of the server's packages")?;
    let held = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
    let held = held.await?.context("wait for the server's packages")?;
    let installed = packages(place).await;
    drop(held);
    installed
}

async fn packages(place: &Path) -> anyhow::Result<()> {
    let done = place.join("node_modules/.package-lock.json");
    if done.exists() {
        return Ok(());
    }
    let installed = Command::new(node("npm")?)
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(place)
        .output()
        .await
        .context("run npm")?;
    if !installed.status.success() {
        bail!(
            "npm ci in {}: {}",
            place.display(),
            String::from_utf8_lossy(&installed.stderr)
        );
    }
    Ok(())
}

/// The runtime's own, where this machine has none that is new enough.
fn node(program: &str) -> anyhow::Result<PathBuf> {
    let own = Runtime::find()?.root().join("node/bin").join(program);
    Ok(if own.exists() { own } else { program.into() })
}
