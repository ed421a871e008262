//! As whom PostgreSQL and nats-server run. PostgreSQL refuses root, so root starts it as another user of this host, who
//! must then be able to reach its data; nats-server does not refuse, but has no need of root either.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown, lchown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::place::{Place, write_private};
use crate::trouble::{Code, Trouble};

/// Below it go the data of root's checkouts that lie where the other user cannot enter, such as /root.
const ELSEWHERE: &str = "/var/lib/chatops";

/// A user and his group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub uid: u32,
    pub gid: u32,
}

impl Identity {
    /// Whoever owns the existing cluster; for a new one `postgres` or `nobody` when we are root. `None`: ourselves.
    pub(crate) fn for_postgres(cluster: &Path) -> Result<Option<Self>, Trouble> {
        let me = rustix::process::geteuid().as_raw();
        match fs::metadata(cluster) {
            Ok(found) if me == 0 && found.uid() != 0 => {
                return Ok(Some(Self {
                    uid: found.uid(),
                    gid: found.gid(),
                }));
            }
            Ok(found) if me != 0 && found.uid() != me => {
                return Err(Trouble::new(
                    Code::Disk,
                    format!(
                        "{} belongs to another user (id {})",
                        cluster.display(),
                        found.uid()
                    ),
                    "run as that user or as root, or choose other data with --data DIRECTORY",
                ));
            }
            _ if me != 0 => return Ok(None),
            _ => {}
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::in_passwd(&users, name));
        found.map(Some).ok_or_else(|| {
            Trouble::new(
                Code::RuntimeMissing,
                "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`",
                "add one (useradd --system postgres), or run as an ordinary user",
            )
        })
    }

    /// The same user for nats-server when we are root, where that user can reach its data and its program; elsewhere it
    /// runs as we do.
    pub(crate) fn for_nats(place: &Place, program: &Path) -> Result<Option<Self>, Trouble> {
        let reachable = |identity: &Self| {
            identity.enters(place.root())
                && program.parent().is_some_and(|dir| identity.enters(dir))
        };
        Ok(Self::for_postgres(&place.postgres())?.filter(reachable))
    }

    fn in_passwd(users: &str, name: &str) -> Option<Self> {
        let mut fields = users.lines().map(|line| line.split(':')).find(|fields| {
            let mut fields = fields.clone();
            fields.next() == Some(name)
        })?;
        Some(Self {
            uid: fields.nth(2)?.parse().ok()?,
            gid: fields.next()?.parse().ok()?,
        })
    }

    /// Whether this user can enter a directory; asked of the system, which knows about groups and ACLs.
    fn enters(self, directory: &Path) -> bool {
        let mut command = Command::new("test");
        command
            .arg("-x")
            .arg(directory)
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        std::os::unix::process::CommandExt::gid(
            std::os::unix::process::CommandExt::uid(&mut command, self.uid),
            self.gid,
        );
        command.status().is_ok_and(|status| status.success())
    }
}

/// Replaces a file in one step and gives it to a user alone.
pub(super) fn give(path: &Path, text: &str, identity: Option<Identity>) -> Result<(), Trouble> {
    write_private(path, text)?;
    match identity {
        Some(identity) => chown(path, Some(identity.uid), Some(identity.gid))
            .map_err(|error| Trouble::writing(path, &error)),
        None => Ok(()),
    }
}

/// Makes a directory for PostgreSQL's user alone and gives it to him.
pub(super) fn private_directory(path: &Path, identity: Option<Identity>) -> Result<(), Trouble> {
    let make = || {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)?;
        match identity {
            Some(identity) => chown(path, Some(identity.uid), Some(identity.gid)),
            None => Ok(()),
        }
    };
    make().map_err(|error| Trouble::writing(path, &error))
}

/// Gives a directory and all in it to a user. Looks inside only when the directory is not theirs yet.
pub(super) fn give_all(path: &Path, identity: Option<Identity>) -> Result<(), Trouble> {
    let Some(Identity { uid, gid }) = identity else {
        return Ok(());
    };
    fn walk(path: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if found.is_dir() {
            for entry in fs::read_dir(path)? {
                walk(&entry?.path(), uid, gid)?;
            }
        }
        // Last, so that a walk that was interrupted is done again.
        lchown(path, Some(uid), Some(gid))
    }
    let theirs = fs::metadata(path).is_ok_and(|found| found.uid() == uid);
    if theirs {
        return Ok(());
    }
    walk(path, uid, gid).map_err(|error| Trouble::writing(path, &error))
}

/// The directory in which the cluster is made. Usually the data directory; when PostgreSQL's user cannot enter it, a
/// place of its own that `data/postgres` will be a link to.
pub(super) fn parent_for_cluster(
    place: &Place,
    identity: Option<Identity>,
) -> Result<PathBuf, Trouble> {
    let Some(identity) = identity.filter(|identity| !identity.enters(place.root())) else {
        return Ok(place.root().to_owned());
    };
    let digest = sha2::Sha256::digest(place.root().as_os_str().as_encoded_bytes());
    let name = data_encoding::HEXLOWER.encode(&digest[..8]);
    let parent = Path::new(ELSEWHERE).join(format!("data-{name}"));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&parent)
        .map_err(|error| Trouble::writing(&parent, &error))?;
    if !identity.enters(&parent) {
        return Err(Trouble::new(
            Code::Disk,
            format!(
                "PostgreSQL's user (id {}) can enter neither {} nor {ELSEWHERE}",
                identity.uid,
                place.root().display()
            ),
            "choose data that other users may pass through with --data DIRECTORY, or run as an ordinary user",
        ));
    }
    Ok(parent)
}

use sha2::Digest;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_whole_name() {
        let users = "postgresql:x:1:2::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(
            Identity::in_passwd(users, "postgres"),
            Some(Identity { uid: 101, gid: 104 })
        );
        assert_eq!(Identity::in_passwd(users, "nobody"), None);
    }
}
