//! `[[logs]]` in the settings file: what is read, decided on this host.
//!
//! ```toml
//! [[logs]]
//! name = "nginx"
//! files = ["/var/log/nginx/*.log"]
//!
//! [[logs]]
//! name = "journal"
//! journald = true
//! units = ["ssh.service"]
//!
//! [[logs]]
//! name = "containers"
//! containers = ["web*"]
//! ```

use std::path::PathBuf;

use chatops_schemas::event::log::is_source;
use regex_lite::Regex;
use serde::Deserialize;

use super::files::glob::Glob;

/// Lines a second of a source that does not say otherwise.
pub const DEFAULT_RATE: u32 = 5_000;
/// Most lines a second.
pub const MAX_RATE: u32 = 200_000;
/// Most sources.
pub const MAX_SOURCES: usize = 64;

/// A source as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// What it is called everywhere: letters, digits, `_` and `-`.
    pub name: String,
    /// Paths with `*` and `?`.
    pub files: Option<Vec<String>>,
    /// The system's journal.
    pub journald: Option<bool>,
    /// Names of containers, with `*` and `?`.
    pub containers: Option<Vec<String>>,
    /// Only these units of the journal.
    pub units: Option<Vec<String>>,
    /// Where a file that is seen for the first time is begun: `end` (when absent) or `beginning`.
    pub start: Option<String>,
    /// A regular expression: lines it does not match belong to the line before. When absent, lines that begin with a
    /// space or a tab do.
    pub record_start: Option<String>,
    /// Lines a second that are sent at most.
    pub rate: Option<u32>,
}

/// A source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Where lines come from.
    pub from: From,
    /// Lines a second.
    pub rate: u32,
}

/// Where lines come from.
#[derive(Debug, Clone)]
pub enum From {
    /// Files.
    Files(Files),
    /// The journal.
    Journal(Journal),
    /// Containers.
    Containers(Containers),
}

/// Which files.
#[derive(Debug, Clone)]
pub struct Files {
    /// Their paths.
    pub globs: Vec<Glob>,
    /// Whether a file that is seen for the first time is read from its beginning.
    pub beginning: bool,
    /// Which line begins a record; absent: one that does not begin with a space or a tab.
    pub start: Option<Regex>,
}

/// Which part of the journal.
#[derive(Debug, Clone)]
pub struct Journal {
    /// Only these units; empty: all.
    pub units: Vec<String>,
    /// Whether all that the journal holds is sent at first.
    pub beginning: bool,
}

/// Which containers.
#[derive(Debug, Clone)]
pub struct Containers {
    /// Their names.
    pub names: Vec<Glob>,
    /// Which line begins a record.
    pub start: Option<Regex>,
}

/// Why a source cannot be used. Says which and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not a token.
    #[error("[[logs]] name {0:?}: a name has 1 to 64 letters, digits, '_' and '-'")]
    Name(String),
    /// Twice.
    #[error("[[logs]] {0}: there are two sources of this name")]
    Twice(String),
    /// None or several.
    #[error("[[logs]] {0}: name exactly one of files, journald = true, containers")]
    Kind(String),
    /// A path that is none.
    #[error("[[logs]] {0}: files takes absolute paths with * and ?, not {1:?}")]
    Path(String, String),
    /// Not a word of ours.
    #[error("[[logs]] {0}: start is \"end\" or \"beginning\"")]
    Start(String),
    /// Not an expression.
    #[error("[[logs]] {0}: record_start is no regular expression: {1}")]
    Pattern(String, String),
    /// Out of range.
    #[error("[[logs]] {0}: rate is 1 to {MAX_RATE} lines a second")]
    Rate(String),
    /// Not a unit.
    #[error("[[logs]] {0}: {1:?} is no name of a unit")]
    Unit(String, String),
    /// Too many.
    #[error("there are more than {MAX_SOURCES} [[logs]]")]
    Many,
}

/// Checks what is written.
pub fn check(written: Vec<Written>) -> Result<Vec<Source>, SourceError> {
    if written.len() > MAX_SOURCES {
        return Err(SourceError::Many);
    }
    let mut sources: Vec<Source> = Vec::with_capacity(written.len());
    for one in written {
        let source = one.check()?;
        if sources.iter().any(|known| known.name == source.name) {
            return Err(SourceError::Twice(source.name));
        }
        sources.push(source);
    }
    Ok(sources)
}

fn unit(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "@._:-*\\".contains(c);
    !name.is_empty() && name.len() <= 256 && !name.starts_with('-') && name.chars().all(known)
}

impl Written {
    fn check(self) -> Result<Source, SourceError> {
        let name = self.name;
        if !is_source(&name) {
            return Err(SourceError::Name(name.chars().take(80).collect()));
        }
        let beginning = match self.start.as_deref() {
            None | Some("end") => false,
            Some("beginning") => true,
            Some(_) => return Err(SourceError::Start(name)),
        };
        let start = match self.record_start.as_deref().map(Regex::new) {
            None => None,
            Some(Ok(start)) => Some(start),
            Some(Err(error)) => return Err(SourceError::Pattern(name, error.to_string())),
        };
        let rate = self.rate.unwrap_or(DEFAULT_RATE);
        if !(1..=MAX_RATE).contains(&rate) {
            return Err(SourceError::Rate(name));
        }
        let from = match (
            self.files,
            self.journald.unwrap_or_default(),
            self.containers,
        ) {
            (Some(paths), false, None) if !paths.is_empty() => {
                let glob = |path: &String| {
                    Glob::path(path).ok_or_else(|| SourceError::Path(name.clone(), path.clone()))
                };
                let globs = paths.iter().map(glob).collect::<Result<_, _>>()?;
                From::Files(Files {
                    globs,
                    beginning,
                    start,
                })
            }
            (None, true, None) => {
                let units = self.units.unwrap_or_default();
                if let Some(wrong) = units.iter().find(|name| !unit(name)) {
                    return Err(SourceError::Unit(name, wrong.clone()));
                }
                From::Journal(Journal { units, beginning })
            }
            (None, false, Some(names)) if !names.is_empty() => From::Containers(Containers {
                names: names.iter().map(|name| Glob::name(name)).collect(),
                start,
            }),
            _ => return Err(SourceError::Kind(name)),
        };
        Ok(Source { name, from, rate })
    }
}

/// Folder of what is remembered of sources, in the data folder.
pub fn folder(data: &std::path::Path) -> PathBuf {
    data.join("log-sources")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        #[derive(Deserialize)]
        struct File {
            logs: Vec<Written>,
        }
        let file: File = toml::from_str(text).unwrap();
        check(file.logs).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn a_source_is_one_of_three_kinds() {
        for good in [
            "[[logs]]\nname = \"a\"\nfiles = [\"/var/log/*.log\"]",
            "[[logs]]\nname = \"a\"\njournald = true\nunits = [\"ssh.service\"]",
            "[[logs]]\nname = \"a\"\ncontainers = [\"*\"]\nrate = 100",
        ] {
            assert_eq!(refused(good), "", "{good}");
        }
        for (bad, part) in [
            ("[[logs]]\nname = \"a\"", "exactly one"),
            (
                "[[logs]]\nname = \"a\"\nfiles = [\"/a\"]\njournald = true",
                "exactly one",
            ),
            ("[[logs]]\nname = \"a.b\"\njournald = true", "letters"),
            ("[[logs]]\nname = \"a\"\nfiles = [\"log/*\"]", "absolute"),
            ("[[logs]]\nname = \"a\"\njournald = true\nrate = 0", "rate"),
            (
                "[[logs]]\nname = \"a\"\njournald = true\nunits = [\"--all\"]",
                "unit",
            ),
            (
                "[[logs]]\nname = \"a\"\nfiles = [\"/a\"]\nrecord_start = \"(\"",
                "expression",
            ),
            (
                "[[logs]]\nname = \"a\"\nfiles = [\"/a\"]\nstart = \"middle\"",
                "beginning",
            ),
            (
                "[[logs]]\nname = \"a\"\njournald = true\n[[logs]]\nname = \"a\"\njournald = true",
                "two sources",
            ),
        ] {
            let said = refused(bad);
            assert!(said.contains(part), "{bad}: {said}");
        }
    }
}
