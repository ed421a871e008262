//! Agents written from `docs/agent-protocol.md` alone, asked for commands: sent once, told how it went.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{From, RequestError, StreamName};
use chatops_ingest::gateway::GatewayConfig;
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, IdSource, System},
    codec,
    event::command::Outcome,
    event::result::ResultFinished,
    ids::{CommandId, ServerId},
    order::{
        Cancel, ContainerAction, ContainerOrder, Operation, Order, Program, Progress, Question,
        RefusalCode, Reply, Run, SignedOrder, SigningKey,
    },
    subject,
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    agent::PATIENCE,
    client::Client,
    ground::{Ground, signing_key},
    sockets::{KEY, OTHER, ground},
};

fn server(id: &str) -> ServerId {
    ServerId::parse(id).expect("a server id")
}

fn run(line: &str, timeout_ms: u64) -> Operation {
    Operation::Run(Run {
        program: Program::Shell(line.to_owned()),
        cwd: None,
        env: Default::default(),
        stdin: None,
        timeout_ms,
        output_limit: 100_000,
    })
}

struct Asked {
    id: CommandId,
    bytes: Bytes,
    subject: String,
}

impl Asked {
    fn new(to: &str, operation: Operation) -> Self {
        Self::signed(to, to, operation, &signing_key(), 30_000)
    }

    fn signed(on: &str, to: &str, operation: Operation, key: &SigningKey, valid: i64) -> Self {
        let id = CommandId(System.next());
        let subject = subject::rpc(&server(on), operation.verb());
        let order = Order {
            id,
            server: server(to),
            not_after: System.now().plus_millis(valid),
            actor: "user:ada".to_owned(),
            operation,
        };
        let signed = SignedOrder::sign(&order, "key", key).expect("signed");
        let bytes = signed.encode().expect("encoded").into();
        Self { id, bytes, subject }
    }

    async fn of(&self, ground: &Ground) -> Result<Reply, RequestError> {
        let patience = Duration::from_secs(2);
        let sent = ground
            .ops
            .request(&self.subject, self.bytes.clone(), patience);
        let reply = sent.await?;
        Ok(rmp_serde::from_slice(&reply).expect("a reply"))
    }

    async fn refusal(&self, ground: &Ground) -> RefusalCode {
        match self.of(ground).await.expect("an answer") {
            Reply::Refused(refusal) => refusal.code,
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn accepted(progress: Progress) -> Reply {
    Reply::Accepted { progress }
}

/// Everything told of a command up to its end: output as text, and the end.
async fn told(ground: &Ground, to: &str, command: CommandId) -> (String, ResultFinished) {
    let filter = subject::result(&server(to), command);
    let mut events = ground
        .ops
        .read(StreamName::Result, &filter, From::Seq(1))
        .await
        .expect("a reader");
    let (mut starts, mut output) = (0, String::new());
    loop {
        let event = timeout(PATIENCE, events.next())
            .await
            .expect("an event in time")
            .expect("the reader goes on")
            .expect("an event");
        let event = codec::decode_any(&event.payload).expect("one of ours");
        assert_eq!(event.server, Some(server(to)));
        match event.data {
            Payload::ResultStarted(_) => starts += 1,
            Payload::ResultOutput(piece) => {
                output.push_str(&String::from_utf8(piece.data).expect("text"));
            }
            Payload::ResultFinished(finished) => {
                assert_eq!(starts, 1);
                return (output, finished);
            }
            other => panic!("not a result: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_client_runs_commands_and_acts_on_containers() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let mut neighbour = Client::authenticated(process.http, OTHER).await;

    let asked = Asked::new("h1", run("uptime", 5000));
    assert_eq!(
        asked.of(&ground).await.expect("an answer"),
        accepted(Progress::Begun)
    );
    let frame = agent.frame().await;
    assert_eq!(
        frame,
        json!({"type": "command", "command_id": asked.id.to_string(), "command": "uptime", "timeout": 5})
    );
    // The dispatcher has not heard the answer and asks again: the agent is not.
    assert_eq!(
        asked.of(&ground).await.expect("an answer"),
        accepted(Progress::Running)
    );
    // Nor can a neighbour answer for it.
    let stolen = json!({"type": "command_response", "command_id": asked.id.to_string(), "exit_code": 0, "stdout": "forged"});
    neighbour.say(&stolen).await;
    assert_eq!(neighbour.frame().await["code"], "unknown_command");
    agent
        .say(&json!({
            "type": "command_response", "command_id": asked.id.to_string(),
            "stdout": "up 3 days\n", "stderr": "odd\n", "exit_code": 3,
        }))
        .await;
    let (output, finished) = told(&ground, "h1", asked.id).await;
    assert_eq!(output, "up 3 days\nodd\n");
    assert_eq!(
        (finished.outcome, finished.exit_code),
        (Outcome::Finished, Some(3))
    );
    assert_eq!(
        (
            finished.stdout_bytes,
            finished.stderr_bytes,
            finished.pieces
        ),
        (10, 4, 2)
    );
    assert_eq!(
        asked.of(&ground).await.expect("an answer"),
        accepted(Progress::Over)
    );
    // An answer that comes twice changes nothing.
    agent.say(&stolen).await;
    assert_eq!(agent.frame().await["code"], "unknown_command");

    let restart = Operation::Container(ContainerOrder {
        container: "web".to_owned(),
        action: ContainerAction::Restart,
        grace_s: None,
        force: false,
    });
    for (answer, outcome, message) in [
        (json!({"success": true}), Outcome::Finished, None),
        (
            json!({"success": false, "error": "No such container: web"}),
            Outcome::Failed,
            Some("No such container: web"),
        ),
    ] {
        let asked = Asked::new("h1", restart.clone());
        asked.of(&ground).await.expect("an answer");
        let frame = agent.frame().await;
        assert_eq!(frame["type"], "docker_command");
        assert_eq!(
            (&frame["action"], &frame["container_id"]),
            (&json!("restart"), &json!("web"))
        );
        let mut said: Value = answer;
        said["type"] = json!("docker_response");
        // Without the id: only one is running.
        agent.say(&said).await;
        let (_, finished) = told(&ground, "h1", asked.id).await;
        assert_eq!(
            (finished.outcome, finished.message.as_deref()),
            (outcome, message)
        );
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_this_installation_asked_of_this_host_is_sent() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let forger = SigningKey::from_bytes(&[8; 32]);
    for asked in [
        Asked::signed("h1", "h1", run("id", 1000), &forger, 30_000),
        Asked::signed("h1", "h2", run("id", 1000), &signing_key(), 30_000),
    ] {
        assert_eq!(asked.refusal(&ground).await, RefusalCode::NotOurs);
    }
    let late = Asked::signed("h1", "h1", run("id", 1000), &signing_key(), -120_000);
    assert_eq!(late.refusal(&ground).await, RefusalCode::Expired);
    let command = CommandId(System.next());
    for operation in [
        Operation::Cancel(Cancel { command }),
        Operation::Ask(Question::Processes),
        Operation::Run(Run {
            program: Program::Shell("id".to_owned()),
            cwd: None,
            env: [("TOKEN".to_owned(), "secret".to_owned())].into(),
            stdin: None,
            timeout_ms: 1000,
            output_limit: 1000,
        }),
    ] {
        let asked = Asked::new("h1", operation);
        assert_eq!(asked.refusal(&ground).await, RefusalCode::Unsupported);
    }
    // A host without a connection is not there.
    let nobody = Asked::new("h2", run("id", 1000)).of(&ground).await;
    assert!(
        matches!(nobody, Err(RequestError::NoResponders)),
        "{nobody:?}"
    );
    // Nothing of that reached the agent, whose next frame is the good one.
    let quoted = Program::Argv(["printf", "%s", "it's"].map(str::to_owned).to_vec());
    let good = Asked::new(
        "h1",
        Operation::Run(Run {
            program: quoted,
            cwd: None,
            env: Default::default(),
            stdin: None,
            timeout_ms: 1000,
            output_limit: 1000,
        }),
    );
    good.of(&ground).await.expect("an answer");
    let frame = agent.frame().await;
    assert_eq!(frame["command_id"], good.id.to_string());
    assert_eq!(frame["command"], r"'printf' '%s' 'it'\''s'");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_leaves_an_unknown_end_and_nothing_is_sent_again() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Client::authenticated(process.http, KEY).await;
    let asked = Asked::new("h1", run("reboot", 60_000));
    asked.of(&ground).await.expect("an answer");
    assert_eq!(agent.frame().await["type"], "command");
    drop(agent);
    let (_, finished) = told(&ground, "h1", asked.id).await;
    assert_eq!(finished.outcome, Outcome::Unknown);

    // The agent is back, and the request is repeated: by another gateway's leave, too, it is over.
    let second = ground.process().await;
    let mut here = Client::authenticated(process.http, KEY).await;
    let mut there = Client::authenticated(second.http, KEY).await;
    for _ in 0..8 {
        assert_eq!(
            asked.of(&ground).await.expect("an answer"),
            accepted(Progress::Over)
        );
    }
    // Of many requests for one command, through two gateways, one is sent.
    let once = Asked::new("h1", run("date", 60_000));
    let all = futures::future::join_all((0..8).map(|_| once.of(&ground))).await;
    let begun = all.into_iter().filter(|reply| {
        matches!(
            reply,
            Ok(Reply::Accepted {
                progress: Progress::Begun
            })
        )
    });
    assert_eq!(begun.count(), 1);
    let marker = json!({"type": "ping"});
    let mut sent = 0;
    for agent in [&mut here, &mut there] {
        agent.say(&marker).await;
        loop {
            match agent.frame().await["type"].as_str() {
                Some("command") => sent += 1,
                Some("pong") => break,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(sent, 1);
    second.stop().await;
    process.stop().await;
}
