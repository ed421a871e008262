//! What this host allows: its settings, and what was granted on it for a while. Asked by the [`Desk`](super::Desk) before
//! anything is done, and by [`service`](crate::service), which tells the server of changes.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use chatops_schemas::{
    clock::Timestamp,
    order::{Operation, Question, Refusal, RefusalCode},
};

use crate::{
    config::Capability,
    grants::{Grant, GrantFile, Version},
};

/// What is allowed.
#[derive(Debug)]
pub struct Permits {
    settings: Vec<Capability>,
    file: GrantFile,
    read: Mutex<Read>,
}

#[derive(Debug, Default)]
struct Read {
    version: Version,
    grants: Vec<Grant>,
}

impl Permits {
    /// Settings, and the grants in this data folder.
    pub fn new(settings: Vec<Capability>, data: &Path) -> Self {
        Self {
            settings,
            file: GrantFile::in_folder(data),
            read: Mutex::default(),
        }
    }

    /// What the settings allow.
    pub fn settings(&self) -> &[Capability] {
        &self.settings
    }

    /// Grants that are not over, read again if the file has changed.
    pub fn grants(&self, now: Timestamp) -> Vec<Grant> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.file.version();
        if version != read.version {
            let grants = self.file.read(now).unwrap_or_else(|error| {
                tracing::warn!("{error}");
                Vec::new()
            });
            *read = Read { version, grants };
        }
        read.grants.retain(|grant| grant.until > now);
        read.grants.clone()
    }

    /// Whether this is allowed now.
    pub fn allows(&self, capability: Capability, now: Timestamp) -> bool {
        self.settings.contains(&capability)
            || self
                .grants(now)
                .iter()
                .any(|grant| grant.capability == capability)
    }

    /// Refuses what is not allowed, and says how to allow it.
    pub fn check(&self, operation: &Operation, now: Timestamp) -> Result<(), Refusal> {
        let Some(needed) = needed(operation) else {
            return Ok(());
        };
        if self.allows(needed, now) {
            return Ok(());
        }
        let word = needed.word();
        Err(Refusal::new(
            RefusalCode::NotAllowed,
            format!(
                "this host does not allow {word}; whoever administers it can allow it for a while with: chatops-agent \
                 grant {word} 30m, or for good by adding {word} to capabilities in its settings"
            ),
        ))
    }
}

/// What must be allowed for this; `None` for what only ends things.
const fn needed(operation: &Operation) -> Option<Capability> {
    Some(match operation {
        Operation::Run(_) | Operation::Signal(_) | Operation::Unit(_) => Capability::Exec,
        Operation::Container(_) => Capability::DockerControl,
        Operation::Terminal(_) => Capability::Terminal,
        Operation::Follow(_)
        | Operation::Ask(Question::Containers | Question::Inspect { .. } | Question::Images) => {
            Capability::Docker
        }
        Operation::Ask(Question::Processes | Question::Units) => Capability::Processes,
        Operation::Cancel(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use chatops_schemas::order::{Cancel, Program, Run};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn run() -> Operation {
        Operation::Run(Run {
            program: Program::Shell("true".into()),
            cwd: None,
            env: Default::default(),
            stdin: None,
            timeout_ms: 1,
            output_limit: 0,
        })
    }

    #[test]
    fn a_grant_counts_from_the_moment_it_is_given_until_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let permits = Permits::new(vec![Capability::Metrics], dir.path());
        let refused = permits.check(&run(), NOW).unwrap_err();
        assert_eq!(refused.code, RefusalCode::NotAllowed);
        assert!(refused.message.contains("grant exec 30m"), "{refused}");
        let grant = Grant {
            capability: Capability::Exec,
            until: NOW.plus_millis(1000),
        };
        GrantFile::in_folder(dir.path()).grant(grant, NOW).unwrap();
        permits.check(&run(), NOW).unwrap();
        permits.check(&run(), NOW.plus_millis(999)).unwrap();
        assert!(permits.check(&run(), NOW.plus_millis(1000)).is_err());
        assert_eq!(permits.grants(NOW.plus_millis(1000)), []);
    }

    #[test]
    fn ending_things_needs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let permits = Permits::new(vec![Capability::Metrics], dir.path());
        let cancel = Operation::Cancel(Cancel {
            command: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
        });
        permits.check(&cancel, NOW).unwrap();
        assert!(
            permits
                .check(&Operation::Ask(Question::Units), NOW)
                .is_err()
        );
    }
}
