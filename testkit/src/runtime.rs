//! Where the servers' programs lie, and as whom PostgreSQL may run.

use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The unpacked programs of `deploy/runtime.sh`.
#[derive(Debug, Clone)]
pub struct Runtime {
    root: PathBuf,
}

/// User and group a child runs as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Runtime {
    /// Takes `$CHATOPS_RUNTIME`, else the nearest `.run/runtime` above the working directory.
    pub fn find() -> anyhow::Result<Self> {
        if let Some(root) = env::var_os("CHATOPS_RUNTIME") {
            return Self::at(PathBuf::from(root));
        }
        let here = env::current_dir().context("read the working directory")?;
        match here
            .ancestors()
            .map(|above| above.join(".run/runtime"))
            .find(|path| path.is_dir())
        {
            Some(root) => Self::at(root),
            None => bail!(
                "the test servers are not unpacked: run deploy/runtime.sh (`make test` does) or set CHATOPS_RUNTIME"
            ),
        }
    }

    fn at(root: PathBuf) -> anyhow::Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| format!("open the runtime {}", root.display()))?;
        Ok(Self { root })
    }

    /// The directory they lie in, as `CHATOPS_RUNTIME` names it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The program of that name, with links resolved.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.root.join("bin").join(name);
        path.canonicalize()
            .with_context(|| format!("find {}; run deploy/runtime.sh", path.display()))
    }
}

impl Identity {
    /// PostgreSQL refuses root, so a test run by root starts it as `postgres` or `nobody`; any
    /// other user runs it as himself (`None`).
    pub(crate) fn for_postgres() -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("read /etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::in_passwd(&users, name))
            .map(Some)
            .context("PostgreSQL cannot run as root and this machine has neither a user `postgres` nor `nobody`")
    }

    fn in_passwd(users: &str, name: &str) -> Option<Self> {
        let mut fields = users
            .lines()
            .map(|line| line.split(':'))
            .find(|fields| fields.clone().next() == Some(name))?;
        let uid = fields.nth(2)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { uid, gid })
    }

    pub(crate) fn apply(this: Option<Self>, command: &mut Command) {
        if let Some(identity) = this {
            command.uid(identity.uid).gid(identity.gid);
        }
    }

    pub(crate) fn give(this: Option<Self>, path: &Path) -> anyhow::Result<()> {
        if let Some(identity) = this {
            std::os::unix::fs::chown(path, Some(identity.uid), Some(identity.gid))
                .with_context(|| format!("give {} to user {}", path.display(), identity.uid))?;
        }
        Ok(())
    }
}
