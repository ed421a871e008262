//! Free space. A full disk is said before the servers stumble over it in their own words.

use std::{convert::Infallible, path::Path, time::Duration};

use tokio::time::interval;

use crate::{
    output::{self, Output},
    trouble::{Code, Trouble},
};

/// Below this nothing is started: PostgreSQL's first WAL segments and the streams' first blocks do not fit.
const LEAST_TO_START: u64 = 256 << 20;
/// Below this a running system warns.
const LEAST_TO_RUN: u64 = 512 << 20;

const LOOK: Duration = Duration::from_secs(30);

/// Bytes this user may still write at a path.
pub(crate) fn free(path: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Refuses to start on a disk that is as good as full.
pub(super) fn check(path: &Path) -> Result<(), Trouble> {
    match free(path) {
        Ok(bytes) if bytes < LEAST_TO_START => Err(full(path, bytes)),
        _ => Ok(()),
    }
}

/// A sentence while the disk is nearly full.
pub(crate) fn warning(path: &Path) -> Option<String> {
    let bytes = free(path).ok().filter(|bytes| *bytes < LEAST_TO_RUN)?;
    Some(format!(
        "only {} are free at {}; when the disk is full new events are refused (nothing stored is lost)",
        output::bytes(bytes),
        path.display()
    ))
}

/// Tells when the disk gets nearly full, and when it has room again.
pub(super) async fn watch(path: &Path, output: &Output) -> Infallible {
    let mut tick = interval(LOOK);
    let mut warned = false;
    loop {
        tick.tick().await;
        match (warning(path), warned) {
            (Some(text), false) => output.warn(text),
            (None, true) => output.note("the disk has room again"),
            _ => continue,
        }
        warned = !warned;
    }
}

fn full(path: &Path, bytes: u64) -> Trouble {
    Trouble::new(
        Code::Disk,
        format!(
            "the disk of {} is full: {} are free, at least {} are needed",
            path.display(),
            output::bytes(bytes),
            output::bytes(LEAST_TO_START)
        ),
        "free some space there, or move the data with --data DIRECTORY (CHATOPS_DATA)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_explained() {
        let trouble = full(Path::new("/data"), 1 << 20);
        assert_eq!(trouble.code(), Code::Disk);
        assert!(
            trouble.to_string().contains("1.0 MiB are free"),
            "{trouble}"
        );
    }
}
