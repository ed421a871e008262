//! Logs and metrics of this process.
//!
//! Log lines are sentences with fields: text on a terminal, one JSON object per line elsewhere, always on stderr.
//! Metrics of all crates arrive through the `metrics` facade and are rendered for `/metrics` on request.

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter,
    filter::filter_fn,
    fmt::{MakeWriter, format::FmtSpan},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{Log, LogFormat},
    output::Output,
    trouble::{Code, Trouble},
};

/// Bounds in seconds of every histogram whose name says that it holds seconds.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// How often the recorder folds what it collected, so that it stays small when nobody asks.
const UPKEEP: Duration = Duration::from_secs(15);

/// Whether a line may be shown at any level. What the sockets' library says at its most talkative are whole messages, and
/// the first one of a socket holds a token.
fn holds_no_message(line: &Metadata<'_>) -> bool {
    *line.level() != Level::TRACE || !line.target().starts_with("tungstenite")
}

/// Starts logging. `quiet` is the level when the settings name none.
pub(crate) fn log(settings: &Log, quiet: &str, output: &Output) -> Result<(), Trouble> {
    let level = settings.level.as_deref().unwrap_or(quiet);
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Trouble::new(
            Code::Settings,
            format!("log.level {level:?} is not understood: {error}"),
            "use error, warn, info, debug or trace, or targets such as info,chatops_bus=debug",
        )
    })?;
    let terminal = std::io::stderr().is_terminal();
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(output.clone()))
        .with_span_events(FmtSpan::NONE);
    if json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .finish()
            .with(filter_fn(holds_no_message))
            .init();
    } else {
        lines
            .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
            .with_target(false)
            .finish()
            .with(filter_fn(holds_no_message))
            .init();
    }
    Ok(())
}

/// Gives each log line the terminal as a whole.
struct Lines(Output);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Output;

    fn make_writer(&'a self) -> Self::Writer {
        &self.0
    }
}

/// Collects metrics from here on.
pub(crate) fn metrics() -> anyhow::Result<Metrics> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .context("set the buckets of histograms")?
        .install_recorder()
        .context("install the metrics recorder")?;
    metrics::describe_gauge!(
        "chatops_process_resident_bytes",
        metrics::Unit::Bytes,
        "Memory of this process"
    );
    metrics::describe_gauge!(
        "chatops_process_cpu_seconds",
        metrics::Unit::Seconds,
        "Processor time of this process"
    );
    metrics::gauge!("chatops_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Metrics {
        handle: Arc::new(handle),
    })
}

/// Renders what was collected; cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: Arc<PrometheusHandle>,
}

impl Metrics {
    /// Prometheus text.
    pub(crate) fn render(&self) -> String {
        observe_process();
        self.handle.render()
    }

    /// Runs for ever beside the services.
    pub(crate) async fn upkeep(self) {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            self.handle.run_upkeep();
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn observe_process() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!("chatops_process_resident_bytes").set(bytes as f64);
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    metrics::gauge!("chatops_process_cpu_seconds")
        .set(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9);
}

/// Memory of this process that is in RAM.
pub(crate) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
