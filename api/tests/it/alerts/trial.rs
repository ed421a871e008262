//! Rules tried on samples that are in the real stream.

use chatops_schemas::{
    clock::{IdSource, System, Timestamp},
    envelope::Envelope,
    ids::ServerId,
    subject,
};
use serde_json::{Value as Json, json};

use super::code;
use crate::{
    app::{self, App, now},
    browser::Client,
    sharing::share,
};

const TRIAL: &str = "/api/v1/alerts/rules/trial";

async fn measured(app: &App, server: &str, at: Timestamp, cpu: f32) {
    let server = ServerId::parse(server).unwrap();
    let event = Envelope::new(System.event_id(), at, app::sample(cpu)).about(server.clone());
    app.bus
        .publish(&subject::metrics(&server), &event)
        .await
        .unwrap();
}

async fn tried(by: &Client, body: Json) -> Json {
    let (status, answer) = by.post(TRIAL, &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["complete"], true, "{answer}");
    answer
}

fn raised(server: &Json) -> Vec<i64> {
    let episodes = server["episodes"].as_array().unwrap().iter();
    episodes
        .map(|episode| {
            let text = episode["raised"].as_str().unwrap();
            Timestamp::parse_rfc3339(text).unwrap().millis()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_on_what_was_measured_on_servers_that_one_sees() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (web, other) = (
        owner.add_server("web-1").await,
        owner.add_server("other").await,
    );
    let (ada, stranger) = (app.operator("ada").await, app.operator("stranger").await);
    share(
        &owner,
        &json!({"username": "ada", "server_id": web, "level": "view"}),
    )
    .await;
    let start = now().millis() - 3_600_000;
    let at = |n: i64| start + n * 5000;
    for (n, busy) in (0..).zip([10., 10., 10., 95., 95., 95., 10., 10., 10., 95., 95.]) {
        measured(&app, &web, Timestamp::from_millis(at(n)), busy).await;
    }

    // Without any patience it comes back at once, and the answer says which wait would have helped.
    let body = json!({"wording": "cpu>90", "server_ids": [web, web], "from": "now-2h"});
    let answer = tried(&ada, body).await;
    assert_eq!(answer["wording"], "cpu > 90");
    let servers = answer["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 1, "each is tried once: {answer}");
    let server = &servers[0];
    assert_eq!(
        (&server["server_id"], &server["name"], &server["readings"]),
        (&json!(web), &json!("web-1"), &json!(11))
    );
    assert_eq!(raised(server), [at(3), at(9)]);
    assert_eq!(
        (&server["fired"], &server["flaps"], &server["passed"]),
        (&json!(2), &json!(1), &json!(0))
    );
    assert_eq!(server["suggested_for_ms"], 15_000);
    let first = &server["episodes"][0];
    assert_eq!(first["since"], first["raised"]);
    assert_eq!(
        (&first["device"], &first["values"]),
        (&json!(""), &json!([95.0]))
    );
    assert!(server["episodes"][1]["resolved"].is_null(), "{server}");

    // As data, with a wait; of two servers, one of which has measured nothing.
    let body = json!({
        "when": answer["when"], "for_ms": 10_000, "server_ids": [other, web], "from": start.to_string(),
    });
    let answer = tried(&owner, body).await;
    assert_eq!(answer["wording"], "cpu > 90 for 10s");
    let servers = &answer["servers"];
    assert_eq!(
        (&servers[0]["name"], &servers[0]["readings"]),
        (&json!("other"), &json!(0))
    );
    assert_eq!(raised(&servers[1]), [at(5)]);

    // A part of the time.
    let body = json!({
        "wording": "cpu > 90", "server_ids": [web], "from": at(6).to_string(), "to": at(9).to_string(),
    });
    let answer = tried(&owner, body).await;
    assert_eq!(answer["servers"][0]["readings"], 4);
    assert_eq!(raised(&answer["servers"][0]), [at(9)]);

    // Who does not see a server learns nothing of it.
    for (by, servers) in [
        (&ada, json!([web, other])),
        (&stranger, json!([web])),
        (&owner, json!(["nobody"])),
    ] {
        let answer = by
            .post(
                TRIAL,
                &json!({"wording": "cpu > 90", "server_ids": servers}),
            )
            .await;
        assert_eq!(code(&answer), (404, "CO1201"), "{}", answer.1);
    }
    let body = json!({"wording": "cpu > 90", "server_ids": [web]});
    assert_eq!(
        code(&app.stranger().post(TRIAL, &body).await),
        (401, "CO1002")
    );

    let many: Vec<_> = (0..21).map(|n| format!("host-{n}")).collect();
    for (field, change) in [
        ("wording", json!({})),
        ("wording", json!({"wording": "cpu > much"})),
        ("wording", json!({"wording": "down for 1m"})),
        ("when", json!({"when": {"fact": "down"}})),
        (
            "server_ids",
            json!({"wording": "cpu > 1", "server_ids": []}),
        ),
        (
            "server_ids",
            json!({"wording": "cpu > 1", "server_ids": many}),
        ),
        (
            "server_ids",
            json!({"wording": "cpu > 1", "server_ids": ["a b"]}),
        ),
        ("from", json!({"wording": "cpu > 1", "from": "now-401d"})),
        ("from", json!({"wording": "cpu > 1", "from": "yesterday"})),
        (
            "from",
            json!({"wording": "cpu > 1", "from": "now-1h", "to": "now-2h"}),
        ),
    ] {
        let mut body = json!({"server_ids": [web]});
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let answer = owner.post(TRIAL, &body).await;
        assert_eq!(code(&answer), (422, "CO1101"), "{change}: {}", answer.1);
        assert_eq!(answer.1["errors"][0]["field"], field, "{change}");
    }
}
