//! What is told, as plain data, and the usual words for it. Made by whoever reads the alerts; read by
//! [`sender`](super::sender) and [`template`](super::template).

use chatops_schemas::{clock::Timestamp, rule::Severity};
use serde::Serialize;

/// Most alerts that are told one by one in a message about several.
pub const MAX_GROUPED: usize = 20;
/// Most values that are told with an alert.
pub const MAX_VALUES: usize = 20;

/// What has happened to the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It began.
    Raised,
    /// It still goes on, and nobody has acknowledged it.
    Reminder,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is over.
    Resolved,
    /// Nothing: somebody tries out the channel.
    Test,
}

impl Kind {
    /// As in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reminder => "reminder",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Test => "test",
        }
    }
}

/// A number that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Which.
    pub series: String,
    /// How much.
    pub number: f64,
}

/// An alert within a message about several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What has happened to it.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name.
    pub rule: String,
    /// The server's name.
    pub server: String,
    /// The device, if the rule goes through devices.
    pub device: Option<String>,
    /// What was measured.
    pub values: Vec<Value>,
    /// Since when.
    pub since: Timestamp,
    /// Where it can be looked at.
    pub link: Option<String>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The same whenever the same thing is told to the same channel; letters, digits and `-`.
    pub id: String,
    /// The id of the first message about the same alert to the same channel, if this is a later one: mail readers show
    /// them together.
    pub first: Option<String>,
    /// What has happened.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name.
    pub rule: String,
    /// The rule's condition, as people write it.
    pub wording: String,
    /// The server's name.
    pub server: String,
    /// The device, if the rule goes through devices.
    pub device: Option<String>,
    /// What was measured.
    pub values: Vec<Value>,
    /// Since when the condition holds.
    pub since: Timestamp,
    /// When what is told has happened.
    pub at: Timestamp,
    /// What the rule's author says should be done, or who acknowledged it and why.
    pub note: String,
    /// Where it can be looked at.
    pub link: Option<String>,
    /// The alerts, when there are several; what stands above is then that of the worst.
    pub grouped: Vec<Part>,
}

impl Message {
    /// One line: what is wrong, and where.
    pub fn title(&self) -> String {
        if self.kind == Kind::Test {
            return "Test message from ChatOps".to_owned();
        }
        if self.grouped.len() > 1 {
            return format!(
                "{}: {}",
                word(self.kind, self.severity),
                counts(&self.grouped)
            );
        }
        format!(
            "{}: {} on {}",
            word(self.kind, self.severity),
            self.rule,
            place(&self.server, self.device.as_deref())
        )
    }

    /// The rest, in lines, without markup and without the link.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.kind == Kind::Test {
            lines.push("Nothing is wrong: somebody is trying out this channel.".to_owned());
        } else if self.grouped.len() > 1 {
            lines.extend(self.grouped.iter().take(MAX_GROUPED).map(Part::line));
            let more = self.grouped.len().saturating_sub(MAX_GROUPED);
            if more > 0 {
                lines.push(format!("and {more} more"));
            }
        } else {
            if !self.wording.is_empty() {
                lines.push(self.wording.clone());
            }
            if !self.values.is_empty() {
                lines.push(values(&self.values));
            }
            lines.push(match self.kind {
                Kind::Resolved => format!(
                    "from {} to {} ({})",
                    minute(self.since),
                    minute(self.at),
                    span(self.at.micros_since(self.since))
                ),
                _ => format!("since {}", minute(self.since)),
            });
        }
        if !self.note.trim().is_empty() {
            lines.push(self.note.trim().to_owned());
        }
        lines.join("\n")
    }
}

impl Part {
    fn line(&self) -> String {
        let mut line = format!(
            "{}: {} on {}",
            word(self.kind, self.severity),
            self.rule,
            place(&self.server, self.device.as_deref())
        );
        if !self.values.is_empty() {
            line.push_str(&format!(" ({})", values(&self.values)));
        }
        line
    }
}

fn word(kind: Kind, severity: Severity) -> &'static str {
    match (kind, severity) {
        (Kind::Raised, Severity::Critical) => "Critical",
        (Kind::Raised, Severity::Warning) => "Warning",
        (Kind::Raised, Severity::Info) => "Info",
        (Kind::Reminder, Severity::Critical) => "Still critical",
        (Kind::Reminder, Severity::Warning) => "Still a warning",
        (Kind::Reminder, Severity::Info) => "Still open",
        (Kind::Acknowledged, _) => "Acknowledged",
        (Kind::Resolved, _) => "Resolved",
        (Kind::Test, _) => "Test",
    }
}

/// `3 alerts, 2 of them critical, on db-1 and 1 more`
fn counts(parts: &[Part]) -> String {
    let critical = parts
        .iter()
        .filter(|part| part.severity == Severity::Critical)
        .count();
    let mut servers: Vec<&str> = parts.iter().map(|part| part.server.as_str()).collect();
    servers.sort_unstable();
    servers.dedup();
    let mut text = format!("{} alerts", parts.len());
    if critical > 0 {
        text.push_str(&format!(", {critical} of them critical,"));
    }
    match servers.as_slice() {
        [] => {}
        [one] => text.push_str(&format!(" on {one}")),
        [first, rest @ ..] => text.push_str(&format!(" on {first} and {} more", rest.len())),
    }
    text
}

pub(super) fn place(server: &str, device: Option<&str>) -> String {
    match device {
        Some(device) => format!("{server} ({device})"),
        None => server.to_owned(),
    }
}

fn values(values: &[Value]) -> String {
    let told = values.iter().take(MAX_VALUES);
    let mut told: Vec<String> = told
        .map(|value| format!("{} = {}", value.series, number(value.number)))
        .collect();
    if values.len() > MAX_VALUES {
        told.push("…".to_owned());
    }
    told.join(", ")
}

/// At most three digits behind the point, and none that say nothing.
pub(super) fn number(number: f64) -> String {
    if !number.is_finite() {
        return "unknown".to_owned();
    }
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// `2026-11-23 12:40 UTC`
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.rfc3339();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// `1 h 5 min`
pub(super) fn span(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests;
