//! Has a key judged on behalf of a socket or a post.

use chatops_schemas::event::fact::Transport;

use super::Gateway;
use crate::{
    api_key::ApiKey,
    directory::DirectoryError,
    keyring::{Admitted, Refusal},
    metrics,
};

impl Gateway {
    /// Judges, counts and records. Whoever is let in is noted as having used the key.
    pub(super) async fn admit(
        &self,
        key: &ApiKey,
        address: Option<&str>,
    ) -> Result<Admitted, Refusal> {
        let inner = &self.inner;
        let verdict = match inner.judging.acquire().await {
            Ok(_permit) => inner.parts.ring.admit(key).await,
            Err(closed) => Err(Refusal::Unavailable(DirectoryError::new(closed))),
        };
        match &verdict {
            Ok(admitted) => {
                metrics::admission("websocket", "admitted");
                inner.parts.ring.note_use(&admitted.key).await;
            }
            Err(refusal) => {
                inner
                    .refusals
                    .record(&key.id, Transport::Websocket, address, refusal);
                if let Refusal::Unavailable(error) = refusal {
                    tracing::warn!(error = %error, "the key directory is out of reach: agents are refused until it is back");
                }
            }
        }
        verdict
    }
}
