//! A host that only gets out over HTTPS: all that people do with a host goes over the agents' WebSocket, and nothing is lost
//! or doubled when the gateway it is on is killed in the middle. Every part as people run it; the gateway is a process of
//! its own, so that it can die alone.

use std::{fs, fs::File, io::Write as _};

use chatops_testkit::{eventually, free_port, until};
use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    agent::{Agent, post},
    commands::outcome,
    http::Client,
    installation::{Installation, PATIENCE, Supervisor},
    terminal::client::Terminal,
};

mod with_engine;

/// A host behind a gateway of its own.
struct World {
    installation: Installation,
    client: Client,
    server: String,
    supervisor: Supervisor,
    gateway: Supervisor,
    port: u16,
    _agent: Agent,
}

impl World {
    async fn new(settings: &str) -> Self {
        let installation = Installation::new();
        let mut supervisor = installation.start();
        supervisor.ready().await;
        let token = supervisor.setup_token().unwrap();
        let mut client = installation.client();
        client.register("ada", Some(&token)).await;
        let server = post(&client, "/api/v1/servers", json!({"name": "second"})).await;
        let server = server.1["id"].as_str().unwrap().to_owned();
        let port = free_port().unwrap();
        let gateway = gateway(&installation, port).await;
        let folder = installation.data().join("second-agent");
        let url = format!("http://127.0.0.1:{port}");
        let agent = Agent::enrol(&client, &server, &folder, &url, settings).await;
        let world = Self {
            installation,
            client,
            server,
            supervisor,
            gateway,
            port,
            _agent: agent,
        };
        eventually("the agent has come", PATIENCE, async || {
            let path = format!("/api/v1/servers/{}", world.server);
            let shown = world.client.get(&path).await;
            shown["status"] == "online" && shown["agent"]["transport"] == "websocket"
        })
        .await;
        world
    }

    /// `kill -9`, and a new one at the same address.
    /// A terminal with a shell that says what is asked of it.
    async fn terminal(&self, mut more: Value) -> Terminal {
        more["shell"] = json!("/bin/sh");
        let address = format!("127.0.0.1:{}", self.installation.port);
        Terminal::open(&address, &self.server, &self.client, more).await
    }

    async fn kill_the_gateway(&mut self) {
        let fresh = Supervisor::new(std::process::Command::new("true"));
        std::mem::replace(&mut self.gateway, fresh).kill();
        self.gateway = gateway(&self.installation, self.port).await;
    }

    async fn end(self) {
        let Self {
            mut gateway,
            supervisor,
            installation,
            _agent: agent,
            ..
        } = self;
        drop(agent);
        gateway.signal(rustix::process::Signal::TERM);
        let (status, said) = gateway.left().await;
        assert!(status.success(), "{said}");
        supervisor.interrupt().await;
        installation.quiet().await;
    }
}

async fn gateway(installation: &Installation, port: u16) -> Supervisor {
    let gateway = installation.serve("gateway", port);
    eventually("the gateway listens", PATIENCE, async || {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    })
    .await;
    // It answers when it serves; what it says to a plain request is no.
    let (status, said) = Client::new(port).text("/api/v1/agents/ws").await;
    assert!(status.is_client_error(), "{status} {said}");
    gateway
}

/// What a command wrote, as far as it is in the table.
async fn output(client: &Client, id: &str) -> (String, String) {
    let found = client.get(&format!("/api/v1/commands/{id}/output")).await;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for (n, piece) in found["pieces"].as_array().unwrap().iter().enumerate() {
        assert_eq!(piece["n"], n);
        let data = BASE64.decode(piece["data"].as_str().unwrap().as_bytes());
        let text = String::from_utf8(data.unwrap()).unwrap();
        match piece["stream"].as_str() {
            Some("stdout") => stdout.push_str(&text),
            _ => stderr.push_str(&text),
        }
    }
    (stdout, stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_terminals_go_over_the_websocket_and_outlive_the_gateway() {
    let mut world = World::new("").await;
    let (client, server) = (world.installation.client(), world.server.clone());
    let mut client = client;
    client.login("ada").await;

    let body = json!({"server_id": server, "command": "echo $((6*7)); echo oh >&2; exit 5"});
    let (status, result) = post(&client, "/api/v1/commands?wait=20", body).await;
    assert_eq!(
        (status, &result["outcome"]),
        (200, &json!("finished")),
        "{result}"
    );
    assert_eq!(
        (&result["stdout"], &result["stderr"], &result["exit_code"]),
        (&json!("42\n"), &json!("oh\n"), &json!(5)),
        "{result}"
    );

    // Asked for, begun, and ended by a person.
    let ran = world.installation.data().join("ran");
    let times = || fs::read_to_string(&ran).unwrap_or_default().lines().count();
    let line = format!("echo x >> {}; sleep 1000", ran.display());
    let open = post(
        &client,
        "/api/v1/commands",
        json!({"server_id": server, "command": line}),
    );
    let open = open.await.1["id"].as_str().unwrap().to_owned();
    eventually("it has begun", PATIENCE, async || times() == 1).await;
    post(
        &client,
        &format!("/api/v1/commands/{open}/cancel"),
        json!({}),
    )
    .await;
    assert_eq!(outcome(&client, &open).await, "cancelled");

    // A question, with a long answer.
    let processes = client
        .get(&format!("/api/v1/servers/{server}/processes"))
        .await;
    assert!(
        processes.to_string().contains("chatops-agent"),
        "{processes}"
    );

    // A terminal: echo, size, and a shell that stays the same.
    let mut terminal = world.terminal(json!({})).await;
    let line = "answer=$((6*7)); echo \"<$answer>\"\n";
    terminal.see(line, "<42>").await;
    terminal
        .frame(&json!({"type": "resize", "cols": 132, "rows": 43}))
        .await;
    terminal.see("stty size\n", "43 132").await;

    // The gateway dies while a command writes and while the terminal is open. Both go on.
    let gate = world.installation.data().join("gate");
    let line = format!(
        "echo x >> {}; seq 1 20000; until [ -e {} ]; do sleep 0.05; done; seq 20001 40000; echo end >&2; exit 3",
        ran.display(),
        gate.display()
    );
    let body = json!({"server_id": server, "command": line});
    let (status, open) = post(&client, "/api/v1/commands", body).await;
    assert_eq!(status, 202, "{open}");
    let open = open["id"].as_str().unwrap().to_owned();
    eventually("it has begun", PATIENCE, async || times() == 2).await;
    terminal.see("until [ -e ", "until [ -e ").await;
    world.kill_the_gateway().await;
    fs::write(&gate, "").unwrap();
    assert_eq!(outcome(&client, &open).await, "finished");
    let wanted: String = (1..=40_000).map(|n| format!("{n}\n")).collect();
    let (stdout, stderr) = until("all of its output is there", PATIENCE, async || {
        let (stdout, stderr) = output(&client, &open).await;
        (stdout.len() >= wanted.len() && !stderr.is_empty()).then_some((stdout, stderr))
    })
    .await;
    assert!(
        stdout == wanted,
        "{} bytes of {}",
        stdout.len(),
        wanted.len()
    );
    assert_eq!(stderr, "end\n");
    assert_eq!(times(), 2, "it ran once");

    // The browser's socket has not noticed; what is typed from now on arrives, in the same shell.
    eventually("the agent is back", PATIENCE, async || {
        let body = json!({"server_id": server, "command": "true"});
        let answer = post(&client, "/api/v1/commands?wait=5", body).await;
        answer.1["outcome"] == "finished"
    })
    .await;
    let line = format!(
        "{} ]; do sleep 0.05; done; echo \"again <$answer>\"\n",
        gate.display()
    );
    terminal.see(&line, "again <42>").await;

    // And with the browser's own socket lost as well.
    let back = json!({"session": terminal.session, "from": terminal.off});
    drop(terminal);
    world.kill_the_gateway().await;
    eventually("the agent is back", PATIENCE, async || {
        let body = json!({"server_id": server, "command": "true"});
        let answer = post(&client, "/api/v1/commands?wait=5", body).await;
        answer.1["outcome"] == "finished"
    })
    .await;
    let mut terminal = world.terminal(back).await;
    let line = "echo \"still <$answer>\"; exit\n";
    terminal.see(line, "still <42>").await;
    world.end().await;
}

/// Lines in the table.
async fn counted(client: &Client, server: &str) -> u64 {
    let path = format!("/api/v1/logs/histogram?servers={server}&from=now-1d");
    let answer = client.send(Method::GET, &path, None).await;
    let found: Value = answer.json().await.unwrap_or_default();
    let bars = found["bars"].as_array().cloned().unwrap_or_default();
    let counts = bars.iter().filter_map(|bar| bar["lines"].as_object());
    counts
        .flat_map(|counts| counts.values().filter_map(Value::as_u64))
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_a_log_are_neither_lost_nor_doubled_when_the_gateway_is_killed() {
    const PART: u64 = 20_000;
    let logs = chatops_testkit::scratch_dir().unwrap();
    let path = logs.join("app.log");
    let mut log = File::create(&path).unwrap();
    let source = format!(
        "[[logs]]\nname = \"app\"\nfiles = [{path:?}]\nstart = \"beginning\"\nrate = 200000\n"
    );
    let mut world = World::new(&source).await;
    let mut write = |first: u64| {
        let lines: String = (first..first + PART)
            .map(|n| format!("INFO request {n} GET /api/v1/items/4711 200 in 12 ms\n"))
            .collect();
        log.write_all(lines.as_bytes()).unwrap();
    };
    for part in 0..3 {
        write(part * PART);
        let (client, server) = (&world.client, &world.server);
        eventually("some of it is on its way", PATIENCE, async || {
            counted(client, server).await > part * PART
        })
        .await;
        world.kill_the_gateway().await;
    }
    let (client, server) = (&world.client, &world.server);
    eventually("all lines are in the table", PATIENCE * 2, async || {
        counted(client, server).await >= 3 * PART
    })
    .await;
    // Something that was sent twice would be there by now: what comes later is behind it.
    write(3 * PART);
    eventually("the lines after them, too", PATIENCE * 2, async || {
        counted(client, server).await >= 4 * PART
    })
    .await;
    assert_eq!(counted(client, server).await, 4 * PART);
    world.end().await;
}
