//! Making an account, changing it, its password.

use chatops_api::{Config, config::Registration};
use chatops_testkit::eventually;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::app::{App, PASSWORD, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_account_needs_the_token_and_becomes_the_owner() {
    let app = App::start().await;
    let stranger = app.stranger();
    let (_, status) = stranger.get("/api/v1/auth/status").await;
    assert_eq!(
        (&status["setup_required"], &status["registration"]),
        (&json!(true), &json!("open"))
    );
    let token = app.api.setup_token().await.unwrap().unwrap();

    let mut body = json!({"username": "root", "email": "Root@Example.org", "password": PASSWORD});
    let (status, problem) = stranger.post("/api/v1/auth/register", &body).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1007")));
    body["setup_token"] = json!("guess");
    assert_eq!(stranger.post("/api/v1/auth/register", &body).await.0, 403);
    body["setup_token"] = json!(token.expose_secret());
    let (status, session) = stranger.post("/api/v1/auth/register", &body).await;
    assert_eq!(status, 201, "{session}");
    assert_eq!(session["user"]["role"], "owner");
    assert_eq!(session["token_type"], "bearer");
    assert_eq!(session["expires_in"], 1800);

    // The token is used up, and the next account is an operator.
    assert!(app.api.setup_token().await.unwrap().is_none());
    let other = app.register("ada").await;
    assert_eq!(other["user"]["role"], "operator");
    let (_, status) = stranger.get("/api/v1/auth/status").await;
    assert_eq!(status["setup_required"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_first_visitors_make_one_owner() {
    let app = App::start().await;
    let token = app.api.setup_token().await.unwrap().unwrap();
    let register = |name: &'static str| {
        let (stranger, token) = (app.stranger(), token.expose_secret().to_owned());
        async move {
            let body = json!({"username": name, "password": PASSWORD, "setup_token": token});
            stranger.post("/api/v1/auth/register", &body).await.0
        }
    };
    let mut statuses = <[u16; 2]>::from(tokio::join!(register("one"), register("two")));
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403]);
    assert_eq!(
        app.database
            .psql("SELECT count(*) FROM users")
            .await
            .unwrap()
            .trim(),
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_belong_to_one_account() {
    let app = App::start().await;
    app.owner().await;
    app.register("ada").await;
    let stranger = app.stranger();
    for (username, email, field) in [
        ("ADA", "other@example.org", "username"),
        ("other", "ADA@example.org", "email"),
    ] {
        let body = json!({"username": username, "email": email, "password": PASSWORD});
        let (status, problem) = stranger.post("/api/v1/auth/register", &body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (409, Some("CO1205")),
            "{problem}"
        );
        assert_eq!(problem["errors"][0]["field"], field);
    }
    // The refused attempt gave back what it had claimed before.
    let body = json!({"username": "other", "email": "other@example.org", "password": PASSWORD});
    assert_eq!(stranger.post("/api/v1/auth/register", &body).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_with_one_name_make_one_account() {
    let app = App::start().await;
    app.owner().await;
    let attempts = (0..6).map(|n| {
        let stranger = app.stranger();
        let body = json!({"username": "ada", "email": format!("ada{n}@example.org"), "password": PASSWORD});
        async move { stranger.post("/api/v1/auth/register", &body).await.0 }
    });
    let statuses = futures::future::join_all(attempts).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 201 | 409)),
        "{statuses:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_registration_is_closed_after_the_first_account() {
    let app = App::with(Config {
        registration: Registration::Closed,
        ..Config::default()
    })
    .await;
    app.owner().await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let (status, problem) = app.stranger().post("/api/v1/auth/register", &body).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1006")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_keeps_what_is_absent_and_moves_its_address() {
    let app = App::start().await;
    app.owner().await;
    let ada = app.operator("ada").await;
    let (status, user) = ada
        .patch(
            "/api/v1/auth/me",
            &json!({"full_name": "Ada <b>Lovelace</b>"}),
        )
        .await;
    assert_eq!(status, 200, "{user}");
    assert_eq!(
        (&user["full_name"], &user["email"]),
        (&json!("Ada <b>Lovelace</b>"), &json!("ada@example.org"))
    );
    let (status, user) = ada
        .patch("/api/v1/auth/me", &json!({"email": "countess@example.org"}))
        .await;
    assert_eq!(
        (status, &user["email"]),
        (200, &json!("countess@example.org")),
        "{user}"
    );
    // The old address is free, the new one is taken, and both are good for signing in only where they belong.
    let bob = app.operator("bob").await;
    assert_eq!(
        bob.patch("/api/v1/auth/me", &json!({"email": "Countess@example.org"}))
            .await
            .0,
        409
    );
    assert_eq!(
        bob.patch("/api/v1/auth/me", &json!({"email": "ada@example.org"}))
            .await
            .0,
        200
    );
    let login = |name: &'static str| json!({"username": name, "password": PASSWORD});
    let (_, session) = app
        .stranger()
        .post("/api/v1/auth/login", &login("countess@example.org"))
        .await;
    assert_eq!(session["user"]["username"], "ada");
    let (status, user) = ada.patch("/api/v1/auth/me", &json!({"email": null})).await;
    assert_eq!((status, &user["email"]), (200, &json!(null)));
    assert_eq!(
        ada.patch("/api/v1/auth/me", &json!({"role": "owner"}))
            .await
            .0,
        422
    );
    assert_eq!(ada.get("/api/v1/auth/me").await.1["role"], "operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_other_sessions() {
    let app = App::start().await;
    app.owner().await;
    let first = app.register("ada").await;
    let ada = app
        .stranger()
        .with_token(first["access_token"].as_str().unwrap());
    let login = json!({"username": "ada", "password": PASSWORD});
    let (_, second) = app.stranger().post("/api/v1/auth/login", &login).await;
    let other = app
        .stranger()
        .with_token(second["access_token"].as_str().unwrap());
    assert_eq!(other.get("/api/v1/auth/me").await.0, 200);

    let change =
        |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let (status, problem) = ada
        .post(
            "/api/v1/auth/change-password",
            &change("wrong", "quite another 9"),
        )
        .await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1008")));
    let (status, problem) = ada
        .post("/api/v1/auth/change-password", &change(PASSWORD, "short"))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("new_password"))
    );
    assert_eq!(
        ada.post(
            "/api/v1/auth/change-password",
            &change(PASSWORD, "quite another 9")
        )
        .await
        .0,
        204
    );

    assert_eq!(ada.get("/api/v1/auth/me").await.0, 200);
    assert_eq!(other.get("/api/v1/auth/me").await.0, 401);
    let refresh = json!({"refresh_token": second["refresh_token"]});
    assert_eq!(
        app.stranger()
            .post("/api/v1/auth/refresh", &refresh)
            .await
            .0,
        401
    );
    assert_eq!(
        app.stranger().post("/api/v1/auth/login", &login).await.0,
        401
    );
    let login = json!({"username": "ada", "password": "quite another 9"});
    assert_eq!(
        app.stranger().post("/api/v1/auth/login", &login).await.0,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_from_the_shell() {
    let app = App::start().await;
    let owner = app.owner().await;
    assert!(app.api.reset_password("nobody").await.unwrap().is_none());
    let fresh = app.api.reset_password("ROOT").await.unwrap().unwrap();
    let login = |password: &str| json!({"username": "root", "password": password});
    assert_eq!(
        app.stranger()
            .post("/api/v1/auth/login", &login(PASSWORD))
            .await
            .0,
        401
    );
    assert_eq!(
        app.stranger()
            .post("/api/v1/auth/login", &login(fresh.expose_secret()))
            .await
            .0,
        200
    );
    // Written from beside the running server: believed for a few seconds more at most.
    eventually("the old session is refused", SOON, || async {
        owner.get("/api/v1/auth/me").await.0 == 401
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_ever_in_the_streams() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (_, issued) = owner
        .post("/api/v1/api-keys", &json!({"server_id": server}))
        .await;
    let secret = issued["key"]
        .as_str()
        .unwrap()
        .rsplit('_')
        .next()
        .unwrap()
        .to_owned();
    let hash = app
        .database
        .psql("SELECT phc FROM vault_password LIMIT 1")
        .await
        .unwrap();
    let mut events = app
        .bus
        .read_many(chatops_bus::StreamName::Ctl, &[], chatops_bus::From::Seq(1))
        .await
        .unwrap();
    loop {
        let event = futures::StreamExt::next(&mut events)
            .await
            .unwrap()
            .unwrap();
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        for forbidden in [PASSWORD, secret.as_str(), hash.trim()] {
            assert!(
                !text.contains(forbidden),
                "{} holds a secret",
                event.subject
            );
        }
        if event.pending == 0 {
            break;
        }
    }
    assert_eq!(
        owner
            .request(Method::GET, "/api/v1/api-keys")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}
