//! Roles that turn events into rows and rows into summaries.

use std::sync::Arc;

use chatops_bus::{
    Bus,
    projector::{self, Sink, Spec, StatusHandle, Stopped},
};
use chatops_projections::{
    Store,
    project::{self, MetricsSettings},
    projector::SinkSettings,
    retention, rollup,
};
use chatops_schemas::clock::{Clock, System};

use super::{Connections, bus};
use crate::{config::Config, lifecycle::Stage};

/// All projectors.
pub(super) async fn projections(
    stage: &mut Stage,
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<()> {
    let bus = bus(config, "chatops projections").await?;
    let (settings, clock) = (SinkSettings::default(), Arc::new(System) as Arc<dyn Clock>);
    let store = &connections.store;
    let (spec, sink) = project::inventory(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::presence(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::audit(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::logs(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::commands(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::command_output(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::terminals(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    let (spec, sink) = project::alerts(store, clock.clone(), settings.clone());
    run(stage, store, bus.clone(), spec, sink);
    for (spec, sink) in
        project::metrics(store, &bus, &clock, &settings, &MetricsSettings::default())
    {
        run(stage, store, bus.clone(), spec, sink);
    }
    Ok(())
}

/// What each projector reads, for those who want to know how far it is.
pub(crate) fn specs(connections: &Connections) -> Vec<Spec> {
    let (settings, clock) = (SinkSettings::default(), Arc::new(System) as Arc<dyn Clock>);
    let store = &connections.store;
    let mut specs = vec![
        project::inventory(store, clock.clone(), settings.clone()).0,
        project::presence(store, clock.clone(), settings.clone()).0,
        project::audit(store, clock.clone(), settings.clone()).0,
        project::logs(store, clock.clone(), settings.clone()).0,
        project::commands(store, clock.clone(), settings.clone()).0,
        project::command_output(store, clock.clone(), settings.clone()).0,
        project::terminals(store, clock.clone(), settings.clone()).0,
        project::alerts(store, clock.clone(), settings.clone()).0,
    ];
    let metrics = project::metrics(
        store,
        &connections.bus,
        &clock,
        &settings,
        &MetricsSettings::default(),
    );
    specs.extend(metrics.into_iter().map(|(spec, _)| spec));
    specs
}

fn run<S: Sink + 'static>(stage: &mut Stage, store: &Store, bus: Bus, spec: Spec, sink: S) {
    let (token, store) = (stage.token(), store.clone());
    stage.run("projector", async move {
        let name = spec.consumer();
        let status = StatusHandle::new(name.clone());
        let stopped = projector::run(bus, spec.clone(), sink, token.clone(), status).await;
        if stopped != Stopped::Asked {
            tracing::error!(
                projector = name,
                "stands still until a person decides: {stopped}"
            );
            if let Err(error) = store.note_standing(&spec, &stopped.to_string()).await {
                tracing::warn!(%error, projector = name, "this could not be noted where /readyz looks");
            }
            token.cancelled().await;
        }
        Ok(())
    });
}

/// Roll-ups and retention; of several processes one works at a time.
pub(super) fn rollups(stage: &mut Stage, connections: &Connections) {
    let (store, token) = (connections.store.clone(), stage.token());
    stage.run("roll-ups", async move {
        rollup::run(store, rollup::RollupSettings::default(), token).await;
        Ok(())
    });
    let (store, token) = (connections.store.clone(), stage.token());
    stage.run("retention", async move {
        retention::run(store, token).await;
        Ok(())
    });
}
