//! `chatops topology`: the streams as `nats/topology.toml` describes them.

use chatops_bus::topology::{self, Mode};

use crate::{compose, config::Config, output::Output};

pub(super) async fn run(config: &Config, dry_run: bool, output: &Output) -> anyhow::Result<()> {
    let config = super::located(config)?;
    let bus = compose::bus(&config, "chatops topology").await?;
    let mode = if dry_run { Mode::DryRun } else { Mode::Apply };
    let diff = topology::apply(
        &bus,
        &topology::embedded()?,
        compose::replicas(&config),
        mode,
    )
    .await?;
    print!("{diff}");
    match (diff.is_empty(), mode) {
        (true, _) => output.note("nothing to do"),
        (false, Mode::Apply) => output.note("done"),
        (false, Mode::DryRun) => output.note("nothing was changed; without --dry-run it is"),
    }
    Ok(())
}
