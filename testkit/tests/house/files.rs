//! Sizes and names of files, and the header every module has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{expect_none, root};

const LONGEST: usize = 600;
const COUNTED: &[&str] = &["rs", "ts", "tsx", "css", "sh", "sql", "mjs"];
/// Names that say nothing about what lies behind them.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "misc", "mod",
];

/// What is, or is about to be, in the repository; paths from its root.
pub(crate) fn repository() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    // A deleted file is listed until the deletion is committed.
    text.split_terminator('\0')
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect()
}

pub(crate) fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

/// Written by a program, so nobody reads it as a page.
pub(crate) fn generated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains(".gen.")
        || name == "schema.d.ts"
        || path
            .components()
            .any(|part| part.as_os_str() == "__generated__")
}

#[test]
fn files_are_short_enough_to_read() {
    let mut offenders = Vec::new();
    for path in repository() {
        if COUNTED.contains(&extension(&path)) && !generated(&path) {
            let lines = fs::read_to_string(root().join(&path))
                .unwrap()
                .lines()
                .count();
            if lines > LONGEST {
                offenders.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    expect_none(
        &format!("split files of more than {LONGEST} lines by what their parts do:"),
        &offenders,
    );
}

#[test]
fn names_say_what_is_inside() {
    let mut offenders = Vec::new();
    for path in repository() {
        let mut parts = path.iter().map(|part| part.to_string_lossy());
        let empty =
            parts.any(|part| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default()));
        if empty {
            offenders.push(path.display().to_string());
        }
    }
    expect_none(
        "name files and folders after the thing they hold (and modules `foo.rs`, never `mod.rs`):",
        &offenders,
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let mut offenders = Vec::new();
    for path in repository() {
        let in_source = path.iter().any(|part| part == "src")
            && path
                .iter()
                .all(|part| part != "tests.rs" && part != "tests");
        if extension(&path) == "rs" && in_source && !generated(&path) {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            if !text.trim_start().starts_with("//!") {
                offenders.push(path.display().to_string());
            }
        }
    }
    expect_none(
        "begin each module with `//!`: who calls it, what it guarantees:",
        &offenders,
    );
}
