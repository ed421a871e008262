//! Agents that come over `/api/v1/agents/ws`.

use std::time::Duration;

use chatops_bus::{From, StreamName};
use chatops_ingest::gateway::GatewayConfig;
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, System},
    codec,
    event::{fact::Transport, metric::Sample},
    ids::ServerId,
    subject,
};
use chatops_testkit::eventually;
use futures::StreamExt;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    agent::PATIENCE,
    client::{Client, Heard},
    ground::{Ground, Plan},
};

pub(crate) const KEY: &str = "chatops_abcdefghij234567_secret-of-the-first";
pub(crate) const OTHER: &str = "chatops_bcdefghij2345672_secret-of-the-second";

/// A ground whose keys have the form people see: the first of h1, the second of h2.
pub(crate) async fn ground(gateway: GatewayConfig) -> (Ground, crate::ground::Process) {
    let ground = Ground::new(Plan {
        gateway,
        ..Plan::default()
    })
    .await;
    ground
        .book
        .issue("abcdefghij234567", "h1", "secret-of-the-first");
    ground
        .book
        .issue("bcdefghij2345672", "h2", "secret-of-the-second");
    let process = ground.process().await;
    (ground, process)
}

pub(crate) async fn stored(ground: &Ground, server: &str, seq: u64) -> Sample {
    let filter = subject::metrics_stored(&ServerId::parse(server).expect("a server id"));
    let mut events = ground
        .ops
        .read(StreamName::Metrics, &filter, From::Seq(seq))
        .await
        .expect("a reader");
    let event = timeout(PATIENCE, events.next())
        .await
        .expect("an event in time")
        .expect("the reader goes on")
        .expect("an event");
    assert_eq!(event.seq, seq);
    let event_of = codec::decode::<Sample>(&event.payload).expect("a sample");
    assert_eq!(event_of.server, subject::server_of(&event.subject));
    event_of.data
}

/// Written from the original description: `auth`, `auth_success`, `metrics` in gigabytes, nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_of_the_original_kind_works() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::open(process.http).await;
    agent.say(&json!({"type": "auth", "api_key": KEY})).await;
    let answer = agent.frame().await;
    assert_eq!(
        (&answer["type"], &answer["server_id"]),
        (&json!("auth_success"), &json!("h1"))
    );
    assert_eq!(answer["interval_ms"], 5000);
    agent
        .say(&json!({
            "type": "metrics",
            "data": {
                "cpu": {"usage_percent": 45.2},
                "memory": {"total_gb": 16.0, "used_gb": 8.0, "available_gb": 8.0},
                "disk": {"total_gb": 500.0, "used_gb": 250.0, "available_gb": 250.0},
                "network": {"bytes_sent": 1024, "bytes_recv": 2048}
            }
        }))
        .await;
    let answer = agent.frame().await;
    assert_eq!(answer["type"], "metrics_received", "{answer}");
    let sample = stored(&ground, "h1", answer["seq"].as_u64().expect("a position")).await;
    assert_eq!(sample.cpu.and_then(|cpu| cpu.total), Some(45.2));
    assert_eq!(sample.mem.and_then(|mem| mem.total), Some(16 << 30));
    assert_eq!(sample.fs[0].mount, "/");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_encodings_land_alike() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let id = "0198c0de-0000-7000-8000-000000000001";
    let frame = json!({"type": "metrics", "id": id, "n": 7, "boot": "b",
        "data": {"cpu": {"total": 1.5, "cores": [1.0, null]}, "mem": {"total": 1024}}});
    agent.say_packed(&frame).await;
    let packed = agent.frame().await;
    assert_eq!(
        (&packed["type"], &packed["id"]),
        (&json!("metrics_received"), &json!(id))
    );
    let seq = packed["seq"].as_u64().expect("a position");
    let sample = stored(&ground, "h1", seq).await;
    assert_eq!(sample.cpu.map(|cpu| cpu.cores), Some(vec![Some(1.0), None]));
    // Sent again in the other encoding, under the same id: it is the same event.
    agent.say(&frame).await;
    assert_eq!(agent.frame().await["seq"].as_u64(), Some(seq));
    agent
        .say_packed(&json!({"type": "hello", "data": {"version": "9", "hostname": "one"}}))
        .await;
    agent.say_packed(&json!({"type": "ping"})).await;
    assert_eq!(agent.frame().await["type"], "pong");
    eventually("the hello is a fact", PATIENCE, || async {
        let hello = ground
            .ops
            .last(StreamName::Fact, "ops.v1.fact.h1.hello")
            .await;
        hello.is_ok_and(|hello| hello.is_some())
    })
    .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_closes_with_1008() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut facts = ground.presence_from_now().await;
    for (frame, code) in [
        (
            json!({"type": "auth", "api_key": "chatops_abcdefghij234567_wrong"}),
            "wrong_key",
        ),
        (
            json!({"type": "auth", "api_key": "chatops_zzzzzzzzzzzzzzzz_wrong"}),
            "wrong_key",
        ),
        (json!({"type": "auth", "api_key": ""}), "unauthenticated"),
        (
            json!({"type": "metrics", "data": {"cpu": {"total": 1.0}}}),
            "unauthenticated",
        ),
    ] {
        let mut agent = Client::open(process.http).await;
        agent.say(&frame).await;
        assert_eq!(agent.frame().await["code"], code, "{frame}");
        assert_eq!(
            agent.end().await.map(|(code, _)| code),
            Some(1008),
            "{frame}"
        );
    }
    // The one that named a known key is on record.
    let fact = timeout(PATIENCE, facts.next())
        .await
        .expect("a fact in time")
        .expect("the reader goes on")
        .expect("a fact");
    let event = codec::decode_any(&fact.payload).expect("an event");
    let Payload::AgentRefused(refused) = event.data else {
        panic!("{event:?}")
    };
    assert_eq!(
        (refused.transport, refused.reason.as_str()),
        (Transport::Websocket, "wrong_secret")
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_not_waited_for() {
    let (_ground, process) = ground(GatewayConfig {
        auth_within: Duration::from_millis(300),
        idle: Duration::from_millis(600),
        ping_every: Duration::from_secs(60),
        ..GatewayConfig::default()
    })
    .await;
    let mut stranger = Client::open(process.http).await;
    let end = stranger.end().await.expect("a reason");
    assert_eq!(end, (1008, "authenticate in time".into()));
    let mut agent = Client::authenticated(process.http, KEY).await;
    assert_eq!(agent.end().await, Some((1008, "idle".into())));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_only_answers_pings_stays() {
    let (_ground, process) = ground(GatewayConfig {
        idle: Duration::from_millis(500),
        ping_every: Duration::from_millis(100),
        ..GatewayConfig::default()
    })
    .await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    // The library answers pings while it is read; ten of them are twice the idle time.
    for _ in 0..10 {
        let message = timeout(PATIENCE, agent.0.next())
            .await
            .expect("pinged in time");
        assert!(matches!(message, Some(Ok(Message::Ping(_)))), "{message:?}");
    }
    agent.say(&json!({"type": "ping"})).await;
    assert_eq!(agent.frame().await["type"], "pong");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_presence_like_any_other_connection() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut facts = ground.presence_from_now().await;
    let agent = Client::authenticated(process.http, KEY).await;
    let mut seen = Vec::new();
    drop(agent);
    for _ in 0..2 {
        let fact = timeout(PATIENCE, facts.next())
            .await
            .expect("a fact in time")
            .expect("the reader goes on")
            .expect("a fact");
        seen.push(codec::decode_any(&fact.payload).expect("an event").data);
    }
    let [
        Payload::AgentConnected(came),
        Payload::AgentDisconnected(went),
    ] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(came.session, went.session);
    assert_eq!((came.transport, went.remaining), (Transport::Websocket, 0));
    assert_eq!(came.address.as_deref(), Some("127.0.0.1"));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_ends_its_sockets() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let mut other = Client::authenticated(process.http, OTHER).await;
    ground.revoke_key("abcdefghij234567", "h1").await;
    assert_eq!(agent.end().await, Some((1008, "revoked".into())));
    let mut again = Client::open(process.http).await;
    again.say(&json!({"type": "auth", "api_key": KEY})).await;
    assert_eq!(again.frame().await["code"], "revoked");
    other.say(&json!({"type": "ping"})).await;
    assert_eq!(other.frame().await["type"], "pong");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiring_key_ends_its_sockets() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let end = System.now().plus_millis(1500);
    ground
        .book
        .change("abcdefghij234567", |record| record.expires_at = Some(end));
    let mut agent = Client::authenticated(process.http, KEY).await;
    assert_eq!(agent.end().await, Some((1008, "expired".into())));
    assert!(System.now() >= end);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_key_ends_its_sockets_at_its_time() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let end = System.now().plus_millis(1500);
    ground
        .retire_key("abcdefghij234567", "h1", end, "nextkey")
        .await;
    assert_eq!(agent.end().await, Some((1008, "expired".into())));
    assert!(System.now() >= end);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_a_killed_gateway_are_closed_by_the_next() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let _agent = Client::authenticated(process.http, KEY).await;
    let server = ServerId::parse("h1").expect("a server id");
    eventually("it is on record", PATIENCE, || async {
        let fact = ground
            .ops
            .last(StreamName::Fact, &subject::fact(&server, subject::PRESENCE))
            .await;
        fact.is_ok_and(|fact| fact.is_some())
    })
    .await;
    // The socket's own task outlives the roles here, as no task outlives a killed process; what counts is that this
    // gateway does not answer any more.
    process.kill().await;
    let next = ground.process().await;
    assert_eq!(next.roster.open_sessions(&server), 1);
    eventually("its session is closed", Duration::from_secs(30), || async {
        next.roster.open_sessions(&server) == 0
    })
    .await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_does_not_answer_is_told_and_made_up_for() {
    let (mut ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    ground.nats.kill().await.expect("killed");
    let id = "0198c0de-0000-7000-8000-000000000002";
    let frame = json!({"type": "metrics", "id": id, "data": {"cpu": {"total": 1.0}}});
    agent.say(&frame).await;
    let answer = agent.frame().await;
    assert_eq!(
        (&answer["code"], &answer["id"]),
        (&json!("not_stored"), &json!(id))
    );
    ground.nats.restart().await.expect("restarted");
    // The agent repeats until it is told that the reading is safe.
    let seq = loop {
        agent.say(&frame).await;
        match agent.hear().await {
            Heard::Frame(answer) if answer["type"] == "metrics_received" => {
                break answer["seq"].as_u64().expect("a position");
            }
            Heard::Frame(answer) => assert_eq!(answer["code"], "not_stored"),
            Heard::Closed(how) => panic!("closed: {how:?}"),
        }
    };
    stored(&ground, "h1", seq).await;
    process.stop().await;
}
