//! Names of the streams.

use std::fmt;

/// A stream of `nats/topology.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamName {
    /// Samples, partitioned by server.
    Metrics,
    /// Facts about hosts: hello, presence.
    Fact,
    /// Results of commands.
    Result,
    /// Log batches.
    Log,
    /// Command aggregates.
    Cmd,
    /// Alert aggregates.
    Alert,
    /// Control aggregates: what people decided.
    Ctl,
    /// Who came in, who was turned away, who took data out.
    Access,
    /// The audit chain.
    Audit,
    /// Signed heads of the audit chain.
    AuditSth,
    /// Parked messages.
    Dlq,
}

impl StreamName {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Metrics,
        Self::Fact,
        Self::Result,
        Self::Log,
        Self::Cmd,
        Self::Alert,
        Self::Ctl,
        Self::Access,
        Self::Audit,
        Self::AuditSth,
        Self::Dlq,
    ];

    /// Name on the server.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "OPS_METRICS",
            Self::Fact => "OPS_FACT",
            Self::Result => "OPS_RESULT",
            Self::Log => "OPS_LOG",
            Self::Cmd => "OPS_CMD",
            Self::Alert => "OPS_ALERT",
            Self::Ctl => "OPS_CTL",
            Self::Access => "OPS_ACCESS",
            Self::Audit => "OPS_AUDIT",
            Self::AuditSth => "OPS_AUDIT_STH",
            Self::Dlq => "OPS_DLQ",
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
