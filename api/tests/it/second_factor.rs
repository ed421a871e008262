//! Codes of an authenticator app after the password. The app of these tests is an implementation of its own that reads the
//! address from which a phone would read a QR code.

use std::sync::Arc;

use chatops_api::Config;
use chatops_schemas::clock::{Clock, Manual};
use reqwest::Method;
use serde_json::{Value, json};
use totp_rs::Totp;

use crate::{
    app::{App, PASSWORD, now},
    browser::Client,
};

struct Phone {
    totp: Totp,
    clock: Arc<Manual>,
}

impl Phone {
    fn code(&self) -> String {
        let seconds = self.clock.now().millis() / 1000;
        self.totp.generate(seconds.unsigned_abs()).to_string()
    }

    /// Half a minute passes.
    fn next_code(&self) -> String {
        self.clock.advance_millis(30_000);
        self.code()
    }
}

/// An owner with a second factor; the recovery codes.
async fn protected() -> (App, Client, Phone, Vec<String>) {
    let clock = Arc::new(Manual::at(now()));
    let app = App::at(clock.clone(), Config::default()).await;
    let owner = app.owner().await;
    let (status, begun) = owner
        .post("/api/v1/auth/totp", &json!({"password": PASSWORD}))
        .await;
    assert_eq!(status, 200, "{begun}");
    let totp = Totp::from_url(begun["uri"].as_str().unwrap()).unwrap();
    let phone = Phone { totp, clock };
    let (status, on) = owner
        .post("/api/v1/auth/totp/confirm", &json!({"code": phone.code()}))
        .await;
    assert_eq!(status, 200, "{on}");
    let codes = serde_json::from_value(on["recovery_codes"].clone()).unwrap();
    (app, owner, phone, codes)
}

fn login(password: &str) -> Value {
    json!({"username": "root", "password": password})
}

/// The ticket of a right password.
async fn ticket(stranger: &Client) -> Value {
    let (status, answer) = stranger.post("/api/v1/auth/login", &login(PASSWORD)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer.get("access_token"), None, "{answer}");
    answer["second_factor"]["ticket"].clone()
}

async fn second(stranger: &Client, ticket: &Value, what: &str, code: &str) -> (u16, Value) {
    let body = json!({"ticket": ticket, what: code});
    stranger.post("/api/v1/auth/login/second", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_alone_is_not_enough_and_a_code_works_once() {
    let (app, owner, phone, codes) = protected().await;
    assert_eq!(codes.len(), 10);
    let stranger = app.stranger();
    assert_eq!(
        stranger.post("/api/v1/auth/login", &login("wrong")).await.1["code"],
        "CO1001"
    );
    // The code that turned it on is used up.
    let first = ticket(&stranger).await;
    let (status, problem) = second(&stranger, &first, "code", &phone.code()).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("CO1011")));
    let code = phone.next_code();
    let (status, session) = second(&stranger, &first, "code", &code).await;
    assert_eq!(status, 200, "{session}");
    let signed_in = stranger.with_token(session["access_token"].as_str().unwrap());
    let (_, list) = signed_in.get("/api/v1/auth/sessions").await;
    let methods: Vec<&str> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["method"].as_str().unwrap())
        .collect();
    assert!(methods.contains(&"password_totp"), "{list}");
    // Neither the ticket nor the code is good again.
    assert_eq!(
        second(&stranger, &first, "code", &code).await.1["code"],
        "CO1012"
    );
    let again = ticket(&stranger).await;
    assert_eq!(
        second(&stranger, &again, "code", &code).await.1["code"],
        "CO1011"
    );
    let (_, security) = owner.get("/api/v1/auth/security").await;
    assert!(security["totp_since"].is_string(), "{security}");
    assert_eq!(
        (&security["password"], &security["recovery_codes_left"]),
        (&json!(true), &json!(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_of_one_code_one_succeeds() {
    let (app, _, phone, _) = protected().await;
    let stranger = app.stranger();
    let mut tickets = Vec::new();
    for _ in 0..4 {
        tickets.push(ticket(&stranger).await);
    }
    let code = phone.next_code();
    let uses = tickets
        .iter()
        .map(|ticket| second(&stranger, ticket, "code", &code));
    let answers = futures::future::join_all(uses).await;
    let good = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_works_once_however_it_is_typed_and_fresh_ones_replace_it() {
    let (app, owner, _, codes) = protected().await;
    let stranger = app.stranger();
    let typed = format!(" {} ", codes[0].to_uppercase().replace('-', " "));
    let first = ticket(&stranger).await;
    assert_eq!(
        second(&stranger, &first, "recovery_code", &typed).await.0,
        200
    );
    let again = ticket(&stranger).await;
    assert_eq!(
        second(&stranger, &again, "recovery_code", &codes[0])
            .await
            .1["code"],
        "CO1011"
    );
    let (_, security) = owner.get("/api/v1/auth/security").await;
    assert_eq!(security["recovery_codes_left"], 9);

    let path = "/api/v1/auth/totp/recovery-codes";
    let wrong = json!({"password": "wrong"});
    assert_eq!(owner.post(path, &wrong).await.1["code"], "CO1008");
    let (status, fresh) = owner.post(path, &json!({"password": PASSWORD})).await;
    assert_eq!(status, 200, "{fresh}");
    let next = ticket(&stranger).await;
    assert_eq!(
        second(&stranger, &next, "recovery_code", &codes[1]).await.1["code"],
        "CO1011"
    );
    let fresh = fresh["recovery_codes"][0].as_str().unwrap();
    assert_eq!(
        second(&stranger, &next, "recovery_code", fresh).await.0,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_guessed_by_whoever_knows_the_password() {
    let (app, _, phone, _) = protected().await;
    let stranger = app.stranger();
    // Five tries of a ticket, and a new ticket gives no new tries beyond the limit of the place.
    let mut refused = Vec::new();
    for n in 0..4 {
        let ticket = ticket(&stranger).await;
        for _ in 0..6 {
            let (_, problem) = second(&stranger, &ticket, "code", &format!("00000{n}")).await;
            refused.push(problem["code"].as_str().unwrap().to_owned());
        }
    }
    let wrong = refused.iter().filter(|code| *code == "CO1011").count();
    assert!(wrong <= 8, "{refused:?}");
    assert!(refused.contains(&"CO1005".to_owned()), "{refused:?}");
    // A ticket is too old after five minutes; the person comes in with a fresh one.
    let old = ticket(&stranger).await;
    phone.clock.advance_millis(5 * 60_000 + 1);
    assert_eq!(
        second(&stranger, &old, "code", &phone.next_code()).await.1["code"],
        "CO1012"
    );
    let fresh = ticket(&stranger).await;
    assert_eq!(
        second(&stranger, &fresh, "code", &phone.next_code())
            .await
            .0,
        200
    );
    for bad in [
        json!({"ticket": "x", "code": "123456"}),
        json!({"ticket": "'; DROP TABLE vault_ceremony; --", "recovery_code": "x"}),
    ] {
        let answer = stranger.post("/api/v1/auth/login/second", &bad).await;
        assert_eq!((answer.0, &answer.1["code"]), (401, &json!("CO1012")));
    }
    for bad in [
        json!({"ticket": fresh}),
        json!({"ticket": fresh, "code": "1", "recovery_code": "2"}),
    ] {
        assert_eq!(
            stranger.post("/api/v1/auth/login/second", &bad).await.0,
            422
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_it_off_takes_the_password_and_leaves_nothing() {
    let (app, owner, phone, codes) = protected().await;
    let stranger = app.stranger();
    let begin = json!({"password": PASSWORD});
    assert_eq!(
        owner.post("/api/v1/auth/totp", &begin).await.1["code"],
        "CO1013"
    );
    let off = async |password: &str| {
        let request = owner.request(Method::DELETE, "/api/v1/auth/totp");
        owner
            .send(request.json(&json!({"password": password})))
            .await
    };
    assert_eq!(off("wrong").await.1["code"], "CO1008");
    let before = ticket(&stranger).await;
    assert_eq!(off(PASSWORD).await.0, 204);
    assert_eq!(off(PASSWORD).await.1["code"], "CO1014");
    assert_eq!(
        second(&stranger, &before, "code", &phone.next_code())
            .await
            .1["code"],
        "CO1011"
    );
    assert_eq!(
        second(&stranger, &before, "recovery_code", &codes[0])
            .await
            .1["code"],
        "CO1011"
    );
    let (_, session) = stranger.post("/api/v1/auth/login", &login(PASSWORD)).await;
    assert!(session["access_token"].is_string(), "{session}");
    let (_, security) = owner.get("/api/v1/auth/security").await;
    assert_eq!(
        (&security["totp_since"], &security["recovery_codes_left"]),
        (&Value::Null, &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_and_not_confirmed_is_not_asked_for_and_the_seed_is_sealed() {
    let clock = Arc::new(Manual::at(now()));
    let app = App::at(clock.clone(), Config::default()).await;
    let owner = app.owner().await;
    let wrong = json!({"password": "wrong"});
    let right = json!({"password": PASSWORD});
    assert_eq!(
        owner.post("/api/v1/auth/totp", &wrong).await.1["code"],
        "CO1008"
    );
    let confirm = async |code: &str| {
        let body = json!({"code": code});
        owner.post("/api/v1/auth/totp/confirm", &body).await
    };
    assert_eq!(confirm("123456").await.1["code"], "CO1014");
    let (_, first) = owner.post("/api/v1/auth/totp", &right).await;
    let (_, begun) = owner.post("/api/v1/auth/totp", &right).await;
    let phone = |begun: &Value| Phone {
        totp: Totp::from_url(begun["uri"].as_str().unwrap()).unwrap(),
        clock: clock.clone(),
    };
    // The first QR code was replaced by the second.
    assert_eq!(confirm(&phone(&first).code()).await.1["code"], "CO1011");
    let (_, session) = app
        .stranger()
        .post("/api/v1/auth/login", &login(PASSWORD))
        .await;
    assert!(session["access_token"].is_string(), "{session}");

    let seed = data_encoding::BASE32_NOPAD
        .decode(begun["secret"].as_str().unwrap().as_bytes())
        .unwrap();
    let row = app
        .database
        .psql("SELECT encode(sealed_seed, 'hex') FROM vault_totp")
        .await
        .unwrap();
    assert!(row.trim().len() > 80, "{row}");
    assert!(!row.contains(&data_encoding::HEXLOWER.encode(&seed)));
    assert_eq!(confirm(&phone(&begun).code()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_its_cookies_after_the_second_step_only() {
    let (app, _, phone, _) = protected().await;
    let browser = app.browser();
    let body = json!({"username": "root", "password": PASSWORD, "session": "cookie"});
    let request = browser.own(Method::POST, "/api/v1/auth/login").json(&body);
    let (_, answer) = browser.send(request).await;
    assert_eq!(browser.cookie("chatops_access"), None);
    let ticket = &answer["second_factor"]["ticket"];
    assert_eq!(
        answer["second_factor"]["methods"],
        json!(["totp", "recovery_code"])
    );
    let body = json!({"ticket": ticket, "code": phone.next_code()});
    let foreign = browser
        .foreign(Method::POST, "/api/v1/auth/login/second")
        .json(&body);
    assert_eq!(browser.send(foreign).await.1["code"], "CO1004");
    let own = browser
        .own(Method::POST, "/api/v1/auth/login/second")
        .json(&body);
    let (status, session) = browser.send(own).await;
    assert_eq!((status, session.get("access_token")), (200, None));
    assert!(browser.cookie("chatops_access").is_some());
    let me = browser.own(Method::GET, "/api/v1/auth/me");
    assert_eq!(browser.send(me).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_everything_is_helped_by_whoever_has_the_server() {
    let (app, owner, _, _) = protected().await;
    let stranger = app.stranger();
    assert_eq!(app.api.remove_second_factor("nobody").await.unwrap(), None);
    assert_eq!(
        app.api.remove_second_factor("root").await.unwrap(),
        Some(true)
    );
    assert_eq!(
        app.api.remove_second_factor("root").await.unwrap(),
        Some(false)
    );
    let (_, session) = stranger.post("/api/v1/auth/login", &login(PASSWORD)).await;
    assert!(session["access_token"].is_string(), "{session}");
    let (_, security) = owner.get("/api/v1/auth/security").await;
    assert_eq!(security["totp_since"], Value::Null);

    assert_eq!(app.api.end_sessions("nobody").await.unwrap(), None);
    assert_eq!(app.api.end_sessions("root").await.unwrap(), Some(2));
    assert_eq!(owner.get("/api/v1/auth/me").await.1["code"], "CO1002");
    let body = json!({"refresh_token": session["refresh_token"]});
    assert_eq!(stranger.post("/api/v1/auth/refresh", &body).await.0, 401);
    assert_eq!(app.api.end_sessions("root").await.unwrap(), Some(0));
}
