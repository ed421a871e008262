//! What opens a door is written nowhere it could be read later: not in a log at its most talkative level, not in an event,
//! not in the database's files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chatops_testkit::eventually;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    http::{Client, PASSWORD},
    installation::{Installation, PATIENCE, Supervisor},
};

const WRONG_PASSWORD: &str = "cobalt-harbour-31-thistle";
const NEXT_PASSWORD: &str = "amber-lantern-58-meadow";
const STREAMS: [&str; 3] = ["OPS_CTL", "OPS_FACT", "OPS_METRICS"];

/// A secret and what to call it when it is found.
type Secrets = Vec<(String, String)>;

#[tokio::test]
async fn no_secret_is_in_a_log_an_event_or_the_database() {
    let installation = Installation::new();
    let mut command = installation.command(&["up"]);
    command.env("CHATOPS_LOG_LEVEL", "trace");
    let mut supervisor = Supervisor::new(command);
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();

    let mut secrets = live_through(&installation, &token).await;
    let events: Vec<(i32, String, String)> = STREAMS
        .iter()
        .map(|stream| installation.output(&["replay", "--stream", stream, "--format", "ndjson"]))
        .collect();
    for ((code, _, error), stream) in events.iter().zip(STREAMS) {
        assert_eq!(*code, 0, "{stream}: {error}");
    }
    let (status, said) = supervisor.interrupt().await;
    assert!(status.success(), "{said}");
    assert!(
        said.contains(&token),
        "looking finds what is there: this one is shown on purpose"
    );

    // Where people look: nothing at all, the installation's own credentials included.
    let mut everything = secrets.clone();
    everything.extend(credentials(&installation.data().join("credentials.toml")));
    let agent = fs::read_to_string(installation.data().join("agent/agent.toml")).unwrap();
    let key = agent
        .split('"')
        .find(|part| part.starts_with("chatops_"))
        .unwrap();
    secrets.push(("the local agent's key".into(), secret_of(key)));
    everything.extend(secrets.clone());
    let mut places = vec![("what `chatops up` said".to_owned(), said.into_bytes())];
    for ((_, printed, _), stream) in events.into_iter().zip(STREAMS) {
        assert!(!printed.is_empty(), "{stream} has events");
        places.push((stream.to_owned(), printed.into_bytes()));
    }
    let logs = files(&installation.data().join("logs"));
    assert!(
        logs.len() >= 3,
        "nats-server, PostgreSQL and the agent have logs: {logs:?}"
    );
    places.extend(logs.into_iter().map(read));
    found_nowhere(&everything, &places);

    // The database's files hold digests only.
    let database = files(&installation.data().join("postgres"));
    assert!(database.len() > 100, "{}", database.len());
    for file in database {
        found_nowhere(&secrets, &[read(file)]);
    }
}

/// One of everything that handles a secret, done right and done wrong.
async fn live_through(installation: &Installation, setup_token: &str) -> Secrets {
    let mut client = installation.client();
    assert_eq!(
        client.register("ada", Some(setup_token)).await,
        StatusCode::CREATED
    );
    let mut stranger = installation.client();
    assert_eq!(
        stranger.login_with("ada", WRONG_PASSWORD).await,
        StatusCode::UNAUTHORIZED
    );

    let session = post(
        &client,
        "/api/v1/auth/login",
        &json!({"username": "ada", "password": PASSWORD}),
    )
    .await;
    let renewed = post(
        &client,
        "/api/v1/auth/refresh",
        &json!({"refresh_token": session["refresh_token"]}),
    )
    .await;
    let misplaced = format!(
        "/api/v1/servers?access_token={}",
        text(&renewed["access_token"])
    );
    client.send(Method::GET, &misplaced, None).await;

    greet(installation, &text(&session["access_token"])).await;

    let server = post(&client, "/api/v1/servers", &json!({"name": "web-1"})).await;
    let key = post(
        &client,
        "/api/v1/api-keys",
        &json!({"server_id": server["id"], "name": "first"}),
    )
    .await;
    let key = text(&key["key"]);
    knock(installation, &key).await;
    let forged = format!("{}{}", &key[..key.len() - 4], "AAAA");
    knock(installation, &forged).await;

    let change = json!({"current_password": PASSWORD, "new_password": NEXT_PASSWORD});
    let answer = client
        .send(Method::POST, "/api/v1/auth/change-password", Some(change))
        .await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    eventually("the local agent has sent a sample", PATIENCE, async || {
        let fleet = client.get("/api/v1/servers").await;
        fleet["servers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|server| server["latest"].is_object())
    })
    .await;
    vec![
        ("a password".into(), PASSWORD.into()),
        ("a wrong password".into(), WRONG_PASSWORD.into()),
        ("a new password".into(), NEXT_PASSWORD.into()),
        ("a refresh token".into(), text(&session["refresh_token"])),
        (
            "a renewed refresh token".into(),
            text(&renewed["refresh_token"]),
        ),
        (
            "an access token".into(),
            signature(&session["access_token"]),
        ),
        (
            "a misplaced access token".into(),
            signature(&renewed["access_token"]),
        ),
        ("an API key".into(), secret_of(&key)),
        ("a forged API key".into(), secret_of(&forged)),
    ]
}

async fn post(client: &Client, path: &str, body: &Value) -> Value {
    let answer = client.send(Method::POST, path, Some(body.clone())).await;
    assert!(
        answer.status().is_success(),
        "{path}: {}",
        answer.text().await.unwrap()
    );
    answer.json().await.unwrap()
}

/// Opens a live view; the first frame of its socket is a token.
async fn greet(installation: &Installation, token: &str) {
    let address = format!("ws://127.0.0.1:{}/api/v1/ws/live", installation.port);
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let hello = json!({"type": "hello", "token": token}).to_string();
    socket.send(Message::text(hello)).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    let answer = answer.unwrap().unwrap();
    assert!(answer.is_text(), "{answer}");
}

/// As a program with a key does, over HTTP.
async fn knock(installation: &Installation, key: &str) {
    let address = format!("http://127.0.0.1:{}/api/v1/api-keys/me", installation.port);
    let answer = reqwest::Client::new()
        .get(address)
        .header("X-API-Key", key)
        .send()
        .await
        .unwrap();
    assert!(
        matches!(answer.status().as_u16(), 200 | 401),
        "{}",
        answer.status()
    );
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The part of an access token that cannot be made by others.
fn signature(token: &Value) -> String {
    text(token).rsplit('.').next().unwrap().to_owned()
}

/// The part of an API key that is not its name.
fn secret_of(key: &str) -> String {
    key.splitn(3, '_').last().unwrap().to_owned()
}

fn credentials(path: &Path) -> Secrets {
    let lines = fs::read_to_string(path).unwrap();
    let pairs = lines.lines().filter_map(|line| line.split_once(" = "));
    let found: Secrets = pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .filter(|(_, value)| value.len() > 20)
        .collect();
    assert!(found.len() >= 6, "passwords and seeds");
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match path.metadata() {
            Ok(kind) if kind.is_dir() => found.extend(files(&path)),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

fn read(path: PathBuf) -> (String, Vec<u8>) {
    (path.display().to_string(), fs::read(path).unwrap())
}

fn found_nowhere(secrets: &Secrets, places: &[(String, Vec<u8>)]) {
    for (place, bytes) in places {
        for (what, secret) in secrets {
            assert!(
                secret.len() >= 16,
                "{what} is too short to be told from chance"
            );
            let here = memchr::memmem::find(bytes, secret.as_bytes());
            assert_eq!(here, None, "{what} lies in {place}");
        }
    }
}
