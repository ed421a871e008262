//! What people type, and what they read.

use std::process::{Command, Output};

use chatops_schemas::event::{Event as _, metric::Sample};

use crate::{
    agent::{KEY_ID, SECRET},
    server::Server,
};

fn typed(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatops-agent"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHATOPS_")) {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn read(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_sample_as_json_is_what_would_be_sent() {
    let (out, _) = read(&typed(&["sample", "--json"]));
    let sample: Sample = serde_json::from_str(&out).unwrap();
    sample.validate().unwrap();
    assert!(sample.cpu.unwrap().total.is_some());
}

#[test]
fn processes_are_not_read_where_that_is_not_allowed() {
    let (out, _) = read(&typed(&["sample", "--json", "--capabilities", "metrics"]));
    let sample: Sample = serde_json::from_str(&out).unwrap();
    assert!(sample.top_cpu.is_empty() && sample.top_mem.is_empty() && sample.containers.is_empty());
}

#[test]
fn a_table_is_for_people() {
    let (out, _) = read(&typed(&["sample"]));
    for row in ["processor", "memory", "load", "network", "biggest"] {
        assert!(
            out.lines().any(|line| line.starts_with(row)),
            "{row} is missing in\n{out}"
        );
    }
}

#[test]
fn what_cannot_work_is_said_in_one_sentence() {
    for (arguments, word) in [
        (&["run"][..], "CHATOPS_AGENT_URL"),
        (&["run", "--url", "nats://localhost:1"], "CHATOPS_API_KEY"),
        (
            &["run", "--url", "localhost", "--api-key", "chatops_a_b"],
            "nats://",
        ),
        (
            &["run", "--url", "nats://localhost:1", "--api-key", "hunter2"],
            "chatops_<id>_<secret>",
        ),
        (
            &["run", "--url", "nats://me:hunter2@localhost"],
            "CHATOPS_API_KEY",
        ),
        (&["sample", "--interval", "0"], "1 to 60"),
        (
            &["sample", "--capabilities", "everything"],
            "metrics, processes, docker",
        ),
        (&["sample", "--config", "/nowhere.toml"], "/nowhere.toml"),
    ] {
        let output = typed(arguments);
        let (out, error) = read(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(out.is_empty(), "{out}");
        assert!(error.contains(word), "{arguments:?}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn help_and_version() {
    let (help, _) = read(&typed(&["--help"]));
    assert!(help.contains("chatops-agent check") && help.contains("--api-key-file"));
    let (version, _) = read(&typed(&["--version"]));
    assert_eq!(
        version.trim(),
        format!("chatops-agent {}", chatops_agent::identity::VERSION)
    );
}

#[tokio::test]
async fn check_tries_the_connection() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let (url, key) = (server.nats.url(), format!("chatops_{KEY_ID}_{SECRET}"));
    let folder = data.path().join("not/made");
    let arguments = [
        "check",
        "--url",
        &url,
        "--api-key",
        &key,
        "--data",
        folder.to_str().unwrap(),
    ]
    .map(str::to_owned);
    let output = tokio::task::spawn_blocking(move || {
        typed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let output = output.await.unwrap();
    let (out, error) = read(&output);
    assert!(output.status.success(), "{out}{error}");
    assert!(
        out.contains("accepts the key") && out.contains("web server"),
        "{out}"
    );
    assert!(!out.contains(SECRET) && !error.contains(SECRET));
    assert!(!folder.exists(), "looking changes nothing");
    assert_eq!(server.count().await, 0, "looking sends nothing");
}

#[test]
fn check_as_json_says_what_is_wrong() {
    let output = typed(&[
        "check",
        "--json",
        "--url",
        "nats://127.0.0.1:1",
        "--api-key",
        "chatops_a_b",
    ]);
    let (out, _) = read(&output);
    let findings: serde_json::Value = serde_json::from_str(&out).unwrap();
    let server = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["what"] == "server")
        .unwrap();
    assert_eq!(server["verdict"], "no");
    assert!(server["says"].as_str().unwrap().contains("127.0.0.1:1"));
    assert_eq!(output.status.code(), Some(1));
}
