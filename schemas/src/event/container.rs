//! What happens to containers on a host, told by its agent as it happens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};

/// Most log lines that are kept with a change.
pub const MAX_LINES: usize = 50;
/// Most characters of one of them.
pub const MAX_LINE: usize = 1000;

/// A container began, ended, ran out of memory, its health changed, or it was removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerChanged {
    /// Full id.
    pub container: String,
    /// Name.
    pub name: String,
    /// Image as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Compose project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What happened.
    pub change: Change,
    /// Exit code, when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// What it wrote last, oldest first, when it ended, ran out of memory or became unhealthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Changes on this host that were not told since the one before, because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It began to run.
    Started,
    /// Its first process ended.
    Died,
    /// It needed more memory than it may have.
    OutOfMemory,
    /// Its health check succeeded.
    Healthy,
    /// Its health check failed too often.
    Unhealthy,
    /// It is not there any more.
    Removed,
    /// Something this build does not know.
    #[serde(other)]
    Unknown,
}

impl Change {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Died => "died",
            Self::OutOfMemory => "out_of_memory",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Event for ContainerChanged {
    const TYPE: &'static str = "container.changed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.container.is_empty() {
            return Err(Invalid::new("container", "is empty"));
        }
        check_text("container", &self.container, 128)?;
        check_text("name", &self.name, 256)?;
        for (field, text) in [("image", &self.image), ("project", &self.project)] {
            check_text(field, text.as_deref().unwrap_or_default(), 512)?;
        }
        if self.lines.len() > MAX_LINES {
            return Err(Invalid::new(
                "lines",
                format!("has more than {MAX_LINES} entries"),
            ));
        }
        self.lines
            .iter()
            .try_for_each(|line| check_text("lines", line, MAX_LINE))
    }
}
