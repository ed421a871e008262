//! The verb `logs`: the lines that would be sent, as they come. Nothing is sent, and nothing is remembered.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use chatops_schemas::{clock::System, event::log::LogBatch};
use tokio::{sync::mpsc, task::JoinSet};

use super::{complain, start_log};
use crate::{
    config::{Capability, Settings},
    logs::{self, Out, Surroundings},
};

const NONE: &str = "\
no lines would be sent: there are no sources in the settings. One for each log, in agent.toml:

  capabilities = [\"metrics\", \"processes\", \"docker\", \"logs\"]

  [[logs]]
  name = \"nginx\"
  files = [\"/var/log/nginx/*.log\"]

  [[logs]]
  name = \"journal\"
  journald = true

  [[logs]]
  name = \"containers\"
  containers = [\"*\"]";

pub(super) async fn logs(settings: Settings, json: bool) -> ExitCode {
    let config = match settings.check() {
        Ok(config) => config,
        Err(error) => return complain(&error, 2),
    };
    if config.logs.is_empty() {
        return complain(&NONE, 2);
    }
    if let Err(error) = start_log(&config.log) {
        return complain(&error, 2);
    }
    if !config.capabilities.contains(&Capability::Logs) {
        eprintln!("chatops-agent: none of this is sent: capabilities does not hold \"logs\"");
    }
    let (shown, mut batches) = mpsc::channel(16);
    let surroundings = Surroundings {
        out: Out::Shown(shown),
        folder: logs::settings::folder(&config.data),
        docker_socket: config.docker_socket,
        clock: Arc::new(System),
        ids: Arc::new(System),
    };
    let mut tasks = JoinSet::new();
    logs::start(config.logs, &surroundings, &mut tasks);
    drop(surroundings);
    while let Some(batch) = batches.recv().await {
        if let Err(error) = print(&batch, json) {
            // Whoever reads has seen enough.
            let closed = error.kind() == std::io::ErrorKind::BrokenPipe;
            return if closed {
                ExitCode::SUCCESS
            } else {
                complain(&error, 1)
            };
        }
    }
    ExitCode::SUCCESS
}

fn print(batch: &LogBatch, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let text = serde_json::to_string(batch)?;
        writeln!(out, "{text}")?;
        return out.flush();
    }
    for line in &batch.lines {
        write!(
            out,
            "{} {} {}",
            line.time,
            batch.source,
            line.level.as_str()
        )?;
        if let Some(origin) = &line.origin {
            write!(out, " {origin}")?;
        }
        write!(out, " {}", line.message)?;
        for (name, value) in &line.fields {
            write!(out, " {name}={value}")?;
        }
        writeln!(out)?;
    }
    for dropped in &batch.dropped {
        writeln!(
            out,
            "{} {} lines dropped ({})",
            batch.source,
            dropped.lines,
            dropped.reason.as_str()
        )?;
    }
    out.flush()
}
