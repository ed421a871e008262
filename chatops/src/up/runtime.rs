//! The unpacked programs: are they there, do they run on this machine, and are they new enough.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::identity::Identity;
use crate::trouble::{Code, Trouble, plain};

/// Major version whose data files we write.
pub(crate) const POSTGRES_MAJOR: u32 = 17;
const OLDEST_NATS: (i64, i64, i64) = chatops_bus::connect::OLDEST_SERVER;

/// Programs that were found and asked for their version.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub nats_server: PathBuf,
    pub nats_version: String,
    pub postgres: PathBuf,
    pub postgres_version: String,
    pub initdb: PathBuf,
}

impl Runtime {
    /// Looks below `root/bin`.
    pub(crate) fn find(root: &Path, identity: Option<Identity>) -> Result<Self, Trouble> {
        let nats_server = program(root, "nats-server")?;
        let postgres = program(root, "postgres")?;
        let initdb = program(root, "initdb")?;
        let nats_version = version(&nats_server, None)?;
        let postgres_version = version(&postgres, identity)?;
        if parse(&nats_version) < OLDEST_NATS {
            let (major, minor, patch) = OLDEST_NATS;
            return Err(Trouble::new(
                Code::ServerTooOld,
                format!(
                    "{} is nats-server {nats_version}; streams need at least {major}.{minor}.{patch}",
                    nats_server.display()
                ),
                "unpack the current one: deploy/runtime.sh",
            ));
        }
        if parse(&postgres_version).0 != i64::from(POSTGRES_MAJOR) {
            return Err(Trouble::new(
                Code::ServerTooOld,
                format!(
                    "{} is PostgreSQL {postgres_version}; this ChatOps runs {POSTGRES_MAJOR}",
                    postgres.display()
                ),
                "unpack the right one: deploy/runtime.sh",
            ));
        }
        Ok(Self {
            nats_server,
            nats_version,
            postgres,
            postgres_version,
            initdb,
        })
    }
}

fn program(root: &Path, name: &str) -> Result<PathBuf, Trouble> {
    let path = root.join("bin").join(name);
    path.canonicalize().map_err(|_| {
        Trouble::new(
            Code::RuntimeMissing,
            format!("there is no {}", path.display()),
            "unpack the servers with deploy/runtime.sh (`make run` does), point --runtime at them, \
             or use your own: CHATOPS_NATS_URL and CHATOPS_DATABASE_URL",
        )
    })
}

fn version(program: &Path, identity: Option<Identity>) -> Result<String, Trouble> {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .current_dir("/")
        .stdin(Stdio::null());
    if let Some(Identity { uid, gid }) = identity {
        use std::os::unix::process::CommandExt;
        command.uid(uid).gid(gid);
    }
    let answer = command
        .output()
        .map_err(|error| unstartable(program, &error))?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let number = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    number.map(str::to_owned).ok_or_else(|| {
        Trouble::new(
            Code::RuntimeMissing,
            format!(
                "{} does not tell its version: {}",
                program.display(),
                String::from_utf8_lossy(&answer.stderr)
                    .lines()
                    .next()
                    .unwrap_or("it says nothing")
            ),
            "unpack it anew: delete the runtime directory and run deploy/runtime.sh",
        )
    })
}

/// Why the system would not start a program at all.
pub(crate) fn unstartable(program: &Path, error: &io::Error) -> Trouble {
    const EXEC_FORMAT: i32 = 8;
    match (error.raw_os_error(), error.kind()) {
        (Some(EXEC_FORMAT), _) => Trouble::new(
            Code::Architecture,
            format!(
                "{} is not a program for this machine ({})",
                program.display(),
                std::env::consts::ARCH
            ),
            "unpack the servers on this machine: delete the runtime directory and run deploy/runtime.sh",
        ),
        (_, io::ErrorKind::PermissionDenied) => Trouble::new(
            Code::RuntimeMissing,
            format!(
                "{} may not be started by the user that runs it",
                program.display()
            ),
            "put the runtime where every user can reach it and set CHATOPS_RUNTIME, or run as an ordinary user",
        ),
        (_, io::ErrorKind::NotFound) => Trouble::new(
            Code::RuntimeMissing,
            format!(
                "{} or the library loader it names is missing",
                program.display()
            ),
            "the runtime was moved or is incomplete: run deploy/runtime.sh again",
        ),
        _ => Trouble::new(
            Code::Failed,
            format!("cannot start {}: {}", program.display(), plain(error)),
            "check that this machine has memory and processes left",
        ),
    }
}

fn parse(version: &str) -> (i64, i64, i64) {
    let mut parts = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fake(bin: &Path, name: &str, text: &[u8]) {
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn with(nats: &[u8], postgres: &[u8]) -> Result<Runtime, Trouble> {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        fake(&bin, "nats-server", nats);
        fake(&bin, "postgres", postgres);
        fake(&bin, "initdb", b"");
        loop {
            // A child that another test forks at this moment holds the script open for writing until it execs.
            match Runtime::find(root.path(), None) {
                Err(trouble) if trouble.to_string().contains("text file busy") => {}
                result => return result,
            }
        }
    }

    const NATS: &[u8] = b"#!/bin/sh\necho nats-server: v2.15.1\n";
    const POSTGRES: &[u8] = b"#!/bin/sh\necho 'postgres (PostgreSQL) 17.11 (Debian 17.11-0)'\n";

    #[test]
    fn versions_are_read() {
        let runtime = with(NATS, POSTGRES).unwrap();
        assert_eq!(
            (
                runtime.nats_version.as_str(),
                runtime.postgres_version.as_str()
            ),
            ("2.15.1", "17.11")
        );
    }

    #[test]
    fn a_missing_runtime_says_how_to_get_one() {
        let trouble = Runtime::find(Path::new("/nowhere"), None).unwrap_err();
        assert_eq!(trouble.code(), Code::RuntimeMissing);
        assert!(trouble.remedy().contains("deploy/runtime.sh"));
    }

    #[test]
    fn old_servers_are_refused() {
        let trouble = with(b"#!/bin/sh\necho nats-server: v2.10.22\n", POSTGRES).unwrap_err();
        assert_eq!(trouble.code(), Code::ServerTooOld);
        let trouble = with(NATS, b"#!/bin/sh\necho 'postgres (PostgreSQL) 15.9'\n").unwrap_err();
        assert_eq!(trouble.code(), Code::ServerTooOld);
    }

    #[test]
    fn programs_of_another_architecture_are_told_apart() {
        let trouble = with(b"\x7fELF\x02\x01\x01\0garbage", POSTGRES).unwrap_err();
        assert_eq!(trouble.code(), Code::Architecture, "{trouble}");
    }
}
