//! `kill -9` at every step of a command's life, outages, restarts: never two executions, always one end.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use chatops_agent::operate::journal::{End, Journal};
use chatops_schemas::{
    clock::{Clock as _, IdSource as _, System},
    event::{command::Outcome, result::ResultFinished},
    ids::CommandId,
    order::{Operation, Progress, Reply},
    session::Stream,
};
use chatops_testkit::eventually;
use tokio::time::timeout;

use crate::{
    agent::Agent,
    orders::{agent, key, listening, new_id, order, public_key, shell, sign},
    server::{PATIENCE, Server},
};

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

fn finished(command: CommandId) -> ResultFinished {
    ResultFinished {
        command,
        outcome: Outcome::Finished,
        exit_code: Some(7),
        signal: None,
        message: None,
        started_at: None,
        duration_ms: None,
        pieces: 0,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    }
}

/// The states that a process leaves when it is killed behind each write to the journal.
#[tokio::test]
async fn every_step_of_the_journal_leads_to_one_end_and_none_to_a_second_run() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let (begun, ended, told) = (new_id(), new_id(), new_id());
    {
        let (journal, _) = Journal::open(&data.path().join("journal"), System.now()).unwrap();
        for id in [begun, ended, told] {
            journal.begin(id, System.now()).unwrap();
        }
        for id in [ended, told] {
            let end = End {
                event: System.event_id(),
                at: System.now(),
                finished: finished(id),
            };
            journal.end(&end).unwrap();
        }
        journal.told(told, System.now()).unwrap();
    }
    let agent = agent(&server, data.path()).await;
    let unknown = server.over(begun).await;
    assert_eq!(unknown.end().outcome, Outcome::Unknown);
    assert!(
        unknown
            .end()
            .message
            .as_ref()
            .unwrap()
            .contains("not begun again")
    );
    assert_eq!(server.over(ended).await.end(), &finished(ended));

    let mark = data.path().join("ran");
    let line = format!("echo x >> {}", mark.display());
    for id in [begun, ended, told] {
        let reply = server.give(id, Operation::Run(shell(&line))).await;
        assert!(
            matches!(
                reply,
                Reply::Accepted {
                    progress: Progress::Over
                }
            ),
            "{reply:?}"
        );
    }
    let fresh = new_id();
    server.give(fresh, Operation::Run(shell(&line))).await;
    server.over(fresh).await;
    assert_eq!(lines(&mark), 1);
    assert!(
        server.story(told).await.ends.is_empty(),
        "it was told before"
    );
    // What is told is not told again by the next process.
    agent.kill();
    let agent = self::agent(&server, data.path()).await;
    let fresh = new_id();
    server.give(fresh, Operation::Run(shell("true"))).await;
    server.over(fresh).await;
    for id in [begun, ended] {
        assert_eq!(server.story(id).await.ends.len(), 1);
    }
    agent.stop();
}

#[tokio::test]
async fn an_agent_that_is_killed_while_a_command_runs_kills_it_at_the_next_start() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let first = agent(&server, data.path()).await;
    let (id, mark) = (new_id(), data.path().join("ran"));
    // It has left the group, closed its output and does not mind SIGTERM.
    let line = format!(
        "echo x >> {}; trap '' TERM HUP; setsid sleep 2001 > /dev/null 2>&1 & echo $!; exec sleep 2002",
        mark.display()
    );
    let operation = || Operation::Run(shell(&line));
    server.give(id, operation()).await;
    let mut pid = String::new();
    eventually("it runs", PATIENCE, async || {
        pid = server.story(id).await.text(Stream::Stdout);
        pid.ends_with('\n')
    })
    .await;
    let child = Path::new("/proc").join(pid.trim());
    first.kill();
    assert!(child.exists(), "nobody has ended it yet");
    let second = agent(&server, data.path()).await;
    assert_eq!(server.over(id).await.end().outcome, Outcome::Unknown);
    eventually("what was left of it is gone", PATIENCE, async || {
        !child.exists()
    })
    .await;
    assert!(matches!(
        server.give(id, operation()).await,
        Reply::Accepted {
            progress: Progress::Over
        }
    ));
    assert_eq!(lines(&mark), 1);
    second.stop();
}

#[tokio::test]
async fn a_command_that_kills_its_agent_has_one_end() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let first = agent(&server, data.path()).await;
    let (id, mark) = (new_id(), data.path().join("ran"));
    let line = format!("echo x >> {}; kill -9 $PPID; sleep 1000", mark.display());
    let payload = sign(&order(id, Operation::Run(shell(&line))), &key());
    // The answer may be lost with the agent.
    let _ = server
        .send(chatops_schemas::order::Verb::Exec, payload.clone())
        .await;
    assert!(!first.wait().success());
    let _second = agent(&server, data.path()).await;
    let again = server
        .send(chatops_schemas::order::Verb::Exec, payload)
        .await
        .unwrap();
    assert!(
        matches!(
            again,
            Reply::Accepted {
                progress: Progress::Over
            }
        ),
        "{again:?}"
    );
    assert_eq!(server.over(id).await.end().outcome, Outcome::Unknown);
    assert_eq!(lines(&mark), 1);
}

/// Killed at moments that nobody chose, each order given again until it is answered.
#[tokio::test]
async fn whenever_it_is_killed_nothing_runs_twice_and_everything_ends_once() {
    const ROUNDS: u64 = 12;
    const EACH: usize = 4;
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let mark = data.path().join("ran");
    let mut given = Vec::new();
    for round in 0..ROUNDS {
        let agent = agent(&server, data.path()).await;
        let pid = rustix::process::Pid::from_raw(agent.pid().cast_signed()).unwrap();
        // Some microseconds to some milliseconds after the orders went out.
        let killer = std::thread::spawn(move || {
            let (began, pause) = (Instant::now(), Duration::from_micros(300 * round * round));
            while began.elapsed() < pause {
                std::hint::spin_loop();
            }
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        });
        let orders: Vec<_> = (0..EACH)
            .map(|_| {
                let id = new_id();
                let line = format!("echo {id} >> {}", mark.display());
                (id, sign(&order(id, Operation::Run(shell(&line))), &key()))
            })
            .collect();
        let sent = orders
            .iter()
            .map(|(_, payload)| server.send(chatops_schemas::order::Verb::Exec, payload.clone()));
        // Those that died with the agent are never answered.
        let _ = timeout(Duration::from_millis(300), futures::future::join_all(sent)).await;
        killer.join().unwrap();
        agent.wait();
        given.extend(orders);
    }
    let last = agent(&server, data.path()).await;
    let mut tally = HashMap::new();
    for (id, payload) in &given {
        let reply = server
            .send(chatops_schemas::order::Verb::Exec, payload.clone())
            .await
            .unwrap();
        assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
        let story = server.over(*id).await;
        *tally.entry(story.end().outcome).or_insert(0) += 1;
    }
    let text = std::fs::read_to_string(&mark).unwrap_or_default();
    let mut runs = HashMap::new();
    for line in text.lines() {
        *runs.entry(line.to_owned()).or_insert(0) += 1;
    }
    println!(
        "given {}, ended {tally:?}, ran {}, twice {}",
        given.len(),
        runs.len(),
        runs.values().filter(|times| **times > 1).count()
    );
    assert!(runs.values().all(|times| *times == 1), "{runs:?}");
    // Once more after everything is told: no second end comes.
    last.stop();
    let _agent = agent(&server, data.path()).await;
    for (id, _) in &given {
        assert_eq!(server.story(*id).await.ends.len(), 1);
    }
}

#[tokio::test]
async fn results_outlive_an_outage_of_the_server_and_a_restart_of_the_agent() {
    let mut server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let first = agent(&server, data.path()).await;
    let (id, gate, mark) = (new_id(), data.path().join("gate"), data.path().join("ran"));
    let line = format!(
        "echo before; until [ -e {} ]; do sleep 0.05; done; echo after; echo x >> {}",
        gate.display(),
        mark.display()
    );
    server.give(id, Operation::Run(shell(&line))).await;
    eventually("it runs", PATIENCE, async || {
        server.story(id).await.text(Stream::Stdout) == "before\n"
    })
    .await;
    server.nats.stop().await.unwrap();
    std::fs::write(&gate, "").unwrap();
    eventually("it ends while nobody listens", PATIENCE, async || {
        lines(&mark) == 1
    })
    .await;
    let journal = data.path().join("journal");
    eventually("its end is written down", PATIENCE, async || {
        let files = std::fs::read_dir(&journal).unwrap().flatten();
        files
            .filter_map(|file| std::fs::read(file.path()).ok())
            .any(|bytes| bytes.windows(5).any(|window| window == b"Ended"))
    })
    .await;
    first.kill();
    let second = Agent::enrolled(&server.nats.url(), data.path(), &public_key(), "\"all\"");
    server.nats.restart().await.unwrap();
    listening(&server).await;
    let story = server.over(id).await;
    assert_eq!(story.text(Stream::Stdout), "before\nafter\n");
    assert_eq!(
        (story.end().outcome, story.end().exit_code),
        (Outcome::Finished, Some(0))
    );
    second.stop();
}

#[tokio::test]
async fn an_agent_that_is_stopped_ends_what_runs_and_tells_so() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = agent(&server, data.path()).await;
    let id = new_id();
    server
        .give(id, Operation::Run(shell("echo $$; exec sleep 3001")))
        .await;
    let mut pid = String::new();
    eventually("it runs", PATIENCE, async || {
        pid = server.story(id).await.text(Stream::Stdout);
        pid.ends_with('\n')
    })
    .await;
    let (status, _) = agent.stop();
    assert!(status.success());
    let story = server.over(id).await;
    assert_eq!(
        (story.end().outcome, story.end().signal),
        (Outcome::Cancelled, Some(15))
    );
    assert!(
        story
            .end()
            .message
            .as_ref()
            .unwrap()
            .contains("agent was stopped")
    );
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}
