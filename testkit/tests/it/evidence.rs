//! The search for secrets finds one that is there, says where without saying what, and does not pass by searching nothing.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const SECRET: &str = "tyvek-lozenge-84-mantis";

fn search(folder: &Path, who: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/secrets.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(folder).args(who);
    command.output().unwrap()
}

/// One run's folder with this log of a server.
fn left_behind(log: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs", "secrets"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let secrets = format!("short\tabc\na password\t{SECRET}\nanother\tnot-in-any-log-at-all\n");
    fs::write(folder.path().join("secrets/1.tsv"), secrets).unwrap();
    fs::write(folder.path().join("logs/server-1-0.log"), log).unwrap();
    folder
}

fn text(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_planted_secret_is_found_and_not_repeated() {
    let clean = left_behind("one line\nabc is too short to be one\n");
    let passed = search(clean.path(), &["server"]);
    assert!(passed.status.success(), "{}", text(&passed));
    assert!(text(&passed).contains("2 secrets are in none of 1 logs"));

    let planted = left_behind(&format!(
        "one line\n\0binary: {SECRET}, as somebody typed it\n"
    ));
    let failed = search(planted.path(), &["server"]);
    let said = text(&failed);
    assert!(!failed.status.success(), "{said}");
    assert!(said.contains("server-1-0.log:2: a password"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

#[test]
fn a_search_of_nothing_fails() {
    let folder = left_behind("one line\n");
    assert!(!search(folder.path(), &["server", "agent"]).status.success());
    fs::remove_dir_all(folder.path().join("secrets")).unwrap();
    assert!(!search(folder.path(), &[]).status.success());
    let folder = left_behind("");
    assert!(!search(folder.path(), &[]).status.success());
}

/// What the tests leave is what the search looks at: in a process of its own, which has the variable that `make test` sets.
#[test]
fn what_tests_leave_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "evidence::leaving", "--ignored"])
        .env("CHATOPS_TEST_EVIDENCE", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let failed = search(folder.path(), &["server", "agent", "chatops"]);
    let said = text(&failed);
    assert!(!failed.status.success(), "{said}");
    for kind in ["refresh_token", "access_token", "key", "nats_password"] {
        assert!(said.contains(&format!(": {kind}\n")), "{kind}: {said}");
    }
    assert_eq!(said.matches(".log:").count(), 4, "{said}");
}

/// What a crate logs while its tests run is searched like the log of a process, at every level.
#[test]
fn what_is_logged_within_a_test_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "evidence::logging", "--ignored"])
        .env("CHATOPS_TEST_EVIDENCE", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let failed = search(folder.path(), &["within-chatops-testkit"]);
    let said = text(&failed);
    assert!(!failed.status.success(), "{said}");
    assert!(said.contains(".log:1: a password"), "{said}");
    assert!(said.contains(".log:2: a token"), "{said}");
    assert_eq!(said.matches(".log:").count(), 2, "{said}");
}

#[test]
#[ignore = "started by what_is_logged_within_a_test_is_searched"]
fn logging() {
    chatops_testkit::evidence::listen();
    chatops_testkit::evidence::secret("a password", SECRET);
    chatops_testkit::evidence::secret("a token", "opossum-token-0123456789");
    tracing::trace!(given = SECRET, "somebody signs in");
    let span = tracing::error_span!("request", with = "opossum-token-0123456789");
    span.in_scope(|| tracing::info!("and is let in"));
    tracing::debug!("nothing to see");
}

#[test]
#[ignore = "started by what_tests_leave_is_searched"]
fn leaving() {
    let scratch = chatops_testkit::scratch_dir().unwrap();
    let data = scratch.join("data");
    fs::create_dir_all(data.join("logs")).unwrap();
    let password = "PlanetaryGearboxOfDoom0001";
    let credentials = format!("nats_password = \"{password}\"\nport = \"4222\"\n");
    fs::write(data.join("credentials.toml"), credentials).unwrap();
    fs::write(data.join("logs/agent.log"), format!("with {password}\n")).unwrap();
    fs::write(scratch.join("log"), "a refresh: first-refresh-token\n").unwrap();
    chatops_testkit::evidence::secrets_in(&serde_json::json!({
        "access_token": "head.claims.the-signature",
        "list": [{"key": "chatops_abcdefgh_the-secret-of-a-key"}],
        "refresh_token": "first-refresh-token",
        "username": "nobody's business",
    }));
    let said = "Bearer x.y.the-signature\nthe-secret-of-a-key\nhead.claims and chatops_abcdefgh are fine\n";
    chatops_testkit::evidence::said("chatops", said);
}
