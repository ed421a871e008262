//! What happened to containers.

use chatops_schemas::clock::Timestamp;
use serde::Serialize;

/// A container began, ended, ran out of memory or changed its health.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerEvent {
    /// Grows with time.
    pub id: u64,
    /// When, by the stream's clock.
    pub at: Timestamp,
    /// When, by the host's clock.
    pub happened_at: Timestamp,
    /// Full id.
    pub container: String,
    /// Name.
    pub name: String,
    /// Image as it was named.
    pub image: Option<String>,
    /// Compose project.
    pub project: Option<String>,
    /// `started`, `died`, `out_of_memory`, `healthy`, `unhealthy`.
    pub change: String,
    /// Exit code, when it ended.
    pub exit_code: Option<i32>,
    /// What it wrote last, oldest first.
    pub lines: Vec<String>,
    /// Changes before it that were not told.
    pub left_out: u32,
}
