//! Lines from a file on a host to the table and to a socket: through the real agent, stream, database and API; counted,
//! and with the whole server side killed in between.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chatops_testkit::{eventually, scratch_dir};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    http::Client,
    installation::{Installation, PATIENCE, Supervisor},
};

/// Lines in each part.
const PART: usize = 100_000;
const SETTLED: Duration = Duration::from_secs(120);

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_chatops")).with_file_name(name)
}

fn write(log: &mut File, first: usize, n: usize) {
    let lines: String = (first..first + n)
        .map(|n| format!("INFO request {n} GET /api/v1/items/4711 200 in 12 ms from 192.0.2.17\n"))
        .collect();
    log.write_all(lines.as_bytes()).unwrap();
}

/// Lines in the table, and lines that were dropped on the way.
async fn counted(client: &Client, server: &str) -> (usize, u64) {
    let path = format!("/api/v1/logs/histogram?servers={server}&from=now-1d");
    let answer = client.send(Method::GET, &path, None).await;
    let Ok(found) = answer.json::<Value>().await else {
        return (0, 0);
    };
    let bars = found["bars"].as_array().cloned().unwrap_or_default();
    let sum = |field: &str| -> u64 {
        bars.iter()
            .filter_map(|bar| bar[field].as_object())
            .flat_map(|counts| counts.values().filter_map(Value::as_u64))
            .sum()
    };
    (usize::try_from(sum("lines")).unwrap(), sum("dropped"))
}

async fn counts(client: &Client, server: &str, lines: usize) {
    eventually(
        &format!("{lines} lines are in the table"),
        SETTLED,
        async || counted(client, server).await.0 >= lines,
    )
    .await;
    assert_eq!(
        counted(client, server).await,
        (lines, 0),
        "neither lost nor doubled"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_get_from_a_file_to_table_and_socket_and_survive_the_server() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let mut client = installation.client();
    let token = supervisor.setup_token();
    assert_eq!(
        client.register("ada", token.as_deref()).await,
        StatusCode::CREATED
    );
    let post = async |path: &str, body: Value| -> Value {
        let answer = client.send(Method::POST, path, Some(body)).await;
        answer.json().await.unwrap()
    };
    let server = post("/api/v1/servers", json!({"name": "web-7"})).await;
    let server = server["id"].as_str().unwrap().to_owned();
    let key = post("/api/v1/api-keys", json!({"server_id": server})).await;

    let host = scratch_dir().unwrap();
    let settings = format!(
        "capabilities = [\"logs\"]\n[[logs]]\nname = \"app\"\nfiles = [\"{}\"]\nstart = \"beginning\"\nrate = 200000\n",
        host.join("app.log").display()
    );
    fs::write(host.join("agent.toml"), settings).unwrap();
    let mut log = File::create(host.join("app.log")).unwrap();
    let mut agent = Command::new(program("chatops-agent"));
    agent
        .args(["run", "--config"])
        .arg(host.join("agent.toml"))
        .arg("--data")
        .arg(host.join("data"))
        .env(
            "CHATOPS_AGENT_URL",
            format!("nats://{}", installation.setting("nats.listen")),
        )
        .env("CHATOPS_API_KEY", key["key"].as_str().unwrap());
    let agent = Supervisor::new(agent);
    write(&mut log, 0, 1);
    counts(&client, &server, 1).await;

    let url = format!(
        "ws://127.0.0.1:{}/api/v1/ws/logs/{server}",
        installation.port
    );
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let auth = json!({"type": "auth", "token": client.token()});
    socket.send(Message::text(auth.to_string())).await.unwrap();
    let greeting = socket.next().await.unwrap().unwrap();
    assert!(
        greeting.to_text().unwrap().contains("auth_success"),
        "{greeting}"
    );

    // Many at once, then one by itself.
    let mut written = 1;
    for many in [PART, 1] {
        write(&mut log, written, many);
        written += many;
        let mut seen = 0;
        while seen < many {
            let frame = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
            let Message::Text(text) = frame.unwrap().unwrap() else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            assert_ne!(frame["type"], "gap");
            seen += frame["lines"].as_array().map_or(0, Vec::len);
        }
        counts(&client, &server, written).await;
    }

    // Everything dies while lines come, and comes back; the agent stays.
    write(&mut log, 2 + PART, PART / 2);
    supervisor.kill();
    write(&mut log, 2 + PART + PART / 2, PART / 2);
    installation.quiet().await;
    let mut supervisor = installation.start();
    supervisor.ready().await;
    assert_eq!(client.login("ada").await, StatusCode::OK);
    counts(&client, &server, 2 + 2 * PART).await;
    let found = client
        .get(&format!(
            "/api/v1/logs/{server}?text=request+{}+&connections=false",
            2 * PART
        ))
        .await;
    assert_eq!(found["entries"].as_array().unwrap().len(), 1);
    agent.kill();
    supervisor.interrupt().await;
    installation.quiet().await;
}
