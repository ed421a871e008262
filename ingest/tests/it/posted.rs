//! Samples posted over HTTP.

use std::sync::atomic::Ordering;

use chatops_bus::StreamName;
use chatops_ingest::gateway::GatewayConfig;
use serde_json::{Value, json};

use crate::{
    client::post,
    sockets::{KEY, OTHER, ground, stored},
};

/// Path, headers and body; status and code.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [u8], u16, &'a str);

fn sample() -> Vec<u8> {
    json!({"cpu": {"total": 1.0}}).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posted_sample_is_in_the_stream() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let original =
        json!({"timestamp": Value::Null, "cpu": {"usage_percent": 7.5}, "disk": {"total_gb": 1.0}});
    let packed =
        rmp_serde::to_vec_named(&json!({"data": {"cpu": {"total": 7.5}}})).expect("packed");
    for (path, kind, body) in [
        (
            "/api/v1/metrics",
            "application/json",
            original.to_string().into_bytes(),
        ),
        (
            "/api/v1/metrics/h1",
            "application/json; charset=utf-8",
            original.to_string().into_bytes(),
        ),
        ("/api/v1/metrics/h1", "application/msgpack", packed),
    ] {
        let headers = [("X-API-Key", KEY), ("Content-Type", kind)];
        let (status, _, body) = post(process.http, path, &headers, &body).await;
        assert_eq!((status, &body["accepted"]), (202, &json!(true)), "{body}");
        let sample = stored(&ground, "h1", body["seq"].as_u64().expect("a position")).await;
        assert_eq!(sample.cpu.and_then(|cpu| cpu.total), Some(7.5));
    }
    // The same id again is the same event.
    let body =
        json!({"id": "0198c0de-0000-7000-8000-000000000003", "data": {"cpu": {"total": 1.0}}});
    let headers = [("X-API-Key", KEY)];
    let (_, _, first) = post(
        process.http,
        "/api/v1/metrics",
        &headers,
        body.to_string().as_bytes(),
    )
    .await;
    let (_, _, again) = post(
        process.http,
        "/api/v1/metrics",
        &headers,
        body.to_string().as_bytes(),
    )
    .await;
    assert_eq!(first["seq"], again["seq"]);
    // Five posts within a minute are one use.
    assert_eq!(ground.book.used.load(Ordering::SeqCst), 1);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_posts_are_problems_of_the_sender() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let good = sample();
    let many = json!({"fs": vec![json!({"mount": "/"}); 2000]})
        .to_string()
        .into_bytes();
    let large = vec![b' '; 70_000];
    let old = json!({"timestamp": 0, "data": {"cpu": {"total": 1.0}}})
        .to_string()
        .into_bytes();
    let with = |key: &'static str| vec![("X-API-Key", key)];
    let cases: Vec<Case<'_>> = vec![
        ("/api/v1/metrics", vec![], &good, 401, "CO2001"),
        ("/api/v1/metrics", with(""), &good, 401, "CO2001"),
        (
            "/api/v1/metrics",
            with("chatops_abcdefghij234567_wrong"),
            &good,
            401,
            "CO2001",
        ),
        (
            "/api/v1/metrics",
            with("chatops_zzzzzzzzzzzzzzzz_wrong"),
            &good,
            401,
            "CO2001",
        ),
        ("/api/v1/metrics/h1", with(OTHER), &good, 403, "CO2002"),
        ("/api/v1/metrics/nobody", with(KEY), &good, 403, "CO2002"),
        ("/api/v1/metrics/%27%3B--", with(KEY), &good, 403, "CO2002"),
        ("/api/v1/metrics", with(KEY), b"", 400, "CO2003"),
        ("/api/v1/metrics", with(KEY), b"{", 400, "CO2003"),
        ("/api/v1/metrics", with(KEY), b"[]", 400, "CO2003"),
        ("/api/v1/metrics", with(KEY), b"\xff\xfe", 400, "CO2003"),
        (
            "/api/v1/metrics",
            with(KEY),
            br#"{"cpu":"x"}"#,
            400,
            "CO2003",
        ),
        ("/api/v1/metrics", with(KEY), b"{}", 422, "CO2004"),
        ("/api/v1/metrics", with(KEY), &old, 422, "CO2004"),
        ("/api/v1/metrics", with(KEY), &many, 422, "CO2004"),
        ("/api/v1/metrics", with(KEY), &large, 413, "CO2005"),
        (
            "/api/v1/metrics",
            vec![("X-API-Key", KEY), ("Content-Type", "text/html")],
            &good,
            415,
            "CO2008",
        ),
    ];
    for (path, headers, body, status, code) in cases {
        let mut headers = headers;
        headers.push(("X-Request-Id", "r-1"));
        let (found, head, problem) = post(process.http, path, &headers, body).await;
        let shown = String::from_utf8_lossy(body)
            .chars()
            .take(40)
            .collect::<String>();
        assert_eq!(
            (found, &problem["code"]),
            (status, &json!(code)),
            "{path} {shown} {problem}"
        );
        assert!(head.contains("application/problem+json"), "{head}");
        assert_eq!(
            (&problem["status"], &problem["request_id"]),
            (&json!(status), &json!("r-1"))
        );
        assert!(!problem["detail"].as_str().expect("a sentence").is_empty());
        assert_eq!(problem["type"], json!(format!("/api/v1/errors/{code}")));
    }
    let info = ground
        .ops
        .stream_info(StreamName::Metrics)
        .await
        .expect("the stream");
    assert_eq!(info.messages, 0);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_away_is_not_the_senders_fault() {
    let (mut ground, process) = ground(GatewayConfig::default()).await;
    let headers = [("X-API-Key", KEY)];
    ground.book.go_down(true);
    let (status, head, problem) = post(process.http, "/api/v1/metrics", &headers, &sample()).await;
    assert_eq!((status, &problem["code"]), (503, &json!("CO2007")));
    assert!(head.contains("retry-after"), "{head}");
    ground.book.go_down(false);
    ground.nats.kill().await.expect("killed");
    let (status, _, problem) = post(process.http, "/api/v1/metrics", &headers, &sample()).await;
    assert_eq!((status, &problem["code"]), (503, &json!("CO2007")));
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_a_rate() {
    let (_ground, process) = ground(GatewayConfig {
        rate: std::num::NonZeroU32::MIN,
        burst: std::num::NonZeroU32::MIN,
        ..GatewayConfig::default()
    })
    .await;
    let mut answers = Vec::new();
    for key in [KEY, KEY, OTHER] {
        let (status, _, _) = post(
            process.http,
            "/api/v1/metrics",
            &[("X-API-Key", key)],
            &sample(),
        )
        .await;
        answers.push(status);
    }
    assert_eq!(answers, [202, 429, 202]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_counted_for_the_address_that_our_proxy_names() {
    let (ground, process) = ground(GatewayConfig {
        behind_proxy: true,
        ..GatewayConfig::default()
    })
    .await;
    let status = async |from: &'static str, key: &str| {
        let headers = [("X-Forwarded-For", from), ("X-API-Key", key)];
        let (status, head, problem) =
            post(process.http, "/api/v1/metrics", &headers, &sample()).await;
        if status == 429 {
            assert!(head.contains("retry-after"), "{head}");
            assert_eq!(problem["code"], "CO2010", "{problem}");
        }
        status
    };
    let attacker = "6.6.6.6, 192.0.2.1";
    for n in 0..200 {
        // Every third without any key at all.
        let key = match n % 3 {
            0 => String::new(),
            _ => format!("chatops_nobody{n:010}_guess"),
        };
        assert_eq!(status(attacker, &key).await, 401, "{n}");
    }
    let asked = ground.book.asked();
    assert_eq!(status(attacker, "chatops_nobodynobodynob_guess").await, 429);
    assert_eq!(status(attacker, KEY).await, 429);
    assert_eq!(ground.book.asked(), asked, "nothing is looked up any more");
    // What stands before the proxy's own entry is anybody's invention.
    assert_eq!(status("192.0.2.1, 192.0.2.2", KEY).await, 202);
    process.stop().await;
}
