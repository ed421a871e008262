//! Ends sessions that nobody came back to, in the events. Their hosts have ended the shells by then, each by itself.
//!
//! Every process runs one; that two of them find the same session is settled by the stream, which takes one end.

use std::time::Duration;

use bytes::Bytes;
use chatops_schemas::{
    event::terminal::TerminalEnd,
    session::Control,
    subject::{self, Way},
};
use tokio_util::sync::CancellationToken;

use super::aggregate::{self, End};
use crate::{
    problem::{Chain, Problem},
    state::Api,
    written::By,
};

/// Longer than the lease, so that the host is the first to give up.
const GRACE_S: u32 = 60;

/// Runs as a service.
#[derive(Debug)]
pub struct Reaper {
    api: Api,
}

impl Reaper {
    pub(crate) const fn new(api: Api) -> Self {
        Self { api }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let every = Duration::from_secs(30);
        while stop
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            if let Err(problem) = self.round().await {
                tracing::debug!(
                    code = problem.code().as_str(),
                    "could not look for terminals that were left"
                );
            }
        }
    }

    /// One look.
    pub async fn round(&self) -> Result<usize, Problem> {
        let after = self.api.config().terminal.lease_s.saturating_add(GRACE_S);
        let left = self.api.store().terminals_left(after).await?;
        let mut ended = 0;
        for (session, server) in left {
            let Some(opened) = aggregate::find(&self.api, &server, session).await? else {
                continue;
            };
            if let Ok(close) = Control::Close.encode() {
                let ctl = subject::io(&server, session, Way::Ctl);
                let said = self
                    .api
                    .bus()
                    .publish_core(&ctl, None, &[], Bytes::from(close));
                if let Err(error) = said.await {
                    tracing::debug!(error = %Chain(&error), "a host was not told that a terminal was left");
                }
            }
            let end = End::of(TerminalEnd::Abandoned);
            let by = By::system();
            let closed =
                aggregate::close(&self.api, &by, &server, session, opened.seq, &end).await?;
            ended += usize::from(closed.is_some());
        }
        Ok(ended)
    }
}
