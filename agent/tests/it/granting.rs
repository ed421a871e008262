//! What somebody on the host allows for a while, and how server and agent take note.

use std::{path::Path, process::Command};

use chatops_schemas::order::{Operation, Reply};
use chatops_testkit::eventually;

use crate::{
    orders::{agent_with, new_id, shell},
    server::{PATIENCE, Server},
};

fn verb(data: &Path, words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chatops-agent"))
        .args(words)
        .arg("--config")
        .arg(data.join("agent.toml"))
        .env("CHATOPS_AGENT_DATA", data)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn what_is_granted_works_at_once_is_told_to_the_server_and_ends() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent_with(&server, data.path(), "\"metrics\"").await;
    let run = || Operation::Run(shell("true"));
    server.refused(run()).await;

    let (done, said) = verb(data.path(), &["grant", "exec", "30m"]);
    assert!(done && said.contains("revoke exec"), "{said}");
    let begun = new_id();
    let granted = server.give(begun, run()).await;
    assert!(matches!(granted, Reply::Accepted { .. }), "{granted:?}");
    eventually("the server hears of it", PATIENCE, async || {
        let Some(hello) = server.hello().await else {
            return false;
        };
        hello.data.capabilities == ["metrics"]
            && hello.data.grants.len() == 1
            && hello.data.grants[0].capability == "exec"
            && hello.data.grants[0].until > hello.time
    })
    .await;
    let (_, said) = verb(data.path(), &["grants"]);
    assert!(said.contains("exec            until 20"), "{said}");
    let (_, json) = verb(data.path(), &["grants", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 7);

    let (done, _) = verb(data.path(), &["revoke", "exec"]);
    assert!(done);
    server.refused(run()).await;
    let again = server.give(begun, run()).await;
    assert!(
        matches!(again, Reply::Accepted { .. }),
        "what was begun when it was allowed is told as it is: {again:?}"
    );
    eventually("the server hears of that too", PATIENCE, async || {
        server.hello().await.unwrap().data.grants.is_empty()
    })
    .await;
    let (_, said) = verb(data.path(), &["revoke", "exec"]);
    assert!(said.contains("was not granted"), "{said}");

    // A grant of a second is over by itself.
    verb(data.path(), &["grant", "exec", "1s"]);
    eventually("it is over", PATIENCE, async || {
        matches!(server.give(new_id(), run()).await, Reply::Refused(_))
    })
    .await;
    assert_eq!(server.story(begun).await.ends.len(), 1);
}

#[test]
fn what_cannot_be_granted_is_explained() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("agent.toml"), "").unwrap();
    for (words, hint) in [
        (["grant", "root", "30m"], "docker_control"),
        (["grant", "exec", "forever"], "30m, 2h or 1d"),
        (["grant", "exec", "30d"], "at most 7d"),
    ] {
        let (done, said) = verb(data.path(), &words);
        assert!(!done && said.contains(hint), "{said}");
    }
    let (done, said) = verb(data.path(), &["grant", "exec", "1m"]);
    assert!(done && said.contains("chatops-agent enroll"), "{said}");
}
