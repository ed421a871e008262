//! Counts refused attempts and records those that name a known key, so that its owner can see them. Rate-limited per
//! key: whoever knows a key's id could otherwise push the connection history out of the stream.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use chatops_schemas::{
    clock::{Clock, IdSource},
    envelope::Envelope,
    event::fact::{AgentRefused, Transport},
    ids::KeyId,
    subject,
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{announce::Announcer, keyring::Refusal, metrics};

/// After a burst, one recorded attempt per key in this time.
const ONE_PER: Duration = Duration::from_secs(300);
const BURST: NonZeroU32 = NonZeroU32::new(3).unwrap();

pub(crate) struct Refusals {
    limit: DefaultKeyedRateLimiter<KeyId>,
    announcer: Announcer,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Refusals {
    pub(crate) fn new(announcer: Announcer, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        let quota = Quota::with_period(ONE_PER)
            .unwrap_or(Quota::per_minute(BURST))
            .allow_burst(BURST);
        Self {
            limit: RateLimiter::keyed(quota),
            announcer,
            clock,
            ids,
        }
    }

    /// Notes a refusal; its reason in one word.
    pub(crate) fn record(
        &self,
        key: &KeyId,
        transport: Transport,
        address: Option<&str>,
        refusal: &Refusal,
    ) -> &'static str {
        let word = match refusal {
            Refusal::Unknown => "unknown_key",
            Refusal::Known { reason, .. } => reason.as_str(),
            Refusal::Unavailable(_) => "directory_unavailable",
        };
        let way = match transport {
            Transport::Nats => "nats",
            Transport::Websocket | Transport::Unknown => "websocket",
        };
        metrics::admission(way, word);
        let Refusal::Known { server, .. } = refusal else {
            return word;
        };
        if self.limit.check_key(key).is_err() {
            return word;
        }
        tracing::info!(server.id = %server, key = %key, address, reason = word, "an agent was refused");
        let event = Envelope::new(
            self.ids.event_id(),
            self.clock.now(),
            AgentRefused {
                key: key.clone(),
                transport,
                address: address.map(ToOwned::to_owned),
                reason: word.to_owned(),
            },
        )
        .about(server.clone());
        if let Err(error) = self.announcer.announce(server, subject::PRESENCE, &event) {
            tracing::error!(error = %error, "a refusal could not be recorded");
        }
        word
    }
}
