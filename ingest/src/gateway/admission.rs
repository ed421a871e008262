//! Has a key judged on behalf of a socket or a post.

use std::net::IpAddr;

use chatops_schemas::event::fact::Transport;

use super::Gateway;
use crate::{
    api_key::ApiKey,
    directory::DirectoryError,
    keyring::{Admitted, Refusal},
    metrics,
};

/// Why somebody does not come in.
#[derive(Debug)]
pub(super) enum Denied {
    /// The key was judged.
    Refused(Refusal),
    /// Too many failures before this attempt; seconds to wait.
    TooMany(u64),
}

impl Gateway {
    /// Judges, counts and records.
    pub(super) async fn admit(
        &self,
        key: &ApiKey,
        address: Option<IpAddr>,
    ) -> Result<Admitted, Denied> {
        let inner = &self.inner;
        let now = || inner.parts.clock.now();
        let verdict = match inner.judging.acquire().await {
            Ok(_permit) => {
                // Only now: those who wait here at the same time count too.
                if let Some(seconds) = inner.attempts.wait(address, Some(&key.id), now()) {
                    metrics::admission("websocket", "too_many_attempts");
                    return Err(Denied::TooMany(seconds));
                }
                inner.parts.ring.admit(key).await
            }
            Err(closed) => Err(Refusal::Unavailable(DirectoryError::new(closed))),
        };
        match verdict {
            Ok(admitted) => {
                metrics::admission("websocket", "admitted");
                Ok(admitted)
            }
            Err(refusal) => {
                let text = address.map(|address| address.to_string());
                inner
                    .refusals
                    .record(&key.id, Transport::Websocket, text.as_deref(), &refusal);
                if let Refusal::Unavailable(error) = &refusal {
                    tracing::warn!(error = %error, "the key directory is out of reach: agents are refused until it is back");
                } else {
                    inner.attempts.failed(address, Some(&key.id), now());
                }
                Err(Denied::Refused(refusal))
            }
        }
    }

    /// Seconds that a stranger has to wait because of what came from its address.
    pub(super) fn must_wait(&self, address: Option<IpAddr>) -> Option<u64> {
        let inner = &self.inner;
        inner.attempts.wait(address, None, inner.parts.clock.now())
    }

    /// A stranger wasted our time without showing a key that could be judged.
    pub(super) fn wasted(&self, address: Option<IpAddr>) {
        let inner = &self.inner;
        inner
            .attempts
            .failed(address, None, inner.parts.clock.now());
    }
}
