//! What surrounds every payload.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::Event,
    ids::{EventId, ServerId},
};

/// An event as it lies in a stream: a MessagePack map with these keys.
///
/// The body is authoritative. NATS headers repeat a part of it for routers and gateways, but nothing is decided by them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// Unique for ever; also the `Nats-Msg-Id` by which the stream refuses duplicates.
    pub id: EventId,
    /// Event type, for example `metrics.sample`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Version of the payload's schema.
    pub ver: u16,
    /// When it happened, by the clock of whoever saw it happen. The stream's own time is the trusted one.
    pub time: Timestamp,
    /// The server it is about. Equals the subject's server token, or the event is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerId>,
    /// Boot id of the publishing host, so that counters of two boots are never compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// Counts the publisher's events since its boot: a hole proves a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The request or chain this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corr: Option<Uuid>,
    /// The event that caused this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventId>,
    /// Who did it: `user:<id>`, `agent:<server>`, `key:<id>` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Network address that the actor came from, where they came through the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The payload.
    pub data: T,
}

impl<T: Event> Envelope<T> {
    /// Wraps a payload with its own type and version; the optional fields start empty.
    pub fn new(id: EventId, time: Timestamp, data: T) -> Self {
        Self {
            id,
            kind: T::TYPE.to_owned(),
            ver: T::VERSION,
            time,
            server: None,
            boot: None,
            n: None,
            corr: None,
            cause: None,
            actor: None,
            address: None,
            data,
        }
    }

    /// Sets the server it is about.
    #[must_use]
    pub fn about(mut self, server: ServerId) -> Self {
        self.server = Some(server);
        self
    }

    /// Sets who did it.
    #[must_use]
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets where they came from.
    #[must_use]
    pub fn from_address(mut self, address: Option<String>) -> Self {
        self.address = address;
        self
    }
}

impl<T> Envelope<T> {
    /// The same envelope around another payload.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Envelope<U> {
        Envelope {
            id: self.id,
            kind: self.kind,
            ver: self.ver,
            time: self.time,
            server: self.server,
            boot: self.boot,
            n: self.n,
            corr: self.corr,
            cause: self.cause,
            actor: self.actor,
            address: self.address,
            data: f(self.data),
        }
    }
}
