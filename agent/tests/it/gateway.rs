//! Through the gateway, with a peer that speaks its protocol over a real socket and misbehaves on purpose.

use std::time::Duration;

use chatops_schemas::{
    clock::{Clock as _, System},
    codec,
    envelope::Envelope,
    event::fact::AgentHello,
    order::{Operation, Progress, RefusalCode, Reply},
    wire::{AgentFrame, ServerFrame},
};
use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use uuid::Uuid;

use crate::{
    agent::{Agent, KEY_ID, SECRET},
    orders::{key, new_id, order, public_key, shell, sign},
    server::{PATIENCE, server_id},
};

struct Peer {
    socket: WebSocketStream<TcpStream>,
    /// Whether it is a gateway that carries orders and events.
    orders: bool,
}

/// A frame of the agent as far as these tests look at it. Internally tagged types cannot be read from MessagePack
/// through serde without losing what is bytes, so it is read as a map.
#[derive(Debug, serde::Deserialize)]
struct Seen {
    #[serde(default)]
    orders: bool,
    #[serde(default)]
    request: u64,
    #[serde(default)]
    data: Data,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    api_key: Option<String>,
    #[serde(default)]
    id: Option<Uuid>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    boot: Option<String>,
}

/// What a frame wraps; of a sample, which is no bytes, nothing.
#[derive(Debug, Default)]
struct Data(Vec<u8>);

impl<'de> serde::Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Bytes(#[serde(with = "serde_bytes")] Vec<u8>),
            Other(serde::de::IgnoredAny),
        }
        Ok(match Either::deserialize(deserializer)? {
            Either::Bytes(bytes) => Self(bytes),
            Either::Other(_) => Self::default(),
        })
    }
}

impl Peer {
    /// The next frame of this kind.
    async fn of_kind(&mut self, kind: &str) -> Seen {
        loop {
            let seen = self.next().await;
            if seen.kind == kind {
                return seen;
            }
        }
    }

    /// The next event of such a type. Others, of containers for example, are confirmed on the way.
    async fn event(&mut self, types: &str) -> Seen {
        loop {
            let seen = self.of_kind("event").await;
            if codec::head(&seen.data.0).unwrap().kind.starts_with(types) {
                return seen;
            }
            self.receipt(&seen).await;
        }
    }

    async fn receipt(&mut self, seen: &Seen) {
        let id = seen.id.unwrap();
        self.send(&ServerFrame::EventReceived { id, seq: 1 }).await;
    }

    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept())
            .await
            .expect("the agent connects")
            .unwrap();
        Self {
            socket: accept_async(stream).await.unwrap(),
            orders: false,
        }
    }

    async fn next(&mut self) -> Seen {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("the agent speaks")
                .unwrap()
                .unwrap();
            if let Message::Binary(bytes) = message {
                let seen: Seen = rmp_serde::from_slice(&bytes).unwrap();
                match seen.kind.as_str() {
                    "ping" => self.send(&ServerFrame::Pong).await,
                    _ => return seen,
                }
            }
        }
    }

    async fn sample(&mut self) -> Seen {
        loop {
            let seen = self.next().await;
            if seen.kind == "metrics" {
                return seen;
            }
        }
    }

    async fn send(&mut self, frame: &ServerFrame) {
        let bytes = rmp_serde::to_vec_named(frame).unwrap();
        self.socket
            .send(Message::Binary(bytes.into()))
            .await
            .unwrap();
    }

    async fn welcome(&mut self) {
        let auth = self.next().await;
        assert_eq!((auth.kind.as_str(), auth.orders), ("auth", true));
        assert_eq!(
            auth.api_key.as_deref(),
            Some(format!("chatops_{KEY_ID}_{SECRET}").as_str())
        );
        self.send(&ServerFrame::AuthSuccess {
            server_id: server_id(),
            message: "welcome".into(),
            interval_ms: None,
            server_time: System.now(),
            orders: self.orders,
        })
        .await;
    }

    async fn acknowledge(&mut self, seen: &Seen) {
        self.send(&ServerFrame::MetricsReceived {
            id: seen.id.unwrap(),
            seq: 1,
        })
        .await;
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_with_the_same_id_and_time() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&url, data.path());
    let mut peer = Peer::accept(&listener).await;
    peer.welcome().await;
    let hello = peer.next().await;
    assert_eq!(hello.kind, "hello");
    let first = peer.sample().await;
    assert!(first.boot.is_some());
    peer.acknowledge(&first).await;
    let second = peer.sample().await;
    let third = peer.sample().await;
    drop(peer);

    let mut peer = Peer::accept(&listener).await;
    peer.welcome().await;
    for lost in [second, third] {
        let again = peer.sample().await;
        assert_eq!(
            (again.id, again.timestamp, again.n),
            (lost.id, lost.timestamp, lost.n)
        );
        peer.acknowledge(&again).await;
    }
    let live = peer.sample().await;
    assert!(live.n > Some(2));
    peer.acknowledge(&live).await;
    let (status, log) = agent.stop();
    assert!(status.success());
    assert!(!log.contains(SECRET));
}

#[tokio::test]
async fn over_a_gateway_that_carries_them_orders_come_and_results_go_until_they_are_stored() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::enrolled(&url, data.path(), &public_key(), "\"all\"");
    let mut peer = Peer::accept(&listener).await;
    peer.orders = true;
    peer.welcome().await;
    // What the host is comes as an event, too, and again until it is stored.
    let hello = peer.event("agent.hello").await;
    let about: Envelope<AgentHello> = codec::decode(&hello.data.0).unwrap();
    assert_eq!(about.server, Some(server_id()));
    let error = ServerFrame::Error {
        code: "not_stored".into(),
        message: "no".into(),
        id: hello.id,
    };
    peer.send(&error).await;
    let again = peer.event("agent.hello").await;
    assert_eq!(again.id, hello.id);
    peer.receipt(&again).await;

    // An order that nobody signed is answered; so is one that the server did.
    let ask = |request: u64, data: Vec<u8>| ServerFrame::Request {
        request,
        verb: "exec".into(),
        data,
    };
    peer.send(&ask(7, b"nonsense".to_vec())).await;
    let answer = peer.of_kind("answer").await;
    assert_eq!(answer.request, 7);
    let reply: Reply = rmp_serde::from_slice(&answer.data.0).unwrap();
    assert!(
        matches!(&reply, Reply::Refused(refusal) if refusal.code == RefusalCode::NotOurs),
        "{reply:?}"
    );
    let ran = data.path().join("ran");
    let id = new_id();
    let line = format!("echo x >> {}; echo said", ran.display());
    let signed = sign(&order(id, Operation::Run(shell(&line))), &key());
    peer.send(&ask(8, signed.clone())).await;
    let answer = peer.of_kind("answer").await;
    let reply: Reply = rmp_serde::from_slice(&answer.data.0).unwrap();
    let begun = Reply::Accepted {
        progress: Progress::Begun,
    };
    assert_eq!((answer.request, reply), (8, begun));

    // The line is lost before anything was confirmed: all of it comes again, under its ids and in its order.
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(peer.event("result.").await);
    }
    drop(peer);
    let mut peer = Peer::accept(&listener).await;
    peer.orders = true;
    peer.welcome().await;
    let mut kinds = Vec::new();
    for before in &told {
        let again = peer.event("result.").await;
        assert_eq!((again.id, &again.data.0), (before.id, &before.data.0));
        kinds.push(codec::head(&again.data.0).unwrap().kind);
        peer.receipt(&again).await;
    }
    assert_eq!(
        kinds,
        ["result.started", "result.output", "result.finished"]
    );

    // The same order once more is answered from the journal.
    peer.send(&ask(1, signed)).await;
    let answer = peer.of_kind("answer").await;
    let reply: Reply = rmp_serde::from_slice(&answer.data.0).unwrap();
    let over = Reply::Accepted {
        progress: Progress::Over,
    };
    assert_eq!((answer.request, reply), (1, over));
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
    assert!(agent.stop().0.success());
}

#[tokio::test]
async fn a_refused_sample_is_given_up_and_a_doubtful_one_is_not() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = Agent::run(&url, data.path());
    let mut peer = Peer::accept(&listener).await;
    peer.welcome().await;
    let refused = peer.sample().await;
    let error = |code: &str, seen: &Seen| ServerFrame::Error {
        code: code.into(),
        message: "no".into(),
        id: seen.id,
    };
    peer.send(&error("invalid_sample", &refused)).await;
    let doubtful = peer.sample().await;
    assert_ne!(doubtful.id, refused.id);
    peer.send(&error("unavailable", &doubtful)).await;
    let again = peer.sample().await;
    assert_eq!(again.id, doubtful.id);
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_explained_and_tried_again() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&url, data.path());
    for _ in 0..2 {
        let mut peer = Peer::accept(&listener).await;
        peer.next().await;
        let error = ServerFrame::Error {
            code: "CO2001".into(),
            message: "this key is revoked".into(),
            id: None,
        };
        peer.send(&error).await;
        peer.socket.close(None).await.unwrap();
    }
    chatops_testkit::eventually("the reason reaches the log", PATIENCE, async || {
        agent.log().contains("this key is revoked (CO2001)")
    })
    .await;
    let mut peer = Peer::accept(&listener).await;
    peer.welcome().await;
    peer.sample().await;
}

#[tokio::test]
async fn hostile_bytes_from_the_peer_end_the_connection_and_nothing_else() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&url, data.path());
    for bytes in [
        &b"\xc1"[..],
        b"\x81\xa4type\xacauth_success",
        b"",
        &[0x93; 1000],
        &[0; 100_000],
    ] {
        let mut peer = Peer::accept(&listener).await;
        peer.welcome().await;
        peer.socket
            .send(Message::Binary(bytes.to_vec().into()))
            .await
            .unwrap();
        let ended = timeout(Duration::from_secs(20), async {
            while let Some(Ok(message)) = peer.socket.next().await {
                if message.is_close() {
                    break;
                }
            }
        });
        ended.await.expect("the agent hangs up");
    }
    let mut peer = Peer::accept(&listener).await;
    peer.welcome().await;
    let sample = peer.sample().await;
    peer.acknowledge(&sample).await;
    assert!(agent.stop().0.success());
}

#[tokio::test]
async fn the_frames_are_those_of_the_contract() {
    let (listener, url) = listen().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = Agent::run(&url, data.path());
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    let Some(Ok(Message::Binary(bytes))) = socket.next().await else {
        panic!("no frame")
    };
    let auth: AgentFrame = rmp_serde::from_slice(&bytes).unwrap();
    assert!(matches!(auth, AgentFrame::Auth { .. }));
}
