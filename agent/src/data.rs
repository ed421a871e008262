//! The agent's own folder: what it must remember over restarts. Used by [`service`](crate::service).
//!
//! Holds `lock`, `state.json`, the spools (see [`lanes`](crate::lanes)), the journal of commands and `grants.json`. One agent at a time: the lock belongs to the open file, so it is gone with
//! the process, however that ends. The state is written beside and renamed, so a crash leaves the old or the new one;
//! one that cannot be read is treated as none, because counting from 0 again is better than not starting.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, FlockOperation, access, flock};
use serde::{Deserialize, Serialize};

use crate::collect::{Counters, counter::after_reboot};

const STATE: &str = "state.json";

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Somebody else works in it.
    #[error(
        "another agent is running with the data folder {0}; stop it, or give this one a folder of its own with --data"
    )]
    InUse(PathBuf),
    /// It cannot be made or written.
    #[error("cannot {action} {path}: {source}; give a folder that this user may write with --data")]
    Unusable {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Boot in which it was written.
    pub boot: Option<String>,
    /// Number of the next sample of that boot, or a higher one: see [`State::reserve`].
    pub n: u64,
    /// Samples given up since the agent was installed, because the spool was full or they had become too old.
    pub dropped: u64,
    /// Counters that survive reboots.
    pub counters: Counters,
}

impl State {
    /// Makes it ready for the boot at hand: numbers of samples start again, counters go on.
    pub fn for_boot(mut self, boot: Option<String>) -> Self {
        if self.boot != boot || boot.is_none() {
            self.n = 0;
            after_reboot(&mut self.counters.disk);
            after_reboot(&mut self.counters.net);
        }
        Self { boot, ..self }
    }

    /// The state as it is written while running. A crash must not make two samples bear one number, so the number
    /// written lies beyond all that are used until the next writing; after a crash a hole remains, which is right: it
    /// says that a sample may be missing there.
    pub fn reserve(&self, samples: u64) -> Self {
        Self {
            n: self.n + samples,
            ..self.clone()
        }
    }
}

/// The folder, locked.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    // Held for its lock.
    _lock: File,
}

impl DataFolder {
    /// Makes it if needed, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| DataError::Unusable {
                action,
                path,
                source,
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create the folder", path))?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed("write", &lock_path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DataError::InUse(path.to_owned())),
            Err(errno) => Err(failed("lock", &lock_path)(errno.into())),
        }
    }

    /// Whether [`DataFolder::open`] would work, without making anything.
    pub fn probe(path: &Path) -> Result<(), DataError> {
        if path.exists() {
            return Self::open(path).map(drop);
        }
        let parent = path
            .ancestors()
            .skip(1)
            .find(|parent| parent.exists())
            .unwrap_or(path);
        access(parent, Access::WRITE_OK | Access::EXEC_OK).map_err(|errno| DataError::Unusable {
            action: "create the folder",
            path: path.to_owned(),
            source: errno.into(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was remembered last.
    pub fn load(&self) -> State {
        let text = fs::read(self.path.join(STATE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Remembers.
    pub fn save(&self, state: &State) -> Result<(), DataError> {
        let path = self.path.join(STATE);
        let beside = self.path.join("state.json.new");
        let write = || {
            let mut file = File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(&serde_json::to_vec(state)?)?;
            fs::rename(&beside, &path)
        };
        write().map_err(|source: io::Error| DataError::Unusable {
            action: "write",
            path: path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::counter::Counter;

    fn state() -> State {
        let mut counters = Counters::default();
        counters
            .net
            .insert("eth0".into(), [Counter { raw: 10, total: 20 }; 2]);
        State {
            boot: Some("a".into()),
            n: 7,
            dropped: 3,
            counters,
        }
    }

    #[test]
    fn two_agents_cannot_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataFolder::open(dir.path()).unwrap();
        assert!(matches!(
            DataFolder::open(dir.path()),
            Err(DataError::InUse(_))
        ));
        drop(first);
        DataFolder::open(dir.path()).unwrap();
    }

    #[test]
    fn what_is_saved_is_loaded_and_damage_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        assert_eq!(folder.load(), State::default());
        folder.save(&state()).unwrap();
        assert_eq!(folder.load(), state());
        fs::write(dir.path().join(STATE), b"{\"n\":").unwrap();
        assert_eq!(folder.load(), State::default());
    }

    #[test]
    fn a_reboot_starts_numbers_anew_and_lets_counters_go_on() {
        assert_eq!(state().for_boot(Some("a".into())), state());
        let after = state().for_boot(Some("b".into()));
        assert_eq!((after.n, after.dropped), (0, 3));
        assert_eq!(
            after.counters.net["eth0"],
            [Counter { raw: 0, total: 20 }; 2]
        );
    }

    #[test]
    fn probing_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        DataFolder::probe(&path).unwrap();
        assert!(!dir.path().join("a").exists());
        let _held = DataFolder::open(&path).unwrap();
        assert!(matches!(DataFolder::probe(&path), Err(DataError::InUse(_))));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_explained() {
        let error = DataFolder::open(Path::new("/proc/nowhere"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/proc/nowhere") && error.contains("--data"),
            "{error}"
        );
    }
}
