//! The audit of a whole installation: signed on its way out of the house, verified with and without it.

use std::fs;

use chatops_testkit::eventually;
use reqwest::StatusCode;

use crate::installation::{Installation, PATIENCE};

#[tokio::test]
async fn a_trail_is_verified_with_the_servers_and_without_them() {
    let installation = Installation::new();
    let outside = tempfile::tempdir().unwrap();
    let heads = outside.path().join("heads.ndjson");
    let place = format!("audit.heads_file={}", heads.display());
    let mut command = installation.command(&["up"]);
    command.args(["--set", &place]);
    let mut supervisor = crate::installation::Supervisor::new(command);
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    let mut client = installation.client();
    assert_eq!(
        client.register("ada", Some(&token)).await,
        StatusCode::CREATED
    );
    eventually(
        "the account is an entry, and the page says so",
        PATIENCE,
        async || {
            let list = client.get("/api/v1/audit?action=user.registered").await;
            list["entries"][0]["actor_name"] == "ada"
        },
    )
    .await;
    eventually("the background check is told", PATIENCE, async || {
        let state = client.get("/api/v1/audit/verify").await;
        state["phase"] == "running" && state["checked"]["outcome"] == "good"
    })
    .await;

    let (code, said, notes) = installation.output(&["audit", "verify"]);
    assert_eq!(code, 0, "{said}{notes}");
    let (code, exported, notes) = installation.output(&["audit", "export"]);
    assert_eq!(code, 0, "{notes}");
    // Leaving signs what is there.
    supervisor.interrupt().await;
    installation.quiet().await;
    assert!(heads.exists(), "a head has left the house");

    let file = outside.path().join("audit.ndjson");
    let verify = |text: &str| {
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap().to_owned();
        installation.output(&["audit", "verify", "--export", &file])
    };
    let (code, said, notes) = verify(&exported);
    assert_eq!(code, 0, "{said}{notes}");
    let lines: Vec<&str> = exported.lines().collect();
    let told = |lines: &[&str]| {
        let (code, said, _) = verify(&lines.join("\n"));
        assert_eq!(code, 19, "{said}");
        said
    };
    let mut moved = lines.clone();
    moved.swap(0, 1);
    assert!(told(&moved).contains("reordered entry 1"));
    assert!(told(&lines[1..]).contains("missing   entry 1"));
    let reworded = exported.replacen("\"action\":\"", "\"action\":\"not.", 1);
    let reworded: Vec<&str> = reworded.lines().collect();
    assert!(told(&reworded).contains("altered   entry 1"));

    // The export ends before the last head that is outside: what came since is missing in it.
    let (code, said, _) = {
        fs::write(&file, &exported).unwrap();
        let (file, heads) = (file.to_str().unwrap(), heads.to_str().unwrap());
        installation.output(&["audit", "verify", "--export", file, "--heads", heads])
    };
    assert_eq!(code, 19, "{said}");
    assert!(said.contains("missing"), "{said}");
}
