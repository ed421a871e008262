//! A host is enrolled with the very command that the web application shows, by the real agent.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use chatops_testkit::{scratch_dir, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::installation::{Installation, PATIENCE, Supervisor};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_makes_a_host_a_server() {
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
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.unwrap()
    };
    let server = post("/api/v1/servers", json!({"name": "web-7"})).await;
    let id = server["id"].as_str().unwrap().to_owned();
    let offer = post(&format!("/api/v1/servers/{id}/enrolment"), json!({})).await;

    let host = scratch_dir().unwrap();
    let command = offer["command"].as_str().unwrap().to_owned();
    let run = |command: String| {
        let host = host.join("");
        async move {
            tokio::task::spawn_blocking(move || {
                Command::new("/bin/sh")
                    .args(["-c", &command])
                    .env("DESTDIR", &host)
                    .output()
                    .unwrap()
            })
            .await
            .unwrap()
        }
    };
    // Somebody in between changed the script.
    let forged = command.replace("echo \"", "echo \"0");
    assert_ne!(forged, command);
    assert!(!run(forged).await.status.success());
    assert!(!host.join("etc/chatops/agent.toml").exists());

    let output = run(command.clone()).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let config = host.join("etc/chatops/agent.toml");
    let mode = std::fs::metadata(&config).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The code is spent.
    let again = run(command).await;
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("CO1302"), "{said}");

    let mut agent = Command::new(host.join("usr/local/bin/chatops-agent"));
    agent
        .arg("run")
        .arg("--config")
        .arg(&config)
        .arg("--data")
        .arg(host.join("data"));
    let agent = Supervisor::new(agent);
    until("its samples arrive", PATIENCE, async || {
        let shown = client.get(&format!("/api/v1/servers/{id}")).await;
        (shown["status"] == "online" && shown["latest"].is_object()).then_some(())
    })
    .await;
    agent.kill();
    supervisor.interrupt().await;
    installation.quiet().await;
}
