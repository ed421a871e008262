//! Rights change while somebody looks: what a socket gets is decided when it is delivered.

use std::time::{Duration, Instant};

use serde_json::json;

use super::socket::Socket;
use crate::{
    app::{App, PASSWORD, Reachable},
    browser::Client,
    sharing::{id_of, share},
};

/// The promise.
const SOON_CUT: Duration = Duration::from_secs(2);

async fn one_server(app: &impl Reachable, client: &Client, server: &str) -> Socket {
    let path = format!("/api/v1/ws/metrics/{server}");
    let mut socket = Socket::open(app, &path, &[]).await.unwrap();
    socket
        .send(&json!({"type": "auth", "token": client.token}))
        .await;
    socket.frame("auth_success").await;
    socket
}

async fn set(owner: &Client, user: &str, change: serde_json::Value) {
    let path = format!("/api/v1/users/{user}");
    let (status, answer) = owner.patch(&path, &change).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_an_account_that_is_switched_off_are_cut_within_two_seconds() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let (server, hers) = (ada.add_server("one").await, grace.add_server("two").await);
    let mut fleet = Socket::live(&app, &ada, None).await;
    fleet
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let mut idle = Socket::live(&app, &ada, None).await;
    let mut one = one_server(&app, &ada, &server).await;
    let mut other = Socket::live(&app, &grace, None).await;
    other
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let asked = Instant::now();
    set(&owner, &id_of(&ada).await, json!({"active": false})).await;
    for socket in [&mut fleet, &mut idle, &mut one] {
        assert_eq!(socket.closed().await, 4401);
    }
    assert!(asked.elapsed() < SOON_CUT, "{:?}", asked.elapsed());
    // Nobody comes back in by the old token, and nobody else was cut.
    let mut late = Socket::open(&app, "/api/v1/ws/live", &[]).await.unwrap();
    late.send(&json!({"type": "hello", "token": ada.token}))
        .await;
    assert_eq!(late.closed().await, 4401);
    app.sample(&hers, 1.0).await;
    assert_eq!(other.item("row").await["server"], json!(hers));
}

/// Each way in which a session ends, taken by one process, with the sockets at another.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_at_another_process_end_with_their_session() {
    let app = App::start().await;
    let owner = app.owner().await;
    let elsewhere = app.sibling().await;
    let server = owner.add_server("one").await;
    let login = json!({"username": "root", "password": PASSWORD});
    let mut bystander = Socket::live(&elsewhere, &owner, None).await;
    for way in ["logout", "logout by refresh token", "revoke", "reuse"] {
        let (_, session) = app.stranger().post("/api/v1/auth/login", &login).await;
        let signed_in = |session: &serde_json::Value| {
            app.stranger()
                .with_token(session["access_token"].as_str().unwrap())
        };
        let client = signed_in(&session);
        let mut live = Socket::live(&elsewhere, &client, None).await;
        let mut one = one_server(&elsewhere, &client, &server).await;
        let refresh = json!({"refresh_token": session["refresh_token"]});
        let (_, sessions) = client.get("/api/v1/auth/sessions").await;
        let asked = Instant::now();
        match way {
            "logout" => {
                assert_eq!(client.post("/api/v1/auth/logout", &json!({})).await.0, 204);
            }
            "logout by refresh token" => {
                let left = app.stranger().post("/api/v1/auth/logout", &refresh).await;
                assert_eq!(left.0, 204);
            }
            "revoke" => {
                let id = sessions["sessions"]
                    .as_array()
                    .and_then(|all| all.iter().find(|one| one["current"] == true))
                    .and_then(|one| one["id"].as_str())
                    .unwrap();
                let path = format!("/api/v1/auth/sessions/{id}");
                assert_eq!(owner.delete(&path).await.0, 204);
            }
            _ => {
                let path = "/api/v1/auth/refresh";
                assert_eq!(app.stranger().post(path, &refresh).await.0, 200);
                assert_eq!(app.stranger().post(path, &refresh).await.0, 401);
            }
        }
        for socket in [&mut live, &mut one] {
            assert_eq!(socket.closed().await, 4401, "{way}");
        }
        println!("{way}: cut after {:?}", asked.elapsed());
        let mut late = Socket::open(&elsewhere, "/api/v1/ws/live", &[])
            .await
            .unwrap();
        late.send(&json!({"type": "hello", "token": client.token}))
            .await;
        assert_eq!(late.closed().await, 4401, "{way}");
    }
    // The same person's other session was asked each time, and goes on.
    let topics = json!({"type": "subscribe", "topics": ["fleet"]});
    bystander.ask(&topics).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_gets_what_is_shared_from_then_on_and_no_longer_than_that() {
    let app = App::start().await;
    app.owner().await;
    let (ada, grace) = (app.operator("ada").await, app.operator("grace").await);
    let (server, own) = (ada.add_server("one").await, grace.add_server("two").await);
    let topic = format!("server:{server}");
    let mut fleet = Socket::live(&app, &grace, None).await;
    let subscribe = json!({"type": "subscribe", "topics": ["fleet", topic]});
    let refused = fleet.ask(&subscribe).await;
    assert_eq!(refused["refused"][0]["code"], "CO1201");

    let grant = json!({"username": "grace", "server_id": server, "level": "view"});
    let grant = share(&ada, &grant).await;
    // The fleet is another one now: load anew.
    fleet.frame("gap").await;
    app.sample(&server, 1.0).await;
    assert_eq!(fleet.item("row").await["server"], json!(server));
    let accepted = fleet.ask(&subscribe).await;
    assert_eq!(accepted["refused"], json!([]));
    let mut one = one_server(&app, &grace, &server).await;
    app.sample(&server, 2.0).await;
    assert_eq!(one.frame("metrics").await["data"]["cpu"]["total"], 2.0);
    assert_eq!(fleet.item("sample").await["server"], json!(server));

    let asked = Instant::now();
    let revoked = ada.delete(&format!("/api/v1/grants/{grant}")).await;
    assert_eq!(revoked.0, 204);
    let told = fleet.frame("subscribed").await;
    assert_eq!(told["topics"], json!(["fleet"]));
    assert_eq!(told["refused"][0]["topic"], json!(topic));
    fleet.frame("gap").await;
    assert_eq!(one.frame("error").await["code"], "CO1201");
    assert_eq!(one.closed().await, 4403);
    assert!(asked.elapsed() < SOON_CUT, "{:?}", asked.elapsed());
    app.sample(&server, 3.0).await;
    app.sample(&own, 4.0).await;
    let next = fleet.any_item().await;
    assert_eq!(next["server"], json!(own), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_teams_and_roles_count_at_delivery_too() {
    let app = App::start().await;
    let owner = app.owner().await;
    let grace = app.operator("grace").await;
    let grace_is = id_of(&grace).await;
    let server = owner.add_server("one").await;
    let (_, team) = owner.post("/api/v1/teams", &json!({"name": "t"})).await;
    let team = team["id"].as_str().unwrap().to_owned();
    share(
        &owner,
        &json!({"team_id": team, "tag": "prod", "level": "view"}),
    )
    .await;
    let mut fleet = Socket::live(&app, &grace, None).await;
    fleet
        .ask(&json!({"type": "subscribe", "topics": ["fleet"]}))
        .await;
    let path = format!("/api/v1/servers/{server}");
    let membership = format!("/api/v1/teams/{team}/members/{grace_is}");
    let tags = |tags: serde_json::Value| json!({"tags": tags});

    // In the team, and the server gets the label: seen.
    assert_eq!(owner.put(&membership, &json!({})).await.0, 204);
    assert_eq!(owner.patch(&path, &tags(json!(["prod"]))).await.0, 200);
    fleet.frame("gap").await;
    app.sample(&server, 1.0).await;
    assert_eq!(fleet.item("row").await["row"]["cpu"], 1.0);
    // Without the label: not.
    assert_eq!(owner.patch(&path, &tags(json!([]))).await.0, 200);
    fleet.frame("gap").await;
    app.sample(&server, 2.0).await;
    // An administrator sees all of it, without anything being shared.
    set(&owner, &grace_is, json!({"role": "admin"})).await;
    fleet.frame("gap").await;
    app.sample(&server, 3.0).await;
    assert_eq!(fleet.item("row").await["row"]["cpu"], 3.0);
    // An operator again, but with the label; then out of the team.
    set(&owner, &grace_is, json!({"role": "operator"})).await;
    fleet.frame("gap").await;
    assert_eq!(owner.patch(&path, &tags(json!(["prod"]))).await.0, 200);
    fleet.frame("gap").await;
    app.sample(&server, 4.0).await;
    assert_eq!(fleet.item("row").await["row"]["cpu"], 4.0);
    assert_eq!(owner.delete(&membership).await.0, 204);
    fleet.frame("gap").await;
    app.sample(&server, 5.0).await;
    let own = grace.add_server("two").await;
    app.sample(&own, 6.0).await;
    assert_eq!(fleet.item("row").await["row"]["cpu"], 6.0);
}
