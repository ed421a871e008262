//! Live sockets: who gets in, what they get, what they do not, and what they find after a break.

mod alerts;
mod containers;
mod rights;
pub(crate) mod socket;

use std::time::Duration;

use chatops_api::{Config, config};
use chatops_schemas::{
    event::fact::{AgentConnected, AgentDisconnected, Transport},
    ids::KeyId,
    subject,
};
use serde_json::{Value, json};

use self::socket::Socket;
use crate::app::{App, PASSWORD};

/// The positions of all items of a kind until `last` arrives.
async fn positions(socket: &mut Socket, kind: &str, last: u64) -> Vec<u64> {
    let mut found = Vec::new();
    while found.last() != Some(&last) {
        let item = socket.item(kind).await;
        found.push(item["seq"].as_u64().unwrap());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_the_fleet_and_of_one_server_arrive() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (one, two) = (owner.add_server("one").await, owner.add_server("two").await);
    let mut socket = Socket::live(&app, &owner, None).await;
    let topics = json!([
        "fleet",
        format!("server:{one}"),
        "server:nowhere",
        "alarms",
        "server:*"
    ]);
    let subscribed = socket
        .ask(&json!({"type": "subscribe", "topics": topics}))
        .await;
    assert_eq!(
        subscribed["topics"],
        json!(["fleet", format!("server:{one}")])
    );
    let refused: Vec<&str> = subscribed["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(refused, ["CO1201", "CO1101", "CO1101"]);

    let seq = app.sample(&one, 42.0).await;
    let (row, sample) = (socket.item("row").await, socket.item("sample").await);
    assert_eq!(
        (&row["server"], &row["seq"], &row["row"]["cpu"]),
        (&json!(one), &json!(seq), &json!(42.0))
    );
    assert_eq!(
        (&sample["server"], &sample["sample"]["cpu"]["total"]),
        (&json!(one), &json!(42.0))
    );
    assert_eq!(sample["ts"], row["row"]["ts"]);
    app.sample(&two, 43.0).await;
    assert_eq!(socket.item("row").await["server"], json!(two));

    socket.send(&json!({"type": "ping"})).await;
    assert_eq!(socket.frame("pong").await, json!({"type": "pong"}));
    let left = socket
        .ask(&json!({"type": "unsubscribe", "topics": ["fleet"]}))
        .await;
    assert_eq!(left["topics"], json!([format!("server:{one}")]));
    app.sample(&two, 44.0).await;
    app.sample(&one, 45.0).await;
    assert_eq!(socket.item("row").await["server"], json!(one));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_bad_frames_are_closed_with_the_reason() {
    let live = config::Live {
        hello: Duration::from_millis(300),
        ..config::Live::default()
    };
    let app = App::with(Config {
        live,
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    let token = owner.token.clone().unwrap();
    for (first, code) in [
        (json!({"type": "hello"}).to_string(), 4401),
        (
            json!({"type": "hello", "token": "forged"}).to_string(),
            4401,
        ),
        (
            json!({"type": "subscribe", "topics": ["fleet"]}).to_string(),
            4401,
        ),
        ("not json".to_owned(), 4400),
        (json!({"type": "launch"}).to_string(), 4400),
        (
            json!({"type": "hello", "token": token, "resume": "x"}).to_string(),
            4400,
        ),
        ("x".repeat(100_000), 4400),
    ] {
        let mut socket = Socket::open(&app, "/api/v1/ws/live", &[]).await.unwrap();
        socket.send_text(&first).await;
        assert_eq!(
            socket.closed().await,
            code,
            "{}",
            first.chars().take(60).collect::<String>()
        );
    }
    let mut silent = Socket::open(&app, "/api/v1/ws/live", &[]).await.unwrap();
    assert_eq!(silent.closed().await, 4401);
    let mut binary = Socket::open(&app, "/api/v1/ws/live", &[]).await.unwrap();
    binary.send_bytes(&[0, 1, 2]).await;
    assert_eq!(binary.closed().await, 4400);
    for bad in [
        "{}",
        "[]",
        "{\"type\":\"subscribe\"}",
        "{\"type\":\"hello\"}",
        "\u{0}",
    ] {
        let mut socket = Socket::live(&app, &owner, None).await;
        socket.send_text(bad).await;
        assert_eq!(socket.closed().await, 4400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_only_from_our_own_pages() {
    let app = App::start().await;
    app.owner().await;
    let browser = app.browser();
    let body = json!({"username": "root", "password": PASSWORD, "session": "cookie"});
    browser
        .send(
            browser
                .own(reqwest::Method::POST, "/api/v1/auth/login")
                .json(&body),
        )
        .await;
    let cookies = browser.cookie_header("/api/v1/ws/live");
    let own = app.url("");
    for (origin, code) in [
        (Some("https://evil.example"), Some(4403)),
        (None, Some(4403)),
        (Some(own.as_str()), None),
    ] {
        let mut headers = vec![("cookie", cookies.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let mut socket = Socket::open(&app, "/api/v1/ws/live", &headers)
            .await
            .unwrap();
        socket.send(&json!({"type": "hello"})).await;
        match code {
            Some(code) => assert_eq!(socket.closed().await, code, "{origin:?}"),
            None => assert_eq!(socket.frame("ready").await["version"], chatops_api::VERSION),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_items_of_servers_that_are_not_theirs() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let (theirs, own) = (
        owner.add_server("theirs").await,
        ada.add_server("own").await,
    );
    let mut socket = Socket::live(&app, &ada, None).await;
    let topics = json!(["fleet", format!("server:{theirs}"), format!("server:{own}")]);
    let subscribed = socket
        .ask(&json!({"type": "subscribe", "topics": topics}))
        .await;
    assert_eq!(
        subscribed["refused"],
        json!([{"topic": format!("server:{theirs}"), "code": "CO1201"}])
    );
    app.sample(&theirs, 1.0).await;
    owner
        .patch(
            &format!("/api/v1/servers/{theirs}"),
            &json!({"name": "renamed"}),
        )
        .await;
    let seq = app.sample(&own, 2.0).await;
    let item = socket.any_item().await;
    assert_eq!(
        (&item["server"], &item["seq"]),
        (&json!(own), &json!(seq)),
        "{item}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_server_is_told_once_and_delivered_no_more() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (gone, stays) = (
        owner.add_server("gone").await,
        owner.add_server("stays").await,
    );
    let mut socket = Socket::live(&app, &owner, None).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": ["fleet", format!("server:{gone}")]}))
        .await;
    app.sample(&gone, 1.0).await;
    assert_eq!(socket.item("sample").await["server"], json!(gone));
    assert_eq!(
        owner.delete(&format!("/api/v1/servers/{gone}")).await.0,
        204
    );
    assert_eq!(
        socket.item("server").await,
        json!({"k": "server", "op": "deleted", "server": gone})
    );
    // Its agent does not know yet and goes on.
    app.sample(&gone, 2.0).await;
    app.sample(&stays, 3.0).await;
    assert_eq!(socket.any_item().await["server"], json!(stays));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_servers_and_presence_arrive_as_a_reload_would_show_them() {
    let app = App::start().await;
    let owner = app.owner().await;
    let mut socket = Socket::live(&app, &owner, None).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let server = owner.add_server("new").await;
    let added = socket.item("server").await;
    let (_, shown) = owner.get(&format!("/api/v1/servers/{server}")).await;
    assert_eq!(
        (&added["op"], &added["server"]),
        (&json!("registered"), &shown)
    );
    owner
        .patch(
            &format!("/api/v1/servers/{server}"),
            &json!({"name": "newer"}),
        )
        .await;
    let changed = socket.item("server").await;
    assert_eq!(
        (&changed["op"], &changed["server"]["name"]),
        (&json!("updated"), &json!("newer"))
    );
    connect(&app, &server, "s1").await;
    let online = socket.item("presence").await;
    assert_eq!(
        (&online["status"], &online["transport"]),
        (&json!("online"), &json!("nats"))
    );
    disconnect(&app, &server, "s0", 1).await;
    disconnect(&app, &server, "s1", 0).await;
    assert_eq!(socket.item("presence").await["status"], "offline");
}

async fn connect(app: &App, server: &str, session: &str) {
    let key = KeyId::parse("k1").unwrap();
    let event = AgentConnected {
        session: session.to_owned(),
        key,
        transport: Transport::Nats,
        address: None,
        orders: false,
    };
    app.fact(server, subject::PRESENCE, event).await;
}

async fn disconnect(app: &App, server: &str, session: &str, remaining: u32) {
    let session = session.to_owned();
    let event = AgentDisconnected {
        session,
        transport: Transport::Nats,
        address: None,
        reason: None,
        remaining,
    };
    app.fact(server, subject::PRESENCE, event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_leaves_no_gap_and_no_duplicate() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let other = owner.add_server("other").await;
    let topics = json!([format!("server:{server}")]);
    let mut socket = Socket::live(&app, &owner, None).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": topics}))
        .await;
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(app.sample(&server, n as f32).await);
        app.sample(&other, 0.0).await;
    }
    let mut got = positions(&mut socket, "sample", sent[9]).await;
    let resume = socket.last_seq();
    got.retain(|seq| *seq <= resume);
    drop(socket);
    for n in 0..300 {
        sent.push(app.sample(&server, n as f32).await);
    }
    // More arrive while it comes back.
    let publishing = async {
        for n in 0..300 {
            sent.push(app.sample(&server, n as f32).await);
        }
    };
    let resuming = async {
        let mut socket = Socket::live(&app, &owner, Some(resume)).await;
        socket
            .ask(&json!({"type": "subscribe", "topics": topics}))
            .await;
        socket
    };
    let ((), mut socket) = tokio::join!(publishing, resuming);
    sent.push(app.sample(&server, 0.0).await);
    got.extend(positions(&mut socket, "sample", *sent.last().unwrap()).await);
    assert_eq!(got, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_the_fleet_tells_what_changed_meanwhile() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (old, gone) = (
        owner.add_server("old").await,
        owner.add_server("gone").await,
    );
    let mut socket = Socket::live(&app, &owner, None).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let first = app.sample(&old, 1.0).await;
    assert_eq!(positions(&mut socket, "row", first).await, [first]);
    drop(socket);
    let missed = app.sample(&old, 2.0).await;
    connect(&app, &old, "s1").await;
    owner.delete(&format!("/api/v1/servers/{gone}")).await;
    let new = owner.add_server("new").await;
    let mut socket = Socket::live(&app, &owner, Some(first)).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    assert_eq!(socket.item("row").await["seq"], json!(missed));
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 3 {
        let item = socket.any_item().await;
        match item["k"].as_str().unwrap() {
            "presence" => told.insert(format!("{} {}", item["status"], item["server"])),
            "server" if item["op"] == "deleted" => {
                told.insert(format!("deleted {}", item["server"]))
            }
            "server" if item["server"]["id"] == json!(new) => told.insert("added".to_owned()),
            _ => false,
        };
    }
    assert!(
        told.contains(&format!("\"online\" \"{old}\""))
            && told.contains(&format!("deleted \"{gone}\"")),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_resumed_is_a_gap() {
    let live = config::Live {
        max_replay: 5,
        ..config::Live::default()
    };
    let app = App::with(Config {
        live,
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let mut last = 0;
    for n in 0..10 {
        last = app.sample(&server, n as f32).await;
    }
    for (resume, from) in [(last - 8, last - 7), (last + 50, u64::MAX)] {
        let mut socket = Socket::live(&app, &owner, Some(resume)).await;
        socket
            .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
            .await;
        assert_eq!(
            socket.frame("gap").await,
            json!({"type": "gap", "from": from.min(last), "to": last}),
            "{resume}"
        );
        last = app.sample(&server, 0.0).await;
        assert_eq!(socket.item("row").await["seq"], json!(last));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token_and_with_its_session() {
    let app = App::with(Config {
        access_ttl: Duration::from_secs(3),
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    let mut socket = Socket::live(&app, &owner, None).await;
    assert_eq!(socket.closed().await, 4401);
    let body = json!({"username": "root", "password": PASSWORD});
    let (_, session) = app.stranger().post("/api/v1/auth/login", &body).await;
    let other = app
        .stranger()
        .with_token(session["access_token"].as_str().unwrap());
    let mut socket = Socket::live(&app, &other, None).await;
    assert_eq!(other.post("/api/v1/auth/logout", &json!({})).await.0, 204);
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_never_reads_is_closed_and_delays_nobody() {
    let live = config::Live {
        stalled: Duration::from_millis(500),
        ..config::Live::default()
    };
    let app = App::with(Config {
        live,
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    let mut servers = Vec::new();
    for n in 0..30 {
        servers.push(owner.add_server(&format!("web-{n}")).await);
    }
    let mut stuck = Socket::live(&app, &owner, None).await;
    let mut reader = Socket::live(&app, &owner, None).await;
    let topics: Vec<String> = servers.iter().map(|id| format!("server:{id}")).collect();
    let subscribe = json!({"type": "subscribe", "topics": topics});
    stuck.ask(&subscribe).await;
    reader.ask(&subscribe).await;
    // More than all buffers between here and there hold, also when what waits is thinned to one per server.
    let publishing = async {
        let mut last = 0;
        for n in 0..400 {
            last = app.large_sample(&servers[n % servers.len()]).await;
        }
        last
    };
    tokio::pin!(publishing);
    let (mut last, mut newest) = (None, 0);
    while last != Some(newest) {
        tokio::select! {
            published = &mut publishing, if last.is_none() => last = Some(published),
            item = reader.item("sample") => newest = item["seq"].as_u64().unwrap(),
        }
    }
    let code = stuck.closed().await;
    assert!(matches!(code, 4408 | 1006), "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_in_the_original_shape() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let server = owner.add_server("web-1").await;
    let path = format!("/api/v1/ws/metrics/{server}");
    let auth = |client: &crate::browser::Client, resume: Option<u64>| match resume {
        Some(seq) => json!({"type": "auth", "token": client.token, "resume": seq}),
        None => json!({"type": "auth", "token": client.token}),
    };
    let mut stranger = Socket::open(&app, &path, &[]).await.unwrap();
    stranger
        .send(&json!({"type": "auth", "token": "forged"}))
        .await;
    assert_eq!(stranger.closed().await, 4401);
    let mut outsider = Socket::open(&app, &path, &[]).await.unwrap();
    outsider.send(&auth(&ada, None)).await;
    assert_eq!(outsider.frame("error").await["code"], "CO1201");
    assert_eq!(outsider.closed().await, 4403);

    let mut socket = Socket::open(&app, &path, &[]).await.unwrap();
    socket.send(&auth(&owner, None)).await;
    assert_eq!(
        socket.frame("auth_success").await["server_id"],
        json!(server)
    );
    let first = app.sample(&server, 7.5).await;
    let metrics = socket.frame("metrics").await;
    assert_eq!(
        (&metrics["seq"], &metrics["data"]["cpu"]["total"]),
        (&json!(first), &json!(7.5)),
        "{metrics}"
    );
    assert!(metrics["timestamp"].as_str().unwrap().ends_with('Z'));
    socket.send(&json!({"type": "ping"})).await;
    socket.frame("pong").await;
    drop(socket);

    let missed = [
        app.sample(&server, 1.0).await,
        app.sample(&server, 2.0).await,
    ];
    let mut socket = Socket::open(&app, &path, &[]).await.unwrap();
    socket.send(&auth(&owner, Some(first))).await;
    let mut got = Vec::new();
    for _ in missed {
        got.push(socket.frame("metrics").await["seq"].as_u64().unwrap());
    }
    assert_eq!(got, missed);
    owner.delete(&format!("/api/v1/servers/{server}")).await;
    assert_eq!(socket.frame("error").await["code"], "CO1201");
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_going_away_and_coming_back_loses_nothing() {
    let mut app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let mut socket = Socket::live(&app, &owner, None).await;
    socket
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let mut sent = vec![app.sample(&server, 1.0).await];
    app.nats.kill().await.unwrap();
    app.nats.restart().await.unwrap();
    for n in 0..20 {
        sent.push(app.sample(&server, n as f32).await);
    }
    let got = positions(&mut socket, "row", *sent.last().unwrap()).await;
    assert_eq!(got, sent);
    let _: Value = socket
        .ask(&json!({"type": "unsubscribe", "topics": ["fleet"]}))
        .await;
}
