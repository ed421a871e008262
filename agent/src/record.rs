//! An event as it waits in a spool. Samples are made by [`service`](crate::service), others by
//! [`outbox`](crate::outbox); both are sent by [`transport`](crate::transport).
//!
//! A record is the event's id (16 bytes), its time (8 bytes, microseconds, little-endian) and the encoded envelope. In
//! the spools of other events there stand before the envelope: the tail of the subject and the type, each with its length
//! in a byte, and the version (2 bytes). A record is made once: a sample that is sent again has the id and the time it had before. The envelope does not name the
//! server yet, because an agent that has never been connected does not know its own; [`Record::addressed`] adds it.

use bytes::Bytes;
use chatops_schemas::{
    clock::Timestamp,
    codec::{self, MAX_EVENT_BYTES},
    envelope::Envelope,
    event::{Event, log::LogBatch, metric::Sample},
    ids::{EventId, ServerId},
    subject,
};
use uuid::Uuid;

use crate::outbox::{Lane, Tail};

const HEAD: usize = 24;
/// Streams count headers too, and the server's id is still to be added.
const MAX_BODY: usize = MAX_EVENT_BYTES - 2048;
/// Bytes that the server's id takes at most.
const SERVER_ROOM: usize = 128;

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Too short, or not an envelope.
    #[error("not a spooled sample")]
    Malformed,
    /// An envelope that does not hold a sample.
    #[error("spooled sample cannot be read")]
    Decode(#[from] codec::DecodeError),
}

/// Encodes a sample. One that is too large for a stream loses the ends of its longest lists, which is counted in
/// `truncated`: a part is better than nothing.
pub fn encode(envelope: &mut Envelope<Sample>) -> Result<Bytes, codec::EncodeError> {
    loop {
        match codec::encode(envelope) {
            Ok(body) if body.len() <= MAX_BODY => {
                let mut record = Vec::with_capacity(HEAD + body.len());
                record.extend_from_slice(envelope.id.0.as_bytes());
                record.extend_from_slice(&envelope.time.micros().to_le_bytes());
                record.extend_from_slice(&body);
                return Ok(record.into());
            }
            Ok(_) | Err(codec::EncodeError::TooLarge(_)) if shrink(&mut envelope.data) => {}
            Ok(body) => return Err(codec::EncodeError::TooLarge(body.len())),
            Err(error) => return Err(error),
        }
    }
}

/// Encodes an event of another kind.
pub(crate) fn encode_event<T: Event>(
    tail: &Tail,
    envelope: &Envelope<T>,
) -> Result<Bytes, codec::EncodeError> {
    let body = codec::encode(envelope)?;
    if body.len() > codec::MAX_EVENT_BYTES - SERVER_ROOM {
        return Err(codec::EncodeError::TooLarge(body.len()));
    }
    let tail = tail.text();
    let mut record = Vec::with_capacity(HEAD + tail.len() + T::TYPE.len() + 4 + body.len());
    record.extend_from_slice(envelope.id.0.as_bytes());
    record.extend_from_slice(&envelope.time.micros().to_le_bytes());
    for text in [tail.as_str(), T::TYPE] {
        let len = u8::try_from(text.len()).map_err(|_| codec::EncodeError::TooLarge(text.len()))?;
        record.push(len);
        record.extend_from_slice(text.as_bytes());
    }
    record.extend_from_slice(&T::VERSION.to_le_bytes());
    record.extend_from_slice(&body);
    Ok(record.into())
}

/// Halves the list that takes most room; false when there is nothing left to halve.
fn shrink(sample: &mut Sample) -> bool {
    type Cut = fn(&mut Sample) -> usize;
    fn half<T>(list: &mut Vec<T>) -> usize {
        let kept = list.len() / 2;
        let cut = list.len() - kept;
        list.truncate(kept);
        cut
    }
    let weights: [(usize, Cut); 6] = [
        (sample.containers.len() * 4, |sample| {
            half(&mut sample.containers)
        }),
        (sample.fs.len() * 3, |sample| half(&mut sample.fs)),
        (sample.net.len() * 2, |sample| half(&mut sample.net)),
        (sample.disk.len() * 2, |sample| half(&mut sample.disk)),
        (sample.temp.len(), |sample| half(&mut sample.temp)),
        (sample.failed_units.len(), |sample| {
            half(&mut sample.failed_units)
        }),
    ];
    let Some((weight, cut)) = weights.into_iter().max_by_key(|(weight, _)| *weight) else {
        return false;
    };
    if weight == 0 {
        return false;
    }
    let cut = u32::try_from(cut(sample)).unwrap_or(u32::MAX);
    sample.truncated = Some(sample.truncated.unwrap_or(0).saturating_add(cut));
    true
}

/// A record read back.
#[derive(Debug, Clone)]
pub struct Record {
    /// Id of the event.
    pub id: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// Type of the event.
    pub kind: String,
    /// Version of its payload.
    pub version: u16,
    /// Where it belongs; absent for samples.
    tail: Option<Tail>,
    body: Bytes,
}

impl Record {
    /// Splits a record of this spool; its envelope is not looked into.
    pub fn parse(lane: Lane, record: &Bytes) -> Result<Self, RecordError> {
        let (id, rest) = record
            .split_first_chunk::<16>()
            .ok_or(RecordError::Malformed)?;
        let (time, mut body) = rest
            .split_first_chunk::<8>()
            .ok_or(RecordError::Malformed)?;
        let (mut tail, mut kind, mut version) = (None, Sample::TYPE, Sample::VERSION);
        if lane != Lane::Samples {
            let place = text(&mut body)?;
            tail = Some(Tail::parse(place).ok_or(RecordError::Malformed)?);
            kind = text(&mut body)?;
            let (number, rest) = body
                .split_first_chunk::<2>()
                .ok_or(RecordError::Malformed)?;
            (version, body) = (u16::from_le_bytes(*number), rest);
        }
        if body.is_empty() {
            return Err(RecordError::Malformed);
        }
        Ok(Self {
            id: EventId(Uuid::from_bytes(*id)),
            time: Timestamp::from_micros(i64::from_le_bytes(*time)),
            kind: kind.to_owned(),
            version,
            tail,
            body: record.slice_ref(body),
        })
    }

    /// Where it is published.
    pub fn subject(&self, server: &ServerId) -> String {
        match &self.tail {
            Some(tail) => tail.subject(server),
            None => subject::metrics(server),
        }
    }

    /// The encoded envelope with the server's id in it.
    ///
    /// The id is written behind the last entry of the map and the map's length raised by one: decoding and encoding a
    /// whole sample for one text would cost more than everything else about sending it.
    pub fn addressed(&self, server: &ServerId) -> Result<Bytes, RecordError> {
        let server = server.as_str().as_bytes();
        let entries = self
            .body
            .first()
            .filter(|mark| (0x80..0x8f).contains(*mark))
            .ok_or(RecordError::Malformed)?;
        let len = u8::try_from(server.len()).map_err(|_| RecordError::Malformed)?;
        let mut body = Vec::with_capacity(self.body.len() + server.len() + 9);
        body.push(entries + 1);
        body.extend_from_slice(&self.body[1..]);
        body.extend_from_slice(b"\xa6server\xd9");
        body.push(len);
        body.extend_from_slice(server);
        Ok(body.into())
    }

    /// The source and the number of lines of a batch of log lines, those that it counts as dropped included.
    pub fn lines(&self) -> Option<(String, u64)> {
        let batch = codec::decode::<LogBatch>(&self.body).ok()?.data;
        let before: u64 = batch.dropped.iter().map(|dropped| dropped.lines).sum();
        Some((batch.source, batch.lines.len() as u64 + before))
    }

    /// The envelope of a sample, decoded.
    pub fn envelope(&self) -> Result<Envelope<Sample>, RecordError> {
        Ok(codec::decode(&self.body)?)
    }
}

/// A short text with its length before it.
fn text<'a>(body: &mut &'a [u8]) -> Result<&'a str, RecordError> {
    let (len, rest) = body.split_first().ok_or(RecordError::Malformed)?;
    let (text, rest) = rest
        .split_at_checked(usize::from(*len))
        .ok_or(RecordError::Malformed)?;
    *body = rest;
    std::str::from_utf8(text).map_err(|_| RecordError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatops_schemas::{
        event::{
            metric::{Container, Filesystem},
            result::{MAX_CHUNK, ResultOutput},
        },
        ids::CommandId,
        session::Stream,
    };
    use proptest::prelude::*;

    fn envelope(sample: Sample) -> Envelope<Sample> {
        let mut envelope = Envelope::new(
            EventId(Uuid::from_u128(7)),
            Timestamp::from_millis(1_700_000_000_123),
            sample,
        );
        (envelope.boot, envelope.n) = (Some("boot".into()), Some(42));
        envelope
    }

    #[test]
    fn what_is_sent_is_what_was_read_plus_the_server() {
        let mut event = envelope(Sample {
            interval_ms: Some(5000),
            ..Sample::default()
        });
        let record = Record::parse(Lane::Samples, &encode(&mut event).unwrap()).unwrap();
        assert_eq!((record.id, record.time), (event.id, event.time));
        assert_eq!(record.envelope().unwrap(), event);
        let server = ServerId::parse("s".repeat(64)).unwrap();
        let sent: Envelope<Sample> = codec::decode(&record.addressed(&server).unwrap()).unwrap();
        assert_eq!(sent, event.about(server));
    }

    #[test]
    fn a_sample_that_is_too_large_is_cut_and_says_so() {
        let long = |n: usize| format!("{n}{}", "x".repeat(250));
        let sample = Sample {
            fs: (0..500)
                .map(|n| Filesystem {
                    mount: long(n),
                    device: Some(long(n)),
                    ..Filesystem::default()
                })
                .collect(),
            containers: (0..500)
                .map(|n| Container {
                    name: long(n),
                    image: Some(long(n)),
                    ..Container::default()
                })
                .collect(),
            truncated: Some(3),
            ..Sample::default()
        };
        let record = Record::parse(Lane::Samples, &encode(&mut envelope(sample)).unwrap()).unwrap();
        assert!(
            record
                .addressed(&ServerId::parse("s".repeat(64)).unwrap())
                .unwrap()
                .len()
                < MAX_EVENT_BYTES - 1024
        );
        let sample = record.envelope().unwrap().data;
        assert!(!sample.fs.is_empty() && !sample.containers.is_empty());
        assert_eq!(
            sample.truncated.unwrap() as usize + sample.fs.len() + sample.containers.len(),
            1003
        );
    }

    #[test]
    fn another_event_keeps_its_place_its_type_and_its_id() {
        let command = CommandId(Uuid::from_u128(9));
        let data = ResultOutput {
            command,
            n: 3,
            stream: Stream::Stderr,
            off: 12,
            data: vec![7; MAX_CHUNK],
        };
        let event = Envelope::new(
            EventId(Uuid::from_u128(7)),
            Timestamp::from_millis(1_700_000_000_123),
            data,
        );
        let record = encode_event(&Tail::Result(command), &event).unwrap();
        let record = Record::parse(Lane::Events, &record).unwrap();
        let server = ServerId::parse("s".repeat(64)).unwrap();
        assert_eq!(
            (record.id, record.time, record.kind.as_str(), record.version),
            (event.id, event.time, ResultOutput::TYPE, 1)
        );
        assert_eq!(
            record.subject(&server),
            format!("ops.v1.result.{server}.{command}")
        );
        let sent: Envelope<ResultOutput> =
            codec::decode(&record.addressed(&server).unwrap()).unwrap();
        assert_eq!(sent, event.about(server));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for lane in [Lane::Samples, Lane::Events, Lane::Logs] {
                if let Ok(record) = Record::parse(lane, &Bytes::from(bytes.clone())) {
                    let _ = record.addressed(&ServerId::parse("s").unwrap());
                    prop_assert!(record.envelope().is_err());
                }
            }
        }

        #[test]
        fn any_server_id_fits(server in "[A-Za-z0-9_-]{1,64}", n in any::<u64>()) {
            let mut event = envelope(Sample::default());
            event.n = Some(n);
            let record = Record::parse(Lane::Samples, &encode(&mut event).unwrap()).unwrap();
            let sent: Envelope<Sample> = codec::decode(&record.addressed(&ServerId::parse(server.as_str()).unwrap()).unwrap()).unwrap();
            prop_assert_eq!(sent.server.unwrap().to_string(), server);
        }
    }
}
