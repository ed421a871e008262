//! Roles that strangers talk to: the gate, presence and the dispatcher through NATS, the gateway and the API through HTTP.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use axum::{Router, serve::ListenerExt};
use chatops_api::{
    Api, Parts,
    auth::{seal::Seal, signing},
    live::relay::Relay,
    oidc,
};
use chatops_ingest::{
    dispatch::{DispatchConfig, DispatchParts, Dispatcher},
    gate::{GateConfig, GateParts, GateService},
    gateway::{self, GatewayConfig, GatewayParts, GatewayService},
    presence::{PresenceConfig, PresenceParts, PresenceService},
};
use chatops_projections::Progress;
use chatops_schemas::{clock::System, order::VerifyingKey};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Agents, Connections, Role, Shared,
    connect::{bus, bus_as},
    directory::Rights,
    https::{Https, Other, Shown, known},
};
use crate::{
    config::{Config, Oidc, TlsMode},
    lifecycle::Stage,
    telemetry::Metrics,
    tls,
    trouble::{Code, Trouble},
};

pub(super) async fn gate(
    stage: &mut Stage,
    config: &Config,
    agents: &Agents,
) -> anyhow::Result<()> {
    let service = GateService::new(GateParts {
        config: GateConfig::default(),
        keys: agents.keys.clone(),
        ring: agents.ring.clone(),
        auth: bus_as(config, "chatops gate", "auth", &config.nats.auth_password).await?,
        sys: bus_as(config, "chatops gate", "sys", &config.nats.sys_password).await?,
        ops: agents.ops.clone(),
        clock: Arc::new(System),
        ids: Arc::new(System),
    });
    let token = stage.token();
    stage.run("gate", async move { Ok(service.run(token).await?) });
    Ok(())
}

pub(super) async fn presence(
    stage: &mut Stage,
    config: &Config,
    agents: &Agents,
) -> anyhow::Result<()> {
    let service = PresenceService::new(PresenceParts {
        config: PresenceConfig::default(),
        keys: agents.keys.clone(),
        ring: agents.ring.clone(),
        roster: agents.roster.clone(),
        sys: bus_as(config, "chatops presence", "sys", &config.nats.sys_password).await?,
        ops: agents.ops.clone(),
        clock: Arc::new(System),
    });
    let token = stage.token();
    stage.run("presence", async move { Ok(service.run(token).await?) });
    Ok(())
}

pub(super) async fn dispatcher(
    stage: &mut Stage,
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<()> {
    let seal = match config.api.vault_secret.get() {
        Some(secret) => Some(Seal::new(secret).context("use api.vault_secret")?),
        None => None,
    };
    let service = Dispatcher::new(DispatchParts {
        config: DispatchConfig::default(),
        bus: bus(config, "chatops dispatcher").await?,
        authority: Rights::new(connections.store.clone(), seal),
        clock: Arc::new(System),
        ids: Arc::new(System),
    });
    let token = stage.token();
    stage.run("dispatcher", async move {
        service.run(token).await;
        Ok(())
    });
    Ok(())
}

/// Serves the routes of the roles among `roles` that have any. Returns the API's state, where that is one of them.
pub(super) async fn http(
    stage: &mut Stage,
    shared: &Shared<'_>,
    roles: &[Role],
    listener: std::net::TcpListener,
    metrics: Metrics,
) -> anyhow::Result<Option<Api>> {
    let gateway = match &shared.agents {
        Some(agents) if roles.contains(&Role::Gateway) => {
            let key = signing::verifying_key(&shared.connections.store)
                .await
                .map_err(|problem| {
                    anyhow::anyhow!("read the key that signs orders: {problem:?}")
                })?;
            agents_routes(stage, shared.config, agents, key)
        }
        _ => Router::new(),
    };
    let (router, api) = if roles.contains(&Role::Api) {
        let progress = Progress::new(shared.connections.store.clone());
        let (api, relay) = api(
            shared.config,
            shared.connections,
            metrics,
            progress.clone(),
            stage.token(),
        )
        .await?;
        let token = stage.token();
        stage.run("commit listener", async move {
            progress.run(token).await;
            Ok(())
        });
        let token = stage.token();
        stage.run("live relay", async move {
            relay.run(token).await;
            Ok(())
        });
        let (token, follower) = (stage.token(), api.follower().clone());
        let bus = bus(shared.config, "chatops commands").await?;
        stage.run("command follower", async move {
            follower.run(bus, token).await;
            Ok(())
        });
        let (token, notary) = (stage.token(), api.notary());
        stage.run("witness", async move {
            notary.run(token).await;
            Ok(())
        });
        let (token, reaper) = (stage.token(), api.reaper());
        stage.run("terminals that were left", async move {
            reaper.run(token).await;
            Ok(())
        });
        let (token, runner) = (stage.token(), api.job_runner());
        stage.run("jobs", async move {
            runner.run(token).await;
            Ok(())
        });
        let (token, scheduler) = (stage.token(), api.scheduler());
        stage.run("schedules", async move {
            scheduler.run(token).await;
            Ok(())
        });
        (chatops_api::router(api.clone(), gateway), Some(api))
    } else {
        (gateway, None)
    };
    serve(stage, shared.config, listener, router)?;
    Ok(api)
}

/// The state of the HTTP side, for serving and for `chatops admin`.
pub(super) async fn api(
    config: &Config,
    connections: &Connections,
    metrics: Metrics,
    progress: Progress,
    stop: CancellationToken,
) -> anyhow::Result<(Api, Relay)> {
    let parts = Parts {
        config: chatops_api::Config {
            registration: config.api.registration,
            public_url: config.public_url.clone(),
            agent_nats_url: config.agents_address(),
            agent_program: Some(config.agent_program()?).filter(|program| program.is_file()),
            https: config.tls.mode != TlsMode::Off,
            ca: tls::authority(config)?.map(|authority| chatops_api::config::Authority {
                pem: authority.pem,
                sha256: authority.sha256,
            }),
            behind_proxy: config.api.behind_proxy,
            ..chatops_api::Config::default()
        },
        bus: connections.bus.clone(),
        store: connections.store.clone(),
        sender: super::notifier::sender(config)?,
        progress,
        clock: Arc::new(System),
        ids: Arc::new(System),
        render_metrics: Arc::new(move || metrics.render()),
        vault_secret: config.api.vault_secret.get().cloned(),
        oidc: identity_provider(&config.oidc)?,
        stop,
    };
    Ok(Api::new(parts).await?)
}

fn identity_provider(config: &Oidc) -> Result<Option<oidc::Settings>, Trouble> {
    let Some(issuer) = config.issuer.clone() else {
        return Ok(None);
    };
    let wrong = |path: &str, value: &str| {
        Trouble::new(
            Code::Settings,
            format!("oidc.{path} cannot be {value:?}"),
            "roles are admin, operator and viewer; a list of them is \"group=role, group=role\"",
        )
    };
    let default_role = match &config.default_role {
        Some(name) => Some(oidc::role(name).ok_or_else(|| wrong("default_role", name))?),
        None => None,
    };
    Ok(Some(oidc::Settings {
        issuer,
        client_id: config.client_id.clone(),
        client_secret: config.client_secret.get().cloned(),
        name: config.name.clone(),
        scopes: config
            .scopes
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        group_claim: config.group_claim.clone(),
        roles: oidc::roles(&config.roles).map_err(|part| wrong("roles", &part))?,
        default_role,
    }))
}

fn agents_routes(
    stage: &mut Stage,
    config: &Config,
    agents: &Agents,
    orders: VerifyingKey,
) -> Router {
    let service = GatewayService::new(GatewayParts {
        config: GatewayConfig {
            behind_proxy: config.api.behind_proxy,
            ..GatewayConfig::default()
        },
        ring: agents.ring.clone(),
        roster: agents.roster.clone(),
        ops: agents.ops.clone(),
        orders,
        clock: Arc::new(System),
        ids: Arc::new(System),
        stop: stage.token(),
    });
    let routes = gateway::router(service.gateway());
    stage.run("gateway", async move { Ok(service.run().await?) });
    routes
}

fn serve(
    stage: &mut Stage,
    config: &Config,
    listener: std::net::TcpListener,
    router: Router,
) -> anyhow::Result<()> {
    listener
        .set_nonblocking(true)
        .context("prepare the HTTP socket")?;
    let listener = TcpListener::from_std(listener).context("prepare the HTTP socket")?;
    let token = stage.token();
    let Some(identity) = tls::identity(config)? else {
        let listener = listener.tap_io(|stream| {
            // Live frames are small and must not wait for each other; without it they are only slower.
            let _ = stream.set_nodelay(true);
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        stage.run("http", async move {
            axum::serve(listener, service)
                .with_graceful_shutdown(token.cancelled_owned())
                .await
                .context("serve HTTP")
        });
        return Ok(());
    };
    let shown = Shown::new(&identity)?;
    if config.tls.mode == TlsMode::Files {
        let (certificate, key) = tls::files(config)?;
        let (shown, config, stop) = (shown.clone(), config.clone(), stage.token());
        stage.run("certificate", async move {
            shown.follow(&config, [certificate, key], stop).await;
            Ok(())
        });
    }
    let listener = Https::new(listener, shown)?;
    let service = known(router).into_make_service_with_connect_info::<Other>();
    stage.run("https", async move {
        axum::serve(listener, service)
            .with_graceful_shutdown(token.cancelled_owned())
            .await
            .context("serve HTTPS")
    });
    Ok(())
}
