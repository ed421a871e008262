//! Reading streams without taking anything from them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use async_nats::jetstream::{
    Message,
    consumer::{DeliverPolicy, pull},
    message::Acker,
    stream::DirectGetErrorKind,
};
use bytes::Bytes;
use chatops_schemas::clock::Timestamp;
use futures::{Stream, StreamExt, stream::BoxStream};
use tokio::sync::watch;

use crate::{
    connect::{Bus, Link},
    stream::StreamName,
};

/// Pause before a reader asks again for a consumer on a connection that has come back.
const AGAIN: Duration = Duration::from_millis(200);

/// An event as it lies in a stream.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Position in the stream.
    pub seq: u64,
    /// Stored subject.
    pub subject: String,
    /// When the stream took it: the trusted clock.
    pub stored_at: Timestamp,
    /// `Nats-Msg-Id`, where it was read along.
    pub id: Option<String>,
    /// Encoded event.
    pub payload: Bytes,
    /// Events behind this one that match the reader's filter, as far as known.
    pub pending: u64,
}

/// Where reading starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At this sequence.
    Seq(u64),
    /// At the first event stored at or after this moment.
    Time(Timestamp),
    /// With what is stored from now on.
    New,
    /// With the newest event of every subject, then what follows.
    LastPerSubject,
}

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read stream {stream}: {reason}")]
pub struct ReadError {
    /// Which.
    pub stream: &'static str,
    /// The library's words.
    pub reason: String,
}

impl ReadError {
    pub(crate) fn new(stream: StreamName, error: impl std::fmt::Display) -> Self {
        Self {
            stream: stream.as_str(),
            reason: error.to_string(),
        }
    }
}

/// Ends of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamInfo {
    /// Oldest position still held; one more than `last_seq` when empty.
    pub first_seq: u64,
    /// Newest position ever given.
    pub last_seq: u64,
    /// Events held.
    pub messages: u64,
    /// Bytes held.
    pub bytes: u64,
    /// When the stream was made: another value means another stream under the same name.
    pub created: Timestamp,
}

/// Events in stream order without holes. Recreates itself over disconnects; an `Err` item is the end.
pub struct Reader(BoxStream<'static, Result<Recorded, ReadError>>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl Stream for Reader {
    type Item = Result<Recorded, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

/// A delivery of a consumer, taken apart.
pub(crate) struct Delivered {
    /// Counts this consumer's deliveries from 1, repetitions included.
    pub(crate) consumer_seq: u64,
    /// Which delivery of this event it is, from 1.
    pub(crate) attempt: u64,
    pub(crate) event: Recorded,
    pub(crate) acker: Acker,
}

/// `None` when the message is not a delivery of a consumer.
pub(crate) fn delivered(message: Message) -> Option<Delivered> {
    let (consumer_seq, attempt, seq, stored_at, pending) = {
        let info = message.info().ok()?;
        let attempt = u64::try_from(info.delivered).unwrap_or(1);
        (
            info.consumer_sequence,
            attempt,
            info.stream_sequence,
            Timestamp::from(info.published),
            info.pending,
        )
    };
    let (message, acker) = message.split();
    let event = Recorded {
        seq,
        stored_at,
        pending,
        id: None,
        subject: message.subject.into_string(),
        payload: message.payload,
    };
    Some(Delivered {
        consumer_seq,
        attempt,
        event,
        acker,
    })
}

impl Bus {
    /// The newest event of a subject (wildcards allowed), or `None`. Answered by any replica from memory or disk.
    pub async fn last(
        &self,
        stream: StreamName,
        subject: &str,
    ) -> Result<Option<Recorded>, ReadError> {
        let handle = self
            .js
            .get_stream_no_info(stream.as_str())
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        match handle.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(Recorded {
                seq: message.sequence,
                subject: message.subject.into_string(),
                stored_at: Timestamp::from(message.time),
                id: message
                    .headers
                    .get(async_nats::header::NATS_MESSAGE_ID)
                    .map(|id| id.as_str().to_owned()),
                payload: message.payload,
                pending: 0,
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReadError::new(stream, error)),
        }
    }

    /// The event at a position, or `None` when it is not held (any more).
    pub async fn get(&self, stream: StreamName, seq: u64) -> Result<Option<Recorded>, ReadError> {
        let handle = self
            .js
            .get_stream_no_info(stream.as_str())
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        match handle.direct_get(seq).await {
            Ok(message) => Ok(Some(Recorded {
                seq: message.sequence,
                subject: message.subject.into_string(),
                stored_at: Timestamp::from(message.time),
                id: None,
                payload: message.payload,
                pending: 0,
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReadError::new(stream, error)),
        }
    }

    /// What a stream holds from a position to its end of now, in order.
    pub async fn read_to_end(
        &self,
        stream: StreamName,
        filter: &str,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Recorded, ReadError>>, ReadError> {
        let newest = match self.last(stream, filter).await? {
            Some(last) if last.seq >= from => last.seq,
            _ => return Ok(futures::stream::empty().boxed()),
        };
        let reader = self.read(stream, filter, From::Seq(from)).await?;
        // Behind the newest one the reader would wait for what comes; it is not asked again.
        let events = futures::stream::unfold(Some(reader), move |reader| async move {
            let mut reader = reader?;
            let event = reader.next().await?;
            let ended = event.as_ref().map_or(true, |event| event.seq >= newest);
            Some((event, (!ended).then_some(reader)))
        });
        Ok(events.boxed())
    }

    /// Reads in order from a starting point, without a durable consumer.
    pub async fn read(
        &self,
        stream: StreamName,
        filter: &str,
        from: From,
    ) -> Result<Reader, ReadError> {
        self.read_many(stream, &[filter.to_owned()], from).await
    }

    /// Like [`Self::read`], holding at most so many events that the caller has not taken yet: for large events.
    pub async fn read_few(
        &self,
        stream: StreamName,
        filter: &str,
        from: From,
        ahead: u32,
    ) -> Result<Reader, ReadError> {
        self.read_ahead(stream, &[filter.to_owned()], from, ahead)
            .await
    }

    /// Like [`Self::read`] with several filters; none means everything.
    pub async fn read_many(
        &self,
        stream: StreamName,
        filters: &[String],
        from: From,
    ) -> Result<Reader, ReadError> {
        self.read_ahead(stream, filters, from, 500).await
    }

    async fn read_ahead(
        &self,
        stream: StreamName,
        filters: &[String],
        from: From,
        ahead: u32,
    ) -> Result<Reader, ReadError> {
        let from = match from {
            // A place that stays the same when the consumer has to be made again.
            From::New => From::Seq(self.stream_info(stream).await?.last_seq + 1),
            from => from,
        };
        let following = Following::open(self, stream, filters, from, ahead).await?;
        let events = futures::stream::unfold(Some(following), |following| async move {
            let mut following = following?;
            let event = following.next().await?;
            let goes_on = event.is_ok();
            Some((event, goes_on.then_some(following)))
        });
        Ok(Reader(events.boxed()))
    }

    async fn consume(
        &self,
        stream: StreamName,
        filters: &[String],
        from: From,
        ahead: u32,
    ) -> Result<BoxStream<'static, Result<Recorded, ReadError>>, ReadError> {
        let deliver_policy = match from {
            From::Seq(start_sequence) => DeliverPolicy::ByStartSequence {
                start_sequence: start_sequence.max(1),
            },
            From::New => DeliverPolicy::New,
            From::LastPerSubject => DeliverPolicy::LastPerSubject,
            From::Time(at) => match at.to_datetime() {
                Some(start_time) => DeliverPolicy::ByStartTime { start_time },
                None => {
                    return Err(ReadError::new(
                        stream,
                        "the starting time is outside the calendar",
                    ));
                }
            },
        };
        let mut config = pull::OrderedConfig {
            deliver_policy,
            max_batch: i64::from(ahead),
            ..Default::default()
        };
        match filters {
            [] => {}
            [one] => config.filter_subject.clone_from(one),
            many => config.filter_subjects = many.to_vec(),
        }
        let handle = self
            .js
            .get_stream_no_info(stream.as_str())
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        let consumer = handle
            .create_consumer(config)
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        let messages = consumer
            .messages()
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        let events = messages.filter_map(move |delivery| {
            std::future::ready(match delivery {
                Ok(message) => delivered(message).map(|delivered| Ok(delivered.event)),
                Err(error) => Some(Err(ReadError::new(stream, error))),
            })
        });
        Ok(events.boxed())
    }

    /// Ends of a stream.
    pub async fn stream_info(&self, stream: StreamName) -> Result<StreamInfo, ReadError> {
        let handle = self
            .js
            .get_stream(stream.as_str())
            .await
            .map_err(|e| ReadError::new(stream, e))?;
        let info = handle.cached_info();
        Ok(StreamInfo {
            first_seq: info.state.first_sequence,
            last_seq: info.state.last_sequence,
            messages: info.state.messages,
            bytes: info.state.bytes,
            created: Timestamp::from(info.created),
        })
    }
}

/// An ordered consumer, and what is needed to make it again where it stood.
///
/// A server that was started again has forgotten it. The library notices when heartbeats stay out, which takes a
/// quarter of a minute; the connection says it at once.
struct Following {
    bus: Bus,
    stream: StreamName,
    filters: Vec<String>,
    ahead: u32,
    /// Behind the last event.
    from: From,
    events: BoxStream<'static, Result<Recorded, ReadError>>,
    link: watch::Receiver<Link>,
    /// The connection that the consumer was made on; `None`: not told yet.
    generation: Option<u64>,
}

impl Following {
    async fn open(
        bus: &Bus,
        stream: StreamName,
        filters: &[String],
        from: From,
        ahead: u32,
    ) -> Result<Self, ReadError> {
        let link = bus.state();
        // Before the consumer is made: a connection that is lost in between is noticed.
        let generation = generation(&link.borrow());
        Ok(Self {
            events: bus.consume(stream, filters, from, ahead).await?,
            bus: bus.clone(),
            stream,
            filters: filters.to_vec(),
            ahead,
            from,
            link,
            generation,
        })
    }

    async fn next(&mut self) -> Option<Result<Recorded, ReadError>> {
        loop {
            let known = self.generation;
            tokio::select! {
                biased;
                event = self.events.next() => {
                    if let Some(Ok(event)) = &event {
                        self.from = From::Seq(event.seq + 1);
                    }
                    return event;
                }
                now = another(&mut self.link, known) => {
                    self.consume_again(now).await;
                }
            }
        }
    }

    /// Where the connection is another one, the consumer may be gone.
    async fn consume_again(&mut self, now: u64) {
        // Nobody had told of the first connection yet when the consumer was made on it.
        if self.generation.is_none() {
            self.generation = Some(now);
            return;
        }
        let again = self
            .bus
            .consume(self.stream, &self.filters, self.from, self.ahead);
        match again.await {
            Ok(events) => {
                self.events = events;
                self.generation = Some(now);
            }
            Err(error) => {
                // A server that has just started may not have all its streams yet. The library's own way of noticing
                // is still there meanwhile, and says when it is no use.
                tracing::debug!(error = %error, "a reader is not yet back on its stream");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

const fn generation(link: &Link) -> Option<u64> {
    match link {
        Link::Connected { generation } => Some(*generation),
        Link::Disconnected { .. } => None,
    }
}

/// Waits for a connection that is not this one.
async fn another(link: &mut watch::Receiver<Link>, known: Option<u64>) -> u64 {
    let other = |link: &Link| generation(link).is_some_and(|now| Some(now) != known);
    let found = link
        .wait_for(other)
        .await
        .ok()
        .and_then(|link| generation(&link));
    match found {
        Some(generation) => generation,
        // The connection is gone for good; the consumer says so.
        None => std::future::pending().await,
    }
}
