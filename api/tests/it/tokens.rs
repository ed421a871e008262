//! Personal API tokens: what they may be used for, until when, and what they may never do.

use chatops_schemas::clock::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, PASSWORD, SOON, now},
    browser::Client,
};

fn in_days(days: i64) -> String {
    now().plus_millis(days * 86_400_000).rfc3339()
}

async fn token(owner: &Client, scopes: &[&str], expires_at: &str) -> (Client, String) {
    let body = json!({"name": "script", "scopes": scopes, "expires_at": expires_at});
    let (status, issued) = owner.post("/api/v1/auth/tokens", &body).await;
    assert_eq!(status, 201, "{issued}");
    let client = owner.with_token(issued["token"].as_str().unwrap());
    (client, issued["info"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say_and_is_shown_once() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (reader, id) = token(&owner, &["read"], &in_days(30)).await;
    let (manager, _) = token(&owner, &["read", "manage"], &in_days(30)).await;
    let server = manager.add_server("web-1").await;
    assert_eq!(
        reader.get(&format!("/api/v1/servers/{server}")).await.0,
        200
    );
    let (status, problem) = reader
        .post("/api/v1/servers", &json!({"name": "web-2"}))
        .await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1204")));
    let (auditor, _) = token(&owner, &["audit"], &in_days(30)).await;
    assert_eq!(auditor.get("/api/v1/servers").await.0, 403);

    let (_, list) = owner.get("/api/v1/auth/tokens").await;
    let listed: Vec<&Value> = list["tokens"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 3, "{list}");
    let used = listed.iter().find(|one| one["id"] == json!(id)).unwrap();
    assert_eq!(
        (&used["scopes"], &used["expired"], &used["last_used_from"]),
        (&json!(["read"]), &json!(false), &json!("127.0.0.1"))
    );
    assert!(used["last_used_at"].is_string(), "{used}");
    let secret = reader.token.as_deref().unwrap().rsplit('_').next().unwrap();
    assert!(!list.to_string().contains(secret));
    // Nowhere in the stream either, and not as a hash of the whole token in the database.
    let vault = app
        .database
        .psql("SELECT * FROM vault_token; SELECT * FROM api_tokens")
        .await
        .unwrap();
    assert!(!vault.contains(secret), "{vault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_changes_nothing_about_signing_in() {
    let app = App::start().await;
    let owner = app.owner().await;
    let all = ["read", "operate", "manage", "admin", "audit"];
    let (program, id) = token(&owner, &all, &in_days(1)).await;
    let more = json!({"name": "more", "scopes": ["read"], "expires_at": in_days(1)});
    let password = json!({"current_password": PASSWORD, "new_password": "quite another 9"});
    for (method, path, body) in [
        (Method::GET, "/api/v1/auth/tokens".to_owned(), None),
        (Method::POST, "/api/v1/auth/tokens".to_owned(), Some(&more)),
        (Method::DELETE, format!("/api/v1/auth/tokens/{id}"), None),
        (Method::GET, "/api/v1/auth/sessions".to_owned(), None),
        (Method::DELETE, "/api/v1/auth/sessions".to_owned(), None),
        (
            Method::POST,
            "/api/v1/auth/change-password".to_owned(),
            Some(&password),
        ),
        (Method::PATCH, "/api/v1/auth/me".to_owned(), Some(&more)),
    ] {
        let mut request = program.request(method.clone(), &path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, problem) = program.send(request).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (403, Some("CO1010")),
            "{method} {path}: {problem}"
        );
    }
    assert_eq!(program.get("/api/v1/auth/me").await.0, 200);
    // A token is a header and nothing else: in a cookie it is nobody.
    let cookie = app
        .stranger()
        .request(Method::GET, "/api/v1/auth/me")
        .header(
            "Cookie",
            format!("chatops_access={}", program.token.unwrap()),
        );
    assert_eq!(app.stranger().send(cookie).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_by_revocation_and_by_itself() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (first, id) = token(&owner, &["read"], &in_days(1)).await;
    let (second, _) = token(&owner, &["read"], &in_days(1)).await;
    assert_eq!(first.get("/api/v1/servers").await.0, 200);
    let ada = app.operator("ada").await;
    let path = format!("/api/v1/auth/tokens/{id}");
    assert_eq!(ada.delete(&path).await.1["code"], "CO1222");
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(first.get("/api/v1/servers").await.1["code"], "CO1002");
    assert_eq!(owner.delete(&path).await.1["code"], "CO1222");
    assert_eq!(second.get("/api/v1/servers").await.0, 200);
    let (_, list) = owner.get("/api/v1/auth/tokens").await;
    assert_eq!(list["tokens"].as_array().unwrap().len(), 1, "{list}");

    let soon = Timestamp::from_millis(now().millis() + 1_500).rfc3339();
    let (short, _) = token(&owner, &["read"], &soon).await;
    chatops_testkit::eventually("the token has ended", SOON, || async {
        short.get("/api/v1/servers").await.1["code"] == "CO1002"
    })
    .await;
    for bad in [
        json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"name": "x", "scopes": ["read"], "expires_at": in_days(400)}),
        json!({"name": "x", "scopes": [], "expires_at": in_days(1)}),
        json!({"name": "x", "scopes": ["root"], "expires_at": in_days(1)}),
        json!({"name": "", "scopes": ["read"], "expires_at": in_days(1)}),
        json!({"name": "x", "scopes": ["read"]}),
    ] {
        assert_eq!(
            owner.post("/api/v1/auth/tokens", &bad).await.0,
            422,
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_nobody() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (_, id) = token(&owner, &["read"], &in_days(1)).await;
    let zeros = "A".repeat(43);
    for forged in [
        format!("chatops_pat_{id}_{zeros}"),
        format!("chatops_pat_nobody_{zeros}"),
        format!("chatops_pat_{id}_"),
        "chatops_pat_".to_owned(),
        format!("chatops_pat_'; DROP TABLE vault_token; --_{zeros}"),
    ] {
        let (status, problem) = app
            .stranger()
            .with_token(&forged)
            .get("/api/v1/auth/me")
            .await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (401, Some("CO1002")),
            "{forged}"
        );
    }
}
