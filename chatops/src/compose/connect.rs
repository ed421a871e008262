//! Reaching the servers, and bringing them to what this build expects. Failures say what to do.

use anyhow::Context;
use chatops_bus::{
    Bus, ConnectError, ConnectOptions, Credentials,
    topology::{self, Mode},
};
use chatops_projections::{Store, StoreError};
use secrecy::{ExposeSecret, SecretString};

use super::Connections;
use crate::{
    config::{Config, Secret, required},
    output,
    trouble::{Code, Trouble},
};

/// Both servers.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Connections> {
    Ok(Connections {
        bus: bus(config, "chatops").await?,
        store: store(config).await?,
    })
}

/// The bus as `svc`, in the agents' account. `name` is shown in the server's connection list.
pub(crate) async fn bus(config: &Config, name: &str) -> anyhow::Result<Bus> {
    bus_as(config, name, "svc", &config.nats.svc_password).await
}

/// The bus as another static user of nats/accounts.conf.
pub(super) async fn bus_as(
    config: &Config,
    name: &str,
    user: &str,
    password: &Secret,
) -> anyhow::Result<Bus> {
    let url = config
        .nats
        .url
        .clone()
        .context("the address of nats-server is not known")?;
    let password = required(password, &format!("nats.{user}_password"))?.clone();
    let options = ConnectOptions {
        url: url.clone(),
        name: name.to_owned(),
        user: Some(Credentials {
            user: user.to_owned(),
            password,
        }),
        inbox_prefix: None,
        ca_file: config.nats.ca_file.clone().map(Into::into),
        retry_on_initial_connect: false,
    };
    chatops_bus::connect(options).await.map_err(|error| {
        let code = match &error {
            ConnectError::TooOld { .. } => Code::ServerTooOld,
            ConnectError::Connect { .. } | ConnectError::Authority { .. } => Code::Unreachable,
        };
        let what = output::sentence(&anyhow::Error::new(error));
        let remedy =
            format!("check that nats-server runs at {url}, and the password of its user `{user}`");
        Trouble::new(code, what, remedy).into()
    })
}

/// The database.
pub(crate) async fn store(config: &Config) -> anyhow::Result<Store> {
    let url = database_url(config)?;
    Store::connect(url.expose_secret(), config.database.max_connections)
        .await
        .map_err(explain)
}

/// Brings the schema up to date; safe while other processes run.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    chatops_projections::migrate(database_url(config)?.expose_secret())
        .await
        .map_err(explain)
}

/// Creates or updates the streams.
pub(crate) async fn provision(config: &Config, connections: &Connections) -> anyhow::Result<()> {
    let diff = topology::apply(
        &connections.bus,
        &topology::embedded()?,
        replicas(config),
        Mode::Apply,
    )
    .await?;
    if !diff.is_empty() {
        tracing::info!("streams were brought up to date:\n{diff}");
    }
    Ok(())
}

/// Copies of each stream: three where several servers are named, as in nats/cluster.conf.
pub(crate) fn replicas(config: &Config) -> usize {
    let servers = config
        .nats
        .url
        .as_deref()
        .map_or(1, |url| url.split(',').count());
    if servers >= 3 { 3 } else { 1 }
}

fn database_url(config: &Config) -> anyhow::Result<&SecretString> {
    config
        .database
        .url
        .get()
        .context("the address of the database is not known")
}

fn explain(error: StoreError) -> anyhow::Error {
    let (code, remedy) = match &error {
        StoreError::TooOld { .. } => (
            Code::ServerTooOld,
            "upgrade it, or let `chatops up` run its own",
        ),
        StoreError::Migrate(_) => (
            Code::DataVersion,
            "the schema is from a newer ChatOps or was changed by hand: run that version, or restore a backup",
        ),
        _ => (
            Code::Unreachable,
            "check that PostgreSQL runs there, and the name and password in database.url",
        ),
    };
    Trouble::new(code, output::sentence(&anyhow::Error::new(error)), remedy).into()
}
