//! Commands from the order to the stream: what they say, how they end, what they may see.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chatops_bus::{From, StreamName};
use chatops_schemas::{
    answer::Processes,
    codec,
    event::{Event as _, command::Outcome, result::ResultFinished},
    order::{Operation, Program, Progress, Question, Reply, Run, SignalOrder},
    session::Stream,
    subject,
};
use chatops_testkit::eventually;
use futures::StreamExt as _;

use crate::{
    orders::{agent, new_id, shell},
    server::{PATIENCE, Server, server_id},
};

fn alive(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn a_command_says_what_it_says_and_how_it_ended() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = agent(&server, data.path()).await;

    let story = server
        .run(shell("echo one; echo two >&2; echo three; exit 3"))
        .await;
    assert_eq!(story.started, 1);
    let said: Vec<_> = story
        .pieces
        .iter()
        .map(|piece| (piece.n, piece.stream, piece.off))
        .collect();
    assert_eq!(said[0], (0, Stream::Stdout, 0));
    assert_eq!(story.text(Stream::Stdout), "one\nthree\n");
    assert_eq!(story.text(Stream::Stderr), "two\n");
    let end = story.end();
    assert_eq!((end.outcome, end.exit_code), (Outcome::Finished, Some(3)));
    assert_eq!(
        (
            end.pieces as usize,
            end.stdout_bytes,
            end.stderr_bytes,
            end.cut_bytes
        ),
        (story.pieces.len(), 10, 4, 0)
    );
    assert!(end.started_at.is_some() && end.duration_ms.is_some());

    let story = server
        .run(Run {
            program: Program::Argv(vec![
                "printf".into(),
                "%s|%s".into(),
                "a b".into(),
                "$HOME".into(),
            ]),
            ..shell("")
        })
        .await;
    assert_eq!(story.text(Stream::Stdout), "a b|$HOME");

    let story = server.run(shell("kill -9 $$")).await;
    let end = story.end();
    assert_eq!(
        (end.outcome, end.exit_code, end.signal),
        (Outcome::Finished, None, Some(9))
    );

    let story = server
        .run(Run {
            program: Program::Argv(vec!["no-such-program".into()]),
            ..shell("")
        })
        .await;
    let end = story.end();
    assert_eq!((end.outcome, end.started_at), (Outcome::Failed, None));
    assert!(end.message.as_ref().unwrap().contains("no-such-program"));

    let story = server
        .run(Run {
            cwd: Some("/no/such/folder".into()),
            ..shell("pwd")
        })
        .await;
    assert!(
        story
            .end()
            .message
            .as_ref()
            .unwrap()
            .contains("/no/such/folder"),
        "{story:?}"
    );
    let (status, log) = agent.stop();
    assert!(status.success());
    assert!(!log.contains("echo one"), "what is run is not logged");
}

#[tokio::test]
async fn a_command_gets_its_input_its_folder_its_variables_and_nothing_of_the_agent() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = agent(&server, data.path()).await;
    let story = server
        .run(Run {
            cwd: Some("/usr".into()),
            env: BTreeMap::from([("TOKEN".to_owned(), "s3cret value".to_owned())]),
            stdin: Some("line one\nline two".into()),
            ..shell(
                "pwd; echo \"$TOKEN\"; cat; echo; env; ls -l /proc/self/fd >&2; ps -o pgid= $$ >&2",
            )
        })
        .await;
    let said = story.text(Stream::Stdout);
    assert!(
        said.starts_with("/usr\ns3cret value\nline one\nline two\n"),
        "{said}"
    );
    for secret in ["hunter2", "CHATOPS_API_KEY", "CHATOPS_AGENT"] {
        assert!(!said.contains(secret), "{secret} reaches commands");
    }
    assert!(said.contains("PATH=/usr/local/sbin"), "{said}");
    let descriptors = story.text(Stream::Stderr);
    assert!(
        !descriptors.contains("journal") && !descriptors.contains("socket:"),
        "the agent's files are not inherited: {descriptors}"
    );
    let (_, log) = agent.stop();
    assert!(!log.contains("s3cret") && !log.contains("line one"));
}

#[tokio::test]
async fn output_beyond_the_limit_is_counted_and_long_output_is_whole() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let story = server
        .run(Run {
            output_limit: 1000,
            ..shell("yes | head -c 5000000")
        })
        .await;
    let end = story.end();
    assert_eq!((end.stdout_bytes, end.cut_bytes), (5_000_000, 4_999_000));
    assert_eq!(story.text(Stream::Stdout).len(), 1000);

    let story = server
        .run(Run {
            output_limit: 16 << 20,
            ..shell("seq 1 300000")
        })
        .await;
    let text = story.text(Stream::Stdout);
    let wanted: String = (1..=300_000).map(|n| format!("{n}\n")).collect();
    assert!(text == wanted, "{} bytes of {}", text.len(), wanted.len());
    let (mut off, mut n) = (0, 0);
    for piece in &story.pieces {
        assert_eq!((piece.n, piece.off), (n, off));
        n += 1;
        off += piece.data.len() as u64;
    }
    assert_eq!(story.end().pieces, n);
    assert!(n < 200, "{n} pieces");
}

#[tokio::test]
async fn progress_is_seen_while_it_runs() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let (id, gate) = (new_id(), data.path().join("gate"));
    let line = format!(
        "echo ready; until [ -e {} ]; do sleep 0.05; done; echo done",
        gate.display()
    );
    server.give(id, Operation::Run(shell(&line))).await;
    eventually(
        "the first line is told before the end",
        PATIENCE,
        async || server.story(id).await.text(Stream::Stdout) == "ready\n",
    )
    .await;
    assert!(server.story(id).await.ends.is_empty());
    std::fs::write(&gate, "").unwrap();
    assert_eq!(server.over(id).await.text(Stream::Stdout), "ready\ndone\n");
}

#[tokio::test]
async fn a_cancel_ends_the_whole_group_and_what_has_left_it() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let id = new_id();
    let line = "sleep 1000 & echo $!; (trap '' TERM; sleep 1001) & echo $!; setsid sleep 1002 & sleep 0.2; pgrep -f 'sleep 1002' | tail -1; wait";
    server.give(id, Operation::Run(shell(line))).await;
    let mut pids = Vec::new();
    eventually("its children run", PATIENCE, async || {
        pids = server
            .story(id)
            .await
            .text(Stream::Stdout)
            .lines()
            .filter_map(|line| line.parse::<u32>().ok())
            .collect();
        pids.len() == 3
    })
    .await;
    assert!(pids.iter().all(|pid| alive(*pid)));
    assert!(matches!(
        server.cancel(id).await,
        Reply::Accepted {
            progress: Progress::Running
        }
    ));
    let story = server.over(id).await;
    assert_eq!(story.end().outcome, Outcome::Cancelled);
    eventually("all of them are gone", PATIENCE, async || {
        !pids.iter().any(|pid| alive(*pid))
    })
    .await;
    assert!(matches!(
        server.cancel(id).await,
        Reply::Accepted {
            progress: Progress::Over
        }
    ));
    assert!(matches!(server.cancel(new_id()).await, Reply::Refused(_)));
}

#[tokio::test]
async fn time_is_over_for_programs_that_do_not_listen_too() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let began = Instant::now();
    let story = server
        .run(Run {
            timeout_ms: 300,
            ..shell("trap '' TERM; while :; do sleep 0.1; done")
        })
        .await;
    let end = story.end();
    assert_eq!((end.outcome, end.signal), (Outcome::TimedOut, Some(9)));
    assert!(end.message.as_ref().unwrap().contains("0.3 s"), "{end:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_daemon_that_is_started_is_left_alone() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let story = server.run(shell("sleep 1003 & echo $!")).await;
    let pid: u32 = story.text(Stream::Stdout).trim().parse().unwrap();
    let end = story.end();
    assert_eq!((end.outcome, end.exit_code), (Outcome::Finished, Some(0)));
    assert!(end.message.as_ref().unwrap().contains("go on running"));
    assert!(alive(pid));
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_signal_reaches_the_process_that_was_meant_and_no_other() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let mut child = std::process::Command::new("sleep")
        .arg("1004")
        .spawn()
        .unwrap();
    let found: Processes = server.ask(Question::Processes).await;
    let process = found
        .processes
        .iter()
        .find(|process| process.pid == child.id())
        .unwrap();
    assert_eq!(process.name, "sleep");
    assert_eq!(process.command, "sleep 1004");
    let pid = child.id();
    let signal = |start_ticks| {
        Operation::Signal(SignalOrder {
            pid,
            start_ticks,
            signal: "TERM".into(),
        })
    };
    let other = new_id();
    server.give(other, signal(process.start_ticks + 1)).await;
    assert_eq!(server.over(other).await.end().outcome, Outcome::Failed);
    assert!(child.try_wait().unwrap().is_none());
    let right = new_id();
    server.give(right, signal(process.start_ticks)).await;
    assert_eq!(server.over(right).await.end().outcome, Outcome::Finished);
    child.wait().unwrap();
}

/// Not a judgement but a figure: how long one `true` takes from the request to its end in the stream.
#[tokio::test]
async fn how_long_true_takes() {
    const TIMES: usize = 200;
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = agent(&server, data.path()).await;
    let filter = format!("ops.v1.result.{}.*", server_id());
    let mut reader = server
        .bus
        .read(StreamName::Result, &filter, From::New)
        .await
        .unwrap();
    let (mut replies, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let id = new_id();
        let run = Run {
            program: Program::Argv(vec!["/bin/true".into()]),
            ..shell("")
        };
        let began = Instant::now();
        let reply = server.give(id, Operation::Run(run)).await;
        assert!(matches!(reply, Reply::Accepted { .. }));
        replies.push(began.elapsed());
        loop {
            let event = reader.next().await.unwrap().unwrap();
            if codec::head(&event.payload).unwrap().kind == ResultFinished::TYPE {
                assert_eq!(event.subject, subject::result(&server_id(), id));
                break;
            }
        }
        ends.push(began.elapsed());
    }
    for (what, list) in [("reply", &mut replies), ("end", &mut ends)] {
        list.sort();
        println!(
            "{what}: p50 {:?}, p99 {:?}",
            list[TIMES / 2],
            list[TIMES * 99 / 100]
        );
    }
    assert!(ends[TIMES / 2] < Duration::from_millis(200), "{ends:?}");
}
