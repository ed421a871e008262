//! What the audit is told: who was turned away and who changed what, from where.

use chatops_bus::StreamName;
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::{access::AccessDenied, ctl::ServerRegistered},
    ids::ServerId,
    subject::{self, Entity},
};
use chatops_testkit::eventually;
use serde_json::json;

use crate::app::{App, SOON};

async fn denials(app: &App) -> Option<Envelope<AccessDenied>> {
    let last = app
        .bus
        .last(StreamName::Access, &subject::access("denied"))
        .await
        .unwrap()?;
    Some(codec::decode::<AccessDenied>(&last.payload).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_who_made_it_and_from_where() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (status, server) = owner.post("/api/v1/servers", &json!({"name": "web"})).await;
    assert_eq!(status, 201, "{server}");
    let id = server["id"].as_str().unwrap();
    let last = app
        .bus
        .last(StreamName::Ctl, &subject::ctl(Entity::Server, id))
        .await
        .unwrap()
        .unwrap();
    let event = codec::decode::<ServerRegistered>(&last.payload).unwrap();
    assert_eq!(event.actor, Some(format!("user:{}", event.data.owner)));
    assert_eq!(event.address.as_deref(), Some("127.0.0.1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_hidden_server_leaves_a_trace_and_a_missing_one_does_not() {
    let app = App::start().await;
    let owner = app.owner().await;
    let outsider = app.operator("eve").await;
    let (_, me) = outsider.get("/api/v1/auth/me").await;
    let (_, server) = owner.post("/api/v1/servers", &json!({"name": "web"})).await;
    let id = ServerId::parse(server["id"].as_str().unwrap()).unwrap();
    let (_, key) = owner
        .post("/api/v1/api-keys", &json!({"server_id": id.as_str()}))
        .await;
    let key = key["id"].as_str().unwrap();

    let (status, _) = outsider.get("/api/v1/servers/nowhere").await;
    assert_eq!(status, 404);
    let asked = [
        ("GET", format!("/api/v1/servers/{id}"), "see_server"),
        ("DELETE", format!("/api/v1/servers/{id}"), "delete_server"),
        ("GET", format!("/api/v1/servers/{id}/events"), "see_server"),
        ("GET", format!("/api/v1/metrics/{id}/latest"), "see_server"),
        ("GET", format!("/api/v1/metrics/{id}/history"), "see_server"),
        ("GET", format!("/api/v1/metrics/{id}/series"), "see_server"),
        (
            "POST",
            format!("/api/v1/api-keys/{key}/revoke"),
            "revoke_key",
        ),
    ];
    let mut seen = 0;
    for (method, path, action) in asked {
        let status = match method {
            "GET" => outsider.get(&path).await.0,
            "DELETE" => outsider.delete(&path).await.0,
            _ => outsider.post(&path, &json!({})).await.0,
        };
        assert_eq!(status, 404, "{path}");
        seen += 1;
        eventually("the denial is stored", SOON, async || {
            let info = app.bus.stream_info(StreamName::Access).await.unwrap();
            info.messages == seen
        })
        .await;
        let event = denials(&app).await.unwrap();
        assert_eq!(event.data.action, action, "{path}");
        assert_eq!(event.data.target, id.as_str(), "{path}");
        assert_eq!(event.data.target_kind, "server", "{path}");
        assert_eq!(event.data.reason, "hidden", "{path}");
        assert_eq!(
            event.actor,
            Some(format!("user:{}", me["id"].as_str().unwrap()))
        );
        assert_eq!(event.address.as_deref(), Some("127.0.0.1"));
    }
}
