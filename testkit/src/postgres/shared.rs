//! The one server all tests of a run share, across processes.
//!
//! Its directory lies in the system's temporary directory, named after the runtime and the user.
//! Whoever comes first, under an exclusive lock on `turn`, creates the cluster and starts the
//! reaper (`reaper.sh`). Each user holds a shared lock on `users` for as long as its process
//! lives and notes the runner (cargo, cargo-nextest) that started it. The reaper waits until no
//! user and no such runner is left, then kills the server and deletes the directory. A server
//! whose reaper is gone is replaced, so a crash of anything leaves nothing that stays.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    fs::{File, OpenOptions},
    hash::{Hash, Hasher},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use anyhow::{Context, bail};

use super::{PORT_ATTEMPTS, cluster::Cluster};
use crate::Runtime;

const REAPER: &str = include_str!("reaper.sh");

/// Membership in the run; the server stays at least until `user` is closed.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) user: File,
    home: PathBuf,
}

impl Shared {
    /// Uses the running server or starts it.
    pub(super) async fn join() -> anyhow::Result<Self> {
        let runtime = Runtime::find()?;
        let home = home(&runtime)?;
        let _turn = take_turn(&home).await?;
        let cluster = match running(&runtime, &home).await {
            Some(cluster) => cluster,
            None => begin(&runtime, &home).await?,
        };
        let user = lock_file(&home, "users")?;
        user.lock_shared().context("lock the list of users")?;
        note_runner(&home)?;
        Ok(Self {
            cluster,
            user,
            home,
        })
    }

    /// Exclusive right to build one template.
    pub(super) async fn template_turn(&self, template: &str) -> anyhow::Result<File> {
        lock_exclusively(lock_file(&self.home, &format!("{template}.lock"))?).await
    }
}

fn home(runtime: &Runtime) -> anyhow::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (
        runtime.program("postgres")?,
        rustix::process::geteuid().as_raw(),
    )
        .hash(&mut hasher);
    Ok(env::temp_dir().join(format!("chatops-tests-{:016x}", hasher.finish())))
}

/// The reaper deletes the directory while it holds the lock; a lock on a deleted file is worth
/// nothing, hence the second look at what lies at the path.
async fn take_turn(home: &Path) -> anyhow::Result<File> {
    loop {
        match fs::create_dir(home) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("make {}", home.display()));
            }
            _ => own(home)?,
        }
        let Ok(file) = lock_file(home, "turn") else {
            continue;
        };
        let file = lock_exclusively(file).await?;
        let held = file.metadata().context("look at the lock")?.ino();
        if fs::metadata(home.join("turn")).is_ok_and(|there| there.ino() == held) {
            return Ok(file);
        }
    }
}

/// The temporary directory is everybody's: a directory somebody else prepared is not used.
fn own(home: &Path) -> anyhow::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(home) else {
        return Ok(());
    };
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        bail!("{} belongs to somebody else", home.display());
    }
    Ok(())
}

fn lock_file(home: &Path, name: &str) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(home.join(name))
}

async fn lock_exclusively(file: File) -> anyhow::Result<File> {
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .context("wait for a lock")?
        .context("take a lock")
}

/// The server another process started, if it answers and its reaper is alive.
async fn running(runtime: &Runtime, home: &Path) -> Option<Cluster> {
    let port = fs::read_to_string(home.join("port"))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let reaper = lock_file(home, "reaper").ok()?;
    if reaper.try_lock_shared().is_ok() {
        return None;
    }
    let cluster = Cluster::open(runtime, home, port).ok()?;
    cluster.psql("postgres", "SELECT 1").await.ok()?;
    Some(cluster)
}

async fn begin(runtime: &Runtime, home: &Path) -> anyhow::Result<Cluster> {
    reap(home, "now")?
        .wait()
        .context("clear what an earlier run left")?;
    let mut cluster = Cluster::create(runtime, home, false, "")?;
    let server = cluster.start_somewhere(PORT_ATTEMPTS).await?;
    fs::write(home.join("port"), cluster.port().to_string()).context("note the port")?;
    fs::write(home.join("pid"), server.pid().to_string()).context("note the server")?;
    note_runner(home)?;
    let mut reaper = reap(home, "later")?;
    // The first line says that it holds its lock.
    let mut ready = String::new();
    let output = reaper.stdout.take().context("hear the reaper")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut ready)
        .context("hear the reaper")?;
    if ready.trim() != "ready" {
        bail!(
            "the reaper of the shared PostgreSQL did not start; is `flock` (util-linux) installed?"
        );
    }
    server.leave_running();
    Ok(cluster)
}

fn reap(home: &Path, when: &str) -> anyhow::Result<process::Child> {
    Command::new("sh")
        .args(["-c", REAPER, "chatops-test-reaper", when])
        .arg(home)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("start the reaper")
}

/// A test runner starts the next test when this one has ended, so the server waits for it. Any
/// other parent (a shell, an editor) may live for days and is not waited for.
fn note_runner(home: &Path) -> anyhow::Result<()> {
    let Some(parent) = rustix::process::getppid() else {
        return Ok(());
    };
    let parent = parent.as_raw_nonzero();
    let name = fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    if name.starts_with("cargo") {
        fs::create_dir_all(home.join("runners"))?;
        File::create(home.join(format!("runners/{parent}"))).context("note the test runner")?;
    }
    Ok(())
}
