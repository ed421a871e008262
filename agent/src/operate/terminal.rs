//! Terminals on the host and in containers. Called by the [`Desk`](super::Desk).

use chatops_schemas::order::{Refusal, RefusalCode, Terminal};

use super::{Host, session::SessionIo};

/// Opens a terminal and returns once its program runs.
pub(super) async fn open(_: Host, _: Terminal, _: SessionIo) -> Result<(), Refusal> {
    std::future::ready(Err(Refusal::new(
        RefusalCode::Unsupported,
        "this agent opens no terminals",
    )))
    .await
}
