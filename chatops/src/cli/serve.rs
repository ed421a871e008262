//! `chatops serve`: some or all roles against servers that somebody else runs.

use crate::{
    compose::{self, Role},
    config::Config,
    lifecycle::Leaving,
    output::Output,
    telemetry::Metrics,
    trouble::{Code, Trouble},
    up,
};

pub(super) async fn run(
    config: &Config,
    roles: &[Role],
    metrics: Metrics,
    output: &Output,
) -> anyhow::Result<()> {
    let leaving = Leaving::listen(output.clone())?;
    let config = super::located(config)?;
    let listener = match roles.iter().any(|role| role.listens()) {
        true => Some(up::bind(&config)?),
        false => None,
    };
    let start = async {
        let connections = compose::connect(&config).await?;
        compose::provision(&config, &connections).await?;
        compose::start(&config, roles, connections, listener, metrics).await
    };
    let Some(services) = leaving.or(Box::pin(start)).await else {
        return Ok(());
    };
    let mut services = services?;
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    tracing::info!(roles = names.join(","), address = %config.address(), "serving");
    let died = tokio::select! {
        () = leaving.asked() => None,
        name = services.died() => Some(name),
    };
    tracing::info!("draining");
    services.stop(output).await;
    match died {
        None => Ok(()),
        Some(what) => Err(Trouble::new(
            Code::Failed,
            format!("a service ended by itself: {what}"),
            "read the log before this line",
        )
        .into()),
    }
}
