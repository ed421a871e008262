//! One data directory and the server process on it. Used by both the shared and private servers.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::psql::Psql;
use crate::{Runtime, free_port, runtime::Identity, watchdog};

/// Superuser of every test cluster; connections from loopback are trusted.
pub(super) const OWNER: &str = "chatops";
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// Small, quiet, and with room for many parallel tests. TimescaleDB's own background workers do
/// nothing for the Apache edition but would hold connections to templates.
const SETTINGS: &str = "
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 0
jit = off
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 400
shared_buffers = 64MB
max_wal_size = 512MB
max_locks_per_transaction = 256
logging_collector = off
";
const FORGETFUL: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n";

#[derive(Debug, Clone)]
pub(super) struct Cluster {
    data: PathBuf,
    log: PathBuf,
    postgres: PathBuf,
    psql: Psql,
    identity: Option<Identity>,
}

impl Cluster {
    /// Initialises `directory/data`. About 0.5 s.
    pub(super) fn create(
        runtime: &Runtime,
        directory: &Path,
        durable: bool,
        extra: &str,
    ) -> anyhow::Result<Self> {
        let cluster = Self::open(runtime, directory, 0)?;
        fs::create_dir(&cluster.data).context("make the data directory")?;
        Identity::give(cluster.identity, &cluster.data)?;
        let mut initdb = Command::new(runtime.program("initdb")?);
        initdb
            .args([
                "-U",
                OWNER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ])
            .args(["--no-instructions", "--no-sync", "-D"])
            .arg(&cluster.data)
            .current_dir("/")
            .stdin(Stdio::null());
        Identity::apply(cluster.identity, &mut initdb);
        let output = initdb.output().with_context(|| {
            format!(
                "run initdb; the user PostgreSQL runs as must be able to reach {}",
                cluster.postgres.display()
            )
        })?;
        if !output.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let mut settings = OpenOptions::new()
            .append(true)
            .open(cluster.data.join("postgresql.conf"))
            .context("open postgresql.conf")?;
        let speed = if durable { "" } else { FORGETFUL };
        settings
            .write_all(format!("{SETTINGS}{speed}{extra}").as_bytes())
            .context("write postgresql.conf")?;
        Ok(cluster)
    }

    /// A cluster that [`Self::create`] made earlier, perhaps in another process.
    pub(super) fn open(runtime: &Runtime, directory: &Path, port: u16) -> anyhow::Result<Self> {
        Ok(Self {
            data: directory.join("data"),
            log: directory.join("server.log"),
            postgres: runtime.program("postgres")?,
            psql: Psql {
                program: runtime.program("psql")?,
                port,
            },
            identity: Identity::for_postgres()?,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.psql.port
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.psql.port))
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{}/{database}", self.psql.port)
    }

    pub(super) fn psql_program(&self) -> &Psql {
        &self.psql
    }

    pub(super) async fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        self.psql.run(database, sql).await
    }

    /// Starts on a free port, trying another when somebody else takes it first.
    pub(super) async fn start_somewhere(&mut self, attempts: u32) -> anyhow::Result<Server> {
        for attempt in 1.. {
            self.psql.port = free_port()?;
            match self.start().await {
                Err(error)
                    if attempt < attempts
                        && error.to_string().contains("Address already in use") => {}
                done => return done,
            }
        }
        bail!("no attempt was made")
    }

    /// Starts on the same port as before and waits until queries are answered.
    pub(super) async fn start(&self) -> anyhow::Result<Server> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .context("open the PostgreSQL log")?;
        let mut command = Command::new(&self.postgres);
        command
            .arg("-D")
            .arg(&self.data)
            .args(["-p", &self.psql.port.to_string()])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        // Out of the test runner's process group: the shared server serves other runs too.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Identity::apply(self.identity, &mut command);
        let child = command
            .spawn()
            .with_context(|| format!("start {}", self.postgres.display()))?;
        let mut server = Server {
            child: Some(child),
            data: self.data.clone(),
        };
        let end = Instant::now() + PATIENCE;
        while self.psql.run("postgres", "SELECT 1").await.is_err() {
            if server.has_ended()? || Instant::now() >= end {
                bail!(
                    "PostgreSQL did not start:\n{}",
                    fs::read_to_string(&self.log).unwrap_or_default()
                );
            }
            sleep(PAUSE).await;
        }
        Ok(server)
    }
}

/// The running server of a [`Cluster`]; killed on Drop unless it was left to the reaper.
#[derive(Debug)]
pub(super) struct Server {
    child: Option<Child>,
    data: PathBuf,
}

impl Server {
    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    fn has_ended(&mut self) -> anyhow::Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait().context("look after PostgreSQL")?.is_some()),
            None => Ok(true),
        }
    }

    /// Lets the process live on when this one ends.
    pub(super) fn leave_running(mut self) {
        self.child = None;
    }

    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.kill_family();
        while !self.has_ended()? {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Sessions are processes of their own and would finish their statement (and a commit) after
    /// the postmaster died, so they are killed with it.
    fn kill_family(&mut self) {
        let Some(child) = &mut self.child else { return };
        let sessions = children(child.id());
        // Fails only when it has ended already, which is what was wanted.
        let _ = child.kill();
        for session in sessions {
            signal(session, Signal::KILL);
        }
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        signal(self.pid(), Signal::INT);
        let end = Instant::now() + PATIENCE;
        while !self.has_ended()? {
            if Instant::now() >= end {
                bail!("PostgreSQL did not stop within {PATIENCE:?}");
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill_family();
        let Some(mut child) = self.child.take() else {
            return;
        };
        let _ = child.wait();
        watchdog::forget(child.id());
        // The number in it may belong to another process by the next start.
        let _ = fs::remove_file(self.data.join("postmaster.pid"));
    }
}

fn children(parent: u32) -> Vec<u32> {
    let list =
        fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
