//! The read models: which events become which rows.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod commands;
pub(crate) mod inventory;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod presence;
pub(crate) mod terminals;

use std::{sync::Arc, time::Duration};

use chatops_bus::{
    Bus, Recorded, StreamName,
    projector::{Halt, Sink, Spec},
};
use chatops_schemas::{
    catalogue::Payload,
    clock::Clock,
    codec::{self, DecodeError},
    envelope::Envelope,
    ids::ServerId,
    subject,
};

use crate::{
    error::StoreError,
    park::{Parking, Reason},
    projector::{Refusal, SinkSettings, TableSink},
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
/// Name of the projector of alerts.
pub const ALERTS: &str = "alerts";
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

/// Events of a burst are collected for so long; the first one is not held up.
const BURST: Duration = Duration::from_millis(20);

/// One projector for a whole stream, whose rows somebody waits for who has just written.
fn waited_for(name: &'static str, stream: StreamName, filter: &str) -> Spec {
    Spec {
        name,
        ver: 1,
        part: 0,
        stream,
        filter: filter.to_owned(),
        max_batch: 500,
        max_wait: Duration::ZERO,
        pause: Duration::ZERO,
    }
}

/// The same for what comes in bursts of many small events, of which each would be a transaction.
fn in_bursts(name: &'static str, stream: StreamName, filter: &str) -> Spec {
    Spec {
        pause: BURST,
        ..waited_for(name, stream, filter)
    }
}

/// What an event tells about the server that its subject names. None: it was parked, or is of a type that this build does not
/// know and is counted as skipped.
///
/// # Errors
/// A halt, when only a newer build can read it.
fn told_of(
    event: &Recorded,
    server: &ServerId,
    parking: &mut Parking,
    projector: &'static str,
) -> Result<Option<Envelope<Payload>>, Refusal> {
    match decoded(event, Some(server), parking, projector)? {
        Some(told) if told.server.as_ref() == Some(server) => Ok(Some(told)),
        Some(_) => {
            let error = "the body names another server";
            parking.park(event, Some(server.as_str()), Reason::WrongServer, error);
            Ok(None)
        }
        None => Ok(None),
    }
}

/// An event, whatever it is about. None: it was parked, or is of a type that this build does not know and is counted as
/// skipped. `server` is who sent it, as far as that is known.
///
/// # Errors
/// A halt, when only a newer build can read it.
fn decoded(
    event: &Recorded,
    server: Option<&ServerId>,
    parking: &mut Parking,
    projector: &'static str,
) -> Result<Option<Envelope<Payload>>, Refusal> {
    match codec::decode_any(&event.payload) {
        Ok(told) => return Ok(Some(told)),
        Err(error) if error.needs_upgrade() => {
            return Err(Refusal::Halt(Halt::NeedsUpgrade(error.to_string())));
        }
        Err(DecodeError::UnknownType(kind)) => {
            tracing::debug!(
                seq = event.seq,
                kind,
                "skipped an event of a type this build does not know"
            );
            ::metrics::counter!("chatops_projections_skipped_total", "projector" => projector)
                .increment(1);
        }
        Err(error) => {
            let server = server.map(ServerId::as_str);
            parking.park(event, server, Reason::of(&error), error);
        }
    }
    Ok(None)
}

/// The projector of users, servers and keys.
pub fn inventory(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = waited_for(INVENTORY, StreamName::Ctl, "ops.v1.ctl.>");
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
    let spec = waited_for(PRESENCE, StreamName::Fact, "ops.v1.fact.>");
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
    let spec = in_bursts(AUDIT, StreamName::Audit, subject::AUDIT);
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
        pause: Duration::ZERO,
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
    let spec = in_bursts(COMMANDS, StreamName::Cmd, "ops.v1.cmd.>");
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
    let spec = in_bursts(COMMAND_OUTPUT, StreamName::Result, "ops.v1.result.>");
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
    let spec = in_bursts(TERMINALS, StreamName::Cmd, "ops.v1.cmd.>");
    (
        spec,
        TableSink::new(store.clone(), clock, settings, terminals::Terminals),
    )
}

/// The projector of alerts and of who was told of them: both, because the log of an alert shows them in one order.
pub fn alerts(
    store: &Store,
    clock: Arc<dyn Clock>,
    settings: SinkSettings,
) -> (Spec, impl Sink<Error = StoreError> + use<>) {
    let spec = waited_for(ALERTS, StreamName::Alert, "ops.v1.>");
    (
        spec,
        TableSink::new(store.clone(), clock, settings, alerts::Alerts),
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
                pause: Duration::ZERO,
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
