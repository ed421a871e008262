//! One-time codes: from the page of a server to a working key.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{app::App, browser::Client};

async fn whose(app: &App, key: &str) -> (u16, Value) {
    let stranger = app.stranger();
    let asked = stranger
        .request(Method::GET, "/api/v1/api-keys/me")
        .header("X-API-Key", key);
    stranger.send(asked).await
}

async fn offer(owner: &Client, server: &str) -> Value {
    let path = format!("/api/v1/servers/{server}/enrolment");
    let (status, offer) = owner.send(owner.request(Method::POST, &path)).await;
    assert_eq!(status, 201, "{offer}");
    offer
}

async fn enroll(app: &App, code: &str, hostname: &str) -> (u16, Value) {
    let body = json!({"code": code, "hostname": hostname});
    app.stranger().post("/api/v1/enroll", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_becomes_a_key_once() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let offer = offer(&owner, &server).await;
    let code = offer["code"].as_str().unwrap();
    assert!(offer["enroll_command"].as_str().unwrap().contains(code));

    // Typed in capitals by somebody who read it off a screen; the name is a stranger's text.
    let typed = format!(" {} ", code.to_uppercase());
    let (status, enrolled) = enroll(&app, &typed, "web-1.example\u{7}").await;
    assert_eq!(
        (status, &enrolled["server_id"], &enrolled["name"]),
        (201, &json!(server), &json!("web-1")),
        "{enrolled}"
    );
    let signing = enrolled["signing_key"]["public_key"].as_str().unwrap();
    assert_eq!(signing.len(), 43);
    let key = enrolled["key"].as_str().unwrap();
    assert_eq!(whose(&app, key).await.0, 200);
    let (_, list) = owner.get(&format!("/api/v1/servers/{server}/keys")).await;
    assert_eq!(list["keys"][0]["name"], "web-1.example", "{list}");

    let (status, again) = enroll(&app, code, "web-2").await;
    assert_eq!((status, &again["code"]), (401, &json!("CO1302")));
    let next = self::offer(&owner, &server).await;
    let (_, second) = enroll(&app, next["code"].as_str().unwrap(), "web-1").await;
    assert_eq!(
        second["signing_key"], enrolled["signing_key"],
        "what is pinned stays"
    );
    assert_ne!(second["key"], enrolled["key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_hosts_with_one_code_one_gets_in() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let offer = offer(&owner, &server).await;
    let code = offer["code"].as_str().unwrap();
    let answers = futures::future::join_all((0..6).map(|_| enroll(&app, code, "h"))).await;
    let made = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(made, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_end_and_guessing_is_slowed() {
    let clock = std::sync::Arc::new(chatops_schemas::clock::Manual::at(crate::app::now()));
    let app = App::at(clock.clone(), chatops_api::Config::default()).await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let kept = offer(&owner, &server).await;
    let late = offer(&owner, &server).await;
    clock.advance_millis(9 * 60_000 + 59_000);
    let (status, _) = enroll(&app, kept["code"].as_str().unwrap(), "h").await;
    assert_eq!(status, 201);
    clock.advance_millis(1000);
    let (status, problem) = enroll(&app, late["code"].as_str().unwrap(), "h").await;
    assert_eq!((status, &problem["code"]), (401, &json!("CO1302")));
    let mut statuses = Vec::new();
    for n in 0..9 {
        statuses.push(enroll(&app, &format!("aaaa-aaaa-aaaa-aaa{n}"), "h").await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_a_deleted_server_is_nobodys_and_others_make_none() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let offer = offer(&owner, &server).await;
    let ada = app.operator("ada").await;
    let path = format!("/api/v1/servers/{server}/enrolment");
    assert_eq!(ada.send(ada.request(Method::POST, &path)).await.0, 404);
    assert_eq!(
        owner.delete(&format!("/api/v1/servers/{server}")).await.0,
        204
    );
    let (status, problem) = enroll(&app, offer["code"].as_str().unwrap(), "h").await;
    assert_eq!((status, &problem["code"]), (401, &json!("CO1302")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_vouches_for_the_script_and_the_script_for_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("chatops-agent");
    std::fs::write(&program, b"a program").unwrap();
    let app = App::with(chatops_api::Config {
        agent_program: Some(program),
        ..chatops_api::Config::default()
    })
    .await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let offer = offer(&owner, &server).await;
    let fetch = async |path: &str| {
        let answer = app.stranger().request(Method::GET, path).send().await;
        answer.unwrap().bytes().await.unwrap()
    };
    let sum = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
    let script = fetch("/install.sh").await;
    let command = offer["command"].as_str().unwrap();
    assert!(command.contains(&sum(&script)), "{command}");
    let text = String::from_utf8(script.to_vec()).unwrap();
    assert!(
        text.contains(&sum(b"a program")) && !text.contains('@'),
        "{text}"
    );
    assert_eq!(&fetch("/install/chatops-agent").await[..], b"a program");

    let bare = App::start().await;
    let nothing = bare.stranger().get("/install/chatops-agent").await;
    assert_eq!((nothing.0, &nothing.1["code"]), (404, &json!("CO1105")));
}
