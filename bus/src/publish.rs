//! Getting an event into a stream once.
//!
//! Every event carries its id as `Nats-Msg-Id`; the stream remembers ids for its duplicate window. So the answer to an
//! unknown outcome is always the same: send it again with the same id, and an earlier success is answered as a duplicate.

use std::{future::Future, pin::Pin, task::Poll};

use async_nats::jetstream::{
    context::{PublishAckFuture, PublishErrorKind},
    message::PublishMessage,
};
use bytes::Bytes;
use chatops_schemas::{
    clock::Timestamp,
    codec::{self, EncodeError},
    envelope::Envelope,
    event::Event,
    ids::EventId,
};
use futures::future::BoxFuture;

use crate::connect::Bus;

/// Attempts of [`Bus::publish`] before the outcome is reported as unknown.
const ATTEMPTS: usize = 3;

/// Where an event lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Position in the stream.
    pub seq: u64,
    /// The stream held this id already; `seq` is where.
    pub duplicate: bool,
}

/// Why an event is not known to be stored.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No acknowledgement: it may be stored or not. Repeat with the same id.
    #[error("no acknowledgement from the stream{}", hint(.0))]
    Unknown(Option<String>),
    /// No stream takes this subject.
    #[error("no stream takes subject {0}: run `chatops topology` against this server")]
    NoStream(String),
    /// Certainly not stored: the stream refused it, for example as too large.
    #[error("the stream refused the event: {0}")]
    Refused(String),
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

fn hint(error: &Option<String>) -> String {
    error
        .as_ref()
        .map(|error| format!(" (last error on this connection: {error})"))
        .unwrap_or_default()
}

/// An event on its way: resolves when the stream has answered.
pub struct Pending {
    subject: String,
    bus: Bus,
    ack: BoxFuture<'static, Result<Stored, async_nats::jetstream::context::PublishError>>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl Future for Pending {
    type Output = Result<Stored, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        self.ack
            .as_mut()
            .poll(cx)
            .map_err(|error| classify(&self.bus, &self.subject, &error))
    }
}

pub(crate) fn classify(
    bus: &Bus,
    subject: &str,
    error: &async_nats::jetstream::context::PublishError,
) -> PublishError {
    match error.kind() {
        PublishErrorKind::StreamNotFound => PublishError::NoStream(subject.to_owned()),
        PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => PublishError::Unknown(bus.last_error()),
        PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::Other => PublishError::Refused(error.to_string()),
    }
}

async fn settle(
    ack: PublishAckFuture,
) -> Result<Stored, async_nats::jetstream::context::PublishError> {
    ack.await.map(|ack| Stored {
        seq: ack.sequence,
        duplicate: ack.duplicate,
    })
}

impl Bus {
    /// Stores an event, repeating an unknown outcome with the same id a few times.
    pub async fn publish<T: Event>(
        &self,
        subject: &str,
        event: &Envelope<T>,
    ) -> Result<Stored, PublishError> {
        let payload = Bytes::from(codec::encode(event)?);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let message = describe(event).payload(payload.clone());
            match self.send(subject, message).await?.await {
                Err(PublishError::Unknown(_)) if attempt < ATTEMPTS => {
                    metrics::counter!("chatops_bus_publish_retry_total").increment(1);
                }
                settled => return settled,
            }
        }
    }

    /// Sends an encoded event and returns once it is on its way; many may be in flight. Meant for high rates: of the
    /// headers only the id and `ops-schema` are written.
    pub async fn enqueue(
        &self,
        subject: &str,
        id: EventId,
        kind: &str,
        ver: u16,
        payload: Bytes,
    ) -> Result<Pending, PublishError> {
        let message = PublishMessage::build()
            .message_id(id.to_string())
            .header("ops-schema", format!("{kind}/{ver}").as_str())
            .payload(payload);
        self.send(subject, message).await
    }

    /// Sends a prepared message.
    pub(crate) async fn send(
        &self,
        subject: &str,
        message: PublishMessage,
    ) -> Result<Pending, PublishError> {
        let sent = self.js.send_publish(subject.to_owned(), message).await;
        let ack = sent.map_err(|error| classify(self, subject, &error))?;
        Ok(Pending {
            subject: subject.to_owned(),
            bus: self.clone(),
            ack: Box::pin(settle(ack)),
        })
    }
}

/// A message with the CloudEvents headers (binary mode) of an event. The body alone is authoritative.
pub(crate) fn describe<T>(event: &Envelope<T>) -> PublishMessage {
    let source = event.server.as_ref().map_or_else(
        || "/chatops".to_owned(),
        |server| format!("/servers/{server}"),
    );
    let time: Timestamp = event.time;
    PublishMessage::build()
        .message_id(event.id.to_string())
        .header(
            "ops-schema",
            format!("{}/{}", event.kind, event.ver).as_str(),
        )
        .header("ce-specversion", "1.0")
        .header("ce-id", event.id.to_string().as_str())
        .header("ce-type", event.kind.as_str())
        .header("ce-source", source.as_str())
        .header("ce-time", time.rfc3339().as_str())
        .header("ce-datacontenttype", "application/msgpack")
}
