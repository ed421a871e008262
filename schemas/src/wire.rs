//! Frames of the agent WebSocket `/api/v1/agents/ws`: JSON in text frames, MessagePack maps in binary frames.
//!
//! The first frame is `auth`; everything before it, and every second `auth`, ends the connection with 1008. The
//! payloads are those of the subjects, so an agent behind a firewall that only lets HTTPS out loses nothing.
//!
//! An agent that checks signed orders itself says so in `auth` and writes MessagePack; `auth_success` repeats it. From then
//! on the connection carries what a connection to NATS does: `request` and `answer`, `session` and `output`, `event`. No
//! frame of the agent names a subject: the gateway makes it from the key and from what the frame holds.

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

/// Largest accepted frame, in bytes; those that wrap bytes of their own have limits of their own.
pub const MAX_FRAME_BYTES: usize = crate::codec::MAX_EVENT_BYTES;
/// Bytes that a frame takes beside those that it wraps, at most.
pub const WRAPPING: usize = 1024;
/// Most bytes in an `answer`, as on NATS.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Most bytes in an `output`: a piece of a session and what says where it belongs.
pub const MAX_OUTPUT_BYTES: usize = crate::session::MAX_DATA + WRAPPING;

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
        /// This agent checks signed orders itself and keeps a journal of them. Counts in a binary frame only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        orders: bool,
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
    /// Answers a `request`, once.
    Answer {
        /// Its number.
        request: u64,
        /// A [`Reply`](crate::order::Reply), encoded.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
    },
    /// Something of an open session.
    Output {
        /// Which.
        session: CommandId,
        /// A [`session::Out`](crate::session::Out), encoded.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
    },
    /// An event to be kept: a result, lines of a log, a fact. Answered by `event_received` once a stream has it.
    Event {
        /// Its id, as in the envelope.
        id: Uuid,
        /// The encoded envelope, with the server in it.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
    },
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
        /// This connection carries signed orders, sessions and events.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        orders: bool,
    },
    /// A reading is in the stream.
    MetricsReceived {
        /// Its id.
        id: Uuid,
        /// Its position.
        seq: u64,
    },
    /// An event is in its stream.
    EventReceived {
        /// Its id.
        id: Uuid,
        /// Its position.
        seq: u64,
    },
    /// The host is asked for something. To agents that check orders themselves.
    Request {
        /// Names it in the `answer`, on this connection.
        request: u64,
        /// How: [`Verb::token`](crate::order::Verb::token).
        verb: String,
        /// A [`SignedOrder`](crate::order::SignedOrder), encoded.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
    },
    /// Something for an open session. To agents that check orders themselves.
    Session {
        /// Which.
        session: CommandId,
        /// `in`: what a person types; `ctl`: a [`Control`](crate::session::Control), encoded.
        way: String,
        /// The bytes.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
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
