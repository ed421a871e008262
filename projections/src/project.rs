//! The read models: which events become which rows.

pub(crate) mod audit;
pub(crate) mod commands;
pub(crate) mod inventory;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod presence;
pub(crate) mod terminals;

use std::{sync::Arc, time::Duration};

use chatops_bus::{
    Bus, StreamName,
    projector::{Sink, Spec},
};
use chatops_schemas::{clock::Clock, subject};

use crate::{
    error::StoreError,
    projector::{SinkSettings, TableSink},
    store::Store,
};

/// Name of the projector of users, servers and keys.
pub const INVENTORY: &str = "inventory";
/// Name of the projector of connections.
pub const PRESENCE: &str = "presence";
/// Name of the projector of the audit trail.
pub const AUDIT: &str = "audit";
/// Name of the projector of log lines.
pub const LOGS: &str = "logs";
/// Name of the projector of commands.
pub const COMMANDS: &str = "commands";
/// Name of the projector of what commands write.
pub const COMMAND_OUTPUT: &str = "command-output";
/// Name of the projector of terminals.
pub const TERMINALS: &str = "terminals";
/// Name of the projectors of samples.
pub const METRICS: &str = "metrics";

/// What the projector of samples can be told.
#[derive(Debug, Clone)]
pub struct MetricsSettings {
    /// Samples older than this at the moment they were stored are parked.
    pub oldest: Duration,
    /// Samples further ahead than this of the moment they were stored are parked.
    pub newest: Duration,
    /// Most samples in one transaction.
    pub max_batch: usize,
    /// How long a transaction waits for more samples.
    pub max_wait: Duration,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            oldest: Duration::from_secs(24 * 3600),
            newest: Duration::from_secs(120),
            max_batch: 2000,
            max_wait: Duration::from_millis(100),
        }
    }
}

/// The projector of users, servers and keys.
pub fn inventory(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: INVENTORY,
        ver: 1,
        part: 0,
        stream: StreamName::Ctl,
        filter: "ops.v1.ctl.>".to_owned(),
        max_batch: 500,
        // Somebody waits to read their own write.
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(
            store.clone(),
            clock,
            settings,
            inventory::Inventory::default(),
        ),
    )
}

/// The projector of connections.
pub fn presence(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: PRESENCE,
        ver: 1,
        part: 0,
        stream: StreamName::Fact,
        filter: "ops.v1.fact.>".to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, presence::Presence),
    )
}

/// The projector of the audit trail.
pub fn audit(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: AUDIT,
        ver: 1,
        part: 0,
        stream: StreamName::Audit,
        filter: subject::AUDIT.to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, audit::Audit),
    )
}

/// The projector of log lines.
pub fn logs(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: LOGS,
        ver: 1,
        part: 0,
        stream: StreamName::Log,
        filter: subject::LOGS.to_owned(),
        // An event holds up to a thousand lines.
        max_batch: 64,
        max_wait: Duration::from_millis(20),
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, logs::Logs::default()),
    )
}

/// The projector of commands.
pub fn commands(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: COMMANDS,
        ver: 1,
        part: 0,
        stream: StreamName::Cmd,
        filter: "ops.v1.cmd.>".to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, commands::Commands),
    )
}

/// The projector of what commands write.
pub fn command_output(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: COMMAND_OUTPUT,
        ver: 1,
        part: 0,
        stream: StreamName::Result,
        filter: "ops.v1.result.>".to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, commands::CommandOutput),
    )
}

/// The projector of terminals.
pub fn terminals(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = Spec {
        name: TERMINALS,
        ver: 1,
        part: 0,
        stream: StreamName::Cmd,
        filter: "ops.v1.cmd.>".to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
    };
    (
        spec,
        TableSink::new(store.clone(), clock, settings, terminals::Terminals),
    )
}

/// The projectors of samples, one per partition.
pub fn metrics(
    store: &Store,
    bus: &Bus,
    clock: &Arc<dyn Clock>,
    settings: &SinkSettings,
    metrics: &MetricsSettings,
) -> Vec<(Spec, impl Sink<Error = StoreError> + use<>)> {
    (0..subject::PARTITIONS)
        .map(|part| {
            let spec = Spec {
                name: METRICS,
                ver: 1,
                part,
                stream: StreamName::Metrics,
                filter: subject::metrics_partition(part),
                max_batch: metrics.max_batch,
                max_wait: metrics.max_wait,
            };
            let projection = metrics::Metrics::new(bus.clone(), metrics);
            (
                spec,
                TableSink::new(
                    store.clone(),
                    Arc::clone(clock),
                    settings.clone(),
                    projection,
                ),
            )
        })
        .collect()
}
