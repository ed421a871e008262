//! The data directory: where each thing lies in it.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::trouble::Trouble;

/// Longest path of a Unix socket (`sun_path`), its end mark not counted.
const MAX_SOCKET_PATH: usize = 107;

/// An existing data directory, by its absolute path.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    root: PathBuf,
}

impl Place {
    /// Makes the directory when it is missing. Others may pass through it (PostgreSQL may be another user) but not
    /// list it; what is secret in it is 0600.
    pub(crate) fn prepare(data: &Path) -> Result<Self, Trouble> {
        let failed = |error: std::io::Error| Trouble::writing(data, &error);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(data)
            .map_err(failed)?;
        let place = Self {
            root: data.canonicalize().map_err(failed)?,
        };
        for directory in [
            place.root.join("nats"),
            place.root.join("agent"),
            place.root.join("logs"),
        ] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .map_err(|error| Trouble::writing(&directory, &error))?;
        }
        Ok(place)
    }

    /// An existing one; nothing is made.
    pub(crate) fn existing(data: &Path) -> Option<Self> {
        data.canonicalize()
            .ok()
            .filter(|root| root.is_dir())
            .map(|root| Self { root })
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Held by the one supervisor of these data.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What the first start generated; also read by [`crate::config`].
    pub(crate) fn credentials(&self) -> PathBuf {
        self.root.join("credentials.toml")
    }

    /// nats-server's configuration; its path on a command line marks the process as ours.
    pub(crate) fn nats_config(&self) -> PathBuf {
        self.root.join("nats/server.conf")
    }

    /// The streams.
    pub(crate) fn nats_store(&self) -> PathBuf {
        self.root.join("nats/store")
    }

    /// PostgreSQL's cluster; may be a link, see [`super::identity`].
    pub(crate) fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Directory of PostgreSQL's socket, beside the cluster wherever that lies, when the path is short enough for one.
    pub(super) fn socket(&self, port: u16) -> Option<PathBuf> {
        let cluster = self.postgres();
        let cluster = cluster.canonicalize().unwrap_or(cluster);
        let directory = cluster.parent()?.join("socket");
        let longest = directory.join(format!(".s.PGSQL.{port}.lock"));
        (longest.as_os_str().len() <= MAX_SOCKET_PATH).then_some(directory)
    }

    /// The local agent's own files.
    pub(crate) fn agent(&self) -> PathBuf {
        self.root.join("agent")
    }

    /// The local agent's settings and key; its path on a command line marks the process as ours.
    pub(crate) fn agent_config(&self) -> PathBuf {
        self.root.join("agent/agent.toml")
    }

    /// What a child says.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }
}

/// Replaces a file in one step, readable by us alone; a crash leaves the old or the new one, never a part.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Trouble> {
    let partial = path.with_extension("partial");
    let write = || {
        let _ = fs::remove_file(&partial);
        let mut file = fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(file.write(true).create_new(true), 0o600);
        let mut file = file.open(&partial)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
        fs::rename(&partial, path)?;
        match path.parent() {
            Some(parent) => fs::File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| Trouble::writing(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_needs_a_short_path() {
        let root = tempfile::tempdir().unwrap();
        assert!(Place::prepare(root.path()).unwrap().socket(5439).is_some());
        let deep = root.path().join("d".repeat(90));
        assert!(Place::prepare(&deep).unwrap().socket(5439).is_none());
    }

    #[test]
    fn private_files_are_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("secret.toml");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_place_that_cannot_be_made_says_so() {
        let trouble = Place::prepare(Path::new("/proc/nowhere")).unwrap_err();
        assert!(
            trouble
                .to_string()
                .starts_with("cannot write /proc/nowhere"),
            "{trouble}"
        );
    }
}
