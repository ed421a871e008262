//! Sockets that send what they should not, or do not do what they should.

use std::{num::NonZeroU32, time::Duration};

use chatops_bus::StreamName;
use chatops_ingest::gateway::GatewayConfig;
use chatops_testkit::eventually;
use futures::SinkExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::{MaybeTlsStream, tungstenite::Message};

use crate::{
    agent::PATIENCE,
    client::Client,
    sockets::{KEY, OTHER, ground},
};

fn sample() -> Value {
    json!({"type": "metrics", "data": {"cpu": {"total": 1.0}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_frames_are_answered_and_the_connection_lives() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let many = |entry: Value| Value::Array(vec![entry; 10_000]);
    let deep = format!(
        "{{\"type\":\"metrics\",\"data\":{}{}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let nan = {
        // {"type":"metrics","data":{"load":{"one":NaN}}}
        let mut bytes = vec![0x82, 0xa4];
        bytes.extend_from_slice(b"type");
        bytes.push(0xa7);
        bytes.extend_from_slice(b"metrics");
        bytes.push(0xa4);
        bytes.extend_from_slice(b"data");
        bytes.extend_from_slice(&[0x81, 0xa4]);
        bytes.extend_from_slice(b"load");
        bytes.extend_from_slice(&[0x81, 0xa3]);
        bytes.extend_from_slice(b"one");
        bytes.push(0xcb);
        bytes.extend_from_slice(&f64::NAN.to_be_bytes());
        bytes
    };
    let packed = rmp_serde::to_vec_named(&sample()).expect("packed");
    let hostile = [
        (Message::text(""), "malformed_frame"),
        (Message::text("not json"), "malformed_frame"),
        (Message::text("{\"type\":\"metrics\",\"data\":"), "malformed_frame"),
        (Message::text(deep), "malformed_frame"),
        (Message::binary(packed[..packed.len() - 3].to_vec()), "malformed_frame"),
        (Message::binary([&packed[..], &[0xc0]].concat()), "malformed_frame"),
        (Message::binary(vec![0xdf, 0xff, 0xff, 0xff, 0xff]), "malformed_frame"),
        (Message::binary(nan), "malformed_frame"),
        (Message::text("x".repeat(200_000)), "frame_too_large"),
        (Message::text(json!({"type": "shutdown"}).to_string()), "unknown_type"),
        (Message::text(json!({"type": "metrics", "data": {}}).to_string()), "invalid_sample"),
        (
            Message::text(json!({"type": "metrics", "data": {"load": {"one": 1e300}}}).to_string()),
            "invalid_sample",
        ),
        (
            Message::text(json!({"type": "metrics", "data": {"failed_units": many(json!(""))}}).to_string()),
            "invalid_sample",
        ),
        (
            Message::text(
                json!({"type": "metrics", "timestamp": "1970-01-01T00:00:00Z", "data": {"load": {"one": 1.0}}})
                    .to_string(),
            ),
            "timestamp_out_of_range",
        ),
        (
            Message::text(
                json!({"type": "metrics", "timestamp": "2099-01-01T00:00:00Z", "data": {"load": {"one": 1.0}}})
                    .to_string(),
            ),
            "timestamp_out_of_range",
        ),
    ];
    for (message, code) in hostile {
        let shown = format!("{message:?}").chars().take(80).collect::<String>();
        agent.send(message).await;
        let answer = agent.frame().await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{shown}"
        );
        // A good one in between keeps the account even.
        agent.say(&sample()).await;
        assert_eq!(agent.frame().await["type"], "metrics_received", "{shown}");
    }
    let info = ground
        .ops
        .stream_info(StreamName::Metrics)
        .await
        .expect("the stream");
    assert_eq!(info.messages, 15, "only the good ones were stored");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_data_whatever_they_spell() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let name = "'); DROP TABLE servers; --<script>alert(1)</script>{{7*7}}${jndi:x}";
    agent
        .say(&json!({"type": "metrics", "data": {"fs": [{"mount": name, "total": 1}]}}))
        .await;
    let answer = agent.frame().await;
    let sample =
        crate::sockets::stored(&ground, "h1", answer["seq"].as_u64().expect("a position")).await;
    assert_eq!(sample.fs[0].mount, name);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_bad_frames_close_and_nobody_else_notices() {
    let (_ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let mut other = Client::authenticated(process.http, OTHER).await;
    for _ in 0..25 {
        let _ = agent.0.send(Message::text("{")).await;
    }
    let end = agent.end().await;
    assert_eq!(end, Some((1008, "too many bad frames".into())));
    other.say(&sample()).await;
    assert_eq!(other.frame().await["type"], "metrics_received");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_beyond_all_bounds_end_the_connection_with_a_reason() {
    let (_ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    agent.send(Message::text("x".repeat(300_000))).await;
    assert_eq!(agent.end().await.map(|(code, _)| code), Some(1002));
    // Bytes that are no WebSocket frames at all.
    let mut agent = Client::authenticated(process.http, KEY).await;
    let MaybeTlsStream::Plain(stream) = agent.0.get_mut() else {
        panic!("plain")
    };
    stream.write_all(&[0xff; 64]).await.expect("written");
    assert_eq!(agent.end().await.map(|(code, _)| code), Some(1002));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_reads_is_cut() {
    let (_ground, process) = ground(GatewayConfig {
        write_within: Duration::from_millis(500),
        rate: NonZeroU32::new(1_000_000).expect("a number"),
        burst: NonZeroU32::new(1_000_000).expect("a number"),
        ..GatewayConfig::default()
    })
    .await;
    let server = chatops_schemas::ids::ServerId::parse("h1").expect("a server id");
    let mut agent = Client::open_narrow(process.http).await;
    agent.say(&json!({"type": "auth", "api_key": KEY})).await;
    assert_eq!(agent.frame().await["type"], "auth_success");
    let mut other = Client::authenticated(process.http, OTHER).await;
    // Each unknown type is answered with a sentence; none of them is read.
    let question = Message::text(json!({"type": "x".repeat(64)}).to_string());
    let flood = async { while agent.0.send(question.clone()).await.is_ok() {} };
    let sent = tokio::time::timeout(PATIENCE, flood).await;
    eventually("it is offline", PATIENCE, || async {
        process.roster.open_sessions(&server) == 0
    })
    .await;
    println!(
        "> the flood {}",
        if sent.is_ok() {
            "was cut"
        } else {
            "was blocked"
        }
    );
    other.say(&sample()).await;
    assert_eq!(other.frame().await["type"], "metrics_received");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_slowed_and_loses_nothing() {
    let (ground, process) = ground(GatewayConfig {
        rate: NonZeroU32::new(100).expect("a number"),
        burst: NonZeroU32::new(20).expect("a number"),
        ..GatewayConfig::default()
    })
    .await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let began = std::time::Instant::now();
    for _ in 0..120 {
        agent.say(&sample()).await;
    }
    for _ in 0..120 {
        assert_eq!(agent.frame().await["type"], "metrics_received");
    }
    // 20 at once, 100 at 100 a second.
    assert!(
        began.elapsed() >= Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    let info = ground
        .ops
        .stream_info(StreamName::Metrics)
        .await
        .expect("the stream");
    assert_eq!(info.messages, 120);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_gateway_says_so() {
    let (_ground, process) = ground(GatewayConfig {
        sockets: 1,
        ..GatewayConfig::default()
    })
    .await;
    let agent = Client::authenticated(process.http, KEY).await;
    let url = format!("ws://{}/api/v1/agents/ws", process.http);
    let refused = tokio_tungstenite::connect_async(&url)
        .await
        .expect_err("refused");
    let tokio_tungstenite::tungstenite::Error::Http(response) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(response.status().as_u16(), 503);
    drop(agent);
    eventually("there is a place again", PATIENCE, || async {
        tokio_tungstenite::connect_async(&url).await.is_ok()
    })
    .await;
    process.stop().await;
}
