//! A monitored host.

use chatops_projections::{Store, StoreError, Visible, view};
use chatops_schemas::ids::{ServerId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{alert::AlertCounts, moment::Moment, row::RowMetrics};

/// Milliseconds between samples of an agent that was not asked for anything else.
pub const DEFAULT_INTERVAL_MS: u32 = 5_000;

/// Whether a server's agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Connected, samples arrive.
    Online,
    /// Connected, but no sample for three intervals.
    Stale,
    /// Not connected.
    Offline,
    /// Never was connected.
    Never,
}

/// Who owns a server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnerRef {
    /// The account.
    #[schema(value_type = uuid::Uuid)]
    pub id: UserId,
    /// Its sign-in name.
    pub username: String,
}

/// Something that a host allows for a while.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TimedGrant {
    /// What, as in `capabilities`.
    #[schema(example = "exec")]
    pub capability: String,
    /// Until when, by the host's clock.
    pub until: Moment,
}

/// What the agent said of itself and its host.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgentInfo {
    /// Version of the agent.
    pub version: String,
    /// Host name.
    #[schema(required)]
    pub hostname: Option<String>,
    /// Distribution and release.
    #[schema(required)]
    pub os: Option<String>,
    /// Kernel release.
    #[schema(required)]
    pub kernel: Option<String>,
    /// Processor architecture.
    #[schema(required)]
    pub arch: Option<String>,
    /// Processor model.
    #[schema(required)]
    pub cpu_model: Option<String>,
    /// Logical cores.
    #[schema(required)]
    pub cores: Option<u32>,
    /// Bytes of main memory.
    #[schema(required)]
    pub memory_total: Option<u64>,
    /// What the settings of the host allow.
    #[schema(example = json!(["metrics", "processes"]))]
    pub capabilities: Vec<String>,
    /// What was allowed on the host for a while, with `chatops-agent grant`.
    pub grants: Vec<TimedGrant>,
    /// How it is or was connected: `nats` or `websocket`.
    #[schema(required)]
    pub transport: Option<String>,
}

/// A monitored host.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Server {
    /// Never changes.
    #[schema(value_type = String, example = "0193f2a8c4d27b1e9f0a6b5c4d3e2f10")]
    pub id: ServerId,
    /// Name for people.
    #[schema(example = "web-1")]
    pub name: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Who owns it.
    pub owner: OwnerRef,
    /// Whether its agent is there.
    pub status: Status,
    /// When the last sample was taken.
    #[schema(required)]
    pub last_seen: Option<Moment>,
    /// Since when the agent is connected; `null` while it is not.
    #[schema(required)]
    pub connected_since: Option<Moment>,
    /// When its agent last connected or went away. An item `presence` of the live socket with a later `at` is newer than this
    /// `status`.
    #[schema(required)]
    pub presence_at: Option<Moment>,
    /// When it was added.
    pub created_at: Moment,
    /// Milliseconds between samples.
    #[schema(example = 5000)]
    pub interval_ms: u32,
    /// Whether another person has to approve what is run on it.
    pub needs_approval: bool,
    /// What the agent said of itself; `null` before its first connect.
    #[schema(required)]
    pub agent: Option<AgentInfo>,
    /// The newest numbers; `null` before the first sample.
    #[schema(required)]
    pub latest: Option<RowMetrics>,
    /// Its open alerts.
    #[schema(required = false)]
    pub alerts: AlertCounts,
}

impl From<view::ServerStatus> for Status {
    fn from(status: view::ServerStatus) -> Self {
        match status {
            view::ServerStatus::Online => Self::Online,
            view::ServerStatus::Stale => Self::Stale,
            view::ServerStatus::Offline => Self::Offline,
            view::ServerStatus::Never => Self::Never,
        }
    }
}

impl From<view::AgentInfo> for AgentInfo {
    fn from(agent: view::AgentInfo) -> Self {
        Self {
            version: agent.version,
            hostname: agent.hostname,
            os: agent.os,
            kernel: agent.kernel,
            arch: agent.arch,
            cpu_model: agent.cpu_model,
            cores: agent.cores,
            memory_total: agent.memory_total,
            capabilities: agent.capabilities,
            grants: agent
                .grants
                .into_iter()
                .map(|grant| TimedGrant {
                    capability: grant.capability,
                    until: grant.until.into(),
                })
                .collect(),
            transport: agent.transport,
        }
    }
}

impl From<view::Server> for Server {
    fn from(server: view::Server) -> Self {
        Self {
            id: server.id,
            name: server.name,
            tags: server.tags,
            owner: OwnerRef {
                id: server.owner.id,
                username: server.owner.username,
            },
            status: server.status.into(),
            last_seen: server.last_seen.map(Moment),
            connected_since: server.connected_since.map(Moment),
            presence_at: server.presence_at.map(Moment),
            created_at: server.created_at.into(),
            interval_ms: server.interval_ms.unwrap_or(DEFAULT_INTERVAL_MS),
            needs_approval: server.needs_approval,
            agent: server.agent.map(AgentInfo::from),
            latest: server.latest.map(RowMetrics::from),
            alerts: AlertCounts::default(),
        }
    }
}

/// The shape of a server that everybody who may see it gets; `None` when it is gone.
pub(crate) async fn load(store: &Store, id: &ServerId) -> Result<Option<Server>, StoreError> {
    let server = store.server(Visible::All, id).await?.map(Server::from);
    Ok(counted(store, server.into_iter().collect()).await?.pop())
}

/// The same servers with how many alerts are open on each.
pub(crate) async fn counted(
    store: &Store,
    mut servers: Vec<Server>,
) -> Result<Vec<Server>, StoreError> {
    let ids: Vec<ServerId> = servers.iter().map(|server| server.id.clone()).collect();
    let counts = store.alert_counts_of(&ids).await?;
    for server in &mut servers {
        server.alerts = counts.get(&server.id).copied().unwrap_or_default().into();
    }
    Ok(servers)
}
