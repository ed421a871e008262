//! The audit of a whole installation: signed on its way out of the house, verified with and without it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
    // Something that the export cannot have, however fast the appender is.
    assert_eq!(client.login("ada").await, StatusCode::OK);
    eventually("signing in again is an entry", PATIENCE, async || {
        let list = client.get("/api/v1/audit?action=access.signed_in").await;
        list["entries"].as_array().unwrap().len() == 2
    })
    .await;
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

/// Takes a folder's place with a copy of another one. Its files stay those of the user that nats-server runs as.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).unwrap();
    }
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// The folder in which nats-server keeps the chain.
fn stored_chain(under: &Path) -> PathBuf {
    let folders = fs::read_dir(under).unwrap().map(Result::unwrap);
    let folders = folders.filter(|entry| entry.file_type().unwrap().is_dir());
    let found = folders.map(|entry| entry.path()).find_map(|path| {
        match path.file_name().unwrap() == "OPS_AUDIT" {
            true => Some(path),
            false => Some(stored_chain(&path)).filter(|found| found.ends_with("OPS_AUDIT")),
        }
    });
    found.unwrap_or_default()
}

#[tokio::test]
async fn a_restored_backup_stands_still_until_a_person_accepts_it() {
    let installation = Installation::new();
    let outside = tempfile::tempdir().unwrap();
    let heads = outside.path().join("heads.ndjson");
    let installation = installation.with(&format!("audit.heads_file={}", heads.display()));
    let mut supervisor = installation.start();
    supervisor.ready().await;
    let token = supervisor.setup_token().unwrap();
    let mut client = installation.client();
    let made = client.register("ada", Some(&token)).await;
    assert_eq!(made, StatusCode::CREATED);
    let entered = async |client: &crate::http::Client, action: &str, entries: usize| {
        eventually("the entries are there", PATIENCE, async || {
            let path = format!("/api/v1/audit?action={action}");
            let list = client.get(&path).await;
            list["entries"].as_array().unwrap().len() == entries
        })
        .await;
    };
    entered(&client, "access.signed_in", 1).await;
    supervisor.interrupt().await;
    installation.quiet().await;

    // The backup of Sunday; on Monday more happens.
    let chain = stored_chain(&installation.data().join("nats"));
    let sunday = outside.path().join("sunday");
    copy(&chain, &sunday);
    let mut supervisor = installation.start();
    supervisor.ready().await;
    for _ in 0..3 {
        assert_eq!(client.login("ada").await, StatusCode::OK);
    }
    entered(&client, "access.signed_in", 4).await;
    supervisor.interrupt().await;
    installation.quiet().await;
    copy(&sunday, &chain);

    let mut supervisor = installation.start();
    supervisor.ready().await;
    let phase = async |phase: &str| {
        eventually("the page says so", PATIENCE, async || {
            let mut client = installation.client();
            client.login("ada").await == StatusCode::OK
                && client.get("/api/v1/audit/verify").await["phase"] == phase
        })
        .await;
    };
    phase("tampered").await;
    let (code, said, _) = installation.output(&["audit", "verify"]);
    assert_eq!(code, 19, "{said}");
    assert!(said.contains("missing"), "{said}");
    let (code, said, notes) = installation.output(&["audit", "accept-restore"]);
    assert_eq!(code, 0, "{said}{notes}");
    assert!(said.contains("lost      entries"), "{said}");
    assert!(notes.contains("nothing was changed"), "{notes}");
    let accept = ["audit", "accept-restore", "--yes", "--by", "Ada"];
    let (code, _, notes) = installation.output(&accept);
    assert_eq!(code, 2, "not without a reason: {notes}");
    let reason = ["--reason", "disk failure, restored Sunday"];
    let (code, said, notes) = installation.output(&[&accept[..], &reason].concat());
    assert_eq!(code, 0, "{said}{notes}");
    assert!(notes.contains("accepts a restore"), "{notes}");
    phase("running").await;
    supervisor.interrupt().await;
    installation.quiet().await;

    // Nothing is green without a word, now and later.
    let mut supervisor = installation.start();
    supervisor.ready().await;
    assert_eq!(client.login("ada").await, StatusCode::OK);
    entered(&client, "audit.restore_accepted", 1).await;
    let (code, said, notes) = installation.output(&["audit", "verify"]);
    assert_eq!(code, 0, "{said}{notes}");
    assert!(said.contains("restored  entry "), "{said}");
    assert!(notes.contains("a restore was accepted"), "{notes}");
    let entry = client
        .get("/api/v1/audit?action=audit.restore_accepted")
        .await;
    let path = format!("/api/v1/audit/{}", entry["entries"][0]["seq"]);
    let detail = client.get(&path).await;
    assert_eq!(detail["after"]["by"], "Ada");
    assert_eq!(detail["after"]["reason"], "disk failure, restored Sunday");
    eventually("the check is told", PATIENCE, async || {
        let state = client.get("/api/v1/audit/verify").await;
        state["checked"]["outcome"] == "good"
            && state["checked"]["restores"]
                .as_array()
                .is_some_and(|all| all.len() == 1)
    })
    .await;
    let (code, _, _) = installation.output(&["audit", "accept-restore"]);
    assert_eq!(code, 1, "there is nothing more to accept");
    supervisor.interrupt().await;
}
