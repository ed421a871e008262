//! What cannot work ends with one sentence, what to do about it, and the documented exit code.

use std::{fs, net::TcpListener};

use crate::installation::Installation;

#[tokio::test]
async fn a_taken_port_is_named_with_its_holder() {
    let installation = Installation::new();
    let _held = TcpListener::bind(("127.0.0.1", installation.port)).unwrap();
    let (code, _, said) = installation.output(&["up"]);
    assert_eq!(code, 12, "{said}");
    let port = installation.port.to_string();
    let sentence = said
        .lines()
        .find(|line| line.starts_with("error:"))
        .unwrap();
    assert!(
        sentence.contains(&port) && sentence.contains(&std::process::id().to_string()),
        "{said}"
    );
    assert!(said.contains("what to do:"), "{said}");
    installation.quiet().await;
}

#[tokio::test]
async fn a_second_supervisor_on_the_same_data_is_refused() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let (code, _, said) = installation.output(&["up"]);
    assert_eq!(code, 14, "{said}");
    assert!(
        said.contains(&format!("http://127.0.0.1:{}", installation.port)),
        "{said}"
    );
    supervisor.interrupt().await;
    installation.quiet().await;
}

#[test]
fn a_missing_runtime_names_the_script_that_makes_one() {
    let installation = Installation::new();
    let output = installation
        .command(&["up", "--runtime", "/nowhere"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{said}");
    assert!(said.contains("deploy/runtime.sh"), "{said}");
}

#[test]
fn data_of_another_postgresql_are_left_alone() {
    let installation = Installation::new();
    fs::create_dir_all(installation.data().join("postgres")).unwrap();
    fs::write(installation.data().join("postgres/PG_VERSION"), "15\n").unwrap();
    let (code, _, said) = installation.output(&["up"]);
    assert_eq!(code, 15, "{said}");
    assert!(said.contains("PostgreSQL 15"), "{said}");
}

#[test]
fn data_that_cannot_be_written_are_named() {
    let installation = Installation::new();
    fs::write(installation.data(), "a file where the directory should be").unwrap();
    let (code, _, said) = installation.output(&["up"]);
    assert_eq!(code, 13, "{said}");
}

#[test]
fn a_wrong_setting_is_refused_before_anything_starts() {
    let installation = Installation::new();
    let (code, _, said) = installation.output(&["up", "--listen", "nowhere"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("listen"), "{said}");
    assert!(!installation.data().exists());
}

#[test]
fn commands_that_need_servers_say_so() {
    let installation = Installation::new();
    for verb in ["migrate", "topology"] {
        let (code, _, said) = installation.output(&[verb]);
        assert_eq!(code, 17, "{verb}: {said}");
        assert!(said.contains("CHATOPS_NATS_URL"), "{said}");
    }
}

#[test]
fn settings_are_shown_without_secrets() {
    let installation = Installation::new();
    let mut show = installation.command(&["config", "show"]);
    let output = show
        .env("CHATOPS_NATS_SVC_PASSWORD", "hunter2hunter2")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(
        text.contains("(set, hidden)") && !text.contains("hunter2"),
        "{text}"
    );
}
