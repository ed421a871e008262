//! Terminals from a socket to a real shell and back: with the roles in processes of their own, so that the memory of the
//! API is its own and each can be killed.

pub(crate) mod client;
mod recording;

use std::fs;

use chatops_testkit::{eventually, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use client::Terminal;

use crate::{
    agent::{Agent, post},
    apart::Apart,
    http::Client,
    installation::{PATIENCE, Supervisor},
};

const EVERYTHING_ELSE: &str = "gate,presence,projections,dispatcher,audit";

struct World {
    apart: Apart,
    others: Option<Supervisor>,
    api: Option<Supervisor>,
    agent: Agent,
    owner: Client,
    server: String,
}

impl World {
    async fn new() -> Self {
        Self::over("nats").await
    }

    /// With an agent that comes this way.
    async fn over(transport: &str) -> Self {
        let apart = Apart::start().await;
        let others = apart.serve(EVERYTHING_ELSE).await;
        let api = apart.serve("api,gateway").await;
        let mut owner = apart.client();
        apart.register(&mut owner, "ada").await;
        let server = post(&owner, "/api/v1/servers", json!({"name": "second"})).await;
        let server = server.1["id"].as_str().unwrap().to_owned();
        let url = match transport {
            "nats" => apart.nats_url(),
            _ => format!("http://{}", apart.address()),
        };
        let folder = apart.folder("agent");
        let agent = Agent::enrol(&owner, &server, &folder, &url, "").await;
        let this = Self {
            apart,
            others: Some(others),
            api: Some(api),
            agent,
            owner,
            server,
        };
        let path = format!("/api/v1/servers/{}", this.server);
        eventually("the host is online", PATIENCE, async || {
            let shown = this.owner.get(&path).await;
            shown["status"] == "online" && shown["agent"]["transport"] == transport
        })
        .await;
        this
    }

    async fn open(&self, who: &Client) -> Terminal {
        let mut terminal = self.connect(who, json!({})).await;
        terminal.say("stty -echo; PS1=\n").await;
        terminal
            .see("echo rea''dy-$((40+2))\n", "ready-42\r\n")
            .await;
        terminal
    }

    /// The same session again, behind what has been seen.
    async fn again(&self, who: &Client, left: &Terminal) -> Terminal {
        self.connect(who, json!({"session": left.session, "from": left.off}))
            .await
    }

    async fn connect(&self, who: &Client, more: Value) -> Terminal {
        Terminal::open(&self.apart.address(), &self.server, who, more).await
    }

    async fn kill_the_api(&mut self) {
        self.api.take().unwrap().kill();
        self.api = Some(self.apart.serve("api,gateway").await);
        assert_eq!(self.owner.login("ada").await, StatusCode::OK);
    }

    /// Somebody with an account of their own, signed in.
    async fn person(&self, name: &str, role: &str) -> (String, Client) {
        let mut person = self.apart.client();
        assert_eq!(person.register(name, None).await, StatusCode::CREATED);
        let me = person.get("/api/v1/auth/me").await;
        let id = me["id"].as_str().unwrap().to_owned();
        self.change(&id, json!({"role": role})).await;
        assert_eq!(person.login(name).await, StatusCode::OK);
        (id, person)
    }

    async fn change(&self, user: &str, change: Value) {
        let path = format!("/api/v1/users/{user}");
        let answer = self.owner.send(Method::PATCH, &path, Some(change)).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }

    async fn sessions(&self) -> Vec<Value> {
        let path = format!("/api/v1/servers/{}/terminals?limit=100", self.server);
        let shown = self.owner.get(&path).await;
        shown["terminals"].as_array().unwrap().clone()
    }

    /// How a session ended, once it has.
    async fn reason(&self, session: &str) -> String {
        until(
            "the end of the session is in the table",
            PATIENCE,
            async || {
                let sessions = self.sessions().await;
                let found = sessions.iter().find(|one| one["session"] == session)?;
                found["reason"].as_str().map(str::to_owned)
            },
        )
        .await
    }
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// 8 MiB through another terminal: work that takes long enough for a leak to show.
async fn much(terminal: &mut Terminal, mark: &str) {
    terminal.output.clear();
    terminal
        .say(&format!("yes | head -c 8M; echo do''ne-{mark}\n"))
        .await;
    let wanted = format!("done-{mark}");
    while memchr::memmem::find(&terminal.output, wanted.as_bytes()).is_none() {
        // Only the end is looked for.
        let keep = terminal.output.len().saturating_sub(64);
        terminal.output.drain(..keep);
        assert!(terminal.take().await, "it is open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_stands_still_costs_no_memory() {
    Box::pin(stands_still(World::new().await)).await;
}

/// The gateway is in the same process as the API: its memory is looked at, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_stands_still_costs_no_memory_over_the_websocket() {
    Box::pin(stands_still(World::over("websocket").await)).await;
}

async fn stands_still(world: World) {
    let mut busy = world.open(&world.owner).await;
    let mut stalled = world.open(&world.owner).await;
    much(&mut busy, "first").await;
    let (api, agent) = (world.api.as_ref().unwrap().pid(), world.agent.pid());
    let before = (resident_kib(api), resident_kib(agent));

    // A gigabyte for somebody who reads nothing.
    stalled.say("yes | head -c 1G; echo all''-shown\n").await;
    much(&mut busy, "second").await;
    let after = (resident_kib(api), resident_kib(agent));
    let most = 24 * 1024;
    assert!(after.0 < before.0 + most, "{before:?} {after:?}");
    assert!(after.1 < before.1 + most, "{before:?} {after:?}");

    // It was not thrown away: it goes on where it stood, and Ctrl-C still reaches the program.
    stalled.output.clear();
    for _ in 0..64 {
        assert!(stalled.take().await, "it is open");
    }
    stalled.say("\u{3}").await;
    stalled.see("echo st''ill-here\n", "still-here").await;
    let shown = String::from_utf8_lossy(&stalled.output).into_owned();
    assert!(
        !shown.contains("all-shown"),
        "it was interrupted in the middle"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_come_once_and_in_order_over_lost_sockets_and_a_killed_api() {
    const LAST: usize = 200_000;
    let mut world = World::new().await;
    let mut terminal = world.open(&world.owner).await;
    // The shell may say something of its own before and behind the marks, when it waits for a line.
    let mut all = std::mem::take(&mut terminal.output);
    terminal
        .say(&format!("echo BE''GIN; seq 1 {LAST}; echo E''ND\n"))
        .await;
    let ended = |all: &[u8]| {
        let from = all.len().saturating_sub(64);
        memchr::memmem::find(&all[from..], b"END\r\n").is_some()
    };
    // A socket each: cut after more and more, the third with the API.
    for round in 1.. {
        let enough = all.len() + round * 40_000;
        while all.len() < enough && !ended(&all) {
            assert!(terminal.take().await, "it is open");
            all.append(&mut terminal.output);
        }
        if ended(&all) {
            assert!(round > 3, "it was cut often");
            break;
        }
        if round == 3 {
            world.kill_the_api().await;
        }
        terminal = world.again(&world.owner, &terminal).await;
    }
    let all = String::from_utf8_lossy(&all);
    let between = all.split("BEGIN\r\n").nth(1).unwrap();
    let between = between.split("END\r\n").next().unwrap();
    let wanted: String = (1..=LAST).map(|n| format!("{n}\r\n")).collect();
    assert!(between == wanted, "nothing lost, nothing doubled");
    terminal.say("exit 3\n").await;
    assert_ne!(terminal.closed().await, 0, "closed by the server");
    assert_eq!(world.reason(&terminal.session).await, "exited");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_access_loses_the_terminal_also_where_nobody_is_at_it() {
    let world = World::new().await;
    let (id, eve) = world.person("eve", "operator").await;
    let body = json!({"user_id": id, "server_id": world.server, "level": "operate"});
    let (status, grant) = post(&world.owner, "/api/v1/grants", body).await;
    assert_eq!(status, 201, "{grant}");
    let mut attached = world.open(&eve).await;
    let mut left = world.open(&eve).await;
    let shells = [attached.shell().await, left.shell().await];
    let left_session = left.session.clone();
    drop(left);
    let mut mine = world.open(&world.owner).await;

    let path = format!("/api/v1/grants/{}", grant["id"].as_str().unwrap());
    let answer = world.owner.send(Method::DELETE, &path, None).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    assert_eq!(attached.closed().await, 4403);
    for shell in &shells {
        eventually(
            "the shell is gone, long before its lease",
            PATIENCE,
            async || !shell.exists(),
        )
        .await;
    }
    assert_eq!(world.reason(&attached.session).await, "revoked");
    assert_eq!(world.reason(&left_session).await, "revoked");
    mine.see("echo mine-$((1+1))\n", "mine-2").await;

    // Everything of an account that is switched off, also of one that may see all servers.
    let (id, mallory) = world.person("mallory", "admin").await;
    let mut attached = world.open(&mallory).await;
    let mut left = world.open(&mallory).await;
    let shells = [attached.shell().await, left.shell().await];
    let left_session = left.session.clone();
    drop(left);
    world.change(&id, json!({"active": false})).await;
    // As somebody without an account, or as somebody without the right: whichever is noticed first.
    let code = attached.closed().await;
    assert!(matches!(code, 4401 | 4403), "{code}");
    for shell in &shells {
        eventually(
            "the shell is gone, long before its lease",
            PATIENCE,
            async || !shell.exists(),
        )
        .await;
    }
    assert_eq!(world.reason(&left_session).await, "revoked");
    mine.see("echo still-$((1+2))\n", "still-3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_of_the_table_of_terminals_gives_the_same_rows() {
    let mut world = World::new().await;
    let mut ended = world.open(&world.owner).await;
    ended.say("exit 3\n").await;
    assert_ne!(ended.closed().await, 0, "closed by the server");
    let closed = world.open(&world.owner).await;
    let path = format!(
        "/api/v1/servers/{}/terminals/{}",
        world.server, closed.session
    );
    let answer = world.owner.send(Method::DELETE, &path, None).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    assert_eq!(world.reason(&closed.session).await, "closed");
    assert_eq!(world.reason(&ended.session).await, "exited");
    let _open = world.open(&world.owner).await;
    let rows = "SELECT * FROM terminal_session ORDER BY session";
    let before = until("three are in the table", PATIENCE, async || {
        let rows = world.apart.sql(rows).await;
        (rows.lines().count() == 3).then_some(rows)
    })
    .await;

    world.others.take().unwrap().kill();
    world
        .apart
        .sql("TRUNCATE terminal_session; UPDATE projection_checkpoint SET seq = 0 WHERE name = 'terminals'")
        .await;
    assert_eq!(world.sessions().await.len(), 0);
    world.others = Some(world.apart.serve(EVERYTHING_ELSE).await);
    eventually("the rows are as they were", PATIENCE, async || {
        world.apart.sql(rows).await == before
    })
    .await;
}
