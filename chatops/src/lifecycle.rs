//! How the program leaves, and what it does when a part of it leaves on its own.
//!
//! The first signal (Ctrl-C, SIGTERM, SIGHUP) asks: refuse new work, drain, flush, checkpoint. The second one ends the
//! program at once; whatever was acknowledged is in the stream, and children are stopped by the guard of `up`.
//! A service that ends by itself, by error or panic, brings the program down softly and makes it exit with 1.

use std::{future::Future, time::Duration};

use anyhow::Context;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{output::Output, trouble::Code};

/// How long a stage may take to drain before its tasks are dropped.
const DRAIN: Duration = Duration::from_secs(30);

/// Resolves when the first signal has come; from then on the second one exits.
#[derive(Debug, Clone)]
pub(crate) struct Leaving(CancellationToken);

impl Leaving {
    /// Installs the handlers.
    pub(crate) fn listen(output: Output) -> anyhow::Result<Self> {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let signals = kinds
            .into_iter()
            .map(signal)
            .collect::<Result<Vec<_>, _>>()
            .context("listen for signals")?;
        let token = CancellationToken::new();
        tokio::spawn(watch(signals, token.clone(), output));
        Ok(Self(token))
    }

    /// Waits for the first signal.
    pub(crate) async fn asked(&self) {
        self.0.cancelled().await;
    }

    /// `work`, unless the first signal comes before it is done.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}

async fn watch(mut signals: Vec<Signal>, token: CancellationToken, output: Output) {
    any(&mut signals).await;
    token.cancel();
    any(&mut signals).await;
    output.warn("second signal: leaving at once");
    std::process::exit(Code::Aborted as i32);
}

async fn any(signals: &mut [Signal]) {
    std::future::poll_fn(|context| {
        let came = signals
            .iter_mut()
            .any(|signal| signal.poll_recv(context).is_ready());
        if came {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// A group of services that are stopped together.
#[derive(Debug)]
pub(crate) struct Stage {
    token: CancellationToken,
    tasks: JoinSet<()>,
    died: mpsc::UnboundedSender<String>,
}

impl Stage {
    /// An empty stage whose services report their unasked end to `died`.
    pub(crate) fn new(died: mpsc::UnboundedSender<String>) -> Self {
        Self {
            token: CancellationToken::new(),
            tasks: JoinSet::new(),
            died,
        }
    }

    /// Cancelled when the stage is asked to stop; for the services' constructors.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs a service. It must return soon after the token is cancelled, and not before.
    pub(crate) fn run<F>(&mut self, name: &'static str, service: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (token, died) = (self.token.clone(), self.died.clone());
        let mut inner = JoinSet::new();
        inner.spawn(service);
        self.tasks.spawn(async move {
            let ended = inner.join_next().await;
            let reason = match ended {
                Some(Ok(Ok(()))) if token.is_cancelled() => return,
                Some(Ok(Ok(()))) | None => "it ended without being asked".to_owned(),
                Some(Ok(Err(error))) => crate::output::sentence(&error),
                Some(Err(panic)) => format!("it panicked: {panic}"),
            };
            if token.is_cancelled() {
                tracing::warn!(service = name, %reason, "service failed while it stopped");
            } else {
                tracing::error!(service = name, %reason, "service ended by itself");
                // Nobody listens any more once the program is on its way out.
                let _ = died.send(format!("{name}: {reason}"));
            }
        });
    }

    /// Asks all services to drain and waits; drops those that do not finish in time and tells how many.
    pub(crate) async fn stop(mut self) -> usize {
        self.token.cancel();
        let drained = timeout(DRAIN, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if drained.await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.tasks.shutdown().await;
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_service_that_ends_unasked_is_reported() {
        let (died, mut dead) = mpsc::unbounded_channel();
        let mut stage = Stage::new(died);
        stage.run("fails", async { anyhow::bail!("no bus") });
        stage.run("panics", async { panic!("on purpose") });
        let mut reports = [dead.recv().await.unwrap(), dead.recv().await.unwrap()];
        reports.sort();
        assert_eq!(reports[0], "fails: no bus");
        assert!(reports[1].starts_with("panics: it panicked"), "{reports:?}");
    }

    #[tokio::test]
    async fn stopping_waits_for_services_to_drain() {
        let (died, mut dead) = mpsc::unbounded_channel();
        let mut stage = Stage::new(died);
        let token = stage.token();
        let (drained, done) = tokio::sync::oneshot::channel();
        stage.run("drains", async move {
            token.cancelled().await;
            tokio::task::yield_now().await;
            let _ = drained.send(());
            Ok(())
        });
        assert_eq!(stage.stop().await, 0);
        done.await.unwrap();
        assert!(dead.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_does_not_drain_is_dropped() {
        let (died, _dead) = mpsc::unbounded_channel();
        let mut stage = Stage::new(died);
        stage.run("hangs", std::future::pending());
        assert_eq!(stage.stop().await, 1);
    }
}
