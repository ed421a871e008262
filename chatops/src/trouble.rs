//! A failure that a person can act on: one sentence, what to do, and a stable exit code.
//! Raised anywhere in this crate, printed once by `main`; everything else exits with 1 and its chain of causes.

use std::{fmt, io, path::Path};

/// Exit codes, listed in `chatops --help`. Scripts rely on them: never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// Anything without a code of its own, and a service that ended by itself.
    Failed = 1,
    /// A setting or flag is wrong.
    Settings = 2,
    /// A program or file of the runtime is missing.
    RuntimeMissing = 10,
    /// The runtime's programs are for another kind of machine.
    Architecture = 11,
    /// Somebody else listens on a port we need.
    PortTaken = 12,
    /// A directory cannot be written, or its disk is full.
    Disk = 13,
    /// Another supervisor works on the same data.
    AlreadyRunning = 14,
    /// The data were written by another major version of PostgreSQL, or by a newer ChatOps.
    DataVersion = 15,
    /// nats-server or PostgreSQL is older than what we can trust.
    ServerTooOld = 16,
    /// nats-server or PostgreSQL does not answer, or refuses us.
    Unreachable = 17,
    /// `doctor` found something that needs attention.
    Unhealthy = 18,
    /// The audit chain is not what it was.
    Tampered = 19,
    /// A second signal ended the program before it had drained.
    Aborted = 130,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trouble {
    code: Code,
    what: String,
    remedy: String,
}

impl Trouble {
    /// `what` is wrong, in one sentence without a full stop; `remedy` is an instruction.
    pub(crate) fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> &str {
        &self.remedy
    }

    /// A write to `path` failed.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space there, or move the data with --data DIRECTORY (CHATOPS_DATA)".to_owned()
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "make it writable for this user, or choose another place with --data DIRECTORY (CHATOPS_DATA)"
                    .to_owned()
            }
            _ => "check the path and the disk, or choose another place with --data DIRECTORY".to_owned(),
        };
        Self::new(
            Code::Disk,
            format!("cannot write {}: {}", path.display(), plain(error)),
            remedy,
        )
    }
}

/// The system's words without the number that Rust appends.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Trouble {}

/// The exit code of any failure of this program.
pub(crate) fn code_of(error: &anyhow::Error) -> Code {
    error
        .downcast_ref::<Trouble>()
        .map_or(Code::Failed, Trouble::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_around_a_trouble_keeps_its_code() {
        let error =
            anyhow::Error::from(Trouble::new(Code::PortTaken, "port", "other")).context("start");
        assert_eq!(code_of(&error), Code::PortTaken);
    }

    #[test]
    fn the_system_error_number_is_not_shown() {
        let error = io::Error::from_raw_os_error(28);
        let trouble = Trouble::writing(Path::new("/data"), &error);
        assert_eq!(
            trouble.to_string(),
            "cannot write /data: no space left on device"
        );
        assert!(trouble.remedy().contains("free some space"));
    }
}
