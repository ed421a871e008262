use chatops_schemas::{
    clock::Manual,
    codec,
    event::{fact::AgentHello, metric::Sample},
    ids::KeyId,
};
use serde_json::{Value, json};

use super::*;
use crate::{directory::DirectoryError, keyring::Reason};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "chatops_abcdefghij234567_secret";

fn say(session: &mut Session, value: &Value) -> Vec<Effect> {
    session.message(
        Encoding::Json,
        value.to_string().as_bytes(),
        NOW,
        &Manual::default(),
    )
}

fn admitted() -> Admitted {
    Admitted {
        key: KeyId::parse("abcdefghij234567").unwrap(),
        server: ServerId::parse("h1").unwrap(),
        name: "one".into(),
        expires_at: None,
        interval_ms: Some(5000),
    }
}

fn open() -> Session {
    let mut session = Session::new(3);
    assert!(matches!(
        say(&mut session, &json!({"type": "auth", "api_key": KEY}))[..],
        [Effect::Check { orders: false, .. }]
    ));
    let effects = session.admitted(&admitted(), false, NOW);
    let [
        Effect::Send(ServerFrame::AuthSuccess {
            server_id,
            interval_ms,
            ..
        }),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((server_id.as_str(), *interval_ms), ("h1", Some(5000)));
    session
}

fn closes(effects: &[Effect]) -> Option<u16> {
    effects.iter().find_map(|effect| match effect {
        Effect::Close(code, _) => Some(*code),
        _ => None,
    })
}

fn complaint(effects: &[Effect]) -> &str {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Send(ServerFrame::Error { code, .. }) => Some(code.as_str()),
            _ => None,
        })
        .unwrap_or("none")
}

#[test]
fn nothing_comes_before_auth_and_auth_comes_once() {
    for first in [
        json!({"type": "ping"}),
        json!({"type": "metrics", "data": {"cpu": {"total": 1.0}}}),
        json!({"type": "auth", "api_key": "guess"}),
        json!({"type": "auth"}),
        json!("hello"),
    ] {
        let mut session = Session::new(3);
        assert_eq!(closes(&say(&mut session, &first)), Some(POLICY), "{first}");
    }
    let again = say(&mut open(), &json!({"type": "auth", "api_key": KEY}));
    assert_eq!(closes(&again), Some(POLICY));
}

#[test]
fn refusals_say_no_more_than_the_peer_may_know() {
    let known = |reason| Refusal::Known {
        server: ServerId::parse("h1").unwrap(),
        reason,
    };
    for (refusal, code, close) in [
        (Refusal::Unknown, "wrong_key", POLICY),
        (known(Reason::WrongSecret), "wrong_key", POLICY),
        (known(Reason::Revoked), "revoked", POLICY),
        (known(Reason::Expired), "expired", POLICY),
        (
            Refusal::Unavailable(DirectoryError::new("down")),
            "directory_unavailable",
            TRY_AGAIN,
        ),
    ] {
        let effects = Session::new(3).refused(&refusal);
        assert_eq!(complaint(&effects), code);
        assert_eq!(closes(&effects), Some(close));
        assert!(!format!("{effects:?}").contains("h1"));
    }
}

#[test]
fn a_reading_lands_on_the_subject_of_its_server() {
    let mut session = open();
    let effects = say(
        &mut session,
        // The server named in the frame is ignored: the key decides.
        &json!({"type": "metrics", "server_id": "h2", "data": {"cpu": {"total": 1.5}}}),
    );
    let [Effect::Store { event, receipt }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(event.subject, "ops.v1.metrics.h1");
    let stored = codec::decode::<Sample>(&event.payload).unwrap();
    assert_eq!(stored.server.unwrap().as_str(), "h1");
    assert_eq!(*receipt, Some(Receipt::Sample(event.id.0)));
    assert!(matches!(
        session.stored(Receipt::Sample(event.id.0), 7),
        Effect::Send(ServerFrame::MetricsReceived { seq: 7, .. })
    ));
}

#[test]
fn the_original_sample_gets_rates_from_its_counters() {
    let mut session = open();
    let frame = |at: i64, bytes: u64| {
        json!({"type": "metrics", "timestamp": at, "data": {
            "cpu": {"usage_percent": 5.0}, "memory": {"total_gb": 2.0, "used_gb": 1.0},
            "network": {"bytes_sent": bytes, "bytes_recv": bytes}}})
    };
    say(&mut session, &frame(1_700_000_000, 1000));
    let effects = say(&mut session, &frame(1_700_000_005, 6000));
    let [Effect::Store { event, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    let stored = codec::decode::<Sample>(&event.payload).unwrap();
    assert_eq!(stored.data.net[0].rx, Some(1000.0));
    assert_eq!(stored.data.mem.unwrap().used, Some(1 << 30));
}

#[test]
fn a_hello_becomes_a_fact() {
    let effects = say(
        &mut open(),
        &json!({"type": "hello", "data": {"version": "1", "hostname": "one"}}),
    );
    let [
        Effect::Store {
            event,
            receipt: None,
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(event.subject, "ops.v1.fact.h1.hello");
    assert_eq!(
        codec::decode::<AgentHello>(&event.payload)
            .unwrap()
            .data
            .hostname,
        "one"
    );
}

#[test]
fn bad_frames_are_forgiven_for_good_ones_and_not_for_ever() {
    let mut session = open();
    let bad = json!({"type": "metrics", "data": {"cpu": 1}});
    let good = json!({"type": "metrics", "data": {"cpu": {"total": 1.0}}});
    for _ in 0..20 {
        let effects = say(&mut session, &bad);
        assert_eq!(complaint(&effects), "malformed_frame");
        assert_eq!(closes(&effects), None);
        say(&mut session, &good);
    }
    for _ in 0..10 {
        assert_eq!(closes(&say(&mut session, &json!({"type": "later"}))), None);
    }
    for _ in 0..3 {
        assert_eq!(closes(&say(&mut session, &bad)), None);
    }
    assert_eq!(closes(&say(&mut session, &bad)), Some(POLICY));
}

#[test]
fn a_ping_is_answered_in_its_encoding() {
    let mut session = open();
    let ping = rmp_serde::to_vec_named(&AgentFrame::Ping).unwrap();
    let effects = session.message(Encoding::Msgpack, &ping, NOW, &Manual::default());
    assert!(matches!(effects[..], [Effect::Send(ServerFrame::Pong)]));
    assert_eq!(session.encoding(), Encoding::Msgpack);
}

/// Says a frame as an agent of ours does.
fn pack(session: &mut Session, frame: &AgentFrame) -> Vec<Effect> {
    let bytes = rmp_serde::to_vec_named(frame).unwrap();
    session.message(Encoding::Msgpack, &bytes, NOW, &Manual::default())
}

#[test]
fn orders_are_carried_where_both_sides_say_so_in_a_binary_frame() {
    let asking = AgentFrame::Auth {
        api_key: KEY.into(),
        orders: true,
    };
    let mut session = Session::new(3);
    let effects = pack(&mut session, &asking);
    assert!(matches!(effects[..], [Effect::Check { orders: true, .. }]));
    let welcome = session.admitted(&admitted(), true, NOW);
    assert!(matches!(
        welcome[..],
        [Effect::Send(ServerFrame::AuthSuccess { orders: true, .. })]
    ));
    let answer = AgentFrame::Answer {
        request: 7,
        data: vec![1, 2],
    };
    let effects = pack(&mut session, &answer);
    assert!(matches!(effects[..], [Effect::Answer { request: 7, .. }]));
    // A text in between does not turn what wraps bytes into text.
    say(&mut session, &json!({"type": "ping"}));
    assert_eq!(session.encoding(), Encoding::Msgpack);

    let as_text = serde_json::to_value(&asking).unwrap();
    let effects = say(&mut Session::new(3), &as_text);
    assert!(matches!(effects[..], [Effect::Check { orders: false, .. }]));
    let effects = pack(&mut open(), &answer);
    assert_eq!(complaint(&effects), "not_offered");
}

#[test]
fn an_agent_that_answers_what_nobody_asked_is_cut() {
    let mut session = open();
    session.admitted(&admitted(), true, NOW);
    let answer = AgentFrame::Answer {
        request: 7,
        data: vec![],
    };
    let forged = (0..4).find_map(|_| {
        pack(&mut session, &answer);
        closes(&session.not_asked())
    });
    assert_eq!(forged, Some(POLICY));
}
