//! The audit trail as people with the right to it see it.

use std::{sync::Arc, time::Duration};

use chatops_audit::{Appender, Outside, Settings};
use chatops_projections::{Store, view::AuditTold};
use chatops_schemas::{audit::HeadKey, clock::System};
use chatops_testkit::{eventually, until};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::{App, SOON},
    browser::Client,
};

/// A server side whose events are chained.
pub(crate) async fn audited() -> (App, DropGuard) {
    let app = App::start().await;
    let settings = Settings {
        head_after: Duration::from_millis(1),
        ..Settings::default()
    };
    let appender = Appender::new(
        app.bus.clone(),
        HeadKey::from_seed(&[7; 32]),
        Outside::default(),
        settings,
        Arc::new(System),
    );
    let stop = CancellationToken::new();
    tokio::spawn(appender.run(stop.clone()));
    (app, stop.drop_guard())
}

/// Waits until a query finds something, and returns the newest.
pub(crate) async fn newest(client: &Client, query: &str) -> Value {
    until("the entry is there", SOON, async || {
        let (status, list) = client.get(&format!("/api/v1/audit?{query}")).await;
        assert_eq!(status, 200, "{list}");
        list["entries"].as_array()?.first().cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_an_entry_with_before_and_after() {
    let (app, _appender) = audited().await;
    let owner = app.owner().await;
    let id = owner.add_server("web").await;
    let (status, _) = owner
        .patch(
            &format!("/api/v1/servers/{id}"),
            &json!({"name": "web one"}),
        )
        .await;
    assert_eq!(status, 200);
    let entry = newest(&owner, &format!("action=server.changed&target=server:{id}")).await;
    assert_eq!(entry["actor_name"], "root");
    assert_eq!(entry["target_name"], "web one");
    assert_eq!(entry["address"], "127.0.0.1");
    assert_eq!(entry["result"], "ok");
    let (status, detail) = owner.get(&format!("/api/v1/audit/{}", entry["seq"])).await;
    assert_eq!(status, 200, "{detail}");
    assert_eq!(detail["event"], "kept");
    assert_eq!(detail["before"]["name"], "web");
    assert_eq!(detail["after"]["name"], "web one");
    assert_eq!(detail["entry"], entry);

    for absent in ["999999", "0", "x", "-1"] {
        let (status, problem) = owner.get(&format!("/api/v1/audit/{absent}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (404, &json!("CO1230")),
            "{absent}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_are_found_by_filters_and_only_by_those_who_may_look() {
    let (app, _appender) = audited().await;
    let owner = app.owner().await;
    let outsider = app.operator("eve").await;
    let id = owner.add_server("web").await;
    for path in ["", "/1", "/verify", "/export"] {
        let (status, problem) = outsider.get(&format!("/api/v1/audit{path}")).await;
        assert_eq!(
            (status, &problem["code"]),
            (403, &json!("CO1204")),
            "{path}"
        );
    }
    let (status, _) = outsider.delete(&format!("/api/v1/servers/{id}")).await;
    assert_eq!(status, 404);
    let denied = newest(
        &owner,
        &format!("actor=eve&result=denied&target=server:{id}"),
    )
    .await;
    assert_eq!(denied["action"], "access.denied");
    // That she looked for the trail is in it, too.
    let looked = newest(&owner, "actor=eve&target=fleet:").await;
    assert_eq!(looked["result"], "denied");

    let (_, by_prefix) = owner.get("/api/v1/audit?action=access.*&from=now-1h").await;
    assert!(by_prefix["entries"].as_array().unwrap().len() >= 2);
    let (_, later) = owner.get("/api/v1/audit?from=now%2B1h").await;
    assert_eq!(later["entries"], json!([]));
    for bad in [
        "result=maybe",
        "from=tuesday",
        "limit=0",
        "limit=501",
        "after=x",
        "actor=%00",
    ] {
        let (status, problem) = owner.get(&format!("/api/v1/audit?{bad}")).await;
        assert_eq!((status, &problem["code"]), (422, &json!("CO1101")), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_neither_skipped_nor_repeated_and_an_export_is_an_entry() {
    let (app, _appender) = audited().await;
    let owner = app.owner().await;
    for n in 0..7 {
        owner.add_server(&format!("web-{n}")).await;
    }
    eventually("all are entered", SOON, async || {
        let (_, list) = owner.get("/api/v1/audit?action=server.registered").await;
        list["entries"].as_array().unwrap().len() == 7
    })
    .await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/audit?action=server.registered&limit=3&after={after}");
        let (_, page) = owner.get(&path).await;
        let entries = page["entries"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["seq"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");

    let path = "/api/v1/audit/export?action=server.registered&format=csv";
    let request = owner.request(reqwest::Method::GET, path);
    let table = request.send().await.unwrap().text().await.unwrap();
    assert_eq!(table.lines().count(), 8, "{table}");
    let exported = newest(&owner, "action=access.exported").await;
    assert_eq!(exported["actor_name"], "root");
    let (_, detail) = owner
        .get(&format!("/api/v1/audit/{}", exported["seq"]))
        .await;
    assert_eq!(detail["after"]["query"], "action=server.registered");
    assert_eq!(detail["after"]["entries"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_appender_tells_is_shown() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (status, state) = owner.get("/api/v1/audit/verify").await;
    assert_eq!(
        (status, &state["phase"]),
        (200, &json!("absent")),
        "{state}"
    );
    let told = AuditTold {
        phase: "running".to_owned(),
        size: 12,
        ..AuditTold::default()
    };
    let store = Store::connect(app.database.url(), 1).await.unwrap();
    store.tell_audit_state(&told).await.unwrap();
    let (_, state) = owner.get("/api/v1/audit/verify").await;
    assert_eq!(
        (&state["phase"], &state["size"]),
        (&json!("running"), &json!(12))
    );
}
