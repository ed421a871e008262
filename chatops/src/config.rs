//! Settings: defaults < what `up` generated < file < environment < flags. Read once by `main`, passed down from there.
//!
//! The defaults *are* `deploy/chatops.example.toml`, so the documented value and the used one cannot differ, and the
//! name of every environment variable follows from a path in it.

mod layers;
mod secret;
mod show;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

pub(crate) use layers::{DEFAULTS, Overrides, Settings, variable};
pub(crate) use secret::Secret;
pub(crate) use show::show;

/// All settings; see `deploy/chatops.example.toml` for what each means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub listen: SocketAddr,
    #[serde(deserialize_with = "filled")]
    pub public_url: Option<String>,
    pub data: PathBuf,
    pub runtime: PathBuf,
    pub tls: Tls,
    pub nats: Nats,
    pub database: Database,
    pub api: Api,
    pub oidc: Oidc,
    pub agent: Agent,
    pub audit: Audit,
    pub alerting: Alerting,
    pub log: Log,
}

/// What this server proves itself with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub mode: TlsMode,
    #[serde(deserialize_with = "filled")]
    pub certificate: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub private_key: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub names: Option<String>,
}

/// Where certificates come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TlsMode {
    Off,
    Files,
    Private,
}

/// The bus: how to reach it, or how to run it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nats {
    #[serde(deserialize_with = "filled")]
    pub url: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub ca_file: Option<String>,
    pub svc_password: Secret,
    pub auth_password: Secret,
    pub sys_password: Secret,
    pub issuer_seed: Secret,
    pub xkey_seed: Secret,
    #[serde(deserialize_with = "filled")]
    pub public_url: Option<String>,
    pub listen: SocketAddr,
    pub websocket_listen: SocketAddr,
    pub monitor_listen: SocketAddr,
    pub sync: String,
}

/// The read models' database: how to reach it, or how to run it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub url: Secret,
    pub max_connections: u32,
    pub listen: SocketAddr,
    pub password: Secret,
}

/// People's front door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    pub registration: chatops_api::config::Registration,
    pub behind_proxy: bool,
    pub vault_secret: Secret,
}

/// Signing in through an OpenID provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Oidc {
    #[serde(deserialize_with = "filled")]
    pub issuer: Option<String>,
    pub client_id: String,
    pub client_secret: Secret,
    pub name: String,
    pub scopes: String,
    pub group_claim: String,
    pub roles: String,
    #[serde(deserialize_with = "filled")]
    pub default_role: Option<String>,
}

/// The agent that `up` starts for its own machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    pub local: bool,
    pub capabilities: String,
    #[serde(deserialize_with = "filled")]
    pub program: Option<String>,
}

/// Where signed heads of the audit chain go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    #[serde(deserialize_with = "filled")]
    pub heads_file: Option<String>,
    pub heads_webhook: Secret,
}

/// Telling people of alerts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alerting {
    pub internal_addresses: bool,
}

/// What is logged, and in which form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    #[serde(deserialize_with = "filled")]
    pub level: Option<String>,
    pub format: LogFormat,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Config {
    /// The address a person on this machine types.
    pub(crate) fn address(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let scheme = match self.tls.mode {
                    TlsMode::Off => "http",
                    TlsMode::Files | TlsMode::Private => "https",
                };
                format!("{scheme}://{}", reachable(self.listen))
            }
        }
    }

    /// The agent's program: for this machine, and for hosts that are enrolled.
    pub(crate) fn agent_program(&self) -> anyhow::Result<PathBuf> {
        if let Some(program) = &self.agent.program {
            return Ok(program.into());
        }
        let own = std::env::current_exe().context("find our own program")?;
        Ok(own.with_file_name("chatops-agent"))
    }

    /// The address agents are told.
    pub(crate) fn agents_address(&self) -> String {
        let scheme = match self.tls.mode {
            TlsMode::Off => "nats",
            TlsMode::Files | TlsMode::Private => "tls",
        };
        let own = || format!("{scheme}://{}", reachable(self.nats.listen));
        self.nats
            .public_url
            .clone()
            .or_else(|| self.nats.url.clone())
            .unwrap_or_else(own)
    }
}

/// `0.0.0.0` and `[::]` are fine to listen on, but nobody can connect to them.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(match listen {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A secret that must be set for what is about to happen.
pub(crate) fn required<'a>(
    secret: &'a Secret,
    path: &str,
) -> Result<&'a SecretString, crate::trouble::Trouble> {
    secret.get().ok_or_else(|| {
        crate::trouble::Trouble::new(
            crate::trouble::Code::Settings,
            format!("{path} is not set"),
            format!(
                "set it in the configuration file or as {}; `chatops admin credentials` makes a complete set",
                layers::variable(path)
            ),
        )
    })
}
