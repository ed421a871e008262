//! API keys: shown once, kept as digests, revoked for ever.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;

async fn whose(app: &App, key: &str) -> (u16, Value) {
    let stranger = app.stranger();
    stranger
        .send(
            stranger
                .request(Method::GET, "/api/v1/api-keys/me")
                .header("X-API-Key", key),
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_works_and_is_revoked_for_ever() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let body = json!({"server_id": server, "name": "laptop"});
    let (status, issued) = owner.post("/api/v1/api-keys", &body).await;
    assert_eq!(status, 201, "{issued}");
    let (id, key) = (
        issued["id"].as_str().unwrap(),
        issued["key"].as_str().unwrap(),
    );
    assert!(
        key.starts_with(&format!("chatops_{id}_"))
            && id.len() == 16
            && key.len() == 8 + 16 + 1 + 43,
        "{key}"
    );

    let (status, mine) = whose(&app, key).await;
    assert_eq!(
        (status, &mine["server_id"], &mine["key_id"]),
        (200, &json!(server), &json!(id)),
        "{mine}"
    );
    let (_, list) = owner.get(&format!("/api/v1/servers/{server}/keys")).await;
    assert_eq!(
        (&list["keys"][0]["name"], &list["keys"][0]["state"]),
        (&json!("laptop"), &json!("active"))
    );
    assert!(!list.to_string().contains(key.rsplit('_').next().unwrap()));

    let revoke = format!("/api/v1/api-keys/{id}/revoke");
    let (status, revoked) = owner.send(owner.request(Method::POST, &revoke)).await;
    assert_eq!(
        (status, &revoked["state"]),
        (200, &json!("revoked")),
        "{revoked}"
    );
    assert_eq!(
        owner.send(owner.request(Method::POST, &revoke)).await.0,
        200
    );
    assert_eq!(owner.delete(&format!("/api/v1/api-keys/{id}")).await.0, 204);
    assert_eq!(whose(&app, key).await.1["code"], "CO1009");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_end_with_their_time_and_with_their_server() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let past = json!({"server_id": server, "expires_at": "2001-01-01T00:00:00Z"});
    let (status, problem) = owner.post("/api/v1/api-keys", &past).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("expires_at"))
    );
    let soon = chatops_api::body::moment::Moment(crate::app::now().plus_millis(1500)).to_string();
    let (status, brief) = owner
        .post(
            "/api/v1/api-keys",
            &json!({"server_id": server, "expires_at": soon}),
        )
        .await;
    assert_eq!(
        (status, &brief["expires_at"]),
        (201, &json!(soon)),
        "{brief}"
    );
    let key = brief["key"].as_str().unwrap().to_owned();
    chatops_testkit::eventually("the key has expired", crate::app::SOON, || async {
        whose(&app, &key).await.0 == 401
    })
    .await;
    let (_, lasting) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    assert_eq!(whose(&app, lasting["key"].as_str().unwrap()).await.0, 200);
    assert_eq!(
        owner.delete(&format!("/api/v1/servers/{server}")).await.0,
        204
    );
    assert_eq!(whose(&app, lasting["key"].as_str().unwrap()).await.0, 401);
    let revoke = format!(
        "/api/v1/api-keys/{}/revoke",
        lasting["id"].as_str().unwrap()
    );
    assert_eq!(
        owner.send(owner.request(Method::POST, &revoke)).await.0,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_refused_and_guessing_is_slowed() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, issued) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let id = issued["id"].as_str().unwrap();
    for key in [
        "",
        "chatops_",
        "x",
        &format!("chatops_{id}_short"),
        "chatops_a.b_'; DROP TABLE api_keys",
    ] {
        assert_eq!(whose(&app, key).await.0, 401, "{key}");
    }
    let wrong = format!("chatops_{id}_{}", "A".repeat(43));
    let mut statuses = Vec::new();
    for _ in 0..9 {
        statuses.push(whose(&app, &wrong).await.0);
    }
    assert_eq!((statuses[7], statuses[8]), (401, 429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_without_a_gap() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let body = json!({"server_id": server, "name": "laptop"});
    let (_, old) = owner.post("/api/v1/api-keys", &body).await;
    let (id, key) = (old["id"].as_str().unwrap(), old["key"].as_str().unwrap());
    let rotate = format!("/api/v1/api-keys/{id}/rotate");

    let (status, problem) = owner
        .post(&rotate, &json!({"overlap_s": 3_000_000, "name": "a\nb"}))
        .await;
    assert_eq!(
        (status, problem["errors"].as_array().map(Vec::len)),
        (422, Some(2)),
        "{problem}"
    );

    let (status, next) = owner.post(&rotate, &json!({"overlap_s": 2})).await;
    assert_eq!(
        (status, &next["name"], &next["replaces"]["id"]),
        (201, &json!("laptop"), &json!(id)),
        "{next}"
    );
    let next_key = next["key"].as_str().unwrap();
    assert_eq!(whose(&app, key).await.0, 200, "both work");
    assert_eq!(whose(&app, next_key).await.0, 200, "both work");
    let (_, list) = owner.get(&format!("/api/v1/servers/{server}/keys")).await;
    let listed = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|listed| listed["id"] == id)
        .unwrap();
    assert_eq!(
        (&listed["successor"], &listed["expires_at"]),
        (&next["id"], &next["replaces"]["expires_at"]),
        "{list}"
    );
    let (status, problem) = owner.post(&rotate, &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("CO1301")));

    chatops_testkit::eventually("the old key has ended", crate::app::SOON, || async {
        whose(&app, key).await.0 == 401
    })
    .await;
    assert_eq!(whose(&app, next_key).await.0, 200);
    let none = "/api/v1/api-keys/aaaaaaaaaaaaaaaa/rotate";
    assert_eq!(owner.post(none, &json!({})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_replace_a_key_at_once_one_succeeds() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, old) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let rotate = format!("/api/v1/api-keys/{}/rotate", old["id"].as_str().unwrap());
    let body = json!({});
    let answers = futures::future::join_all((0..4).map(|_| owner.post(&rotate, &body))).await;
    let made: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 201)
        .collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    let (_, list) = owner.get(&format!("/api/v1/servers/{server}/keys")).await;
    let working = list["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["state"] == "active");
    assert_eq!(working.count(), 2, "{list}");
}
