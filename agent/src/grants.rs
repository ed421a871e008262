//! Permissions that somebody on the host has given for a while: `grants.json` in the data folder. Written by the verbs
//! `grant` and `revoke`, read by the running agent, which looks again whenever the file has changed.
//!
//! Only root and the agent's own user are believed: a file that belongs to anybody else, or that others may write, counts
//! as none, and that is said. It is written beside and renamed, so a crash leaves the old or the new one.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use chatops_schemas::clock::Timestamp;
use rustix::{
    fs::{Gid, Uid, fchown},
    process::geteuid,
};
use serde::{Deserialize, Serialize};

use crate::config::Capability;

const NAME: &str = "grants.json";
/// Longest time for which something is granted; what is meant for good belongs into the settings.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Something is allowed for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub capability: Capability,
    /// Until when, by this host's clock.
    pub until: Timestamp,
}

/// Why grants cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The file.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Somebody else could have written it.
    #[error(
        "{0} is ignored: it must belong to root or the agent's user, and nobody else may write it"
    )]
    NotOurs(PathBuf),
    /// It does not parse.
    #[error("{0} is damaged and counts as empty; give the grants again")]
    Damaged(PathBuf),
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    capability: String,
    until: Timestamp,
}

/// The file of a data folder.
#[derive(Debug, Clone)]
pub struct GrantFile {
    path: PathBuf,
}

/// What tells one state of the file from the next.
pub type Version = Option<(u64, i64, i64, u64)>;

impl GrantFile {
    /// In this data folder.
    pub fn in_folder(data: &Path) -> Self {
        Self {
            path: data.join(NAME),
        }
    }

    /// Changes whenever the file does.
    pub fn version(&self) -> Version {
        let found = fs::symlink_metadata(&self.path).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    }

    /// All grants that are not over.
    pub fn read(&self, now: Timestamp) -> Result<Vec<Grant>, GrantError> {
        let text = match File::options()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&self.path)
        {
            Ok(file) => {
                let found = file.metadata().map_err(self.failed("read"))?;
                let ours = found.uid() == 0 || found.uid() == geteuid().as_raw();
                if !ours || found.mode() & 0o022 != 0 || !found.is_file() {
                    return Err(GrantError::NotOurs(self.path.clone()));
                }
                io::read_to_string(file).map_err(self.failed("read"))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("read")(error)),
        };
        let written: Vec<Written> =
            serde_json::from_str(&text).map_err(|_| GrantError::Damaged(self.path.clone()))?;
        let grants = written.into_iter().filter_map(|grant| {
            Some(Grant {
                capability: grant.capability.parse().ok()?,
                until: grant.until,
            })
        });
        Ok(grants.filter(|grant| grant.until > now).collect())
    }

    /// Grants; a grant of the same capability is replaced.
    pub fn grant(&self, grant: Grant, now: Timestamp) -> Result<(), GrantError> {
        let mut grants = self.others(grant.capability, now)?;
        grants.push(grant);
        self.write(&grants)
    }

    /// Takes back; whether there was something to take.
    pub fn revoke(&self, capability: Capability, now: Timestamp) -> Result<bool, GrantError> {
        let before = self.read_or_none(now)?.len();
        let others = self.others(capability, now)?;
        self.write(&others)?;
        Ok(others.len() < before)
    }

    fn others(&self, capability: Capability, now: Timestamp) -> Result<Vec<Grant>, GrantError> {
        let mut grants = self.read_or_none(now)?;
        grants.retain(|grant| grant.capability != capability);
        Ok(grants)
    }

    /// A file that counts as none is written anew.
    fn read_or_none(&self, now: Timestamp) -> Result<Vec<Grant>, GrantError> {
        match self.read(now) {
            Err(GrantError::Damaged(_) | GrantError::NotOurs(_)) => Ok(Vec::new()),
            read => read,
        }
    }

    fn write(&self, grants: &[Grant]) -> Result<(), GrantError> {
        let written: Vec<Written> = grants
            .iter()
            .map(|grant| Written {
                capability: grant.capability.word().to_owned(),
                until: grant.until,
            })
            .collect();
        let beside = self.path.with_extension("json.new");
        let write = || {
            match fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            // Root grants for an agent that runs as somebody else, who must be able to read it.
            if geteuid().is_root()
                && let Some(folder) = self.path.parent()
            {
                let owner = fs::metadata(folder)?;
                fchown(
                    file.as_fd(),
                    Some(Uid::from_raw(owner.uid())),
                    Some(Gid::from_raw(owner.gid())),
                )?;
            }
            file.write_all(&serde_json::to_vec(&written)?)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(self.failed("write"))
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> GrantError {
        let path = self.path.clone();
        move |source| GrantError::File {
            action,
            path,
            source,
        }
    }
}

/// `30m`, `2h`, `1d`, `90s`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let explain = || format!("{text:?} is no length of time: write 30m, 2h or 1d, at most 7d");
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(explain)?;
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(explain()),
    };
    let number: u64 = number.parse().map_err(|_| explain())?;
    let length = Duration::from_secs(number.saturating_mul(seconds));
    if length.is_zero() || length > LONGEST {
        return Err(explain());
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn grant(capability: Capability, seconds: i64) -> Grant {
        Grant {
            capability,
            until: NOW.plus_millis(seconds * 1000),
        }
    }

    #[test]
    fn what_is_granted_ends_by_itself_or_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = GrantFile::in_folder(dir.path());
        assert_eq!((file.read(NOW).unwrap(), file.version()), (vec![], None));
        file.grant(grant(Capability::Exec, 10), NOW).unwrap();
        let first = file.version();
        file.grant(grant(Capability::Terminal, 60), NOW).unwrap();
        file.grant(grant(Capability::Exec, 30), NOW).unwrap();
        assert_ne!(file.version(), first);
        assert_eq!(
            file.read(NOW).unwrap(),
            [grant(Capability::Terminal, 60), grant(Capability::Exec, 30)]
        );
        let later = NOW.plus_millis(30_000);
        assert_eq!(file.read(later).unwrap(), [grant(Capability::Terminal, 60)]);
        assert!(file.revoke(Capability::Terminal, NOW).unwrap());
        assert!(!file.revoke(Capability::Terminal, NOW).unwrap());
        assert_eq!(file.read(NOW).unwrap(), [grant(Capability::Exec, 30)]);
    }

    #[test]
    fn a_file_that_others_may_write_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = GrantFile::in_folder(dir.path());
        file.grant(grant(Capability::Exec, 10), NOW).unwrap();
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o622)).unwrap();
        assert!(matches!(file.read(NOW), Err(GrantError::NotOurs(_))));
        file.grant(grant(Capability::Logs, 10), NOW).unwrap();
        assert_eq!(file.read(NOW).unwrap(), [grant(Capability::Logs, 10)]);
        let target = dir.path().join("elsewhere");
        fs::rename(&file.path, &target).unwrap();
        std::os::unix::fs::symlink(&target, &file.path).unwrap();
        assert!(file.read(NOW).is_err(), "a link is not followed");
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(parse_duration("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(parse_duration("7d"), Ok(LONGEST));
        for text in [
            "",
            "30",
            "m",
            "0s",
            "8d",
            "1 h",
            "-1h",
            "99999999999999999999d",
            "1w",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
