//! A command from the REST interface to a process on a host and back, with every part as people run it, and what remains
//! of it when parts are killed in the middle.

use std::fs;

use chatops_testkit::{eventually, until};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    agent::{Agent, post},
    http::Client,
    installation::{Installation, PATIENCE},
};

/// Its end, from the history.
pub(crate) async fn outcome(client: &Client, id: &str) -> String {
    let path = format!("/api/v1/commands/{id}");
    until("the command has ended", PATIENCE, async || {
        let answer = client.send(Method::GET, &path, None).await;
        let shown: Value = answer.json().await.ok()?;
        shown["outcome"].as_str().map(str::to_owned)
    })
    .await
}

fn kill(pids: &[u32]) {
    assert!(!pids.is_empty(), "it runs");
    for pid in pids {
        let pid = Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_once_and_ends_once_whatever_is_killed() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    let mut client = installation.client();
    client.register("ada", Some(&token)).await;
    let server = post(&client, "/api/v1/servers", json!({"name": "second"}))
        .await
        .1;
    let server = server["id"].as_str().unwrap().to_owned();
    let folder = installation.data().join("second-agent");
    let url = format!("nats://{}", installation.setting("nats.listen"));
    let mut agent = Agent::enrol(&client, &server, &folder, &url, "").await;

    // With the answer in the response; the host may still be on its way in.
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

    let ran = installation.data().join("ran");
    let begin = async |client: &Client, seconds: &str| {
        let line = format!("echo x >> {}; sleep {seconds}", ran.display());
        let body = json!({"server_id": server, "command": line, "ttl": 120});
        let (status, open) = post(client, "/api/v1/commands", body).await;
        assert_eq!(status, 202, "{open}");
        open["id"].as_str().unwrap().to_owned()
    };
    let times = || fs::read_to_string(&ran).unwrap_or_default().lines().count();

    // The API and the dispatcher die while it runs.
    let first = begin(&client, "2").await;
    eventually("it has begun", PATIENCE, async || times() == 1).await;
    supervisor.kill();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    client.login("ada").await;
    assert_eq!(outcome(&client, &first).await, "finished");

    // The same right after it was asked for: it goes out after the restart.
    let second = begin(&client, "0").await;
    supervisor.kill();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    client.login("ada").await;
    assert_eq!(outcome(&client, &second).await, "finished");

    // The streams die while it runs.
    let third = begin(&client, "2").await;
    eventually("it has begun", PATIENCE, async || times() == 3).await;
    kill(&installation.children("nats-server"));
    eventually("the streams are back", PATIENCE, async || {
        supervisor.said().contains("nats-server runs again")
    })
    .await;
    assert_eq!(outcome(&client, &third).await, "finished");

    // The agent dies while it runs: nobody can say how it ended, and it is not begun again.
    let fourth = begin(&client, "30").await;
    eventually("it has begun", PATIENCE, async || times() == 4).await;
    agent.kill_and_start_again();
    assert_eq!(outcome(&client, &fourth).await, "unknown");

    assert_eq!(times(), 4, "each ran once");
    let ends = client
        .get("/api/v1/audit?action=command.ended&limit=100")
        .await;
    for id in [&first, &second, &third, &fourth] {
        let target = format!("command:{id}");
        let ends = ends["entries"].as_array().unwrap().iter();
        assert_eq!(
            ends.filter(|entry| entry["target"] == target).count(),
            1,
            "{id}"
        );
    }
    drop(agent);
    supervisor.interrupt().await;
}
