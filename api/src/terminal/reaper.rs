//! Ends sessions that nobody is at any more, on the host and in the events: those that nobody came back to, and at once
//! those whose opener lost the right to them (who is at one is cut off by the [`guard`](super::guard) of that socket).
//!
//! Every process runs one; that two of them find the same session is settled by the stream, which takes one end. It keeps
//! nothing: after its death the next one looks at all open sessions. A host that does not hear of it (it is offline) ends
//! the shell when its lease is over.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use chatops_bus::{From, ReadError, StreamName};
use chatops_projections::{INVENTORY, StoreError, TerminalQuery};
use chatops_schemas::{
    access::{Action, Resource, Subject, decide},
    event::terminal::TerminalEnd,
    ids::{CommandId, ServerId, UserId},
    session::Control,
    subject::{self, Way},
};
use futures::{FutureExt, StreamExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::aggregate::{self, End};
use crate::{
    problem::{Chain, Problem},
    state::Api,
    written::By,
};

/// Longer than the lease, so that the host is the first to give up.
const GRACE_S: u32 = 60;
/// Time between looks for sessions that were left.
const EVERY: Duration = Duration::from_secs(30);
/// How long after a change of rights the sessions are looked at: who is at one is cut off by then, with the right words, and
/// a change of many accounts is looked at once.
const SETTLE: Duration = Duration::from_millis(700);
/// Pause after the streams or the database could not be read.
const RETRY: Duration = Duration::from_secs(1);
/// How long the rows of a change may take before the look is taken anew.
const ROWS: Duration = Duration::from_secs(30);
/// Sessions on a page.
const PAGE: u32 = 200;

/// Runs as a service.
#[derive(Debug)]
pub struct Reaper {
    api: Api,
}

/// Why changes of rights cannot be followed.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("read what changes")]
    Bus(#[from] ReadError),
    #[error("read who may use a terminal")]
    Store(#[from] StoreError),
    #[error("the stream of changes ended")]
    Ended,
    #[error("the rows of a change are late")]
    Late,
    #[error("a session is not ended yet")]
    NotEnded,
}

impl Reaper {
    pub(crate) const fn new(api: Api) -> Self {
        Self { api }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let work = async { tokio::join!(self.end_left(), self.end_forbidden()) };
        stop.run_until_cancelled(Box::pin(work)).await;
    }

    async fn end_left(&self) {
        loop {
            sleep(EVERY).await;
            if let Err(problem) = self.look_for_left().await {
                tracing::debug!(
                    code = problem.code().as_str(),
                    "could not look for terminals that were left"
                );
            }
        }
    }

    async fn look_for_left(&self) -> Result<(), Problem> {
        let after = self.api.config().terminal.lease_s.saturating_add(GRACE_S);
        for (session, server) in self.api.store().terminals_left(after).await? {
            self.end(&server, session, TerminalEnd::Abandoned).await?;
        }
        Ok(())
    }

    async fn end_forbidden(&self) {
        loop {
            let Err(lost) = self.follow_rights().await;
            tracing::debug!(error = %Chain(&lost), "changes of rights are not followed for a moment");
            sleep(RETRY).await;
        }
    }

    /// Looks at the open sessions now and after each change of anything that decides about rights.
    async fn follow_rights(&self) -> Result<std::convert::Infallible, Lost> {
        let mut changes = self
            .api
            .bus()
            .read_many(StreamName::Ctl, &[], From::New)
            .await?;
        let mut newest = self.api.bus().stream_info(StreamName::Ctl).await?.last_seq;
        loop {
            let progress = self.api.progress();
            if !progress.wait_until(INVENTORY, newest, ROWS).await? {
                return Err(Lost::Late);
            }
            self.look_for_forbidden().await?;
            newest = changes.next().await.ok_or(Lost::Ended)??.seq;
            sleep(SETTLE).await;
            while let Some(more) = changes.next().now_or_never() {
                newest = more.ok_or(Lost::Ended)??.seq;
            }
        }
    }

    async fn look_for_forbidden(&self) -> Result<(), Lost> {
        let query = TerminalQuery {
            open: Some(true),
            ..TerminalQuery::default()
        };
        // One answer for all sessions of a person on a server.
        let mut known: HashMap<(UserId, ServerId), bool> = HashMap::new();
        let mut before = None;
        let mut all_ended = true;
        loop {
            let page = self.api.store().terminals(&query, before, PAGE).await?;
            before = page.items.last().map(|last| last.session);
            for session in page.items {
                let Some(user) = session.user else { continue };
                let key = (user, session.server);
                let may = match known.get(&key) {
                    Some(may) => *may,
                    None => self.may_still(key.0, &key.1).await?,
                };
                if !may
                    && let Err(problem) = self
                        .end(&key.1, session.session, TerminalEnd::Revoked)
                        .await
                {
                    tracing::warn!(session = %session.session, code = problem.code().as_str(), "a terminal whose opener lost the right to it is not ended yet");
                    all_ended = false;
                }
                known.insert(key, may);
            }
            if page.next.is_none() {
                return all_ended.then_some(()).ok_or(Lost::NotEnded);
            }
        }
    }

    async fn may_still(&self, user: UserId, server: &ServerId) -> Result<bool, StoreError> {
        let store = self.api.store();
        let (Some(user), Some(server)) = (store.user(user).await?, store.registered(server).await?)
        else {
            return Ok(false);
        };
        let subject = Subject {
            active: user.active,
            ..Subject::of(user.id, user.role)
        };
        let resource = Resource::Server {
            owner: server.owner,
            granted: store.granted_level(user.id, &server.id).await?,
        };
        Ok(decide(&subject, Action::OpenTerminal, resource).allow)
    }

    /// Ends a session if it is open: the host is told, then the event says so.
    async fn end(
        &self,
        server: &ServerId,
        session: CommandId,
        reason: TerminalEnd,
    ) -> Result<(), Problem> {
        let Some(opened) = aggregate::find(&self.api, server, session).await? else {
            return Ok(());
        };
        if let Ok(close) = Control::Close.encode() {
            let ctl = subject::io(server, session, Way::Ctl);
            let bus = self.api.bus();
            let said = bus.publish_core(&ctl, None, &[], Bytes::from(close));
            if let Err(error) = said.await {
                tracing::debug!(error = %Chain(&error), "a host was not told that a terminal is over");
            }
        }
        let (by, end) = (By::system(), End::of(reason));
        aggregate::close(&self.api, &by, server, session, opened.seq, &end).await?;
        Ok(())
    }
}
