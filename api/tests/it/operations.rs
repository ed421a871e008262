//! Health, readiness, the web app's files, and what every answer has.

use std::sync::Arc;

use chatops_api::Config;
use chatops_projections::{Store, project, projector::SinkSettings};
use chatops_schemas::clock::System;
use chatops_testkit::eventually;
use reqwest::{Method, header};
use serde_json::json;

use crate::app::{App, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_down_and_recovers() {
    let mut app = App::start().await;
    let stranger = app.stranger();
    assert_eq!(stranger.get("/healthz").await.0, 200);
    assert_eq!(stranger.get("/readyz").await.1["ready"], true);
    app.nats.stop().await.unwrap();
    eventually("readiness names the streams", SOON, || async {
        let (status, body) = stranger.get("/readyz").await;
        status == 503 && body["checks"][0]["ok"] == false && body["checks"][1]["ok"] == true
    })
    .await;
    assert_eq!(stranger.get("/healthz").await.0, 200);
    app.nats.restart().await.unwrap();
    eventually("ready again", SOON, || async {
        stranger.get("/readyz").await.0 == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_that_stands_still_is_named_and_takes_nobody_out_of_service() {
    let app = App::start().await;
    let stranger = app.stranger();
    let store = Store::connect(app.database.url(), 2).await.unwrap();
    let (spec, _) = project::inventory(&store, Arc::new(System), SinkSettings::default());
    eventually("the projector has its row", SOON, || async {
        let progress = store.progress().await.unwrap();
        progress.iter().any(|row| row.name == spec.name)
    })
    .await;
    store.note_standing(&spec, "a newer version").await.unwrap();
    let (status, body) = stranger.get("/readyz").await;
    assert_eq!((status, &body["ready"]), (200, &json!(true)));
    let check = &body["checks"][2];
    assert_eq!(check["ok"], false, "{body}");
    let hint = check["hint"].as_str().unwrap();
    assert!(hint.contains("inventory") && hint.contains("a newer version"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_streams_is_503_and_changes_nothing() {
    let mut app = App::start().await;
    let owner = app.owner().await;
    app.nats.stop().await.unwrap();
    let (status, problem) = owner
        .post("/api/v1/servers", &json!({"name": "web-1"}))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("CO1902")),
        "{problem}"
    );
    assert_eq!(owner.get("/api/v1/servers").await.1["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_framework_are_problems_too() {
    let app = App::start().await;
    let stranger = app.stranger();
    for (method, path, status, code) in [
        (Method::GET, "/api/v1/nothing", 404, "CO1105"),
        (Method::GET, "/api", 404, "CO1105"),
        (Method::PUT, "/api/v1/servers", 405, "CO1106"),
        (Method::POST, "/somewhere", 405, "CO1106"),
        (Method::GET, "/missing.js", 404, "CO1105"),
        (Method::GET, "/.vite/manifest.json", 404, "CO1105"),
        (Method::GET, "/../Cargo.toml", 404, "CO1105"),
        (Method::GET, "/test/panic", 500, "CO1901"),
        (Method::GET, "/api/v1/ws/live", 400, "CO1102"),
        (Method::GET, "/api/v1/errors/CO9999", 404, "CO1105"),
    ] {
        let response = stranger.request(method.clone(), path).send().await.unwrap();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json",
            "{method} {path}"
        );
        let id = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let (found, problem) = crate::browser::answer(response).await;
        assert_eq!(
            (found, problem["code"].as_str()),
            (status, Some(code)),
            "{method} {path}: {problem}"
        );
        assert_eq!(problem["request_id"], id.as_str());
        assert_eq!(problem["status"], status);
        let page = stranger
            .request(Method::GET, problem["type"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("## What to do"));
    }
    let response = stranger
        .request(Method::PUT, "/api/v1/servers")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD,POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_of_the_proxy_is_kept_and_nonsense_is_not() {
    let app = App::start().await;
    for (given, kept) in [
        ("abc-123_xyz.4", true),
        ("short", false),
        ("has space in it", false),
    ] {
        let request = app
            .stranger()
            .request(Method::GET, "/healthz")
            .header("X-Request-Id", given);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"] == given, kept, "{given}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_the_policies_and_are_not_kept() {
    let app = App::start().await;
    let response = app
        .stranger()
        .request(Method::GET, "/api/v1/auth/status")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let metrics = app
        .stranger()
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    assert!(
        metrics.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(metrics.text().await.unwrap().contains("chatops_up 1"));
    // The page of the app, or the one that says that it is not built: both under the same policy.
    for path in ["/", "/servers/abc", "/index.html"] {
        let page = app
            .stranger()
            .request(Method::GET, path)
            .send()
            .await
            .unwrap();
        let policy = page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            page.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html"),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_stay_with_https_where_that_is_the_address() {
    for (address, kept) in [
        (None, false),
        (Some("http://ops.example.org"), false),
        (Some("https://ops.example.org"), true),
    ] {
        let app = App::with(Config {
            public_url: address.map(str::to_owned),
            ..Config::default()
        })
        .await;
        for path in ["/", "/api/v1/auth/status"] {
            let request = app.stranger().request(Method::GET, path);
            let response = request.send().await.unwrap();
            let said = response.headers().get("strict-transport-security");
            assert_eq!(said.is_some(), kept, "{address:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_limits_and_types() {
    let app = App::start().await;
    let owner = app.owner().await;
    let post = |kind: &'static str, body: Vec<u8>| {
        owner.send(
            owner
                .request(Method::POST, "/api/v1/servers")
                .header(header::CONTENT_TYPE, kind)
                .body(body),
        )
    };
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(70_000));
    for (kind, body, status, code) in [
        ("application/json", huge.into_bytes(), 413, "CO1103"),
        ("application/json", b"{\"name\":".to_vec(), 400, "CO1102"),
        ("application/json", b"\xff\xfe\x00".to_vec(), 400, "CO1102"),
        ("application/json", vec![b'['; 60_000], 422, "CO1101"),
        ("application/json", b"{\"a\":".repeat(9_000), 400, "CO1102"),
        ("application/json", b"[\"web-1\"]".to_vec(), 422, "CO1101"),
        ("application/json", Vec::new(), 400, "CO1102"),
        ("application/json", b"null".to_vec(), 422, "CO1101"),
        ("application/json", b"{\"name\":7}".to_vec(), 422, "CO1101"),
        (
            "application/json",
            b"{\"name\":\"a\",\"tags\":\"b\"}".to_vec(),
            422,
            "CO1101",
        ),
        ("text/plain", b"{\"name\":\"a\"}".to_vec(), 415, "CO1104"),
        (
            "application/x-www-form-urlencoded",
            b"name=a".to_vec(),
            415,
            "CO1104",
        ),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let (found, problem) = post(kind, body).await;
        assert_eq!(
            (found, problem["code"].as_str()),
            (status, Some(code)),
            "{shown}: {problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_web_app_come_compressed_and_are_kept_as_long_as_they_are_the_same() {
    let app = App::start().await;
    let get = |path: &str, name: header::HeaderName, value: &str| {
        app.stranger()
            .request(Method::GET, path)
            .header(name, value)
            .send()
    };
    let page = app
        .stranger()
        .request(Method::GET, "/")
        .send()
        .await
        .unwrap();
    if page.status() == 503 {
        // Built without the web app: the page says so and how to change it.
        assert!(page.text().await.unwrap().contains("npm run build"));
        return;
    }
    let html = page.text().await.unwrap();
    assert!(!html.contains("__CSP_NONCE__"));
    let script = html
        .split('"')
        .find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
        .unwrap();
    for (accept, expected) in [
        ("gzip, deflate, br", Some("br")),
        ("gzip", Some("gzip")),
        ("identity", None),
    ] {
        let answer = get(script, header::ACCEPT_ENCODING, accept).await.unwrap();
        assert_eq!(answer.status(), 200);
        let headers = answer.headers();
        assert_eq!(
            headers
                .get(header::CONTENT_ENCODING)
                .map(|value| value.to_str().unwrap()),
            expected
        );
        assert_eq!(
            headers[header::CONTENT_TYPE],
            "text/javascript; charset=utf-8"
        );
        assert_eq!(
            headers[header::CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers[header::VARY], "accept-encoding");
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        let again = app
            .stranger()
            .request(Method::GET, script)
            .header(header::ACCEPT_ENCODING, accept);
        let again = again
            .header(header::IF_NONE_MATCH, &tag)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                again.status().as_u16(),
                again.headers()[header::ETAG].to_str().unwrap()
            ),
            (304, tag.as_str())
        );
    }
    let icon = get("/favicon.svg", header::IF_NONE_MATCH, "\"other\"")
        .await
        .unwrap();
    assert_eq!(
        (
            icon.status().as_u16(),
            &icon.headers()[header::CACHE_CONTROL]
        ),
        (200, &"no-cache".parse().unwrap())
    );
    let direct = get(&format!("{script}.br"), header::ACCEPT, "*/*")
        .await
        .unwrap();
    assert_eq!(direct.status(), 404);
}
