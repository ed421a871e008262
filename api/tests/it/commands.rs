//! Commands from the request to the end, with the real dispatcher and a host that answers as an agent does.

mod live;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chatops_bus::{Bus, StreamName};
use chatops_ingest::dispatch::{
    Authority, AuthorityError, DispatchConfig, DispatchParts, Dispatcher,
};
use chatops_schemas::{
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        command::{Asked, Outcome},
        result::{ResultFinished, ResultOutput, ResultStarted},
    },
    ids::{CommandId, ServerId},
    order::{Operation, Order, Program, Progress, Reply, Verb},
    session::Stream,
    subject,
};
use chatops_testkit::eventually;
use futures::{StreamExt, future::join_all};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, SOON},
    browser::Client,
    host::{Host, pinned},
};

/// Everybody may; the orders of the vault are opened as the composition does.
struct Everybody {
    sealed: chatops_projections::Store,
}

impl Authority for Everybody {
    async fn refuses(
        &self,
        _: &str,
        _: &ServerId,
        _: &Asked,
    ) -> Result<Option<String>, AuthorityError> {
        Ok(None)
    }

    async fn order(&self, command: CommandId) -> Result<Option<Vec<u8>>, AuthorityError> {
        use secrecy::ExposeSecret;
        let seal = chatops_api::auth::seal::Seal::new(&crate::app::VAULT_SECRET.into()).unwrap();
        let sealed = self.sealed.order(command).await.unwrap();
        Ok(sealed.map(|sealed| {
            let place = chatops_api::auth::seal::of_order(command);
            seal.open(&place, &sealed).unwrap().expose_secret().to_vec()
        }))
    }
}

struct Ground {
    app: App,
    owner: Client,
    server: String,
    /// Every order that reached the host.
    orders: Arc<std::sync::Mutex<Vec<Order>>>,
    dispatcher: AbortHandle,
    _tasks: JoinSet<()>,
    _hosts: Vec<Host>,
}

async fn tell<T: Event>(bus: &Bus, order: &Order, data: T) {
    let event = Envelope::new(System.event_id(), System.now(), data).about(order.server.clone());
    let subject = subject::result(&order.server, order.id);
    bus.publish(&subject, &event).await.unwrap();
}

fn finished(command: CommandId, outcome: Outcome, pieces: u32) -> ResultFinished {
    ResultFinished {
        command,
        outcome,
        exit_code: (outcome == Outcome::Finished).then_some(3),
        signal: None,
        message: (outcome == Outcome::Failed).then(|| "Unit web.service not found.".to_owned()),
        started_at: Some(System.now()),
        duration_ms: Some(12),
        pieces,
        stdout_bytes: 6,
        stderr_bytes: 4,
        cut_bytes: 0,
    }
}

/// Does what the order says, as far as the tests go.
async fn carry_out(bus: &Bus, order: &Order) {
    let command = order.id;
    let Operation::Run(run) = &order.operation else {
        let outcome = match &order.operation {
            Operation::Unit(unit) if unit.unit == "web.service" => Outcome::Failed,
            Operation::Signal(_) => Outcome::Finished,
            _ => return,
        };
        let end = ResultFinished {
            exit_code: None,
            ..finished(command, outcome, 0)
        };
        return tell(bus, order, end).await;
    };
    let started = ResultStarted {
        command,
        pid: Some(77),
    };
    tell(bus, order, started).await;
    if run.program == Program::Shell("hang".to_owned()) {
        return;
    }
    for (n, (stream, data)) in [
        (Stream::Stdout, "one\n"),
        (Stream::Stderr, "oh!\n"),
        (Stream::Stdout, "2\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let piece = ResultOutput {
            command,
            n: u32::try_from(n).unwrap(),
            stream,
            off: if n == 2 { 4 } else { 0 },
            data: data.as_bytes().to_vec(),
        };
        tell(bus, order, piece).await;
    }
    tell(bus, order, finished(command, Outcome::Finished, 3)).await;
}

impl Ground {
    async fn new() -> Self {
        let app = App::start().await;
        let owner = app.owner().await;
        let server = owner.add_server("web-1").await;
        let key = pinned(&app, &owner, &server).await;
        let orders = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (work, mut todo) = mpsc::unbounded_channel::<Order>();
        let (kept, accepted) = (orders.clone(), work.clone());
        let exec = Host::answering(&app.bus, key, &server, Verb::Exec, move |order| {
            let mut kept = kept.lock().unwrap();
            if kept.iter().any(|known: &Order| known.id == order.id) {
                return Some(Reply::Accepted {
                    progress: Progress::Running,
                });
            }
            kept.push(order.clone());
            accepted.send(order).unwrap();
            Some(Reply::Accepted {
                progress: Progress::Begun,
            })
        });
        let known = orders.clone();
        let cancel = Host::answering(&app.bus, key, &server, Verb::Cancel, move |order| {
            let Operation::Cancel(cancel) = &order.operation else {
                panic!("not a wish to cancel");
            };
            let known = known
                .lock()
                .unwrap()
                .iter()
                .any(|one| one.id == cancel.command);
            if !known {
                let nothing = chatops_schemas::order::Refusal::new(
                    chatops_schemas::order::RefusalCode::NotFound,
                    "nothing runs",
                );
                return Some(Reply::Refused(nothing));
            }
            let mut ended = order.clone();
            ended.id = cancel.command;
            work.send(ended).unwrap();
            Some(Reply::Done { answer: Vec::new() })
        });
        let hosts = vec![exec.await, cancel.await];
        let mut tasks = JoinSet::new();
        let bus = app.bus.clone();
        tasks.spawn(async move {
            while let Some(order) = todo.recv().await {
                match order.operation {
                    Operation::Cancel(_) => {
                        let end = ResultFinished {
                            exit_code: None,
                            ..finished(order.id, Outcome::Cancelled, 0)
                        };
                        tell(&bus, &order, end).await;
                    }
                    _ => carry_out(&bus, &order).await,
                }
            }
        });
        let parts = DispatchParts {
            config: DispatchConfig::default(),
            bus: app.bus.clone(),
            authority: Everybody {
                sealed: chatops_projections::Store::connect(app.database.url(), 2)
                    .await
                    .unwrap(),
            },
            clock: Arc::new(System),
            ids: Arc::new(System),
        };
        let dispatcher = tasks.spawn(Dispatcher::new(parts).run(CancellationToken::new()));
        Self {
            app,
            owner,
            server,
            orders,
            dispatcher,
            _tasks: tasks,
            _hosts: hosts,
        }
    }

    async fn run(&self, query: &str, body: Value) -> (u16, Value) {
        let mut body = body;
        body["server_id"] = json!(self.server);
        let path = format!("/api/v1/commands{query}");
        self.owner.post(&path, &body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_and_the_output_are_in_the_answer_and_in_the_history() {
    let ground = Ground::new().await;
    let (status, result) = ground.run("?wait=20", json!({"command": "date"})).await;
    assert_eq!(status, 200, "{result}");
    assert_eq!(
        (&result["stdout"], &result["stderr"], &result["exit_code"]),
        (&json!("one\n2\n"), &json!("oh!\n"), &json!(3))
    );
    assert_eq!(
        (&result["state"], &result["outcome"], &result["pid"]),
        (&json!("ended"), &json!("finished"), &json!(77))
    );
    let id = result["id"].as_str().unwrap();
    let path = format!("/api/v1/commands/{id}");
    eventually("the history has it", SOON, || async {
        let (_, shown) = ground.owner.get(&path).await;
        shown["outcome"] == "finished" && shown["actor_name"] == "root"
    })
    .await;
    eventually("the output can be read", SOON, || async {
        let (_, output) = ground.owner.get(&format!("{path}/output?from=1")).await;
        output["pieces"].as_array().map(Vec::len) == Some(2)
            && output["pieces"][0]["data"] == "b2ghCg=="
            && output["pieces"][1]["off"] == 4
            && output["next"] == 3
    })
    .await;

    // Again: a command of its own that says what it repeats.
    let (status, again) = ground
        .owner
        .post(&format!("{path}/rerun?wait=20"), &json!({}))
        .await;
    assert_eq!((status, &again["repeats"]), (200, &json!(id)), "{again}");
    assert_eq!(again["command"], "date");
    let (status, over) = ground
        .owner
        .post(&format!("{path}/cancel"), &json!({}))
        .await;
    assert_eq!((status, &over["code"]), (409, &json!("CO1411")));

    // Filters and pages.
    let list = async |query: &str| {
        let (status, list) = ground.owner.get(&format!("/api/v1/commands?{query}")).await;
        assert_eq!(status, 200, "{list}");
        list["commands"].as_array().unwrap().len()
    };
    eventually("both are listed", SOON, || async {
        list("outcome=finished").await == 2
    })
    .await;
    assert_eq!(list("q=DAT").await, 2);
    assert_eq!(list("q=nothing").await, 0);
    assert_eq!(list("actor=root&limit=1").await, 1);
    assert_eq!(list("outcome=open").await, 0);
    assert_eq!(list("to=now-1h").await, 0);
    let (_, page) = ground.owner.get("/api/v1/commands?limit=1").await;
    let next = page["next"].as_str().unwrap();
    let (_, rest) = ground
        .owner
        .get(&format!(
            "/api/v1/servers/{}/commands?after={next}",
            ground.server
        ))
        .await;
    assert_eq!(rest["commands"][0]["id"], json!(id), "{rest}");
    assert_eq!(rest["next"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_variables_and_input_reach_the_host_and_nothing_else() {
    let ground = Ground::new().await;
    let body = json!({"argv": ["printenv", "a b"], "env": {"TOKEN": "hunter2secret"}, "stdin": "pass-the-salt", "cwd": "/tmp"});
    let (status, result) = ground.run("?wait=20", body).await;
    assert_eq!(status, 200, "{result}");
    assert_eq!(result["command"], "printenv \"a b\"");
    assert_eq!(result["asked"]["run"]["env"], json!(["TOKEN"]));
    let Operation::Run(run) = ground.orders.lock().unwrap()[0].operation.clone() else {
        panic!("not a program");
    };
    assert_eq!(run.env["TOKEN"], "hunter2secret");
    assert_eq!(run.stdin.as_deref(), Some("pass-the-salt"));
    for stream in [StreamName::Cmd, StreamName::Result, StreamName::Ctl] {
        let mut events = ground.app.bus.read_to_end(stream, ">", 0).await.unwrap();
        while let Some(event) = events.next().await {
            let bytes = event.unwrap().payload;
            for secret in ["hunter2secret", "pass-the-salt"] {
                let found = bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes());
                assert!(!found, "{secret} in {stream}");
            }
        }
    }
    eventually("the vault has forgotten it", SOON, || async {
        ground
            .app
            .database
            .psql("SELECT count(*) FROM vault_order")
            .await
            .unwrap()
            .trim()
            == "0"
    })
    .await;
    let path = format!("/api/v1/commands/{}/rerun", result["id"].as_str().unwrap());
    let (status, refused) = ground.owner.post(&path, &json!({})).await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("CO1412")),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_people_wait_at_once_and_each_gets_their_own() {
    let ground = Ground::new().await;
    let asked = (0..50).map(|n| ground.run("?wait=25", json!({"command": format!("echo {n}")})));
    let mut ids = HashSet::new();
    for (n, (status, result)) in join_all(asked).await.into_iter().enumerate() {
        assert_eq!(
            (status, &result["outcome"]),
            (200, &json!("finished")),
            "{result}"
        );
        assert_eq!(result["command"], format!("echo {n}"));
        assert_eq!(result["stdout"], "one\n2\n");
        ids.insert(result["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 50);
    assert_eq!(ground.orders.lock().unwrap().len(), 50);
}

/// Nobody waits for the end to be written down: the host's word is stored, and the end will be that.
#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_word_of_the_end_is_the_answer_also_while_no_dispatcher_runs() {
    let ground = Ground::new().await;
    let asking = ground.run("?wait=25", json!({"command": "hang"}));
    let ending = async {
        eventually("the host has it", SOON, || async {
            !ground.orders.lock().unwrap().is_empty()
        })
        .await;
        let order = ground.orders.lock().unwrap()[0].clone();
        let subject = subject::command(&order.server, order.id);
        eventually("that is noted", SOON, || async {
            let last = ground.app.bus.last(StreamName::Cmd, &subject).await;
            last.is_ok_and(|last| {
                last.and_then(|last| codec::head(&last.payload).ok())
                    .is_some_and(|head| head.kind == "command.delivered")
            })
        })
        .await;
        ground.dispatcher.abort();
        // A host may not say that it was never reached.
        let end = finished(order.id, Outcome::Expired, 0);
        tell(&ground.app.bus, &order, end).await;
    };
    let ((status, result), ()) = tokio::join!(asking, ending);
    assert_eq!(status, 200, "{result}");
    assert_eq!(
        (&result["state"], &result["outcome"]),
        (&json!("ended"), &json!("failed")),
        "{result}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_is_answered_with_202_and_can_be_cancelled() {
    let ground = Ground::new().await;
    let (status, open) = ground.run("?wait=1", json!({"command": "hang"})).await;
    assert_eq!((status, &open["state"]), (202, &json!("running")), "{open}");
    let path = format!("/api/v1/commands/{}", open["id"].as_str().unwrap());
    let (status, cancelling) = ground
        .owner
        .post(&format!("{path}/cancel"), &json!({}))
        .await;
    assert_eq!(
        (status, &cancelling["cancelling"]),
        (202, &json!(true)),
        "{cancelling}"
    );
    eventually("it is cancelled", SOON, || async {
        ground.owner.get(&path).await.1["outcome"] == "cancelled"
    })
    .await;

    // To no wait at all, the row is there already.
    let (status, open) = ground.run("", json!({"command": "hang"})).await;
    assert_eq!(status, 202, "{open}");
    let path = format!("/api/v1/commands/{}", open["id"].as_str().unwrap());
    assert_eq!(ground.owner.get(&path).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_answer_with_the_hosts_own_words_and_offline_at_once() {
    let ground = Ground::new().await;
    let base = format!("/api/v1/servers/{}", ground.server);
    let (status, failed) = ground
        .owner
        .post(&format!("{base}/units/web.service/restart"), &json!({}))
        .await;
    assert_eq!(
        (status, &failed["code"]),
        (409, &json!("CO1408")),
        "{failed}"
    );
    assert_eq!(failed["detail"], "Unit web.service not found.");
    let signal = format!("{base}/processes/4242/signal");
    let body = json!({"signal": "TERM", "start_ticks": "99"});
    let (status, done) = ground.owner.post(&signal, &body).await;
    assert_eq!((status, &done["kind"]), (200, &json!("signal")), "{done}");
    for body in [
        json!({"signal": "SEGV", "start_ticks": "99"}),
        json!({"signal": "TERM", "start_ticks": "x"}),
    ] {
        assert_eq!(ground.owner.post(&signal, &body).await.0, 422);
    }
    let (status, _) = ground
        .owner
        .post(&format!("{base}/units/web.service/explode"), &json!({}))
        .await;
    assert_eq!(status, 404);

    let other = ground.owner.add_server("web-2").await;
    let began = std::time::Instant::now();
    let path = format!("/api/v1/docker/{other}/containers/web/restart");
    let (status, away) = ground.owner.post(&path, &json!({})).await;
    assert_eq!((status, &away["code"]), (503, &json!("CO1401")), "{away}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_wishes_are_refused_with_the_fields_name_and_nothing_is_stored() {
    let ground = Ground::new().await;
    for (field, body) in [
        ("command", json!({})),
        ("command", json!({"command": "  "})),
        ("command", json!({"command": "a\u{0}b"})),
        ("command", json!({"command": "x".repeat(17_000)})),
        ("command", json!({"argv": []})),
        ("argv", json!({"command": "x", "argv": ["x"]})),
        ("cwd", json!({"command": "x", "cwd": "tmp"})),
        ("env", json!({"command": "x", "env": {"A=B": "c"}})),
        (
            "stdin",
            json!({"command": "x", "stdin": "y".repeat(25_000)}),
        ),
        ("timeout", json!({"command": "x", "timeout": 0})),
        ("timeout", json!({"command": "x", "timeout": 90_000})),
        ("ttl", json!({"command": "x", "ttl": 90_000})),
        (
            "output_limit",
            json!({"command": "x", "output_limit": 1_u64 << 40}),
        ),
    ] {
        let (status, refused) = ground.run("", body).await;
        assert_eq!(
            (status, &refused["errors"][0]["field"]),
            (422, &json!(field)),
            "{refused}"
        );
    }
    let (status, _) = ground.run("?wait=26", json!({"command": "x"})).await;
    assert_eq!(status, 422);
    let held = ground.app.bus.stream_info(StreamName::Cmd).await.unwrap();
    assert_eq!(held.messages, 0);
}
