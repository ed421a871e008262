//! The verb `run`.

use std::{process::ExitCode, sync::Arc};

use chatops_schemas::clock::System;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{complain, start_log};
use crate::{config::Settings, service::Service};

pub(super) async fn run(settings: Settings) -> ExitCode {
    let missing = settings.missing();
    let mut config = match settings.check() {
        Ok(config) => config,
        Err(error) => return complain(&error, 2),
    };
    let Some(uplink) = config.uplink.take() else {
        return complain(&missing, 2);
    };
    if let Err(error) = start_log(&config.log) {
        return complain(&error, 2);
    }
    let stop = CancellationToken::new();
    let watching = match watch_signals(stop.clone()) {
        Ok(watching) => tokio::spawn(watching),
        Err(error) => return complain(&error, 1),
    };
    tracing::info!(
        "version {} sends to {}",
        crate::identity::VERSION,
        uplink.endpoint.url()
    );
    let service = match Service::start(config, uplink, Arc::new(System), Arc::new(System)) {
        Ok(service) => service,
        Err(error) => return complain(&error, 1),
    };
    let ended = Box::pin(service.run(stop)).await;
    watching.abort();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, 1),
    }
}

/// The first signal asks for a soft end, the second ends at once.
fn watch_signals(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for last in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if last {
                std::process::exit(1);
            }
            stop.cancel();
        }
    })
}
