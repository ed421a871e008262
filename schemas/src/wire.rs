//! Frames of the agent WebSocket `/api/v1/agents/ws`: JSON in text frames, MessagePack maps in binary frames.
//!
//! The first frame is `auth`; everything before it, and every second `auth`, ends the connection with 1008. The
//! payloads are those of the subjects, so an agent behind a firewall that only lets HTTPS out loses nothing.

pub mod original;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{fact::AgentHello, metric::Sample},
    ids::{CommandId, ServerId},
    order::ContainerAction,
};

/// Largest accepted frame, in bytes.
pub const MAX_FRAME_BYTES: usize = crate::codec::MAX_EVENT_BYTES;

/// Answer to a request on `ops.v1.whoami.<key>`, as JSON: an agent on NATS knows its key, not its server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// The server it speaks for.
    pub server_id: ServerId,
    /// That server's name for people.
    pub name: String,
    /// Milliseconds between samples that the owner asked for.
    #[serde(default)]
    pub interval_ms: Option<u32>,
    /// The gate's clock, so that the agent can report its skew.
    pub server_time: Timestamp,
}

/// Agent to server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentFrame {
    /// First frame.
    Auth {
        /// `chatops_<key id>_<secret>`.
        api_key: String,
    },
    /// What the agent and its host are.
    Hello {
        /// The fact.
        data: AgentHello,
    },
    /// One reading.
    Metrics {
        /// Id under which a repetition is recognised; made by the server when absent.
        #[serde(default)]
        id: Option<Uuid>,
        /// When it was taken; the time of arrival when absent.
        #[serde(default)]
        timestamp: Option<Timestamp>,
        /// Boot id of the host.
        #[serde(default)]
        boot: Option<String>,
        /// Counter since boot.
        #[serde(default)]
        n: Option<u64>,
        /// The reading, in our form or in the original one.
        data: MetricsData,
    },
    /// How a `command` went.
    CommandResponse(CommandResponse),
    /// How a `docker_command` went.
    DockerResponse(DockerResponse),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
}

/// How a `command` went, all at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CommandResponse {
    /// The command; may be left out while only one is running.
    pub command_id: Option<CommandId>,
    /// What it wrote.
    #[serde(alias = "output")]
    pub stdout: Option<String>,
    /// What it wrote to standard error.
    pub stderr: Option<String>,
    /// With which code it exited.
    pub exit_code: Option<i32>,
    /// Whether it worked, for agents that know no exit code.
    pub success: Option<bool>,
    /// Why it could not be run.
    pub error: Option<String>,
}

/// How a `docker_command` went.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DockerResponse {
    /// The command; may be left out while only one is running.
    pub command_id: Option<CommandId>,
    /// Whether it worked; it did when there is no `error` either.
    pub success: Option<bool>,
    /// The engine's words, when it did not.
    pub error: Option<String>,
}

/// A reading in either form. Tried in the order of the variants; the original form is recognised by its `cpu.usage_percent`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum MetricsData {
    /// The form of the first ChatOps agents.
    Original(Box<original::Sample>),
    /// The form of `metrics.sample`.
    Sample(Box<Sample>),
}

impl<'de> Deserialize<'de> for MetricsData {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let value = serde_json::Value::deserialize(deserializer)?;
        if original::Sample::recognises(&value) {
            serde_json::from_value(value)
                .map(|s| Self::Original(Box::new(s)))
                .map_err(D::Error::custom)
        } else {
            serde_json::from_value(value)
                .map(|s| Self::Sample(Box::new(s)))
                .map_err(D::Error::custom)
        }
    }
}

impl MetricsData {
    /// In our form.
    pub fn into_sample(self) -> Sample {
        match self {
            Self::Original(sample) => (*sample).into(),
            Self::Sample(sample) => *sample,
        }
    }
}

/// Server to agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The key is good.
    AuthSuccess {
        /// The server it speaks for.
        server_id: ServerId,
        /// For people.
        message: String,
        /// Milliseconds between samples that the owner asked for.
        #[serde(default)]
        interval_ms: Option<u32>,
        /// The server's clock, so that the agent can report its skew.
        server_time: Timestamp,
    },
    /// A reading is in the stream.
    MetricsReceived {
        /// Its id.
        id: Uuid,
        /// Its position.
        seq: u64,
    },
    /// Run this. Comes once per command, to agents that speak JSON.
    Command {
        /// Names it in the answer.
        command_id: CommandId,
        /// A line for the shell.
        command: String,
        /// Seconds after which nobody waits for the answer any more.
        timeout: u64,
    },
    /// Do this with a container. Comes once per command, to agents that speak JSON.
    DockerCommand {
        /// Names it in the answer.
        command_id: CommandId,
        /// What to do.
        action: ContainerAction,
        /// Id or name.
        container_id: String,
        /// Seconds after which nobody waits for the answer any more.
        timeout: u64,
    },
    /// A frame was refused; the connection stays.
    Error {
        /// Stable code, for example `malformed_frame`.
        code: String,
        /// What is wrong and what is allowed.
        message: String,
        /// Id of the refused reading.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
    },
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
}
