//! What the audit is told: who was turned away and who changed what, from where.

use chatops_bus::StreamName;
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::{
        Event,
        access::{
            AccessDenied, Method, SessionEnded, SignInFailed, SignedIn, SignedOut, Witnessed,
        },
        ctl::ServerRegistered,
    },
    ids::ServerId,
    subject::{self, Entity},
};
use chatops_testkit::eventually;
use serde_json::json;

use crate::app::{App, PASSWORD, SOON};

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
    // After the two sign-ins above.
    for (seen, (method, path, action)) in (3..).zip(asked) {
        let status = match method {
            "GET" => outsider.get(&path).await.0,
            "DELETE" => outsider.delete(&path).await.0,
            _ => outsider.post(&path, &json!({})).await.0,
        };
        assert_eq!(status, 404, "{path}");
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

/// The newest event of a kind, once there is one that fits.
async fn seen<T: Event + Witnessed>(app: &App, fits: impl Fn(&T) -> bool) -> Envelope<T> {
    let newest = async || {
        let subject = subject::access(T::KIND);
        let last = app.bus.last(StreamName::Access, &subject).await.unwrap()?;
        let event = codec::decode::<T>(&last.payload).unwrap();
        fits(&event.data).then_some(event)
    };
    eventually(T::TYPE, SOON, async || newest().await.is_some()).await;
    newest().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_in_failing_and_going_out_leave_traces() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (_, me) = owner.get("/api/v1/auth/me").await;
    let id = me["id"].as_str().unwrap();
    let stranger = app.stranger();
    let login = async |name: &str, password: &str| {
        let body = json!({"username": name, "password": password});
        stranger.post("/api/v1/auth/login", &body).await
    };
    let session_of = async |fits: &dyn Fn(&serde_json::Value) -> bool| {
        let (_, list) = owner.get("/api/v1/auth/sessions").await;
        let sessions = list["sessions"].as_array().unwrap().clone();
        let found = sessions.into_iter().find(fits).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };

    // A name that nobody has may be a password: only its digest is kept.
    assert_eq!(login("tangerine lamp 7", "x").await.0, 401);
    let failed = seen(&app, |event: &SignInFailed| event.user.is_none()).await;
    assert_eq!(failed.data.reason, "wrong_credentials");
    assert_eq!(failed.data.name_digest.unwrap().len(), 64);
    assert_eq!(
        (failed.actor.as_deref(), failed.address.as_deref()),
        (Some("stranger"), Some("127.0.0.1"))
    );
    assert_eq!(login("root", "wrong").await.0, 401);
    let failed = seen(&app, |event: &SignInFailed| event.user.is_some()).await;
    assert_eq!(failed.data.user.unwrap().to_string(), id);

    let (_, phone) = login("root", PASSWORD).await;
    let phone = stranger.with_token(phone["access_token"].as_str().unwrap());
    let other = session_of(&|one| one["current"] == false).await;
    let came = seen(&app, |event: &SignedIn| event.session.to_string() == other).await;
    assert_eq!(came.data.method, Method::Password);
    assert_eq!(came.actor, Some(format!("user:{id}")));
    assert_eq!(phone.post("/api/v1/auth/logout", &json!({})).await.0, 204);
    seen(&app, |event: &SignedOut| event.session.to_string() == other).await;

    let (_, lost) = login("root", PASSWORD).await;
    let other = session_of(&|one| one["current"] == false).await;
    owner
        .delete(&format!("/api/v1/auth/sessions/{other}"))
        .await;
    let ended = seen(&app, |event: &SessionEnded| {
        event.session.to_string() == other
    })
    .await;
    assert_eq!(ended.data.reason, "revoked");
    let body = json!({"refresh_token": lost["refresh_token"]});
    assert_eq!(stranger.post("/api/v1/auth/refresh", &body).await.0, 401);

    let (_, copied) = login("root", PASSWORD).await;
    let other = session_of(&|one| one["current"] == false).await;
    let body = json!({"refresh_token": copied["refresh_token"]});
    stranger.post("/api/v1/auth/refresh", &body).await;
    stranger.post("/api/v1/auth/refresh", &body).await;
    let ended = seen(&app, |event: &SessionEnded| {
        event.session.to_string() == other
    })
    .await;
    assert_eq!(ended.data.reason, "reuse");
}
