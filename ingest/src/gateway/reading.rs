//! What a stranger says becomes an event of its server, or is refused with a reason. The same for WebSocket and HTTP.
//! Pure.

use bytes::Bytes;
use chatops_schemas::{
    catalogue::Payload,
    clock::{IdSource, Timestamp},
    codec::{self, DecodeError, EncodeError},
    envelope::Envelope,
    event::{
        Event,
        container::ContainerChanged,
        fact::AgentHello,
        log::LogBatch,
        metric::Sample,
        result::{ResultFinished, ResultOutput, ResultStarted},
    },
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

/// Checks an encoded event of `server`. Where it belongs follows from the key and from what it holds; the agent has no say.
pub(super) fn event(server: &ServerId, id: Uuid, payload: Vec<u8>) -> Result<Outgoing, Rejected> {
    let reject = |code, message: String| Rejected {
        code,
        message,
        id: Some(id),
    };
    let invalid = |message: String| reject("invalid_event", message);
    let (head, event) = codec::head(&payload)
        .and_then(|head| Ok((head, codec::decode_any(&payload)?)))
        .map_err(|error| match error {
            // The agent is newer than this server: it keeps the event until the server has caught up.
            DecodeError::UnknownType(_) | DecodeError::NewerVersion { .. } => {
                reject("unsupported_event", error.to_string())
            }
            error => invalid(error.to_string()),
        })?;
    if event.server.as_ref() != Some(server) || event.id.0 != id {
        return Err(invalid(
            "the event is of another server, or has another id than its frame".into(),
        ));
    }
    if event.actor.is_some() || event.address.is_some() {
        return Err(invalid("an agent cannot say who did something".into()));
    }
    let (kind, subject) = match &event.data {
        Payload::ResultStarted(data) => {
            (ResultStarted::TYPE, subject::result(server, data.command))
        }
        Payload::ResultOutput(data) => (ResultOutput::TYPE, subject::result(server, data.command)),
        Payload::ResultFinished(data) => {
            (ResultFinished::TYPE, subject::result(server, data.command))
        }
        Payload::LogBatch(data) => (LogBatch::TYPE, subject::log(server, &data.source)),
        Payload::ContainerChanged(_) => (
            ContainerChanged::TYPE,
            subject::fact(server, subject::CONTAINER),
        ),
        Payload::AgentHello(_) => (AgentHello::TYPE, subject::fact(server, subject::HELLO)),
        _ => return Err(invalid("this event is not an agent's to tell".into())),
    };
    Ok(Outgoing {
        id: event.id,
        subject,
        kind,
        ver: head.ver,
        payload: payload.into(),
    })
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

    fn told<T: Event>(server: &str, data: T) -> Vec<u8> {
        let server = ServerId::parse(server).expect("id");
        let event = Envelope::new(EventId(Uuid::from_u128(5)), NOW, data).about(server);
        codec::encode(&event).expect("encoded")
    }

    fn take(payload: Vec<u8>) -> Result<Outgoing, Rejected> {
        let server = ServerId::parse("h1").expect("id");
        event(&server, Uuid::from_u128(5), payload)
    }

    fn started() -> ResultStarted {
        ResultStarted {
            command: chatops_schemas::ids::CommandId(Uuid::from_u128(9)),
            pid: Some(7),
        }
    }

    #[test]
    fn an_event_goes_where_what_it_holds_belongs() {
        let payload = told("h1", started());
        let out = take(payload.clone()).expect("taken");
        assert_eq!(
            out.subject,
            format!("ops.v1.result.h1.{}", Uuid::from_u128(9))
        );
        assert_eq!(
            (out.kind, out.ver, &out.payload[..]),
            ("result.started", 1, &payload[..])
        );
        let out = take(told("h1", AgentHello::default())).expect("taken");
        assert_eq!(out.subject, "ops.v1.fact.h1.hello");
    }

    #[test]
    fn an_agent_tells_nothing_of_others_and_nothing_that_is_not_its_own() {
        let gone = chatops_schemas::event::ctl::ServerDeleted {
            server: ServerId::parse("h1").expect("id"),
        };
        let presence = chatops_schemas::event::fact::AgentDisconnected {
            session: "s".into(),
            transport: chatops_schemas::event::fact::Transport::Nats,
            address: None,
            reason: None,
            remaining: 0,
        };
        let mut of_a_person = Envelope::new(EventId(Uuid::from_u128(5)), NOW, started())
            .about(ServerId::parse("h1").expect("id"));
        of_a_person.actor = Some("user:ada".into());
        for payload in [
            told("h2", started()),
            told("h1", gone),
            told("h1", presence),
            told("h1", busy()),
            codec::encode(&of_a_person).expect("encoded"),
            codec::encode(&Envelope::new(EventId(Uuid::from_u128(5)), NOW, started()))
                .expect("encoded"),
            b"nonsense".to_vec(),
            Vec::new(),
        ] {
            let rejected = take(payload).expect_err("refused");
            assert_eq!(
                (rejected.code, rejected.id),
                ("invalid_event", Some(Uuid::from_u128(5)))
            );
        }
        let server = ServerId::parse("h1").expect("id");
        let other = event(&server, Uuid::from_u128(6), told("h1", started()));
        assert_eq!(other.expect_err("refused").code, "invalid_event");
    }

    #[test]
    fn what_this_server_does_not_know_yet_stays_with_the_agent() {
        let mut event = Envelope::new(EventId(Uuid::from_u128(5)), NOW, started())
            .about(ServerId::parse("h1").expect("id"));
        event.ver = 99;
        let newer = codec::encode(&event).expect("encoded");
        event.kind = "result.imagined".into();
        let unknown = codec::encode(&event).expect("encoded");
        for payload in [newer, unknown] {
            assert_eq!(
                take(payload).expect_err("refused").code,
                "unsupported_event"
            );
        }
    }
}
