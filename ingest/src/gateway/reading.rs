//! A reading of a stranger becomes an event of its server, or is refused with a reason. The same for WebSocket and HTTP.
//! Pure.

use bytes::Bytes;
use chatops_schemas::{
    clock::{IdSource, Timestamp},
    codec::{self, EncodeError},
    envelope::Envelope,
    event::{Event, metric::Sample},
    ids::{EventId, ServerId},
    subject,
};
use uuid::Uuid;

use super::frame::{Rejected, TOO_LARGE};

/// Oldest accepted reading, in microseconds before now: what an agent may have spooled.
const OLDEST: i64 = 24 * 3600 * 1_000_000;
/// Furthest accepted reading in the future, in microseconds: clocks that are a little ahead.
const AHEAD: i64 = 2 * 60 * 1_000_000;
/// Longest boot id.
const MAX_BOOT: usize = 64;

/// An event ready for the stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outgoing {
    pub(super) id: EventId,
    pub(super) subject: String,
    pub(super) kind: &'static str,
    pub(super) ver: u16,
    pub(super) payload: Bytes,
}

/// What travels with a sample.
#[derive(Debug, Clone, Default)]
pub(super) struct Circumstances {
    pub(super) id: Option<Uuid>,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) boot: Option<String>,
    pub(super) n: Option<u64>,
}

/// Checks and stamps a sample of `server` that arrived at `now`.
pub(super) fn sample(
    server: &ServerId,
    with: Circumstances,
    sample: Sample,
    now: Timestamp,
    ids: &dyn IdSource,
) -> Result<Outgoing, Rejected> {
    let reject = |code, message: String| Rejected {
        code,
        message,
        id: with.id,
    };
    if sample == Sample::default() {
        return Err(reject(
            "invalid_sample",
            "the sample holds no reading".into(),
        ));
    }
    let at = with.timestamp.unwrap_or(now);
    let age = now.micros_since(at);
    if !(-AHEAD..=OLDEST).contains(&age) {
        return Err(reject(
            "timestamp_out_of_range",
            format!(
                "taken at {at}, accepted are the last 24 hours and the next 2 minutes as seen from {now}"
            ),
        ));
    }
    if with
        .boot
        .as_ref()
        .is_some_and(|boot| boot.len() > MAX_BOOT || boot.chars().any(char::is_control))
    {
        return Err(reject(
            "invalid_sample",
            format!("boot: at most {MAX_BOOT} printable characters"),
        ));
    }
    let id = with.id.map_or_else(|| ids.event_id(), EventId);
    let mut event = Envelope::new(id, at, sample).about(server.clone());
    event.boot = with.boot;
    event.n = with.n;
    encode(subject::metrics(server), &event).map_err(|rejected| Rejected {
        id: with.id,
        ..rejected
    })
}

/// Checks and stamps a fact of `server`.
pub(super) fn fact<T: Event>(
    server: &ServerId,
    kind: &str,
    data: T,
    now: Timestamp,
    ids: &dyn IdSource,
) -> Result<Outgoing, Rejected> {
    let event = Envelope::new(ids.event_id(), now, data).about(server.clone());
    encode(subject::fact(server, kind), &event)
}

fn encode<T: Event>(subject: String, event: &Envelope<T>) -> Result<Outgoing, Rejected> {
    event
        .data
        .validate()
        .map_err(|invalid| Rejected::new("invalid_sample", invalid.to_string()))?;
    let payload = codec::encode(event).map_err(|error| {
        let code = match error {
            EncodeError::TooLarge(_) => TOO_LARGE,
            EncodeError::Encode(_) => "invalid_sample",
        };
        Rejected::new(code, error.to_string())
    })?;
    Ok(Outgoing {
        id: event.id,
        subject,
        kind: T::TYPE,
        ver: T::VERSION,
        payload: payload.into(),
    })
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{clock::Manual, event::metric};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn busy() -> Sample {
        Sample {
            cpu: Some(metric::Cpu {
                total: Some(1.0),
                ..metric::Cpu::default()
            }),
            ..Sample::default()
        }
    }

    fn stamp(with: Circumstances, reading: Sample) -> Result<Outgoing, Rejected> {
        let server = ServerId::parse("h1").expect("id");
        sample(&server, with, reading, NOW, &Manual::default())
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let out = stamp(Circumstances::default(), busy()).expect("stamped");
        assert_eq!(out.subject, "ops.v1.metrics.h1");
        let event = codec::decode::<Sample>(&out.payload).expect("an event");
        assert_eq!((event.time, event.id), (NOW, out.id));
        assert_eq!(event.server.expect("a server").as_str(), "h1");
    }

    #[test]
    fn what_is_given_is_kept() {
        let with = Circumstances {
            id: Some(Uuid::from_u128(77)),
            timestamp: Some(NOW.plus_millis(-5000)),
            boot: Some("boot".into()),
            n: Some(3),
        };
        let out = stamp(with, busy()).expect("stamped");
        let event = codec::decode::<Sample>(&out.payload).expect("an event");
        assert_eq!(event.id.0, Uuid::from_u128(77));
        assert_eq!(event.time, NOW.plus_millis(-5000));
        assert_eq!((event.boot.as_deref(), event.n), (Some("boot"), Some(3)));
    }

    #[test]
    fn times_out_of_reach_are_refused() {
        let at = |timestamp| Circumstances {
            timestamp: Some(timestamp),
            ..Circumstances::default()
        };
        for good in [NOW.plus_micros(-OLDEST), NOW.plus_micros(AHEAD)] {
            assert!(stamp(at(good), busy()).is_ok());
        }
        for bad in [
            NOW.plus_micros(-OLDEST - 1),
            NOW.plus_micros(AHEAD + 1),
            Timestamp::from_millis(0),
            Timestamp::from_millis(4_070_908_800_000),
            Timestamp::from_micros(i64::MIN),
            Timestamp::from_micros(i64::MAX),
        ] {
            let rejected = stamp(at(bad), busy()).expect_err("refused");
            assert_eq!(rejected.code, "timestamp_out_of_range", "{bad}");
        }
    }

    #[test]
    fn impossible_samples_are_refused_with_their_id() {
        let endless = Sample {
            load: Some(metric::Load {
                one: Some(f32::INFINITY),
                ..metric::Load::default()
            }),
            ..Sample::default()
        };
        let crowded = Sample {
            fs: vec![metric::Filesystem::default(); 10_000],
            ..Sample::default()
        };
        for reading in [Sample::default(), endless, crowded] {
            let with = Circumstances {
                id: Some(Uuid::from_u128(1)),
                ..Circumstances::default()
            };
            let rejected = stamp(with, reading).expect_err("refused");
            assert_eq!(rejected.code, "invalid_sample");
            assert_eq!(rejected.id, Some(Uuid::from_u128(1)));
        }
        let with = Circumstances {
            boot: Some("a\0b".into()),
            ..Circumstances::default()
        };
        assert!(stamp(with, busy()).is_err());
    }
}
