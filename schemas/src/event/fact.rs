//! Facts about a host that are not measurements: what it is, and when it came and went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{clock::Timestamp, ids::KeyId};

/// What an agent says of itself and its host after each connect, and whenever a grant is given, taken back or over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AgentHello {
    /// Version of the agent.
    pub version: String,
    /// Host name.
    pub hostname: String,
    /// Distribution and release, for example `Debian GNU/Linux 12`.
    #[serde(default)]
    pub os: Option<String>,
    /// Kernel release.
    #[serde(default)]
    pub kernel: Option<String>,
    /// `x86_64`, `aarch64`, …
    #[serde(default)]
    pub arch: Option<String>,
    /// Processor model.
    #[serde(default)]
    pub cpu_model: Option<String>,
    /// Logical cores.
    #[serde(default)]
    pub cores: Option<u32>,
    /// Bytes of main memory.
    #[serde(default)]
    pub memory_total: Option<u64>,
    /// What the settings of this host allow: `metrics`, `processes`, `docker`, `logs`, `exec`, `terminal`,
    /// `docker_control`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What was allowed on the host for a while, on top of its settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<TimedGrant>,
    /// Milliseconds between samples.
    #[serde(default)]
    pub interval_ms: Option<u32>,
    /// Samples waiting in the spool.
    #[serde(default)]
    pub spooled: Option<u64>,
    /// Samples dropped because the spool was full, since the agent was installed.
    #[serde(default)]
    pub dropped: Option<u64>,
}

/// Something that a host allows for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimedGrant {
    /// What, as in [`AgentHello::capabilities`].
    pub capability: String,
    /// Until when, by the host's clock.
    pub until: Timestamp,
}

impl Event for AgentHello {
    const TYPE: &'static str = "agent.hello";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("version", &self.version, 64)?;
        check_text("hostname", &self.hostname, 256)?;
        for (field, text) in [
            ("os", &self.os),
            ("kernel", &self.kernel),
            ("arch", &self.arch),
            ("cpu_model", &self.cpu_model),
        ] {
            check_text(field, text.as_deref().unwrap_or_default(), 256)?;
        }
        if self.capabilities.len() > 32 {
            return Err(Invalid::new("capabilities", "has more than 32 entries"));
        }
        if self.grants.len() > 32 {
            return Err(Invalid::new("grants", "has more than 32 entries"));
        }
        self.capabilities
            .iter()
            .try_for_each(|c| check_text("capabilities", c, 64))?;
        self.grants
            .iter()
            .try_for_each(|grant| check_text("grants", &grant.capability, 64))
    }
}

/// How an agent reaches us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A NATS connection.
    Nats,
    /// `/api/v1/agents/ws`.
    Websocket,
    /// A transport this build does not know.
    #[serde(other)]
    Unknown,
}

/// An agent's connection was authenticated. Written by the gate only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentConnected {
    /// Identifies this connection among those of the server; the matching disconnect carries it again.
    pub session: String,
    /// Key it used.
    pub key: KeyId,
    /// How it came.
    pub transport: Transport,
    /// Address it came from.
    #[serde(default)]
    pub address: Option<String>,
    /// Over a WebSocket: it checks signed orders itself, as agents on NATS always do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub orders: bool,
}

impl Event for AgentConnected {
    const TYPE: &'static str = "agent.connected";
    const VERSION: u16 = 1;
}

/// An agent's connection ended. Written by the gate only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentDisconnected {
    /// The session of the matching [`AgentConnected`].
    pub session: String,
    /// How it had come.
    pub transport: Transport,
    /// Address it had come from.
    #[serde(default)]
    pub address: Option<String>,
    /// Why, in the bus's own words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Sessions of this server that are still open: it is offline only at 0.
    #[serde(default)]
    pub remaining: u32,
}

impl Event for AgentDisconnected {
    const TYPE: &'static str = "agent.disconnected";
    const VERSION: u16 = 1;
}

/// A connection with a key of this server was refused. Attempts with keys nobody knows are counted, not recorded:
/// otherwise a stranger could fill the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentRefused {
    /// Key it named.
    pub key: KeyId,
    /// How it came.
    pub transport: Transport,
    /// Address it came from.
    #[serde(default)]
    pub address: Option<String>,
    /// `wrong_secret`, `revoked`, `expired`, `server_deleted`.
    pub reason: String,
}

impl Event for AgentRefused {
    const TYPE: &'static str = "agent.refused";
    const VERSION: u16 = 1;
}
