//! A sample as it waits in the spool. Made by [`service`](crate::service), sent by [`transport`](crate::transport).
//!
//! A record is the event's id (16 bytes), its time (8 bytes, microseconds, little-endian) and the encoded envelope. It
//! is made once: a sample that is sent again has the id and the time it had before. The envelope does not name the
//! server yet, because an agent that has never been connected does not know its own; [`Record::addressed`] adds it.

use bytes::Bytes;
use chatops_schemas::{
    clock::Timestamp,
    codec::{self, MAX_EVENT_BYTES},
    envelope::Envelope,
    event::{Event as _, metric::Sample},
    ids::{EventId, ServerId},
};
use uuid::Uuid;

const HEAD: usize = 24;
/// Streams count headers too, and the server's id is still to be added.
const MAX_BODY: usize = MAX_EVENT_BYTES - 2048;

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
    /// When the sample was taken.
    pub time: Timestamp,
    body: Bytes,
}

impl Record {
    /// Splits a record; its envelope is not looked into.
    pub fn parse(record: &Bytes) -> Result<Self, RecordError> {
        let (id, rest) = record
            .split_first_chunk::<16>()
            .ok_or(RecordError::Malformed)?;
        let (time, body) = rest
            .split_first_chunk::<8>()
            .ok_or(RecordError::Malformed)?;
        if body.is_empty() {
            return Err(RecordError::Malformed);
        }
        Ok(Self {
            id: EventId(Uuid::from_bytes(*id)),
            time: Timestamp::from_micros(i64::from_le_bytes(*time)),
            body: record.slice(HEAD..),
        })
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

    /// The envelope, decoded.
    pub fn envelope(&self) -> Result<Envelope<Sample>, RecordError> {
        Ok(codec::decode(&self.body)?)
    }

    /// Type and version of the event inside.
    pub const KIND: (&'static str, u16) = (Sample::TYPE, Sample::VERSION);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatops_schemas::event::metric::{Container, Filesystem};
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
        let record = Record::parse(&encode(&mut event).unwrap()).unwrap();
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
        let record = Record::parse(&encode(&mut envelope(sample)).unwrap()).unwrap();
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

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(record) = Record::parse(&Bytes::from(bytes)) {
                let _ = record.addressed(&ServerId::parse("s").unwrap());
                prop_assert!(record.envelope().is_err());
            }
        }

        #[test]
        fn any_server_id_fits(server in "[A-Za-z0-9_-]{1,64}", n in any::<u64>()) {
            let mut event = envelope(Sample::default());
            event.n = Some(n);
            let record = Record::parse(&encode(&mut event).unwrap()).unwrap();
            let sent: Envelope<Sample> = codec::decode(&record.addressed(&ServerId::parse(server.as_str()).unwrap()).unwrap()).unwrap();
            prop_assert_eq!(sent.server.unwrap().to_string(), server);
        }
    }
}
