//! Containers of such a host, with a real engine: what people do with them goes over the agents' WebSocket, too.

use chatops_testkit::{ContainerEngine, eventually};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::World;
use crate::{agent::post, installation::PATIENCE};

const MANY: usize = 20_000;

async fn state(engine: &ContainerEngine, container: &str) -> String {
    let path = format!("/containers/{container}/json");
    let found = engine.expect("GET", &path, None).await.unwrap();
    found["State"]["Status"].as_str().unwrap().to_owned()
}

impl World {
    async fn act(&self, container: &str, action: &str) -> (u16, Value) {
        let path = format!(
            "/api/v1/docker/{}/containers/{container}/{action}?grace_s=0",
            self.server
        );
        post(&self.client, &path, json!({})).await
    }

    /// Everything in a container's log, by what the lines were written to.
    async fn log(&self, container: &str) -> [Vec<String>; 2] {
        let url = format!(
            "ws://127.0.0.1:{}/api/v1/ws/containers/{}/{container}/logs",
            self.installation.port, self.server
        );
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let auth = json!({"type": "auth", "token": self.client.token(), "tail": 2 * MANY});
        socket.send(Message::text(auth.to_string())).await.unwrap();
        let mut log = [Vec::new(), Vec::new()];
        loop {
            let message = timeout(PATIENCE, socket.next()).await.unwrap();
            let Message::Text(text) = message.unwrap().unwrap() else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str() {
                Some("auth_success") => {}
                Some("lines") => {
                    for line in frame["lines"].as_array().unwrap() {
                        let to = usize::from(line[1] == "stderr");
                        log[to].push(line[2].as_str().unwrap().to_owned());
                    }
                }
                Some("ended") => {
                    assert_eq!(frame["reason"], "exited", "{frame}");
                    return log;
                }
                _ => panic!("{frame}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_are_acted_on_read_and_entered_over_the_websocket() {
    let engine = ContainerEngine::start().await.unwrap();
    let who = json!({ "Env": ["WHO=inside"] });
    engine.run("web", "sleep 1000", who).await.unwrap();
    let line = format!("seq 1 {MANY}; echo oh >&2");
    engine.run("many", &line, json!({})).await.unwrap();
    let wait = "/containers/many/wait";
    engine.expect("POST", wait, None).await.unwrap();
    let settings = format!("docker_socket = {:?}\n", engine.socket());
    let world = World::new(&settings).await;

    // It has to begin within seconds, which a busy machine may not do the first time.
    for (action, then) in [("stop", "exited"), ("start", "running")] {
        eventually("the host has done it", PATIENCE, async || {
            world.act("web", action).await.0 == 200
        })
        .await;
        assert_eq!(state(&engine, "web").await, then);
    }
    eventually("the engine's own words", PATIENCE, async || {
        let (status, said) = world.act("nope", "stop").await;
        status != 200 && said.to_string().contains("No such container: nope")
    })
    .await;

    let [out, err] = world.log("many").await;
    let wanted: Vec<String> = (1..=MANY).map(|n| n.to_string()).collect();
    assert!(out == wanted, "{} lines of {MANY}", out.len());
    assert_eq!(err, ["oh"]);

    let mut terminal = world.terminal(json!({ "container": "web" })).await;
    terminal.see("echo \"<$WHO>\"\n", "<inside>").await;
    terminal
        .frame(&json!({"type": "resize", "cols": 132, "rows": 43}))
        .await;
    terminal.see("stty size\n", "43 132").await;
    world.end().await;
}
