//! The only place that knows every crate: which services a role is made of, what they share, in which order they leave.
//!
//! Two stages. The *edge* (REST, live sockets, the agents' WebSocket) goes first, so that nobody is served by parts that
//! are on their way out; then the *roles* (gate, presence, dispatcher, projections, roll-ups,
//! alerting, audit) drain. A service that ends by itself
//! brings the program down softly; a projector that stops because going on would lose data does not: it says so in the
//! log, in `/readyz` and in `chatops doctor`, and waits for a person while everything else goes on.

mod alerting;
mod audit;
mod connect;
mod directory;
mod edge;
mod enrol;
mod https;
mod notifier;
mod people;
mod readers;

use std::{fmt, net::TcpListener, sync::Arc};

use chatops_api::Api;
use chatops_bus::Bus;
use chatops_ingest::{
    gate::GateKeys, keyring::KeyRing, presence::Roster, revocation::RevocationService,
};
use chatops_projections::Store;
use chatops_schemas::clock::System;
use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::{
    config::{Config, required},
    lifecycle::Stage,
    output::Output,
    telemetry::Metrics,
};

pub(crate) use audit::key as audit_key;
pub(crate) use connect::{bus, connect, migrate, provision, replicas, store};
pub(crate) use enrol::{Enrolment, LocalServer, new_api_key};
pub(crate) use people::{api, end_sessions, remove_second_factor, reset_password, setup_token};
pub(crate) use readers::specs;

/// A part of the system that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Admits agents: answers NATS' auth callout, ends revoked connections
    Gate,
    /// Writes down who is connected
    Presence,
    /// The agents' WebSocket and HTTP, for those that cannot reach NATS
    Gateway,
    /// Brings commands to hosts and sees to their ends
    Dispatcher,
    /// Tells people of alerts
    Notifier,
    /// Turns events into rows
    Projections,
    /// Minutes and hours from samples; removes what is too old
    Rollups,
    /// Evaluates alert rules
    Alerting,
    /// Chains what happened, signs it, and checks the chain
    Audit,
    /// REST, live sockets and the web app
    Api,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Gate,
        Self::Presence,
        Self::Gateway,
        Self::Dispatcher,
        Self::Notifier,
        Self::Projections,
        Self::Rollups,
        Self::Alerting,
        Self::Audit,
        Self::Api,
    ];

    /// Whether it serves HTTP.
    pub(crate) fn listens(self) -> bool {
        matches!(self, Self::Gateway | Self::Api)
    }

    /// Whether it deals with agents' keys and connections.
    fn meets_agents(self) -> bool {
        matches!(self, Self::Gate | Self::Presence | Self::Gateway)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gate => "gate",
            Self::Presence => "presence",
            Self::Gateway => "gateway",
            Self::Dispatcher => "dispatcher",
            Self::Notifier => "notifier",
            Self::Projections => "projections",
            Self::Rollups => "rollups",
            Self::Alerting => "alerting",
            Self::Audit => "audit",
            Self::Api => "api",
        })
    }
}

/// The servers, reached.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
}

/// Everything that runs.
pub(crate) struct Services {
    connections: Connections,
    api: Option<Api>,
    edge: Stage,
    roles: Stage,
    deaths: mpsc::UnboundedReceiver<String>,
}

/// What the services of a process share.
struct Shared<'a> {
    config: &'a Config,
    connections: &'a Connections,
    agents: Option<Agents>,
}

/// What those that deal with agents share.
#[derive(Clone)]
struct Agents {
    keys: Arc<GateKeys>,
    ring: KeyRing,
    roster: Roster,
    ops: Bus,
}

/// Starts the roles. Returns once each has what it needs; `listener` is for those that serve HTTP.
pub(crate) async fn start(
    config: &Config,
    roles: &[Role],
    connections: Connections,
    listener: Option<TcpListener>,
    metrics: Metrics,
) -> anyhow::Result<Services> {
    let (died, deaths) = mpsc::unbounded_channel();
    let (mut edge, mut stage) = (Stage::new(died.clone()), Stage::new(died));
    let has = |role| roles.contains(&role);

    let mut shared = Shared {
        config,
        connections: &connections,
        agents: None,
    };
    if roles.iter().any(|role| role.meets_agents()) {
        shared.agents = Some(agents(config, &connections, &mut stage).await?);
    }
    if has(Role::Projections) {
        readers::projections(&mut stage, config, &connections).await?;
    }
    if has(Role::Rollups) {
        readers::rollups(&mut stage, &connections);
    }
    if has(Role::Dispatcher) {
        edge::dispatcher(&mut stage, config, &connections).await?;
    }
    if has(Role::Alerting) {
        alerting::run(&mut stage, config, &connections).await?;
    }
    if has(Role::Notifier) {
        notifier::run(&mut stage, config, &connections).await?;
    }
    if has(Role::Audit) {
        audit::run(&mut stage, config, &connections).await?;
    }
    if let Some(agents) = &shared.agents {
        if has(Role::Gate) {
            edge::gate(&mut stage, config, agents).await?;
        }
        if has(Role::Presence) {
            edge::presence(&mut stage, config, agents).await?;
        }
    }
    let api = match listener {
        Some(listener) => edge::http(&mut edge, &shared, roles, listener, metrics.clone()).await?,
        None => None,
    };
    let token = stage.token();
    stage.run("metrics upkeep", async move {
        token.run_until_cancelled(metrics.upkeep()).await;
        Ok(())
    });
    Ok(Services {
        connections,
        api,
        edge,
        roles: stage,
        deaths,
    })
}

/// The judge of keys and the list of who is connected, kept current.
async fn agents(
    config: &Config,
    connections: &Connections,
    stage: &mut Stage,
) -> anyhow::Result<Agents> {
    let keys = GateKeys::from_seeds(
        required(&config.nats.issuer_seed, "nats.issuer_seed")?,
        required(&config.nats.xkey_seed, "nats.xkey_seed")?,
    )?;
    let ring = KeyRing::new(
        directory::Directory::new(connections.store.clone()),
        Arc::new(System),
    );
    let agents = Agents {
        keys: Arc::new(keys),
        ring,
        roster: Roster::new(Arc::new(System)),
        ops: bus(config, "chatops edge").await?,
    };
    let revocation =
        RevocationService::new(agents.ops.clone(), agents.ring.clone(), Arc::new(System));
    let (token, roster, ops) = (stage.token(), agents.roster.clone(), agents.ops.clone());
    stage.run("revocations", {
        let token = token.clone();
        async move {
            revocation.run(token).await;
            Ok(())
        }
    });
    stage.run("roster", async move {
        roster.run(ops, token).await;
        Ok(())
    });
    Ok(agents)
}

impl Services {
    /// Waits for a service to end by itself; says which and why.
    pub(crate) async fn died(&mut self) -> String {
        match self.deaths.recv().await {
            Some(what) => what,
            // Every stage holds a sender, so this is the end of all of them.
            None => std::future::pending().await,
        }
    }

    /// The edge, then the roles, each draining.
    pub(crate) async fn stop(self, output: &Output) {
        for (title, stage) in [("web app and API", self.edge), ("roles", self.roles)] {
            let drained = async {
                let dropped = stage.stop().await;
                if dropped > 0 {
                    output.warn(format_args!("{dropped} services did not finish in time"));
                }
                Ok::<_, std::convert::Infallible>(())
            };
            let Ok(()) = output.step(title, drained).await;
        }
        self.connections.store.close().await;
    }

    /// A fresh one-time token for the first account; `None` once there is one.
    pub(crate) async fn setup_token(&self) -> anyhow::Result<Option<SecretString>> {
        match &self.api {
            Some(api) => Ok(api.setup_token().await?),
            None => Ok(None),
        }
    }

    /// Makes sure that the server and its key exist and are known to the gate.
    pub(crate) async fn enrol(&self, local: &LocalServer) -> anyhow::Result<Enrolment> {
        enrol::enrol(&self.connections, local).await
    }

    /// Public half of the key that signs what agents are to do, for an agent that is not enrolled over the web address.
    pub(crate) async fn signing_key(&self) -> anyhow::Result<String> {
        enrol::signing_key(&self.connections).await
    }
}
