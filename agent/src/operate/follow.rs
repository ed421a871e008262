//! Logs of a container as they are written. Called by the [`Desk`](super::Desk).

use chatops_schemas::order::{Follow, Refusal, RefusalCode};

use super::{Host, session::SessionIo};

/// Begins to send logs and returns once the engine has agreed.
pub(super) async fn open(_: Host, _: Follow, _: SessionIo) -> Result<(), Refusal> {
    std::future::ready(Err(Refusal::new(
        RefusalCode::Unsupported,
        "this agent does not follow the logs of containers",
    )))
    .await
}
