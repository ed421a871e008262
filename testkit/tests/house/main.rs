//! House rules that no compiler checks: which crate may use which, who owns a heavy library, how
//! large a file may be, what things are called, and what is never written into the repository.
//! `make check` runs these tests; each names every offender at once, and what to do.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is the failure report of a test"
)]

mod files;
mod floors;
mod words;

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Fails with the whole list, so that one run shows everything there is to mend.
fn expect_none(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}\n  {}\n",
        offenders.join("\n  ")
    );
}
