//! Cleaning up after a test process that could not do it itself.
//!
//! The first server or directory of a process starts one `sh` whose standard input is a pipe only
//! this process holds. Servers and directories are registered there and crossed out on Drop. When
//! the process ends in any way, the pipe closes, and the shell kills and deletes what is left.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::Context;
use tempfile::TempDir;

use crate::evidence;

/// Lines are `pid N`, `dead N`, `dir PATH`, `gone PATH`; paths of ours hold no white space.
const SCRIPT: &str = r#"
pids=" "; dirs=" "
while read -r verb what; do
    case "$verb" in
        pid) pids="$pids$what " ;;
        dead) pids="${pids%% "$what" *} ${pids#* "$what" }" ;;
        dir) dirs="$dirs$what " ;;
        gone) dirs="${dirs%% "$what" *} ${dirs#* "$what" }" ;;
    esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
for dir in $dirs; do rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }; done
"#;

static WATCHDOG: OnceLock<Mutex<Option<Child>>> = OnceLock::new();

/// A directory that is deleted on Drop, and by the watchdog if that never happens.
#[derive(Debug)]
pub struct Scratch {
    directory: Option<TempDir>,
}

/// A new empty [`Scratch`] directory below the system's temporary directory. Others may enter it
/// (PostgreSQL may run as another user) but not list it.
pub fn scratch_dir() -> anyhow::Result<Scratch> {
    let directory = tempfile::Builder::new()
        .prefix("chatops-test-")
        .tempdir()
        .context("make a scratch directory")?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(directory.path(), open).context("open the scratch directory")?;
    tell("dir", &directory.path().display().to_string())?;
    Ok(Scratch {
        directory: Some(directory),
    })
}

impl Scratch {
    /// Its absolute path.
    pub fn path(&self) -> &Path {
        self.directory
            .as_ref()
            .map_or(Path::new("/nonexistent"), TempDir::path)
    }

    /// The absolute path of `name` inside it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            let path = directory.path().display().to_string();
            evidence::gather(directory.path());
            // What cannot be deleted now stays on the watchdog's list.
            if directory.close().is_ok() {
                let _ = tell("gone", &path);
            }
        }
    }
}

/// Registers a process to be killed if this one dies first. The servers of this crate do it by themselves; tests that
/// start programs of their own call it, and [`forget`] once they have waited for them.
pub fn watch(pid: u32) -> anyhow::Result<()> {
    tell("pid", &pid.to_string())
}

/// Crosses out a process that has been waited for, before its number can be used again.
pub fn forget(pid: u32) {
    let _ = tell("dead", &pid.to_string());
}

fn tell(verb: &str, what: &str) -> anyhow::Result<()> {
    let mut watchdog = WATCHDOG
        .get_or_init(|| Mutex::new(None))
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if watchdog.is_none() {
        *watchdog = Some(start()?);
    }
    let pipe = watchdog
        .as_mut()
        .and_then(|child| child.stdin.as_mut())
        .context("reach the watchdog")?;
    writeln!(pipe, "{verb} {what}").context("tell the watchdog")
}

fn start() -> anyhow::Result<Child> {
    Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of the runner's group: signals that end the tests must not end the cleaning.
        .process_group(0)
        .spawn()
        .context("start the watchdog shell")
}
