//! Signing in, renewing, leaving; with tokens and with cookies; and what is refused.

use chatops_api::Config;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD};

fn login(username: &str, password: &str) -> Value {
    json!({"username": username, "password": password})
}

#[tokio::test(flavor = "multi_thread")]
async fn name_or_address_and_password_sign_in_as_json_or_form() {
    let app = App::start().await;
    app.owner().await;
    app.register("ada").await;
    let stranger = app.stranger();
    for name in ["ada", " ADA ", "Ada@Example.org"] {
        let (status, session) = stranger
            .post("/api/v1/auth/login", &login(name, PASSWORD))
            .await;
        assert_eq!(
            (status, session["user"]["username"].as_str()),
            (200, Some("ada")),
            "{session}"
        );
    }
    let form = stranger
        .request(Method::POST, "/api/v1/auth/login")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("grant_type=password&username=ada&password=tangerine+lamp+7");
    assert_eq!(stranger.send(form).await.0, 200);
    for (name, password) in [
        ("ada", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("' OR 1=1 --", "x"),
        ("a\0da", "x"),
    ] {
        let (status, problem) = stranger
            .post("/api/v1/auth/login", &login(name, password))
            .await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (401, Some("CO1001")),
            "{name}: {problem}"
        );
        assert!(
            problem["request_id"]
                .as_str()
                .is_some_and(|id| id.len() == 32),
            "{problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_and_only_for_that_account() {
    let app = App::start().await;
    app.owner().await;
    app.register("ada").await;
    let stranger = app.stranger();
    let mut statuses = Vec::new();
    for _ in 0..9 {
        statuses.push(
            stranger
                .post("/api/v1/auth/login", &login("ada", "wrong"))
                .await
                .0,
        );
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 401, 401, 401, 429]);
    let blocked = stranger
        .request(Method::POST, "/api/v1/auth/login")
        .json(&login("ada", PASSWORD));
    let response = blocked.send().await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=16).contains(&wait), "{wait}");
    assert_eq!(
        stranger
            .post("/api/v1/auth/login", &login("root", PASSWORD))
            .await
            .0,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elsewhere_cannot_lock_a_person_out() {
    let app = App::with(Config {
        behind_proxy: true,
        ..Config::default()
    })
    .await;
    app.owner().await;
    let stranger = app.stranger();
    let from = |address: &'static str, password: &'static str| {
        let request = stranger.request(Method::POST, "/api/v1/auth/login");
        stranger.send(
            request
                .header("X-Forwarded-For", address)
                .json(&login("root", password)),
        )
    };
    for _ in 0..12 {
        from("6.6.6.6, 203.0.113.1", "wrong").await;
    }
    assert_eq!(from("192.0.2.7, 203.0.113.1", PASSWORD).await.0, 429);
    assert_eq!(from("203.0.113.1, 192.0.2.7", PASSWORD).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_a_second_use_ends_the_session() {
    let app = App::start().await;
    app.owner().await;
    let stranger = app.stranger();
    let (_, first) = stranger
        .post("/api/v1/auth/login", &login("root", PASSWORD))
        .await;
    let renew = |session: &Value| json!({"refresh_token": session["refresh_token"]});
    let (status, second) = stranger.post("/api/v1/auth/refresh", &renew(&first)).await;
    assert_eq!(status, 200, "{second}");
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let signed_in = stranger.with_token(second["access_token"].as_str().unwrap());
    assert_eq!(signed_in.get("/api/v1/auth/me").await.0, 200);

    let (status, problem) = stranger.post("/api/v1/auth/refresh", &renew(&first)).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("CO1003")));
    // Whoever holds the newer one is out too, access token included.
    assert_eq!(
        stranger
            .post("/api/v1/auth/refresh", &renew(&second))
            .await
            .0,
        401
    );
    assert_eq!(signed_in.get("/api/v1/auth/me").await.0, 401);
    for token in [
        json!(""),
        json!("x"),
        json!("'; DROP TABLE vault_refresh; --"),
    ] {
        let body = json!({"refresh_token": token});
        assert_eq!(stranger.post("/api/v1/auth/refresh", &body).await.0, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_renewals_with_one_token_at_most_one_succeeds() {
    let app = App::start().await;
    app.owner().await;
    let stranger = app.stranger();
    let (_, session) = stranger
        .post("/api/v1/auth/login", &login("root", PASSWORD))
        .await;
    let body = json!({"refresh_token": session["refresh_token"]});
    let attempts = (0..8).map(|_| stranger.post("/api/v1/auth/refresh", &body));
    let answers = futures::future::join_all(attempts).await;
    let good = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|(status, _)| matches!(status, 200 | 401)),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_ends_the_session_at_once() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (_, session) = app
        .stranger()
        .post("/api/v1/auth/login", &login("root", PASSWORD))
        .await;
    let other = app
        .stranger()
        .with_token(session["access_token"].as_str().unwrap());
    assert_eq!(other.get("/api/v1/auth/me").await.0, 200);
    assert_eq!(
        other
            .request(Method::POST, "/api/v1/auth/logout")
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(other.get("/api/v1/auth/me").await.0, 401);
    let body = json!({"refresh_token": session["refresh_token"]});
    assert_eq!(
        app.stranger().post("/api/v1/auth/refresh", &body).await.0,
        401
    );
    // Leaving twice, and leaving without ever having come, is no error; other sessions stay.
    assert_eq!(
        other
            .request(Method::POST, "/api/v1/auth/logout")
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(owner.get("/api/v1/auth/me").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_keeps_its_session_in_cookies_that_other_sites_cannot_use() {
    let app = App::start().await;
    app.owner().await;
    let browser = app.browser();
    let body = json!({"username": "root", "password": PASSWORD, "session": "cookie"});

    // Another site cannot sign its visitor in as somebody else.
    let refused = browser
        .foreign(Method::POST, "/api/v1/auth/login")
        .json(&body);
    assert_eq!(browser.send(refused).await.1["code"], "CO1004");
    let (status, session) = browser
        .send(browser.own(Method::POST, "/api/v1/auth/login").json(&body))
        .await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(
        (session.get("access_token"), session.get("refresh_token")),
        (None, None)
    );
    assert!(
        browser.cookie("chatops_access").is_some() && browser.cookie("chatops_refresh").is_some()
    );
    assert!(
        !browser
            .cookie_header("/api/v1/servers")
            .contains("chatops_refresh")
    );
    assert_eq!(
        browser
            .send(browser.foreign(Method::GET, "/api/v1/auth/me"))
            .await
            .0,
        200
    );

    let server = json!({"name": "web-1"});
    let writes = [
        browser
            .foreign(Method::POST, "/api/v1/servers")
            .json(&server),
        browser
            .foreign(Method::POST, "/api/v1/servers")
            .json(&server)
            .header("X-ChatOps-CSRF", "0"),
        browser
            .foreign(Method::POST, "/api/v1/servers")
            .json(&server)
            .header("X-ChatOps-CSRF", "1")
            .header(header::ORIGIN, "https://evil.example"),
        browser.foreign(Method::POST, "/api/v1/auth/refresh"),
        browser.foreign(Method::POST, "/api/v1/auth/logout"),
    ];
    for write in writes {
        let (status, problem) = browser.send(write).await;
        assert_eq!((status, problem["code"].as_str()), (403, Some("CO1004")));
    }
    assert_eq!(
        browser
            .send(browser.own(Method::POST, "/api/v1/servers").json(&server))
            .await
            .0,
        201
    );

    // Its tokens never reach a script, not even by asking for them.
    let ask = browser
        .own(Method::POST, "/api/v1/auth/refresh")
        .json(&json!({"session": "token"}));
    assert_eq!(browser.send(ask).await.0, 422);
    let old = browser.cookie("chatops_refresh");
    assert_eq!(
        browser
            .send(browser.own(Method::POST, "/api/v1/auth/refresh"))
            .await
            .0,
        200
    );
    assert_ne!(browser.cookie("chatops_refresh"), old);
    assert_eq!(
        browser
            .send(browser.own(Method::POST, "/api/v1/auth/logout"))
            .await
            .0,
        204
    );
    assert_eq!(
        (
            browser.cookie("chatops_access"),
            browser.cookie("chatops_refresh")
        ),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_may_renew_at_the_same_moment_and_a_thief_later_may_not() {
    let app = App::start().await;
    app.owner().await;
    let tab = app.browser();
    let body = json!({"username": "root", "password": PASSWORD, "session": "cookie"});
    tab.send(tab.own(Method::POST, "/api/v1/auth/login").json(&body))
        .await;
    // Both requests carry the same cookie.
    let (first, second) = (
        tab.own(Method::POST, "/api/v1/auth/refresh"),
        tab.own(Method::POST, "/api/v1/auth/refresh"),
    );
    let stolen = first.try_clone().unwrap();
    let (first, second) = tokio::join!(tab.send(first), tab.send(second));
    assert_eq!((first.0, second.0), (200, 200));
    assert_eq!(
        tab.send(tab.own(Method::GET, "/api/v1/auth/me")).await.0,
        200
    );
    let thief = app.browser();
    chatops_testkit::eventually("the old cookie is refused", crate::app::SOON, || async {
        thief.send(stolen.try_clone().unwrap()).await.0 == 401
    })
    .await;
    let (status, problem) = tab.send(tab.own(Method::GET, "/api/v1/auth/me")).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("CO1002")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_by_itself() {
    let app = App::with(Config {
        access_ttl: std::time::Duration::from_secs(1),
        ..Config::default()
    })
    .await;
    let owner = app.owner().await;
    chatops_testkit::eventually("the token has ended", crate::app::SOON, || async {
        owner.get("/api/v1/auth/me").await.1["code"] == "CO1002"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_nobody_are_refused() {
    let app = App::start().await;
    app.owner().await;
    for token in ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIn0."] {
        let (status, problem) = app
            .stranger()
            .with_token(token)
            .get("/api/v1/auth/me")
            .await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (401, Some("CO1002")),
            "{token}"
        );
    }
    let basic = app
        .stranger()
        .request(Method::GET, "/api/v1/auth/me")
        .basic_auth("root", Some(PASSWORD));
    assert_eq!(app.stranger().send(basic).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_where_they_are_signed_in_and_ends_it() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let stranger = app.stranger();
    let request = stranger
        .request(Method::POST, "/api/v1/auth/login")
        .header(header::USER_AGENT, "lost phone")
        .json(&login("root", PASSWORD));
    let (_, phone) = stranger.send(request).await;
    let phone = stranger.with_token(phone["access_token"].as_str().unwrap());
    assert_eq!(phone.get("/api/v1/auth/me").await.0, 200);

    let (status, list) = owner.get("/api/v1/auth/sessions").await;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!((status, sessions.len()), (200, 2), "{list}");
    let lost = sessions
        .iter()
        .find(|one| one["user_agent"] == "lost phone")
        .unwrap();
    assert_eq!(
        (&lost["current"], &lost["method"], &lost["address"]),
        (&json!(false), &json!("password"), &json!("127.0.0.1"))
    );
    let current = sessions.iter().filter(|one| one["current"] == true).count();
    assert_eq!(current, 1);

    let path = format!("/api/v1/auth/sessions/{}", lost["id"].as_str().unwrap());
    assert_eq!(ada.delete(&path).await.1["code"], "CO1221");
    assert_eq!(phone.get("/api/v1/auth/me").await.0, 200);
    assert_eq!(owner.delete(&path).await.0, 204);
    assert_eq!(phone.get("/api/v1/auth/me").await.1["code"], "CO1002");
    assert_eq!(owner.delete(&path).await.1["code"], "CO1221");
    assert_eq!(
        owner.delete("/api/v1/auth/sessions/x").await.1["code"],
        "CO1221"
    );

    let (_, other) = stranger
        .post("/api/v1/auth/login", &login("root", PASSWORD))
        .await;
    let other = stranger.with_token(other["access_token"].as_str().unwrap());
    assert_eq!(other.get("/api/v1/auth/me").await.0, 200);
    assert_eq!(owner.delete("/api/v1/auth/sessions").await.0, 204);
    assert_eq!(other.get("/api/v1/auth/me").await.0, 401);
    assert_eq!(owner.get("/api/v1/auth/me").await.0, 200);
    assert_eq!(ada.get("/api/v1/auth/me").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_of_former_costs_is_made_anew_at_the_next_sign_in() {
    let app = App::start().await;
    app.owner().await;
    // Argon2id with a quarter of the memory and half the passes.
    let params = argon2::Params::new(4_864, 1, 1, None).unwrap();
    let former = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::default(),
        params,
    );
    let former: argon2::password_hash::phc::PasswordHash =
        argon2::password_hash::PasswordHasher::hash_password(&former, PASSWORD.as_bytes()).unwrap();
    app.database
        .psql(&format!("UPDATE vault_password SET phc = '{former}'"))
        .await
        .unwrap();
    let phc = async || {
        let phc = app.database.psql("SELECT phc FROM vault_password").await;
        phc.unwrap()
    };
    let stranger = app.stranger();
    let wrong = login("root", "tangerine lamp 8");
    assert_eq!(stranger.post("/api/v1/auth/login", &wrong).await.0, 401);
    assert!(phc().await.contains("m=4864,t=1"), "{}", phc().await);
    for _ in 0..2 {
        let right = login("root", PASSWORD);
        assert_eq!(stranger.post("/api/v1/auth/login", &right).await.0, 200);
        assert!(phc().await.contains("m=19456,t=2"), "{}", phc().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_everywhere_slows_strangers_and_not_the_person() {
    let app = App::with(Config {
        behind_proxy: true,
        ..Config::default()
    })
    .await;
    app.owner().await;
    let stranger = app.stranger();
    let from = async |address: String, password: &str| {
        let request = stranger.request(Method::POST, "/api/v1/auth/login");
        let request = request.header("X-Forwarded-For", address);
        stranger
            .send(request.json(&login("root", password)))
            .await
            .0
    };
    assert_eq!(from("192.0.2.7".to_owned(), PASSWORD).await, 200);
    let mut refused = 0;
    for n in 0..110 {
        let status = from(format!("10.0.{n}.1"), "wrong").await;
        refused += usize::from(status == 429);
    }
    assert!((1..=10).contains(&refused), "{refused}");
    assert_eq!(from("203.0.113.9".to_owned(), "wrong").await, 429);
    // Where they were before, they come in.
    assert_eq!(from("192.0.2.7".to_owned(), PASSWORD).await, 200);
}
