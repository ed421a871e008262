//! Sudden deaths: of the supervisor, and of the servers below it.

use chatops_testkit::{eventually, until};
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};

use crate::installation::{Installation, PATIENCE};

fn kill(pids: &[u32]) {
    signal(pids, Signal::KILL);
}

fn signal(pids: &[u32], signal: Signal) {
    assert!(!pids.is_empty(), "it runs");
    for pid in pids {
        let pid = Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

#[tokio::test]
async fn a_killed_supervisor_blocks_nothing_and_loses_nothing() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    assert_eq!(
        installation.client().register("ada", Some(&token)).await,
        StatusCode::CREATED
    );

    // Started again at once: the new supervisor and the old one's guard meet over the same leftovers.
    supervisor.kill();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let mut client = installation.client();
    assert_eq!(client.login("ada").await, StatusCode::OK);
    assert_eq!(client.get("/api/v1/servers").await["total"], 1);

    // Left alone: nothing outlives the supervisor.
    supervisor.kill();
    installation.quiet().await;
    let mut supervisor = installation.start();
    supervisor.ready().await;

    // The guard dies too: the next start does its work.
    kill(&installation.children("chatops"));
    let mut supervisor = installation.start();
    supervisor.ready().await;
    assert!(
        supervisor.said().contains("killed run left behind"),
        "{}",
        supervisor.said()
    );
    assert_eq!(installation.client().login("ada").await, StatusCode::OK);
    supervisor.interrupt().await;
    installation.quiet().await;
}

#[tokio::test]
async fn a_crashed_server_is_told_and_started_again() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    let mut client = installation.client();
    assert_eq!(
        client.register("ada", Some(&token)).await,
        StatusCode::CREATED
    );
    let newest =
        async || client.get("/api/v1/servers").await["servers"][0]["latest"]["seq"].as_u64();
    let before = until("the first sample", PATIENCE, newest).await;
    for (program, name) in [
        ("nats-server", "nats-server"),
        ("postgres", "PostgreSQL"),
        ("chatops-agent", "agent"),
    ] {
        kill(&installation.children(program));
        eventually("it is told and runs again", PATIENCE, async || {
            supervisor.said().contains(&format!("{name} ended"))
                && supervisor.said().contains(&format!("{name} runs again"))
        })
        .await;
        eventually("the API is ready again", PATIENCE, async || {
            client.ready().await
        })
        .await;
    }
    until("new samples arrive", PATIENCE, async || {
        newest().await.filter(|seq| *seq > before)
    })
    .await;
    let (status, said) = supervisor.interrupt().await;
    assert!(status.success(), "{said}");
    installation.quiet().await;
}

#[tokio::test]
async fn a_second_interrupt_leaves_at_once_and_the_guard_does_the_rest() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    // A server that does not answer would hold an orderly stop up.
    let frozen = installation.children("postgres");
    signal(&frozen, Signal::STOP);
    supervisor.signal(Signal::INT);
    eventually("it has begun to stop", PATIENCE, async || {
        supervisor.said().contains("stopping")
    })
    .await;
    supervisor.signal(Signal::INT);
    let (status, said) = supervisor.left().await;
    assert_eq!(status.code(), Some(130), "{said}");
    signal(&frozen, Signal::CONT);
    installation.quiet().await;
}
