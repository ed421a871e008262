//! One supervisor per data directory, by an advisory lock that the kernel gives back however its holder dies.
//!
//! Holders are the supervisor and, after its sudden death, the guard that stops its children (see [`super::guard`]);
//! the file says which, so that a new supervisor waits for a guard but refuses beside a living supervisor.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    path::Path,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::time::{Instant, sleep};

use crate::trouble::{Code, Trouble};

const GUARD: &str = "guard";
/// A guard needs as long as PostgreSQL needs to stop.
const GUARD_PATIENCE: Duration = Duration::from_secs(60);
/// A holder takes the lock first and writes its name a moment later.
const NAME_PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(50);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// For the supervisor: waits for a guard to finish, refuses beside another supervisor.
    pub(crate) async fn take(path: &Path, address: &str) -> Result<Self, Trouble> {
        let started = Instant::now();
        loop {
            if let Some(lock) = Self::attempt(path, &format!("{} {address}", std::process::id()))? {
                return Ok(lock);
            }
            let holder = std::fs::read_to_string(path).unwrap_or_default();
            let patience = match holder.trim() {
                GUARD => GUARD_PATIENCE,
                "" => NAME_PATIENCE,
                _ => Duration::ZERO,
            };
            if started.elapsed() >= patience {
                return Err(busy(path, holder.trim()));
            }
            sleep(PAUSE).await;
        }
    }

    /// For the guard: `None` when somebody else has taken over already.
    pub(crate) fn take_as_guard(path: &Path) -> Result<Option<Self>, Trouble> {
        Self::attempt(path, GUARD)
    }

    fn attempt(path: &Path, name: &str) -> Result<Option<Self>, Trouble> {
        let failed = |error: std::io::Error| Trouble::writing(path, &error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .map_err(failed)?;
        file.write_all(name.as_bytes()).map_err(failed)?;
        Ok(Some(Self { _file: file }))
    }
}

/// Whether a supervisor works on these data right now; its process id and address.
pub(crate) fn holder(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let free = flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
    let mut name = String::new();
    file.read_to_string(&mut name).ok()?;
    (!free && name != GUARD).then_some(name)
}

fn busy(path: &Path, holder: &str) -> Trouble {
    let data = path.parent().unwrap_or(path).display();
    let (process, address) = holder.split_once(' ').unwrap_or((holder, ""));
    let what = match process {
        GUARD | "" => format!("the data in {data} are still being closed by an earlier run"),
        _ => format!("ChatOps already runs on the data in {data} (process {process}, {address})"),
    };
    Trouble::new(
        Code::AlreadyRunning,
        what,
        "use the running one, stop it with Ctrl-C in its terminal, or choose other data with --data DIRECTORY",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_supervisor_is_refused_and_told_who_runs() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let first = Lock::take(&path, "http://here").await.unwrap();
        let trouble = Lock::take(&path, "http://there").await.unwrap_err();
        assert_eq!(trouble.code(), Code::AlreadyRunning);
        assert!(trouble.to_string().contains("http://here"), "{trouble}");
        assert!(Lock::take_as_guard(&path).unwrap().is_none());
        assert!(holder(&path).unwrap().ends_with("http://here"));
        drop(first);
        assert!(holder(&path).is_none());
        Lock::take(&path, "http://there").await.unwrap();
    }

    #[tokio::test]
    async fn a_guard_is_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let guard = Lock::take_as_guard(&path).unwrap().unwrap();
        let waiting = tokio::spawn({
            let path = path.clone();
            async move { Lock::take(&path, "http://here").await }
        });
        drop(guard);
        waiting.await.unwrap().unwrap();
    }
}
