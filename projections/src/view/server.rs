//! Servers as people see them.

use chatops_schemas::{
    clock::Timestamp,
    event::fact::TimedGrant,
    ids::{ServerId, UserId},
};
use serde::Serialize;

use super::RowMetrics;

/// Whether a server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerStatus {
    /// Connected and sending.
    Online,
    /// Connected, but its samples have stopped coming.
    Stale,
    /// Not connected.
    Offline,
    /// Nothing was ever heard of it.
    Never,
}

impl ServerStatus {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Stale => "stale",
            Self::Offline => "offline",
            Self::Never => "never",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Online, Self::Stale, Self::Offline, Self::Never]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Who owns a server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Owner {
    /// Account.
    pub id: UserId,
    /// Sign-in name; empty while the account is not known here yet.
    pub username: String,
}

/// What the agent said of itself after its last connect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentInfo {
    /// Version of the agent.
    pub version: String,
    /// Host name.
    pub hostname: Option<String>,
    /// Distribution.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Architecture.
    pub arch: Option<String>,
    /// Processor model.
    pub cpu_model: Option<String>,
    /// Logical cores.
    pub cores: Option<u32>,
    /// Bytes of main memory.
    pub memory_total: Option<u64>,
    /// What the settings of the host allow.
    pub capabilities: Vec<String>,
    /// What was allowed on the host for a while; some of it may be over.
    pub grants: Vec<TimedGrant>,
    /// `nats` or `websocket`; the last one, while offline.
    pub transport: Option<String>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Server {
    /// Id.
    pub id: ServerId,
    /// Name for people.
    pub name: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Who owns it.
    pub owner: Owner,
    /// Whether it is there.
    pub status: ServerStatus,
    /// Newest sign of life: sample, connect or disconnect.
    pub last_seen: Option<Timestamp>,
    /// When its agent last connected or went away: how recent [`Server::status`] is.
    pub presence_at: Option<Timestamp>,
    /// When it came online; `None` while it is not.
    pub connected_since: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Milliseconds between samples.
    pub interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it.
    pub needs_approval: bool,
    /// What its agent said of itself.
    pub agent: Option<AgentInfo>,
    /// Its newest sample.
    pub latest: Option<RowMetrics>,
    /// Newest event of this server in `OPS_CTL`: what the next decision about it must expect.
    #[serde(skip)]
    pub ctl_seq: u64,
}

/// A server as it was registered, without what is known of it at the moment: what a decision about it needs, and cheap
/// to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Id.
    pub id: ServerId,
    /// Name for people.
    pub name: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Account of its owner.
    pub owner: UserId,
    /// Milliseconds between samples.
    pub interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it.
    pub needs_approval: bool,
    /// Newest event of this server in `OPS_CTL`: what the next decision about it must expect.
    pub ctl_seq: u64,
}

/// Which servers to list.
#[derive(Debug, Clone, Default)]
pub struct FleetQuery {
    /// Part of the name, id or host name.
    pub q: Option<String>,
    /// A label it must have.
    pub tag: Option<String>,
    /// A status it must have.
    pub status: Option<ServerStatus>,
    /// Where the page before ended ([`Page::next`](crate::Page)).
    pub after: Option<String>,
    /// Most servers on the page.
    pub limit: u32,
}

/// How many servers there are, whatever the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FleetTotals {
    /// That match the query.
    pub matching: u64,
}
