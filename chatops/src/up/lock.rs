//! One supervisor per data directory, by an advisory lock that the kernel gives back however its holder dies.
//!
//! Holders are the supervisor and, after its sudden death, the guard that stops its children (see [`super::guard`]);
//! the file says which, so that a new supervisor waits for a guard but refuses beside a living supervisor.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::time::{Instant, sleep};

use crate::trouble::{Code, Trouble};

const GUARD: &str = "guard";
/// A guard needs as long as PostgreSQL needs to stop.
const GUARD_PATIENCE: Duration = Duration::from_secs(60);
/// A holder takes the lock first and writes its name a moment later; who only asks for the holder has it for an instant.
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
            let patience = if holder.trim() == GUARD {
                GUARD_PATIENCE
            } else {
                NAME_PATIENCE
            };
            if started.elapsed() >= patience {
                return Err(busy(path, holder.trim()));
            }
            sleep(PAUSE).await;
        }
    }

    fn attempt(path: &Path, name: &str) -> Result<Option<Self>, Trouble> {
        let failed = |error: std::io::Error| Trouble::writing(path, &error);
        let file = open(path).map_err(failed)?;
        Self::on(file, name).map_err(failed)
    }

    fn on(mut file: File, name: &str) -> std::io::Result<Option<Self>> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(name.as_bytes())?;
        Ok(Some(Self { _file: file }))
    }
}

/// The guard's hold on the lock of the supervisor it watches: good even after somebody has deleted the directory.
#[derive(Debug)]
pub(super) struct Watched {
    file: File,
    path: PathBuf,
}

impl Watched {
    pub(super) fn open(path: PathBuf) -> Result<Self, Trouble> {
        let file = open(&path).map_err(|error| Trouble::writing(&path, &error))?;
        Ok(Self { file, path })
    }

    /// The lock; `None` when somebody else has taken over, in this directory or in a new one of the same name.
    pub(super) fn take(self) -> Result<Option<Lock>, Trouble> {
        let same = |here: std::fs::Metadata| {
            let watched = self.file.metadata();
            watched.is_ok_and(|watched| (watched.dev(), watched.ino()) == (here.dev(), here.ino()))
        };
        if std::fs::metadata(&self.path).is_ok_and(|here| !same(here)) {
            return Ok(None);
        }
        Lock::on(self.file, GUARD).map_err(|error| Trouble::writing(&self.path, &error))
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
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
        assert!(
            Watched::open(path.clone())
                .unwrap()
                .take()
                .unwrap()
                .is_none()
        );
        assert!(holder(&path).unwrap().ends_with("http://here"));
        drop(first);
        assert!(holder(&path).is_none());
        Lock::take(&path, "http://there").await.unwrap();
    }

    #[tokio::test]
    async fn a_guard_is_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let guard = Watched::open(path.clone())
            .unwrap()
            .take()
            .unwrap()
            .unwrap();
        let waiting = tokio::spawn({
            let path = path.clone();
            async move { Lock::take(&path, "http://here").await }
        });
        drop(guard);
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_guard_outlives_its_directory_but_minds_a_new_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let (one, two) = (
            Watched::open(path.clone()).unwrap(),
            Watched::open(path.clone()).unwrap(),
        );
        std::fs::remove_file(&path).unwrap();
        assert!(one.take().unwrap().is_some(), "nobody else is there");
        let _new = Lock::take(&path, "http://new").await.unwrap();
        assert!(two.take().unwrap().is_none(), "the name belongs to another");
    }
}
