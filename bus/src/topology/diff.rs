//! What differs between a stream as it is and as it should be, and whether closing the gap would cost stored events.

use std::{collections::BTreeSet, fmt};

use async_nats::jetstream::stream::{Compression, Config};

/// All streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// In the order of the file.
    pub streams: Vec<StreamDiff>,
}

impl Diff {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.streams
            .iter()
            .all(|stream| stream.changes.as_ref().is_some_and(Vec::is_empty))
    }
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamDiff {
    /// Its name.
    pub name: String,
    /// `None`: it does not exist yet.
    pub changes: Option<Vec<Change>>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name in the server's configuration.
    pub field: &'static str,
    /// As it is.
    pub from: String,
    /// As it should be.
    pub to: String,
    /// Why this would throw stored events away, if it would.
    pub destructive: Option<String>,
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stream in &self.streams {
            match &stream.changes {
                None => writeln!(f, "+ {} is created", stream.name)?,
                Some(changes) if changes.is_empty() => {
                    writeln!(f, "  {} is as it should be", stream.name)?
                }
                Some(changes) => {
                    writeln!(f, "~ {} is updated", stream.name)?;
                    for change in changes {
                        writeln!(f, "    {}: {} -> {}", change.field, change.from, change.to)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The server writes "no limit" as 0 or -1; both are the same here, and above every number.
fn limit(value: i64) -> i64 {
    if value <= 0 { i64::MAX } else { value }
}

pub(super) fn changes(is: &Config, should: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |field, from: String, to: String, destructive: Option<String>| {
        if from != to {
            changes.push(Change {
                field,
                from,
                to,
                destructive,
            });
        }
    };
    let show = |value: i64| {
        if value == i64::MAX {
            "unlimited".to_owned()
        } else {
            value.to_string()
        }
    };
    let mut shrink = |field, from: i64, to: i64| {
        let (from, to) = (limit(from), limit(to));
        let destructive = (to < from)
            .then(|| format!("{field} would shrink from {} to {}", show(from), show(to)));
        add(field, show(from), show(to), destructive);
    };
    shrink(
        "max_age_s",
        is.max_age.as_secs().try_into().unwrap_or(0),
        should.max_age.as_secs().try_into().unwrap_or(0),
    );
    shrink("max_bytes", is.max_bytes, should.max_bytes);
    shrink("max_msgs", is.max_messages, should.max_messages);
    shrink(
        "max_msgs_per_subject",
        is.max_messages_per_subject,
        should.max_messages_per_subject,
    );

    let subjects = |config: &Config| config.subjects.iter().cloned().collect::<BTreeSet<_>>();
    let lost: Vec<_> = subjects(is)
        .difference(&subjects(should))
        .cloned()
        .collect();
    add(
        "subjects",
        format!("{:?}", subjects(is)),
        format!("{:?}", subjects(should)),
        (!lost.is_empty()).then(|| format!("subjects {lost:?} would no longer be stored")),
    );
    let transform = |config: &Config| {
        config
            .subject_transform
            .as_ref()
            .map(|t| format!("{} -> {}", t.source, t.destination))
            .unwrap_or_default()
    };
    add(
        "subject_transform",
        transform(is),
        transform(should),
        Some(
            "another partitioning sends a server's new events elsewhere than its old ones"
                .to_owned(),
        ),
    );
    add(
        "deny_purge",
        is.deny_purge.to_string(),
        should.deny_purge.to_string(),
        (is.deny_purge && !should.deny_purge)
            .then(|| "its protection against purging would be removed".to_owned()),
    );
    add(
        "discard",
        format!("{:?}", is.discard),
        format!("{:?}", should.discard),
        None,
    );
    add(
        "discard_new_per_subject",
        is.discard_new_per_subject.to_string(),
        should.discard_new_per_subject.to_string(),
        None,
    );
    add(
        "max_msg_size",
        show(limit(is.max_message_size.into())),
        show(limit(should.max_message_size.into())),
        None,
    );
    add(
        "duplicate_window",
        format!("{:?}", is.duplicate_window),
        format!("{:?}", should.duplicate_window),
        None,
    );
    let compression = |config: &Config| match config.compression {
        Some(Compression::S2) => "s2".to_owned(),
        Some(Compression::None) | None => "none".to_owned(),
    };
    add("compression", compression(is), compression(should), None);
    add(
        "num_replicas",
        is.num_replicas.to_string(),
        should.num_replicas.to_string(),
        None,
    );
    add(
        "allow_direct",
        is.allow_direct.to_string(),
        should.allow_direct.to_string(),
        None,
    );
    add(
        "allow_atomic",
        is.allow_atomic_publish.to_string(),
        should.allow_atomic_publish.to_string(),
        None,
    );
    add(
        "description",
        format!("{:?}", is.description),
        format!("{:?}", should.description),
        None,
    );
    for key in ["owner", "topology"] {
        let value = |config: &Config| config.metadata.get(key).cloned().unwrap_or_default();
        add("metadata", value(is), value(should), None);
    }
    changes
}
