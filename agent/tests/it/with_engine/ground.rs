//! An engine, a nats-server, an agent between them, and somebody who may ask that agent for things.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::Subscription;
use chatops_schemas::{
    clock::{Clock as _, IdSource as _, System},
    ids::CommandId,
    order::{Follow, Operation, Order, Reply, SignedOrder},
    session::{Control, Ended, Out, Stream},
    subject::{self, Way},
};
use chatops_testkit::{ContainerEngine, Scratch, scratch_dir};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::SigningKey;
use futures::StreamExt as _;

use crate::{
    agent::Agent,
    server::{PATIENCE, Server, server_id},
};

pub(crate) struct Ground {
    pub(crate) engine: ContainerEngine,
    pub(crate) server: Server,
    pub(crate) agent: Agent,
    _data: Scratch,
    key: SigningKey,
}

impl Ground {
    pub(crate) async fn start() -> Self {
        Self::on(ContainerEngine::start().await.unwrap()).await
    }

    pub(crate) async fn on(engine: ContainerEngine) -> Self {
        let server = Server::start().await;
        let data = scratch_dir().unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let config = format!(
            "signing_key = {:?}\ndocker_socket = {:?}\ncapabilities = [\"metrics\", \"docker\"]\n",
            BASE64URL_NOPAD.encode(key.verifying_key().as_bytes()),
            engine.socket(),
        );
        std::fs::write(data.join("agent.toml"), config).unwrap();
        let agent = Agent::with_config(
            &server.nats.url(),
            &data.join("data"),
            &data.join("agent.toml"),
        );
        chatops_testkit::eventually("the agent says hello", PATIENCE, async || {
            server.hello().await.is_some()
        })
        .await;
        Self {
            engine,
            server,
            agent,
            _data: data,
            key,
        }
    }

    /// Signs an order and asks.
    pub(crate) async fn ask(&self, id: CommandId, operation: Operation) -> Reply {
        let subject = subject::rpc(&server_id(), operation.verb());
        let order = Order {
            id,
            server: server_id(),
            not_after: System.now().plus_millis(30_000),
            actor: "system".into(),
            operation,
        };
        let signed = SignedOrder::sign(&order, "test", &self.key).unwrap();
        let bytes = Bytes::from(signed.encode().unwrap());
        let reply = self
            .server
            .bus
            .request(&subject, bytes, PATIENCE)
            .await
            .unwrap();
        rmp_serde::from_slice(&reply).unwrap()
    }

    /// Makes an empty file in a container: a sign for the program in it.
    pub(crate) async fn touch(&self, container: &str, file: &str) {
        let cmd = serde_json::json!({ "Cmd": ["touch", file] });
        let path = format!("/containers/{container}/exec");
        let exec = self.engine.expect("POST", &path, Some(&cmd)).await.unwrap();
        let path = format!("/exec/{}/start", exec["Id"].as_str().unwrap());
        let detached = serde_json::json!({ "Detach": true });
        let begun = self.engine.expect("POST", &path, Some(&detached)).await;
        begun.unwrap();
    }

    /// Follows the log of a container.
    pub(crate) async fn follow(&self, container: &str, follow: bool) -> Viewer<'_> {
        self.view(Follow {
            container: container.to_owned(),
            tail: None,
            since: None,
            follow,
            lease_s: 300,
        })
        .await
    }

    /// Opens a view.
    pub(crate) async fn view(&self, wanted: Follow) -> Viewer<'_> {
        let session = CommandId(System.next());
        let out = subject::io(&server_id(), session, Way::Out);
        let frames = self.server.bus.subscribe(&out).await.unwrap();
        self.server.bus.flush().await.unwrap();
        let reply = self.ask(session, Operation::Follow(wanted)).await;
        assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
        Viewer {
            ground: self,
            session,
            frames,
            off: 0,
        }
    }
}

pub(crate) struct Viewer<'a> {
    ground: &'a Ground,
    session: CommandId,
    frames: Subscription,
    off: u64,
}

impl Viewer<'_> {
    pub(crate) async fn control(&self, control: Control) {
        let subject = subject::io(&server_id(), self.session, Way::Ctl);
        let bytes = Bytes::from(control.encode().unwrap());
        self.ground
            .server
            .bus
            .publish_core(&subject, None, &[], bytes)
            .await
            .unwrap();
    }

    /// The next output, acknowledged; an error holds the end.
    pub(crate) async fn next(
        &mut self,
    ) -> Result<(Option<Stream>, Vec<u8>), (Ended, Option<String>)> {
        let message = tokio::time::timeout(Duration::from_secs(60), self.frames.next())
            .await
            .expect("a frame in time")
            .unwrap();
        match Out::decode(&message.payload).unwrap() {
            Out::Data { off, stream, data } => {
                assert_eq!(off, self.off, "nothing is lost on a quiet line");
                self.off += data.len() as u64;
                self.control(Control::Ack { off: self.off }).await;
                Ok((stream, data))
            }
            Out::Lost { .. } => panic!("something was lost"),
            Out::Ended {
                off,
                reason,
                message,
                ..
            } => {
                assert_eq!(off, self.off);
                self.control(Control::Ack { off }).await;
                Err((reason, message))
            }
        }
    }

    /// All lines of both streams until the end, without the engine's times.
    pub(crate) async fn lines(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        loop {
            match self.next().await {
                Ok((Some(Stream::Stderr), data)) => err.extend(data),
                Ok((_, data)) => out.extend(data),
                Err((reason, message)) => {
                    assert_eq!((reason, message), (Ended::Exited, None));
                    break;
                }
            }
        }
        let lines = |bytes: Vec<u8>| -> Vec<String> {
            let text = String::from_utf8(bytes).unwrap();
            text.lines()
                .map(|line| line.split_once(' ').unwrap().1.to_owned())
                .collect()
        };
        (lines(out), lines(err))
    }
}
