//! Commands: begun once, told of until the end. Called by the [`Desk`](super::Desk).

use std::{path::Path, sync::Arc};

use chatops_schemas::{
    clock::{Clock, IdSource},
    ids::CommandId,
    order::{Operation, Refusal, RefusalCode, Reply},
};
use tokio_util::task::TaskTracker;

use super::Host;
use crate::outbox::EventsOut;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the journal of commands cannot be used: {0}")]
pub struct JournalError(#[from] std::io::Error);

/// Runs commands.
pub(super) struct Exec {
    _events: EventsOut,
}

impl Exec {
    /// Opens the journal.
    pub(super) fn open(
        _data: &Path,
        events: EventsOut,
        _clock: Arc<dyn Clock>,
        _ids: Arc<dyn IdSource>,
        _tasks: TaskTracker,
    ) -> Result<Self, JournalError> {
        Ok(Self { _events: events })
    }

    /// Begins a command, or says how far it is.
    pub(super) async fn begin(
        &self,
        _: CommandId,
        _: Operation,
        _: &Host,
    ) -> Result<Reply, Refusal> {
        std::future::ready(Err(Refusal::new(
            RefusalCode::Unsupported,
            "this agent runs no commands",
        )))
        .await
    }

    /// Ends a command.
    pub(super) fn cancel(&self, _: CommandId) -> Result<Reply, Refusal> {
        Err(Refusal::new(
            RefusalCode::NotFound,
            "nothing of this name runs here",
        ))
    }

    /// Takes note of a session.
    pub(super) fn open_session(&self, _: CommandId) -> Result<(), Refusal> {
        Ok(())
    }

    /// The stream holds the end of this command.
    pub(super) fn told(&self, _: CommandId) {}

    /// Ends what runs.
    pub(super) async fn close(&self) {
        std::future::ready(()).await;
    }
}
