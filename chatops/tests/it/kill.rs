//! `kill -9` of each part alone, at every step of a command's life: it never runs twice, and it always has exactly one end.
//!
//! Nothing is left to luck: the part that would do the next step is held still (SIGSTOP) while the victim is killed and
//! started again. What a killed agent leaves behind is looked at closer in its own crate (`crashes`), and so is a dispatcher
//! that stops at any line.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    codec,
    event::command::{CommandEnded, Outcome},
    ids::{CommandId, ServerId},
    subject,
};
use chatops_testkit::{eventually, until};
use futures::StreamExt as _;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    agent::{Agent, post},
    apart::Apart,
    http::Client,
    installation::{PATIENCE, Supervisor},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Api,
    Dispatcher,
    Agent,
    Nats,
}

/// How far a command is when somebody dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is in the stream; nobody has looked at it.
    Requested,
    /// The host was asked and has not answered.
    HandedOver,
    /// It runs, and writes.
    Runs,
    /// Somebody wants it cancelled, and the host does not know yet.
    CancelWanted,
    /// The host has told of its end; the end is not written.
    Told,
    /// It is over.
    Ended,
}

const STEPS: [Step; 6] = [
    Step::Requested,
    Step::HandedOver,
    Step::Runs,
    Step::CancelWanted,
    Step::Told,
    Step::Ended,
];

impl Step {
    /// How a command ends when this part dies at this step.
    fn outcome(self, victim: Part) -> Outcome {
        match (self, victim) {
            // Nobody can say how it ended.
            (Self::Runs | Self::CancelWanted, Part::Agent) => Outcome::Unknown,
            (Self::CancelWanted, _) => Outcome::Cancelled,
            _ => Outcome::Finished,
        }
    }
}

struct World {
    apart: Apart,
    _others: Supervisor,
    dispatcher: Option<Supervisor>,
    api: Option<Supervisor>,
    agent: Agent,
    client: Client,
    server: ServerId,
    bus: Bus,
    /// Each command writes its line here when it begins.
    ran: PathBuf,
    /// Given, with the end that is expected.
    given: Vec<(CommandId, Outcome)>,
}

impl World {
    async fn new() -> Self {
        let apart = Apart::start().await;
        let others = apart.serve("gate,presence,projections").await;
        let dispatcher = apart.serve("dispatcher").await;
        let api = apart.serve("api").await;
        let mut client = apart.client();
        apart.register(&mut client, "ada").await;
        let server = post(&client, "/api/v1/servers", json!({"name": "second"})).await;
        let server = server.1["id"].as_str().unwrap().to_owned();
        let (folder, url) = (apart.folder("agent"), apart.nats_url());
        let agent = Agent::enrol(&client, &server, &folder, &url, "").await;
        let this = Self {
            bus: apart.bus().await,
            ran: apart.folder("ran"),
            apart,
            _others: others,
            dispatcher: Some(dispatcher),
            api: Some(api),
            agent,
            client,
            server: ServerId::parse(&server).unwrap(),
            given: Vec::new(),
        };
        let first = this.give("true").await;
        assert_eq!(this.end(first).await.outcome, Outcome::Finished);
        this
    }

    /// Asks for a command; it is in the stream when this returns.
    async fn give(&self, line: &str) -> CommandId {
        let body = json!({"server_id": self.server, "command": line, "ttl": 120});
        let (status, open) = post(&self.client, "/api/v1/commands", body).await;
        assert_eq!(status, 202, "{open}");
        open["id"].as_str().unwrap().parse().unwrap()
    }

    /// Every end that the stream holds of it.
    async fn ends(&self, id: CommandId) -> Vec<CommandEnded> {
        let subject = subject::command(&self.server, id);
        let read = self.bus.read_to_end(StreamName::Cmd, &subject, 1).await;
        let Ok(mut events) = read else {
            return Vec::new();
        };
        let mut ends = Vec::new();
        while let Some(Ok(event)) = events.next().await {
            let event = codec::decode_any(&event.payload).unwrap();
            if let Payload::CommandEnded(end) = event.data {
                ends.push(end);
            }
        }
        ends
    }

    async fn end(&self, id: CommandId) -> CommandEnded {
        until("it has ended", PATIENCE, async || {
            self.ends(id).await.into_iter().next()
        })
        .await
    }

    fn runs(&self) -> HashMap<String, usize> {
        let mut runs = HashMap::new();
        for line in fs::read_to_string(&self.ran).unwrap_or_default().lines() {
            *runs.entry(line.to_owned()).or_default() += 1;
        }
        runs
    }

    fn hold(&self, part: Part, signal: Signal) {
        match part {
            Part::Dispatcher => self.dispatcher.as_ref().unwrap().signal(signal),
            Part::Api => self.api.as_ref().unwrap().signal(signal),
            Part::Agent => self.agent.signal(signal),
            Part::Nats => unreachable!("nobody holds the streams still"),
        }
    }

    /// Kills it and starts it again.
    async fn kill(&mut self, part: Part) {
        match part {
            Part::Api => {
                self.api.take().unwrap().kill();
                self.api = Some(self.apart.serve("api").await);
                self.client.login("ada").await;
            }
            Part::Dispatcher => {
                self.dispatcher.take().unwrap().kill();
                self.dispatcher = Some(self.apart.serve("dispatcher").await);
            }
            Part::Agent => self.agent.kill_and_start_again(),
            Part::Nats => {
                // An agent that is faster than the gate waits long for its turn; not here.
                self.agent.signal(Signal::STOP);
                self.apart.nats.kill().await.unwrap();
                self.apart.nats.restart().await.unwrap();
                eventually("the gate is back", PATIENCE, async || {
                    let clients = self.apart.nats.monitor("connz").await;
                    clients.is_ok_and(|clients| clients.contains("chatops gate"))
                })
                .await;
                self.agent.signal(Signal::CONT);
                eventually("the API is ready again", PATIENCE, async || {
                    self.client.ready().await
                })
                .await;
            }
        }
    }

    /// Kills a part while nobody can take the next step.
    async fn kill_while_held(&mut self, victim: Part, held: Part) {
        self.kill(victim).await;
        // The one that is held still when it is killed is a new one now, and at work.
        if victim != held {
            self.hold(held, Signal::CONT);
        }
    }

    /// Brings a command to this step and kills this part there.
    async fn kill_at(&mut self, step: Step, victim: Part) {
        let name = format!("{step:?}");
        let gate = self.apart.folder(&format!("gate-{name}"));
        let open = || fs::write(&gate, "").unwrap();
        let line = format!(
            "echo {name} >> {}; echo begun; until [ -e {} ]; do sleep 0.05; done; echo done",
            self.ran.display(),
            gate.display()
        );
        match step {
            Step::Requested => self.hold(Part::Dispatcher, Signal::STOP),
            Step::HandedOver => self.hold(Part::Agent, Signal::STOP),
            _ => {}
        }
        let id = self.give(&line).await;
        if matches!(step, Step::Runs | Step::CancelWanted | Step::Told) {
            eventually("it runs", PATIENCE, async || {
                self.runs().contains_key(&name)
            })
            .await;
        }
        match step {
            Step::Requested => self.kill_while_held(victim, Part::Dispatcher).await,
            Step::HandedOver => {
                let about = id.to_string();
                eventually("the host was asked", PATIENCE, async || {
                    let said = self.dispatcher.as_ref().unwrap().said();
                    said.lines()
                        .any(|line| line.contains(&about) && line.contains("Silent"))
                })
                .await;
                self.kill_while_held(victim, Part::Agent).await;
            }
            Step::Runs => self.kill(victim).await,
            Step::CancelWanted => {
                self.hold(Part::Dispatcher, Signal::STOP);
                let path = format!("/api/v1/commands/{id}/cancel");
                let answer = self.client.send(Method::POST, &path, None).await;
                assert!(answer.status().is_success(), "{}", answer.status());
                self.kill_while_held(victim, Part::Dispatcher).await;
            }
            Step::Told => {
                self.hold(Part::Dispatcher, Signal::STOP);
                open();
                let subject = subject::result(&self.server, id);
                eventually("the host has told of the end", PATIENCE, async || {
                    let last = self.bus.last(StreamName::Result, &subject).await;
                    last.is_ok_and(|last| {
                        last.and_then(|last| codec::head(&last.payload).ok())
                            .is_some_and(|head| head.kind == "result.finished")
                    })
                })
                .await;
                self.kill_while_held(victim, Part::Dispatcher).await;
            }
            Step::Ended => {
                open();
                self.end(id).await;
                self.kill(victim).await;
            }
        }
        if step != Step::CancelWanted {
            open();
        }
        let expected = step.outcome(victim);
        let end = self.end(id).await;
        assert_eq!(end.outcome, expected, "{step:?}: {end:?}");
        self.given.push((id, expected));
    }

    /// After one more of everything, so that whoever wanted to say something has said it.
    async fn nothing_twice(&mut self) {
        self.kill(Part::Dispatcher).await;
        let last = self.give("true").await;
        assert_eq!(self.end(last).await.outcome, Outcome::Finished);
        for (id, outcome) in &self.given {
            let ends = self.ends(*id).await;
            assert_eq!(ends.len(), 1, "{ends:?}");
            let path = format!("/api/v1/commands/{id}");
            let shown = until("the history has its end", PATIENCE, async || {
                let shown = self.client.get(&path).await;
                shown["outcome"].as_str().map(str::to_owned)
            })
            .await;
            assert_eq!(shown, outcome.as_str());
        }
        let runs = self.runs();
        assert_eq!(runs.len(), self.given.len(), "each ran: {runs:?}");
        assert!(runs.values().all(|times| *times == 1), "{runs:?}");
    }
}

async fn dies_at_every_step(victim: Part) {
    let mut world = World::new().await;
    for step in STEPS {
        world.kill_at(step, victim).await;
    }
    world.nothing_twice().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_dies_at_every_step() {
    dies_at_every_step(Part::Api).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dispatcher_dies_at_every_step() {
    dies_at_every_step(Part::Dispatcher).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_dies_at_every_step() {
    dies_at_every_step(Part::Agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_die_at_every_step() {
    dies_at_every_step(Part::Nats).await;
}

/// At moments that nobody chose, before and after the event is stored: whoever asked may never hear of it, but what is in
/// the history ran once and has one end, and what is not in it did not run.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_dies_while_it_is_asked_leaves_whole_commands_or_none() {
    const ROUNDS: u64 = 6;
    let mut world = World::new().await;
    for round in 0..ROUNDS {
        for n in 0..4 {
            let line = format!("echo {round}-{n} >> {}", world.ran.display());
            let body = json!({"server_id": world.server, "command": line, "ttl": 120});
            let asking = post(&world.client, "/api/v1/commands", body);
            // Some are answered, the last of each round is not.
            let patience = if n < 3 {
                PATIENCE
            } else {
                Duration::from_millis(3 * round)
            };
            let _ = tokio::time::timeout(patience, asking).await;
        }
        world.kill(Part::Api).await;
    }
    let last = world.give("true").await;
    world.end(last).await;
    let path = format!("/api/v1/commands?server_id={}&limit=100", world.server);
    let mut known = HashMap::new();
    let shown = world.client.get(&path).await;
    for command in shown["commands"].as_array().unwrap() {
        let id: CommandId = command["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.end(id).await.outcome, Outcome::Finished);
        assert_eq!(world.ends(id).await.len(), 1);
        let line = command["command"].as_str().unwrap();
        let name = line
            .strip_prefix("echo ")
            .and_then(|rest| rest.split(' ').next());
        if let Some(name) = name {
            *known.entry(name.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(world.runs(), known, "what is in the history ran, once");
    let answered = usize::try_from(ROUNDS * 3).unwrap();
    assert!(known.len() >= answered, "nothing that was promised is lost");
}
