//! Changing a server's settings.

use chatops_schemas::{event::ctl::ServerChanged, ids::ServerId};

use super::{
    register_server::{interval, tags},
    text::Check,
};
use crate::problem::Problem;

/// The settings as they are.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The server.
    pub server: &'a ServerId,
    /// Name for people.
    pub name: &'a str,
    /// Labels.
    pub tags: &'a [String],
    /// Milliseconds between samples.
    pub interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it.
    pub needs_approval: bool,
}

/// What should change; `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// Name for people.
    pub name: Option<String>,
    /// Labels.
    pub tags: Option<Vec<String>>,
    /// Milliseconds between samples.
    pub interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it.
    pub needs_approval: Option<bool>,
}

/// The new settings, or `None` when nothing changes.
pub fn decide(
    settings: &Settings<'_>,
    command: &Command,
) -> Result<Option<ServerChanged>, Problem> {
    let mut check = Check::default();
    let name = match &command.name {
        None => settings.name.to_owned(),
        Some(name) => check.text("name", name, 128),
    };
    let tags = match &command.tags {
        None => settings.tags.to_vec(),
        Some(given) => tags(&mut check, given),
    };
    interval(&mut check, command.interval_ms);
    let interval_ms = command.interval_ms.or(settings.interval_ms);
    let needs_approval = command
        .needs_approval
        .filter(|needed| *needed != settings.needs_approval);
    let changed = name != settings.name
        || tags != settings.tags
        || interval_ms != settings.interval_ms
        || needs_approval.is_some();
    check.done(changed.then(|| ServerChanged {
        server: settings.server.clone(),
        name,
        tags,
        interval_ms,
        needs_approval,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keeps_and_nothing_is_no_event() {
        let server = ServerId::parse("s1").unwrap();
        let tags = ["prod".to_owned()];
        let now = Settings {
            server: &server,
            name: "web-1",
            tags: &tags,
            interval_ms: Some(5000),
            needs_approval: true,
        };
        assert_eq!(decide(&now, &Command::default()).unwrap(), None);
        assert_eq!(
            decide(
                &now,
                &Command {
                    name: Some("web-1".into()),
                    ..Command::default()
                }
            )
            .unwrap(),
            None
        );
        let event = decide(
            &now,
            &Command {
                tags: Some(vec![]),
                ..Command::default()
            },
        )
        .unwrap()
        .unwrap();
        assert_eq!(
            (event.name.as_str(), event.tags.len(), event.interval_ms),
            ("web-1", 0, Some(5000))
        );
        let approval = |needed| Command {
            needs_approval: Some(needed),
            ..Command::default()
        };
        assert_eq!(decide(&now, &approval(true)).unwrap(), None);
        let event = decide(&now, &approval(false)).unwrap().unwrap();
        assert_eq!(event.needs_approval, Some(false));
        assert!(
            decide(
                &now,
                &Command {
                    name: Some(String::new()),
                    ..Command::default()
                }
            )
            .is_err()
        );
        assert!(
            decide(
                &now,
                &Command {
                    interval_ms: Some(0),
                    ..Command::default()
                }
            )
            .is_err()
        );
    }
}
