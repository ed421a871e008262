//! Which streams are audited, and where they hold what.

use chatops_bus::StreamName;

/// A stream whose events become entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The stream.
    pub stream: StreamName,
    /// Its part that is audited.
    pub filter: &'static str,
    /// Every event of it gets an entry, so that a hole before its oldest one means lost events.
    pub complete: bool,
}

/// All of them. What agents publish by themselves is no source: a host must not be able to write the audit trail.
pub const SOURCES: [Source; 5] = [
    Source {
        stream: StreamName::Ctl,
        filter: "ops.v1.ctl.>",
        complete: true,
    },
    Source {
        stream: StreamName::Access,
        filter: "ops.v1.access.*",
        complete: true,
    },
    Source {
        stream: StreamName::Cmd,
        filter: "ops.v1.cmd.*.*",
        complete: true,
    },
    Source {
        stream: StreamName::Fact,
        filter: "ops.v1.fact.*.presence",
        complete: false,
    },
    Source {
        stream: StreamName::Alert,
        filter: "ops.v1.alert.*.*.*",
        complete: false,
    },
];

/// The source with this stream name.
pub fn of(stream: &str) -> Option<Source> {
    SOURCES
        .into_iter()
        .find(|source| source.stream.as_str() == stream)
}
