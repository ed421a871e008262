//! A test that panics, or whose process is killed, leaves no process and no directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use chatops_testkit::{NatsServer, Postgres, eventually, scratch_dir, until};

const SOON: Duration = Duration::from_secs(20);

/// Where the inner run (below) reports what it started; set only there.
const REPORT: &str = "CHATOPS_TESTKIT_INNER_REPORT";

fn alive(pid: u32) -> bool {
    // A zombie has been killed; only its parent has not looked yet.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn postmaster(postgres: &Postgres) -> String {
    format!("-p {}", postgres.address().port())
}

fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .map(|line| line.replace('\0', " "))
        .collect()
}

#[tokio::test]
async fn a_panic_leaves_nothing() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let task = tokio::spawn(async move {
        let nats = NatsServer::start().await.unwrap();
        let scratch = scratch_dir().unwrap();
        sender
            .send((nats.pid().unwrap(), scratch.path().to_owned()))
            .unwrap();
        assert!(scratch.path().as_os_str().is_empty(), "a failing test");
    });
    assert!(task.await.unwrap_err().is_panic());
    let (pid, path) = receiver.recv().unwrap();
    assert!(!alive(pid));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_killed_test_process_leaves_nothing() {
    let scratch = scratch_dir().unwrap();
    let report = scratch.join("report");
    let mut inner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "cleaning::inner_run_that_waits_to_be_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(REPORT, &report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let text = until("the inner run has started its servers", SOON, async || {
        fs::read_to_string(&report)
            .ok()
            .filter(|text| text.ends_with("end\n"))
    })
    .await;
    let mut lines = text.lines();
    let pid: u32 = lines.next().unwrap().parse().unwrap();
    let path = PathBuf::from(lines.next().unwrap());
    let postmaster = lines.next().unwrap().to_owned();
    assert!(alive(pid) && path.exists());

    inner.kill().unwrap();
    inner.wait().unwrap();
    eventually("its nats-server is gone", SOON, async || !alive(pid)).await;
    eventually("its directory is gone", SOON, async || !path.exists()).await;
    eventually("its PostgreSQL is gone", SOON, async || {
        !command_lines()
            .iter()
            .any(|line| line.contains(&postmaster))
    })
    .await;
}

#[tokio::test]
#[ignore = "started by a_killed_test_process_leaves_nothing"]
async fn inner_run_that_waits_to_be_killed() {
    let Some(report) = std::env::var_os(REPORT) else {
        return;
    };
    let nats = NatsServer::start().await.unwrap();
    let postgres = Postgres::start().await.unwrap();
    let scratch = scratch_dir().unwrap();
    let text = format!(
        "{}\n{}\n{}\nend\n",
        nats.pid().unwrap(),
        scratch.path().display(),
        postmaster(&postgres)
    );
    fs::write(Path::new(&report), text).unwrap();
    std::future::pending::<()>().await;
}
