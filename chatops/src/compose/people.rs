//! What `chatops admin` does to accounts, from beside the running roles.

use chatops_api::Api;
use chatops_projections::Progress;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{Connections, edge};
use crate::{config::Config, telemetry};

/// A fresh one-time token for the first account; `None` once there is one.
pub(crate) async fn setup_token(
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<Option<SecretString>> {
    Ok(api(config, connections).await?.setup_token().await?)
}

/// Replaces a user's password by a random one and ends his sessions; `None` when there is no such user.
pub(crate) async fn reset_password(
    config: &Config,
    connections: &Connections,
    login: &str,
) -> anyhow::Result<Option<SecretString>> {
    Ok(api(config, connections)
        .await?
        .reset_password(login)
        .await?)
}

/// Ends all sessions of a user; how many, `None` when there is no such user.
pub(crate) async fn end_sessions(
    config: &Config,
    connections: &Connections,
    login: &str,
) -> anyhow::Result<Option<usize>> {
    Ok(api(config, connections).await?.end_sessions(login).await?)
}

/// Turns a user's second factor off; whether it was on, `None` when there is no such user.
pub(crate) async fn remove_second_factor(
    config: &Config,
    connections: &Connections,
    login: &str,
) -> anyhow::Result<Option<bool>> {
    Ok(api(config, connections)
        .await?
        .remove_second_factor(login)
        .await?)
}

/// The API without its listener, for one thing that somebody does from beside the running roles.
pub(crate) async fn api(config: &Config, connections: &Connections) -> anyhow::Result<Api> {
    let stop = CancellationToken::new();
    let progress = Progress::new(connections.store.clone());
    let (api, _) = edge::api(config, connections, telemetry::metrics()?, progress, stop).await?;
    Ok(api)
}
