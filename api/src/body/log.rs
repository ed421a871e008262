//! A line of a log in an answer, and on the live socket.

use std::collections::BTreeMap;

use chatops_projections::view::{self, LogRow};
use chatops_schemas::{
    event::log::{LineId, LogLevel, LogLine},
    rule::Severity,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;

/// A line of a log, or another thing that happened to the server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogEntry {
    /// Names it for ever: see `GET /logs/entries/{id}`.
    pub id: String,
    /// When.
    pub at: Moment,
    /// Of which server.
    pub server_id: String,
    /// Name of the source in the settings of the agent.
    pub source: String,
    /// `file`, `journal`, `container`; or `connection`: the agent came or went; or `alert`: it was raised, or what became of it
    /// (its id is in the fields).
    pub kind: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or `unknown`: the line does not say.
    pub level: &'static str,
    /// The text; may have several lines.
    pub message: String,
    /// Path of the file, name of the unit or of the container.
    #[schema(required)]
    pub origin: Option<String>,
    /// What else the line holds, by name.
    pub fields: BTreeMap<String, String>,
    /// Bytes of the message that were cut off on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cut: Option<u64>,
}

impl From<LogRow> for LogEntry {
    fn from(row: LogRow) -> Self {
        Self {
            id: row.id.to_string(),
            at: Moment(row.id.at),
            server_id: row.server,
            source: row.source,
            kind: row.kind,
            level: row.level.as_str(),
            message: row.message,
            origin: row.origin,
            fields: row.fields,
            cut: row.cut,
        }
    }
}

impl LogEntry {
    /// A line that came this moment.
    pub(crate) fn live(
        id: LineId,
        server: &str,
        source: &str,
        kind: &'static str,
        line: LogLine,
    ) -> Self {
        Self {
            id: id.to_string(),
            at: Moment(id.at),
            server_id: server.to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            level: line.level.as_str(),
            message: line.message,
            origin: line.origin,
            fields: line.fields,
            cut: line.cut,
        }
    }

    /// The agent came, went or was refused.
    pub(crate) fn of_connection(server: &str, event: view::ConnectionEvent) -> Self {
        let level = level_of(&event.kind);
        let words = match event.kind.as_str() {
            "connected" => "agent connected",
            "reconnected" => "agent connected again",
            "disconnected" => "agent disconnected",
            "authentication_failed" => "agent refused",
            _ => "agent connection",
        };
        let detail = event.detail.as_deref().map(|detail| format!(": {detail}"));
        let given = [
            ("transport", event.transport),
            ("address", event.address),
            (
                "duration_s",
                event.duration_s.map(|seconds| format!("{seconds:.0}")),
            ),
        ];
        Self {
            id: format!("connection-{}", event.id),
            at: Moment(event.at),
            server_id: server.to_owned(),
            source: "connections".to_owned(),
            kind: "connection".to_owned(),
            level: level.as_str(),
            message: format!("{words}{}", detail.unwrap_or_default()),
            origin: None,
            fields: given
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
            cut: None,
        }
    }
}

impl LogEntry {
    /// An alert was raised, somebody took care of it, or it is over.
    pub(crate) fn of_alert(server: &str, step: view::AlertStep) -> Self {
        let level = level_of_step(&step);
        let entry = step.entry;
        let words = match entry.kind.as_str() {
            "raised" => "alert",
            "acknowledged" => "alert acknowledged",
            "unacknowledged" => "alert not acknowledged any more",
            _ => "alert is over",
        };
        let device = match step.device.as_str() {
            "" => String::new(),
            device => format!(" on {device}"),
        };
        let note = entry.data["note"].as_str().unwrap_or_default().to_owned();
        let given = [
            ("alert", step.alert.to_string()),
            ("severity", step.severity.as_str().to_owned()),
            ("watched", step.wording),
            ("by", entry.actor_name.unwrap_or_default()),
            ("note", note),
            (
                "cause",
                entry.data["cause"].as_str().unwrap_or_default().to_owned(),
            ),
        ];
        Self {
            id: format!("alert-{}-{}", step.alert, entry.seq),
            at: Moment(entry.at),
            server_id: server.to_owned(),
            source: "alerts".to_owned(),
            kind: "alert".to_owned(),
            level: level.as_str(),
            message: format!("{words}: {}{device}", step.name),
            origin: None,
            fields: given
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            cut: None,
        }
    }
}

/// How bad a step in the life of an alert is: as bad as the alert when it begins, and then no more.
pub(crate) fn level_of_step(step: &view::AlertStep) -> LogLevel {
    match (step.entry.kind.as_str(), step.severity) {
        ("raised", Severity::Critical) => LogLevel::Error,
        ("raised", Severity::Warning) => LogLevel::Warn,
        _ => LogLevel::Info,
    }
}

/// How bad it is that an agent came or went.
pub(crate) fn level_of(kind: &str) -> LogLevel {
    match kind {
        "disconnected" => LogLevel::Warn,
        "authentication_failed" | "error" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}
