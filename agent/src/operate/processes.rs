//! All processes of this host, when somebody asks. Called by the [`Desk`](super::Desk).

use chatops_schemas::{
    answer::Processes,
    order::{Refusal, RefusalCode},
};

use super::Host;

/// All of them; `arguments` says whether their command lines may be read.
pub(super) async fn all(_: &Host, _arguments: bool) -> Result<Processes, Refusal> {
    std::future::ready(Err(Refusal::new(
        RefusalCode::Unsupported,
        "this agent does not list processes",
    )))
    .await
}
