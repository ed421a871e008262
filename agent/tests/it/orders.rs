//! Orders as the API signs them, and what the streams hold of them.

use std::{collections::BTreeMap, path::Path, time::Duration};

use chatops_bus::{RequestError, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock as _, IdSource as _, System, Timestamp},
    codec,
    event::result::{ResultFinished, ResultOutput},
    ids::CommandId,
    order::{Cancel, Operation, Order, Program, Question, Refusal, Reply, Run, SignedOrder},
    session::Stream,
    subject,
};
use chatops_testkit::{eventually, until};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::SigningKey;
use futures::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::{
    agent::Agent,
    server::{PATIENCE, Server, server_id},
};

/// The installation's key.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn public_key() -> String {
    BASE64URL_NOPAD.encode(&key().verifying_key().to_bytes())
}

/// An agent that may do everything, and is listening.
pub(crate) async fn agent(server: &Server, data: &Path) -> Agent {
    agent_with(server, data, "\"all\"").await
}

pub(crate) async fn agent_with(server: &Server, data: &Path, capabilities: &str) -> Agent {
    let agent = Agent::enrolled(&server.nats.url(), data, &public_key(), capabilities);
    listening(server).await;
    agent
}

/// Waits until an agent answers.
pub(crate) async fn listening(server: &Server) {
    eventually("the agent listens", PATIENCE, async || {
        let subject = subject::rpc(&server_id(), chatops_schemas::order::Verb::Ask);
        let answer = server
            .bus
            .request(&subject, bytes::Bytes::from_static(b"?"), PATIENCE)
            .await;
        answer.is_ok()
    })
    .await;
}

pub(crate) fn new_id() -> CommandId {
    CommandId(System.next())
}

pub(crate) fn order(id: CommandId, operation: Operation) -> Order {
    Order {
        id,
        server: server_id(),
        not_after: System.now().plus_millis(60_000),
        actor: "user:1".into(),
        operation,
    }
}

pub(crate) fn sign(order: &Order, key: &SigningKey) -> Vec<u8> {
    SignedOrder::sign(order, "0000000000000000", key)
        .unwrap()
        .encode()
        .unwrap()
}

pub(crate) fn shell(line: &str) -> Run {
    Run {
        program: Program::Shell(line.into()),
        cwd: None,
        env: BTreeMap::new(),
        stdin: None,
        timeout_ms: 60_000,
        output_limit: 1 << 20,
    }
}

/// Everything that the streams hold of a command.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) started: usize,
    pub(crate) pieces: Vec<ResultOutput>,
    pub(crate) ends: Vec<ResultFinished>,
}

impl Story {
    pub(crate) fn text(&self, stream: Stream) -> String {
        let bytes: Vec<u8> = self
            .pieces
            .iter()
            .filter(|piece| piece.stream == stream)
            .flat_map(|piece| piece.data.clone())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn end(&self) -> &ResultFinished {
        assert_eq!(self.ends.len(), 1, "one end: {self:?}");
        &self.ends[0]
    }
}

impl Server {
    /// Sends bytes as an order and gives the answer.
    pub(crate) async fn send(
        &self,
        verb: chatops_schemas::order::Verb,
        payload: Vec<u8>,
    ) -> Result<Reply, RequestError> {
        let subject = subject::rpc(&server_id(), verb);
        let answer = self
            .bus
            .request(&subject, payload.into(), Duration::from_secs(5))
            .await?;
        Ok(rmp_serde::from_slice(&answer).unwrap())
    }

    /// Gives a properly signed order.
    pub(crate) async fn give(&self, id: CommandId, operation: Operation) -> Reply {
        let verb = operation.verb();
        self.send(verb, sign(&order(id, operation), &key()))
            .await
            .unwrap()
    }

    pub(crate) async fn refused(&self, operation: Operation) -> Refusal {
        match self.give(new_id(), operation).await {
            Reply::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn ask<T: DeserializeOwned>(&self, question: Question) -> T {
        match self.give(new_id(), Operation::Ask(question)).await {
            Reply::Done { answer } => rmp_serde::from_slice(&answer).unwrap(),
            other => panic!("no answer: {other:?}"),
        }
    }

    pub(crate) async fn cancel(&self, command: CommandId) -> Reply {
        self.give(new_id(), Operation::Cancel(Cancel { command }))
            .await
    }

    pub(crate) async fn story(&self, id: CommandId) -> Story {
        let filter = subject::result(&server_id(), id);
        let mut story = Story::default();
        let Ok(mut events) = self.bus.read_to_end(StreamName::Result, &filter, 1).await else {
            return story;
        };
        while let Some(event) = events.next().await {
            match codec::decode_any(&event.unwrap().payload).unwrap().data {
                Payload::ResultStarted(_) => story.started += 1,
                Payload::ResultOutput(piece) => story.pieces.push(piece),
                Payload::ResultFinished(end) => story.ends.push(end),
                other => panic!("not a result: {other:?}"),
            }
        }
        story
    }

    /// Waits for the end of a command and gives its whole story.
    pub(crate) async fn over(&self, id: CommandId) -> Story {
        until("the command ends", PATIENCE, async || {
            let story = self.story(id).await;
            (!story.ends.is_empty()).then_some(story)
        })
        .await
    }

    /// Runs a program to its end.
    pub(crate) async fn run(&self, run: Run) -> Story {
        let id = new_id();
        let reply = self.give(id, Operation::Run(run)).await;
        assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
        self.over(id).await
    }
}

/// A moment that is over.
pub(crate) fn long_ago() -> Timestamp {
    System.now().plus_millis(-3_600_000)
}
