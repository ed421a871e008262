//! From nothing to this machine's own samples, and back to rest.

use chatops_testkit::until;
use reqwest::StatusCode;

use crate::installation::{Installation, PATIENCE};

#[tokio::test]
async fn a_first_start_leads_to_live_samples_and_a_second_one_skips_what_is_done() {
    let installation = Installation::new();
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let mut client = installation.client();
    assert!(client.ready().await);

    let token = supervisor.setup_token().expect("a set-up token is printed");
    assert_eq!(
        client.get("/api/v1/auth/status").await["setup_required"],
        true
    );
    assert_eq!(
        client.register("mallory", Some("guessed")).await,
        StatusCode::FORBIDDEN
    );
    let (code, fresh, _) = installation.output(&["admin", "setup-token", "--plain"]);
    assert_eq!(code, 0);
    assert_eq!(
        client.register("mallory", Some(&token)).await,
        StatusCode::FORBIDDEN,
        "a newer token replaced it"
    );
    assert_eq!(
        client.register("ada", Some(fresh.trim())).await,
        StatusCode::CREATED
    );
    assert_eq!(client.get("/api/v1/auth/me").await["role"], "owner");
    let mut second = installation.client();
    assert_eq!(
        second.register("grace", Some(fresh.trim())).await,
        StatusCode::CREATED
    );
    assert_eq!(
        second.get("/api/v1/auth/me").await["role"],
        "operator",
        "the token makes one owner"
    );

    let server = until(
        "the local agent's first sample is on the fleet page",
        PATIENCE,
        async || {
            let fleet = client.get("/api/v1/servers").await;
            let server = fleet["servers"].get(0)?.clone();
            (server["status"] == "online" && server["latest"].is_object()).then_some(server)
        },
    )
    .await;
    assert!(server["latest"]["mem_total"].as_u64() > Some(0), "{server}");
    let capabilities = server["agent"]["capabilities"].as_array().unwrap();
    assert!(
        capabilities.iter().any(|name| name == "processes"),
        "the local agent may do everything: {server}"
    );
    let (status, exposition) = client.text("/metrics").await;
    assert!(
        status.is_success() && exposition.contains("chatops_process_resident_bytes"),
        "{exposition}"
    );

    for program in ["nats-server", "postgres"] {
        let children = installation.children(program);
        assert!(!children.is_empty(), "{program} runs");
        for child in children {
            assert!(!owned_by_root(child), "{program} has no need of root");
        }
    }

    let (code, report, complaints) = installation.output(&["doctor"]);
    assert_eq!(code, 0, "{report}{complaints}");
    let (code, facts, _) =
        installation.output(&["replay", "--stream", "OPS_FACT", "--format", "ndjson"]);
    assert_eq!(code, 0);
    assert!(
        facts.lines().any(|line| line.contains("agent.connected")),
        "{facts}"
    );

    let (status, said) = supervisor.interrupt().await;
    assert!(status.success(), "{said}");
    in_order(
        &said,
        &[
            "stopping",
            "ok agent",
            "ok roles",
            "ok nats-server",
            "ok PostgreSQL",
        ],
    );
    installation.quiet().await;

    let mut supervisor = installation.start();
    supervisor.ready().await;
    let said = supervisor.said();
    assert!(
        !said.contains("make the database"),
        "done steps are skipped:\n{said}"
    );
    assert_eq!(supervisor.setup_token(), None, "the owner exists");
    let mut client = installation.client();
    assert_eq!(client.login("ada").await, StatusCode::OK);
    assert_eq!(
        client.get("/api/v1/servers").await["total"],
        1,
        "the local server was not enrolled twice"
    );
    supervisor.interrupt().await;
    installation.quiet().await;
}

fn in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for want in wanted {
        let at = rest
            .find(want)
            .unwrap_or_else(|| panic!("{want:?} is missing or out of order:\n{text}"));
        rest = &rest[at + want.len()..];
    }
}

fn owned_by_root(process: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/{process}")).unwrap().uid() == 0
}
