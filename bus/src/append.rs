//! Optimistic append: a decision was made on what an aggregate looked like; it is stored only if that is still so.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use chatops_schemas::{codec, envelope::Envelope, event::Event, ids::EventId};

use crate::{
    connect::Bus,
    publish::{PublishError, classify, describe},
    read::ReadError,
    stream::StreamName,
};

const ATTEMPTS: usize = 3;

/// Why a decision was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else was first: load the aggregate again and decide again.
    #[error("the aggregate {subject} has changed since it was read")]
    Conflict {
        /// Its subject.
        subject: String,
    },
    /// The stream could not be asked what happened.
    #[error("find out what became of the event")]
    Read(#[from] ReadError),
    /// See there.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Bus {
    /// Appends to the aggregate `subject` if its last event is still number `expected` (0: it has none).
    ///
    /// Returns the event's sequence. An unknown outcome is resolved by reading the aggregate's last event: if it is ours,
    /// the append had succeeded.
    pub async fn append<T: Event>(
        &self,
        stream: StreamName,
        subject: &str,
        expected: u64,
        event: &Envelope<T>,
    ) -> Result<u64, AppendError> {
        let payload = Bytes::from(codec::encode(event).map_err(PublishError::from)?);
        let id = event.id.to_string();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let message = describe(event)
                .expected_stream(stream.as_str())
                .expected_last_subject_sequence(expected)
                .payload(payload.clone());
            let sent = match self.js.send_publish(subject.to_owned(), message).await {
                Ok(ack) => ack.await,
                Err(error) => Err(error),
            };
            let error = match sent {
                Ok(ack) => return Ok(ack.sequence),
                Err(error) => error,
            };
            let unknown = match error.kind() {
                PublishErrorKind::WrongLastSequence => false,
                PublishErrorKind::TimedOut
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::MaxAckPending => true,
                PublishErrorKind::StreamNotFound
                | PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::MaxPayloadExceeded
                | PublishErrorKind::Other => return Err(classify(self, subject, &error).into()),
            };
            let last = self.last(stream, subject).await?;
            match last {
                Some(last) if last.id.as_deref() == Some(&id) => return Ok(last.seq),
                last if unknown
                    && attempt < ATTEMPTS
                    && last.as_ref().map_or(0, |last| last.seq) == expected => {}
                _ if unknown && attempt >= ATTEMPTS => {
                    return Err(classify(self, subject, &error).into());
                }
                _ => {
                    return Err(AppendError::Conflict {
                        subject: subject.to_owned(),
                    });
                }
            }
        }
    }

    /// Appends bytes if the newest message of the whole stream is still number `expected`: of several writers, one wins.
    ///
    /// One attempt. After any error but [`AppendError::Conflict`] the bytes may be stored or not; only reading what lies
    /// behind `expected` can tell, and repeating with the same id is harmless.
    pub async fn append_last(
        &self,
        stream: StreamName,
        subject: &str,
        expected: u64,
        id: EventId,
        payload: Bytes,
    ) -> Result<u64, AppendError> {
        let message = PublishMessage::build()
            .message_id(id.to_string())
            .expected_stream(stream.as_str())
            .expected_last_sequence(expected)
            .payload(payload);
        let sent = match self.js.send_publish(subject.to_owned(), message).await {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        let conflict = || AppendError::Conflict {
            subject: subject.to_owned(),
        };
        match sent {
            // An id that the stream knows is a message that lies somewhere before.
            Ok(ack) if ack.duplicate => Err(conflict()),
            Ok(ack) => Ok(ack.sequence),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Err(conflict()),
            Err(error) => Err(classify(self, subject, &error).into()),
        }
    }
}
