use chatops_schemas::{event::fact::AgentHello, ids::ServerId};
use serde_json::json;

use super::*;

fn text(value: &Value) -> Result<AgentFrame, Rejected> {
    decode(Encoding::Json, value.to_string().as_bytes())
}

#[test]
fn every_frame_an_agent_writes_is_read_in_both_encodings() {
    let sample = json!({"cpu": {"total": 12.5}});
    let frames = [
        AgentFrame::Auth {
            api_key: "chatops_x".into(),
            orders: false,
        },
        AgentFrame::Auth {
            api_key: "chatops_x".into(),
            orders: true,
        },
        AgentFrame::Hello {
            data: AgentHello {
                version: "1".into(),
                ..AgentHello::default()
            },
        },
        AgentFrame::Metrics {
            id: Some(Uuid::from_u128(9)),
            timestamp: Some(Timestamp::from_millis(1_700_000_000_123)),
            boot: Some("b".into()),
            n: Some(4),
            data: serde_json::from_value(sample).expect("a sample"),
        },
        AgentFrame::Ping,
        AgentFrame::Pong,
    ];
    for frame in frames {
        let json = serde_json::to_vec(&frame).expect("json");
        let msgpack = rmp_serde::to_vec_named(&frame).expect("msgpack");
        assert_eq!(decode(Encoding::Json, &json), Ok(frame.clone()));
        assert_eq!(decode(Encoding::Msgpack, &msgpack), Ok(frame));
    }
}

#[test]
fn times_of_all_kinds_are_read() {
    let micros = 1_700_000_000_500_000;
    for at in [
        json!("2023-11-14T22:13:20.5Z"),
        json!("2023-11-14T23:13:20.5+01:00"),
        json!("2023-11-14T22:13:20.5"),
        json!("2023-11-14 22:13:20.5"),
        json!(1_700_000_000.5),
        json!(1_700_000_000_500_i64),
        json!(1_700_000_000_500_000_i64),
    ] {
        let read = text(&json!({"type": "metrics", "timestamp": at, "data": {}}));
        let Ok(AgentFrame::Metrics { timestamp, .. }) = read else {
            panic!("{at} {read:?}")
        };
        assert_eq!(timestamp.map(Timestamp::micros), Some(micros), "{at}");
    }
    for at in [json!("yesterday"), json!([]), json!(true), json!("")] {
        let read = text(&json!({"type": "metrics", "timestamp": at, "data": {}}));
        assert_eq!(read.expect_err("refused").code, "malformed_frame");
    }
    // Absurd numbers are read as absurd times, for the range check to refuse.
    for at in [
        json!(1e300),
        json!(-1e300),
        json!(i64::MIN),
        json!(u64::MAX),
    ] {
        assert!(text(&json!({"type": "metrics", "timestamp": at, "data": {}})).is_ok());
    }
}

#[test]
fn a_bad_frame_says_what_is_wrong_with_it() {
    for (frame, code, part) in [
        (json!([]), "malformed_frame", "map"),
        (json!({}), "malformed_frame", "type is missing"),
        (json!({"type": 1}), "malformed_frame", "type"),
        (json!({"type": "command"}), UNKNOWN_TYPE, "command"),
        (json!({"type": "auth"}), "malformed_frame", "api_key"),
        (json!({"type": "metrics"}), "malformed_frame", "data"),
        (
            json!({"type": "metrics", "data": {"cpu": {"total": "x"}}}),
            "malformed_frame",
            "data",
        ),
        (
            json!({"type": "metrics", "id": "x", "data": {}}),
            "malformed_frame",
            "id",
        ),
        (
            json!({"type": "metrics", "n": -1, "data": {}}),
            "malformed_frame",
            "n",
        ),
    ] {
        let rejected = text(&frame).expect_err("refused");
        assert_eq!(rejected.code, code, "{frame}");
        assert!(rejected.message.contains(part), "{rejected:?}");
    }
    let id = Uuid::from_u128(3);
    let rejected = text(&json!({"type": "metrics", "id": id, "data": 1})).expect_err("refused");
    assert_eq!(rejected.id, Some(id));
    let large = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(MAX_FRAME_BYTES));
    let rejected = decode(Encoding::Json, large.as_bytes()).expect_err("refused");
    assert_eq!(rejected.code, TOO_LARGE);
}

#[test]
fn a_refused_key_is_not_repeated() {
    let rejected = text(&json!({"type": "auth", "api_key": ["hunter2"]})).expect_err("refused");
    assert!(!rejected.message.contains("hunter2"));
    let rejected = text(&json!({"type": "auth", "api_key": 4242})).expect_err("refused");
    assert!(!rejected.message.contains("4242"));
}

#[test]
fn a_posted_body_is_a_frame_or_a_bare_sample() {
    let id = Uuid::from_u128(5);
    for body in [
        json!({"type": "metrics", "id": id, "data": {"load": {"one": 1.0}}}),
        json!({"id": id, "data": {"load": {"one": 1.0}}}),
        json!({"id": id, "load": {"one": 1.0}}),
    ] {
        let read = decode_posted(Encoding::Json, body.to_string().as_bytes());
        let Ok(AgentFrame::Metrics { id: read, data, .. }) = read else {
            panic!("{body} {read:?}")
        };
        assert_eq!(read, Some(id));
        assert_eq!(data.into_sample().load.and_then(|l| l.one), Some(1.0));
    }
    let original = json!({"cpu": {"usage_percent": 50.0}, "disk": {"total_gb": 10.0}});
    let read = decode_posted(Encoding::Json, original.to_string().as_bytes());
    assert!(matches!(
        read,
        Ok(AgentFrame::Metrics {
            data: MetricsData::Original(_),
            ..
        })
    ));
}

#[test]
fn answers_are_written_in_the_encoding_of_the_peer() {
    let frame = ServerFrame::AuthSuccess {
        server_id: ServerId::parse("h1").expect("id"),
        message: "hi".into(),
        interval_ms: None,
        server_time: Timestamp::from_millis(1000),
        orders: false,
    };
    let Some(Message::Text(text)) = encode(Encoding::Json, &frame) else {
        panic!("text")
    };
    assert!(
        text.as_str()
            .starts_with(r#"{"type":"auth_success","server_id":"h1""#)
    );
    let Some(Message::Binary(bytes)) = encode(Encoding::Msgpack, &frame) else {
        panic!("binary")
    };
    let value: Value = rmp_serde::from_slice(&bytes).expect("a map");
    assert_eq!(value["type"], "auth_success");
    assert_eq!(value["server_time"], 1_000_000);
}

mod hostile {
    use proptest::prelude::*;

    use super::*;

    fn good() -> Vec<u8> {
        let frame = json!({"type": "metrics", "id": Uuid::from_u128(1), "timestamp": 1_700_000_000,
            "data": {"cpu": {"total": 1.0, "cores": [1.0, 2.0]}, "fs": [{"mount": "/", "total": 5}]}});
        rmp_serde::to_vec_named(&frame).expect("packed")
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode(Encoding::Msgpack, &bytes);
            let _ = decode(Encoding::Json, &bytes);
            let _ = decode_posted(Encoding::Msgpack, &bytes);
        }

        #[test]
        fn a_damaged_frame_is_read_or_refused(at in 0usize..110, to: u8, cut in 0usize..110) {
            let mut bytes = good();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = to;
            let _ = decode(Encoding::Msgpack, &bytes);
            let whole = good();
            prop_assert!(decode(Encoding::Msgpack, &whole[..cut.min(last)]).is_err());
        }
    }
}
