//! systemd's units, when somebody asks. Called by the [`Desk`](super::Desk).

use chatops_schemas::{
    answer::Units,
    order::{Refusal, RefusalCode},
};

/// All that are loaded.
pub(super) async fn all() -> Result<Units, Refusal> {
    std::future::ready(Err(Refusal::new(
        RefusalCode::Unsupported,
        "this agent does not list units",
    )))
    .await
}
