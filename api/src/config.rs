//! Settings of the HTTP side.

use std::{path::PathBuf, time::Duration};

use chatops_schemas::event::people;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody who can reach the server; they see only the servers that they add.
    #[default]
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody, after the first account.
    Closed,
}

impl From<Registration> for people::Registration {
    fn from(registration: Registration) -> Self {
        match registration {
            Registration::Open => Self::Open,
            Registration::Invite => Self::Invite,
            Registration::Closed => Self::Closed,
        }
    }
}

impl From<people::Registration> for Registration {
    fn from(registration: people::Registration) -> Self {
        match registration {
            people::Registration::Open => Self::Open,
            people::Registration::Invite => Self::Invite,
            people::Registration::Closed => Self::Closed,
        }
    }
}

/// A certificate authority of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its certificate.
    pub pem: String,
    /// SHA-256 of that, in hexadecimal digits.
    pub sha256: String,
}

/// Settings of the HTTP side.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may make an account, until an administrator decides otherwise while the system runs.
    pub registration: Registration,
    /// Address under which browsers and agents reach this server, for install commands; an `https` one makes cookies
    /// `Secure`. Without it the address of the request is used.
    pub public_url: Option<String>,
    /// Whether our own listener speaks TLS.
    pub https: bool,
    /// Address under which agents reach the bus, for install commands.
    pub agent_nats_url: String,
    /// The agent's program, offered to hosts that are enrolled.
    pub agent_program: Option<PathBuf>,
    /// Our own certificate authority, where one is in use: agents pin it when they are enrolled.
    pub ca: Option<Authority>,
    /// A reverse proxy of ours stands in front: believe its `X-Forwarded-For` and `X-Forwarded-Proto`. Without a proxy
    /// this must stay off, or anybody can pretend any address.
    pub behind_proxy: bool,
    /// How long an access token works.
    #[serde(with = "seconds", rename = "access_token_s")]
    pub access_ttl: Duration,
    /// How long a refresh token works.
    #[serde(with = "seconds", rename = "refresh_token_s")]
    pub refresh_ttl: Duration,
    /// Password checks that run at once; each takes about 30 ms of a core and 19 MiB.
    pub password_checks: usize,
    /// How long a request may take.
    #[serde(with = "seconds", rename = "request_timeout_s")]
    pub request_timeout: Duration,
    /// How long a write waits for its row before it answers 202.
    #[serde(with = "millis", rename = "read_your_writes_ms")]
    pub read_your_writes: Duration,
    /// Live sockets.
    pub live: Live,
    /// Terminals.
    pub terminal: Terminal,
}

/// Settings of terminals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terminal {
    /// Seconds without input after which a terminal ends.
    pub idle_s: u32,
    /// Seconds that a terminal waits for its opener to come back.
    pub lease_s: u32,
    /// Whether terminals are recorded, until an administrator decides otherwise while the system runs.
    pub recorded: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            idle_s: 3600,
            lease_s: 600,
            recorded: false,
        }
    }
}

/// Settings of live sockets.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Sockets open at once; more are refused with 503.
    pub max_sockets: usize,
    /// Longest wait for the first message of a client.
    #[serde(with = "millis", rename = "hello_ms")]
    pub hello: Duration,
    /// A client that takes no bytes for so long is closed with 4408.
    #[serde(with = "millis", rename = "stalled_ms")]
    pub stalled: Duration,
    /// A client that says nothing for so long is closed.
    #[serde(with = "millis", rename = "silent_ms")]
    pub silent: Duration,
    /// Items kept for sockets that fall behind; a socket further behind is told that there is a gap.
    pub ring_items: usize,
    /// Most samples replayed to a client that resumes.
    pub max_replay: u64,
    /// How long the readers stay open after the last socket left, so that a reload of the page finds them running.
    #[serde(with = "millis", rename = "linger_ms")]
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registration: Registration::default(),
            public_url: None,
            https: false,
            agent_nats_url: "nats://127.0.0.1:4222".to_owned(),
            agent_program: None,
            ca: None,
            behind_proxy: false,
            access_ttl: Duration::from_secs(30 * 60),
            refresh_ttl: Duration::from_secs(7 * 24 * 3600),
            password_checks: 2,
            request_timeout: Duration::from_secs(30),
            read_your_writes: Duration::from_secs(2),
            live: Live::default(),
            terminal: Terminal::default(),
        }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self {
            max_sockets: 10_000,
            hello: Duration::from_secs(5),
            stalled: Duration::from_secs(10),
            silent: Duration::from_secs(60),
            ring_items: 65_536,
            max_replay: 100_000,
            linger: Duration::from_secs(30),
        }
    }
}

mod seconds {
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(
        value: &Duration,
        writer: S,
    ) -> Result<S::Ok, S::Error> {
        writer.serialize_u64(value.as_secs())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        reader: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(reader).map(Duration::from_secs)
    }
}

mod millis {
    use super::{Deserialize, Duration};

    pub(super) fn serialize<S: serde::Serializer>(
        value: &Duration,
        writer: S,
    ) -> Result<S::Ok, S::Error> {
        writer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        reader: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(reader).map(Duration::from_millis)
    }
}
