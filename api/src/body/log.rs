//! A line of a log in an answer, and on the live socket.

use std::collections::BTreeMap;

use chatops_projections::view::{self, LogRow};
use chatops_schemas::event::log::{LineId, LogLevel, LogLine};
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
    /// `file`, `journal`, `container`, or `connection`: the agent came or went.
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

/// How bad it is that an agent came or went.
pub(crate) fn level_of(kind: &str) -> LogLevel {
    match kind {
        "disconnected" => LogLevel::Warn,
        "authentication_failed" | "error" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}
