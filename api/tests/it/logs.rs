//! Lines of logs through the front door: searched, shown, counted, downloaded, followed; by whom they concern and nobody
//! else.

use std::collections::BTreeSet;

use chatops_schemas::{
    clock::{Clock, IdSource, System},
    envelope::Envelope,
    event::{
        fact::{AgentDisconnected, Transport},
        log::{DropReason, Dropped, LogBatch, LogKind, LogLevel, LogLine},
    },
    ids::{RuleId, ServerId},
    subject,
};
use chatops_testkit::{eventually, until};
use serde_json::{Value, json};

use crate::{
    alerts::{Instance, there},
    app::{App, SOON},
    browser::Client,
    live::socket::Socket,
    sharing::share,
};

fn line(level: LogLevel, message: &str) -> LogLine {
    LogLine {
        time: System.now(),
        level,
        message: message.to_owned(),
        fields: [("status".to_owned(), "504".to_owned())].into(),
        origin: Some("/var/log/app.log".to_owned()),
        cut: None,
    }
}

/// Publishes lines as an agent does; their position.
async fn ship(app: &App, server: &str, source: &str, lines: Vec<LogLine>) -> u64 {
    let server = ServerId::parse(server).unwrap();
    let data = LogBatch {
        source: source.to_owned(),
        kind: LogKind::File,
        lines,
        dropped: vec![Dropped {
            reason: DropReason::Rate,
            lines: 3,
        }],
    };
    let event = Envelope::new(System.event_id(), System.now(), data).about(server.clone());
    let subject = subject::log(&server, source);
    app.bus.publish(&subject, &event).await.unwrap().seq
}

async fn found(client: &Client, query: &str) -> Vec<Value> {
    let (status, list) = client.get(&format!("/api/v1/logs{query}")).await;
    assert_eq!(status, 200, "{list}");
    list["entries"].as_array().unwrap().clone()
}

/// Waits until a search finds so many.
async fn finds(client: &Client, query: &str, many: usize) -> Vec<Value> {
    until("the lines are found", SOON, async || {
        let entries = found(client, query).await;
        (entries.len() == many).then_some(entries)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_found_shown_counted_and_downloaded() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (one, two) = (owner.add_server("one").await, owner.add_server("two").await);
    let lines = vec![
        line(LogLevel::Info, "started"),
        line(LogLevel::Error, "upstream timed out\n  in worker"),
    ];
    ship(&app, &one, "app", lines).await;
    ship(&app, &two, "nginx", vec![line(LogLevel::Warn, "slow 100%")]).await;

    let entries = finds(&owner, "?limit=10", 3).await;
    assert_eq!(entries[0]["message"], "slow 100%");
    assert_eq!(entries[0]["server_id"], json!(two));
    for (query, many) in [
        ("?text=TIMED+OUT", 1),
        ("?text=504", 3),
        ("?pattern=up%5Bs%5Dtream", 1),
        ("?levels=warn,error", 2),
        ("?sources=nginx", 1),
        (&format!("?servers={one}"), 2),
        ("?from=now-10m&to=now-5m", 0),
    ] {
        assert_eq!(found(&owner, query).await.len(), many, "{query}");
    }
    for query in [
        "?pattern=(",
        "?pattern=a%7B1,9999%7D",
        "?levels=loud",
        "?sources=a.b",
        "?limit=0",
        "?limit=1001",
        "?from=now&to=now-1h",
        "?after=x",
        "?after=9999999999999999999-00000000000000000000000000000001-1",
        "?text=%00",
    ] {
        let (status, problem) = owner.get(&format!("/api/v1/logs{query}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (422, &json!("CO1101")),
            "{query}"
        );
    }

    let (_, page) = owner.get("/api/v1/logs?limit=2").await;
    let next = page["next"].as_str().unwrap();
    let rest = found(&owner, &format!("?limit=2&after={next}")).await;
    assert_eq!(rest.len(), 1);

    let error = &found(&owner, "?levels=error").await[0];
    let path = format!("/api/v1/logs/entries/{}", error["id"].as_str().unwrap());
    let (status, shown) = owner.get(&path).await;
    assert_eq!(
        (status, &shown["line"]["message"]),
        (200, &error["message"])
    );
    assert_eq!(shown["before"][0]["message"], "started");
    let (status, problem) = owner.get("/api/v1/logs/entries/1-2-3").await;
    assert_eq!((status, &problem["code"]), (404, &json!("CO1231")));

    let (_, bars) = owner.get("/api/v1/logs/histogram").await;
    let all = bars["bars"].as_array().unwrap();
    let sum = |field: &str, name: &str| -> u64 {
        all.iter().filter_map(|bar| bar[field][name].as_u64()).sum()
    };
    assert_eq!((sum("lines", "info"), sum("lines", "error")), (1, 1));
    assert_eq!(sum("dropped", "rate"), 6);
    let (_, sources) = owner.get("/api/v1/logs/sources").await;
    assert_eq!(sources["sources"].as_array().unwrap().len(), 2);

    let file = owner
        .request(reqwest::Method::GET, "/api/v1/logs/download?format=text")
        .send()
        .await
        .unwrap();
    let text = file.text().await.unwrap();
    assert!(text.contains("ERROR upstream timed out"), "{text}");
    // It is known who took them out.
    let exported = app
        .bus
        .last(
            chatops_bus::StreamName::Access,
            &subject::access("exported"),
        )
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&exported.payload).into_owned();
    assert!(said.contains("logs"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_on_a_server_is_one_list() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    ship(&app, &server, "app", vec![line(LogLevel::Info, "started")]).await;
    let gone = AgentDisconnected {
        session: "s".to_owned(),
        transport: Transport::Nats,
        address: None,
        reason: Some("Client Closed".to_owned()),
        remaining: 0,
    };
    app.fact(&server, subject::PRESENCE, gone).await;
    let path = format!("/{server}");
    let entries = finds(&owner, &path, 2).await;
    assert_eq!(entries[0]["kind"], "connection");
    assert_eq!(entries[0]["message"], "agent disconnected: Client Closed");
    assert_eq!(entries[1]["message"], "started");
    for (query, many) in [
        ("?connections=false", 1),
        ("?levels=warn", 1),
        ("?sources=app", 1),
        ("?text=closed", 1),
    ] {
        let entries = found(&owner, &format!("{path}{query}")).await;
        assert_eq!(entries.len(), many, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_alerts_are_among_its_lines() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    let other = owner.add_server("two").await;
    let rule = RuleId(System.next());
    let alert = Instance::new(&server, rule, "/var").raise(&app).await;
    Instance::new(&other, rule, "/srv").raise(&app).await;
    there(&owner, alert, "open").await;
    let acknowledge = format!("/api/v1/alerts/{alert}/acknowledge");
    let (status, _) = owner.post(&acknowledge, &json!({"note": "on it"})).await;
    assert_eq!(status, 200);

    let path = format!("/{server}");
    let entries = finds(&owner, &path, 2).await;
    let raised = &entries[1];
    assert_eq!(
        (&raised["kind"], &raised["level"], &raised["message"]),
        (
            &json!("alert"),
            &json!("error"),
            &json!("alert: Disk full on /var")
        )
    );
    let fields = &entries[0]["fields"];
    assert_eq!(
        entries[0]["message"],
        "alert acknowledged: Disk full on /var"
    );
    assert_eq!(
        (&fields["alert"], &fields["by"], &fields["note"]),
        (&json!(alert.to_string()), &json!("root"), &json!("on it")),
        "{fields}"
    );
    for (query, many) in [
        ("?alerts=false", 0),
        ("?levels=error", 1),
        ("?levels=info", 1),
        ("?sources=app", 0),
        ("?pattern=Disk", 0),
        ("?text=DISK+FULL", 2),
        ("?text=on+it", 1),
        ("?text=elsewhere", 0),
    ] {
        let entries = found(&owner, &format!("{path}{query}")).await;
        assert_eq!(entries.len(), many, "{query}");
    }
    // The list over all servers has lines, and nothing else.
    assert!(found(&owner, "").await.is_empty());
}

async fn tail(app: &App, client: &Client, server: &str, more: Value) -> Socket {
    let path = format!("/api/v1/ws/logs/{server}");
    let mut socket = Socket::open(app, &path, &[]).await.unwrap();
    let mut first = json!({"type": "auth", "token": client.token});
    for (name, value) in more.as_object().unwrap() {
        first[name] = value.clone();
    }
    socket.send(&first).await;
    socket
}

fn messages(frame: &Value) -> Vec<&str> {
    let lines = frame["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect()
}

fn ids(lines: &Value) -> BTreeSet<String> {
    let lines = lines.as_array().unwrap();
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_follows_filters_and_resumes() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    let mut all = tail(&app, &owner, &server, json!({})).await;
    let begun = all.frame("auth_success").await["position"]
        .as_u64()
        .unwrap();
    let mut errors = tail(
        &app,
        &owner,
        &server,
        json!({"levels": ["error"], "text": "TIMED"}),
    )
    .await;
    errors.frame("auth_success").await;
    let both = vec![
        line(LogLevel::Info, "a"),
        line(LogLevel::Error, "timed out"),
    ];
    let seq = ship(&app, &server, "app", both).await;
    let frame = all.frame("lines").await;
    assert_eq!(messages(&frame), ["a", "timed out"]);
    assert_eq!(frame["position"], json!(seq));
    assert_eq!(frame["dropped"][0]["lines"], 3);
    assert_eq!(messages(&errors.frame("lines").await), ["timed out"]);
    // The id is that of the search.
    let id = frame["lines"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/entries/{id}");
    eventually("the line is there", SOON, async || {
        owner.get(&format!("/api/v1/logs{path}")).await.0 == 200
    })
    .await;

    all.send(&json!({"type": "filter", "levels": ["fatal"]}))
        .await;
    all.send(&json!({"type": "ping"})).await;
    all.frame("pong").await;
    let last = ship(&app, &server, "app", vec![line(LogLevel::Fatal, "b")]).await;
    assert_eq!(messages(&all.frame("lines").await), ["b"]);

    let mut again = tail(&app, &owner, &server, json!({"resume": begun})).await;
    assert_eq!(messages(&again.frame("lines").await), ["a", "timed out"]);
    let next = again.frame("lines").await;
    assert_eq!(
        (messages(&next), &next["position"]),
        (vec!["b"], &json!(last))
    );
    // A search says where to begin: what was stored since comes first.
    let path = format!("/api/v1/logs/{server}?connections=false");
    let (_, list) = owner.get(&path).await;
    let searched = list["position"].as_u64().unwrap();
    assert!(searched <= last, "{searched}");
    let after = ship(&app, &server, "app", vec![line(LogLevel::Info, "c")]).await;
    let mut joined = tail(&app, &owner, &server, json!({"resume": searched})).await;
    let mut known = ids(&list["entries"]);
    loop {
        let frame = joined.frame("lines").await;
        known.extend(ids(&frame["lines"]));
        if frame["position"] == json!(after) {
            break;
        }
    }
    assert_eq!(known.len(), 4, "{known:?}");
    let last = after;
    let mut ahead = tail(&app, &owner, &server, json!({"resume": last + 1000})).await;
    assert_eq!(ahead.frame("gap").await["to"], json!(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_looks_for_an_expression_and_says_what_is_wrong_with_one() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    let mut slow = tail(&app, &owner, &server, json!({"pattern": r"took \d{4,} ms"})).await;
    slow.frame("auth_success").await;
    let told = vec![
        line(LogLevel::Info, "GET / took 12 ms"),
        line(LogLevel::Info, "GET /slow took 4012 ms"),
    ];
    ship(&app, &server, "app", told).await;
    assert_eq!(
        messages(&slow.frame("lines").await),
        ["GET /slow took 4012 ms"]
    );

    // What is wrong later is said, and what was wanted before goes on.
    slow.send(&json!({"type": "filter", "pattern": "(?=x)"}))
        .await;
    let error = slow.frame("error").await;
    assert_eq!(
        (&error["code"], &error["field"]),
        (&json!("CO1101"), &json!("pattern")),
        "{error}"
    );
    let told = vec![
        line(LogLevel::Info, "x"),
        line(LogLevel::Info, "took 5000 ms"),
    ];
    ship(&app, &server, "app", told).await;
    assert_eq!(messages(&slow.frame("lines").await), ["took 5000 ms"]);

    for pattern in ["(", r"(\w{100}){1000}", &"a".repeat(600)] {
        let mut refused = tail(&app, &owner, &server, json!({"pattern": pattern})).await;
        let error = refused.frame("error").await;
        assert_eq!(error["field"], "pattern", "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(refused.closed().await, 4400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_sees_nothing_also_on_a_socket_that_is_open() {
    let app = App::start().await;
    app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let server = ada.add_server("one").await;
    ship(&app, &server, "app", vec![line(LogLevel::Info, "secret")]).await;
    let entries = finds(&ada, "", 1).await;
    let id = entries[0]["id"].as_str().unwrap().to_owned();
    let nothing = |path: String| {
        let grace = grace.clone();
        async move { grace.get(&path).await }
    };
    assert!(found(&grace, "").await.is_empty());
    assert!(
        found(&grace, &format!("?servers={server}"))
            .await
            .is_empty()
    );
    assert_eq!(nothing(format!("/api/v1/logs/{server}")).await.0, 404);
    assert_eq!(nothing(format!("/api/v1/logs/entries/{id}")).await.0, 404);
    assert_eq!(
        nothing("/api/v1/logs/sources".to_owned()).await.1["sources"],
        json!([])
    );
    assert_eq!(
        nothing("/api/v1/logs/histogram".to_owned()).await.1["bars"],
        json!([])
    );
    let file = grace.request(reqwest::Method::GET, "/api/v1/logs/download");
    assert_eq!(file.send().await.unwrap().text().await.unwrap(), "");

    let mut closed = tail(&app, &grace, &server, json!({})).await;
    assert_eq!(closed.frame("error").await["code"], "CO1201");
    assert_eq!(closed.closed().await, 4403);

    let grant = json!({"username": "grace", "server_id": server, "level": "view"});
    let grant = share(&ada, &grant).await;
    let mut open = tail(&app, &grace, &server, json!({})).await;
    open.frame("auth_success").await;
    ship(&app, &server, "app", vec![line(LogLevel::Info, "shared")]).await;
    assert_eq!(messages(&open.frame("lines").await), ["shared"]);
    assert_eq!(ada.delete(&format!("/api/v1/grants/{grant}")).await.0, 204);
    // Whatever comes first, the word about it or a line: no line is delivered any more.
    ship(&app, &server, "app", vec![line(LogLevel::Info, "private")]).await;
    assert_eq!(open.frame("error").await["code"], "CO1201");
    assert_eq!(open.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_or_nobody_is_closed() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    for (first, code) in [
        (json!({"token": "forged"}), 4401),
        (json!({"levels": ["loud"]}), 4400),
        (json!({"levels": "error"}), 4400),
        (json!({"resume": "x"}), 4400),
        (json!({"text": "x".repeat(2000)}), 4400),
    ] {
        let mut socket = tail(&app, &owner, &server, first.clone()).await;
        assert_eq!(socket.closed().await, code, "{first}");
    }
}
