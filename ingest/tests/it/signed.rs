//! Agents over `/api/v1/agents/ws` that check signed orders themselves: what their hosts are asked, what they say, and what
//! one of them gains by lying. Two gateways, as in a deployment.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{RequestError, StreamName};
use chatops_ingest::gateway::GatewayConfig;
use chatops_schemas::{
    clock::{Clock as _, IdSource as _, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        fact::{AgentDisconnected, Transport},
        result::ResultStarted,
    },
    ids::{CommandId, ServerId},
    order::{Progress, Reply, Verb},
    session::Control,
    subject::{self, Way},
    wire::{AgentFrame, MAX_OUTPUT_BYTES},
};
use chatops_testkit::eventually;
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{
    agent::PATIENCE,
    client::Client,
    ground::Ground,
    sockets::{KEY, OTHER, ground},
};

fn server(id: &str) -> ServerId {
    ServerId::parse(id).expect("a server id")
}

/// What a frame of the server may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Heard {
    #[serde(rename = "type")]
    kind: String,
    orders: bool,
    server_id: String,
    request: u64,
    verb: String,
    session: Uuid,
    way: String,
    id: Uuid,
    seq: u64,
    code: String,
    data: serde_bytes::ByteBuf,
}

struct Agent(Client);

impl Agent {
    async fn come(http: std::net::SocketAddr, key: &str) -> Self {
        let mut agent = Self(Client::open(http).await);
        agent.auth(key).await;
        agent
    }

    async fn auth(&mut self, key: &str) {
        self.say(&AgentFrame::Auth {
            api_key: key.to_owned(),
            orders: true,
        })
        .await;
        let welcome = self.hear().await;
        assert_eq!(
            (welcome.kind.as_str(), welcome.orders),
            ("auth_success", true)
        );
    }

    async fn say(&mut self, frame: &AgentFrame) {
        let bytes = rmp_serde::to_vec_named(frame).expect("packed");
        self.0.send(Message::binary(bytes)).await;
    }

    async fn hear(&mut self) -> Heard {
        loop {
            let message = timeout(PATIENCE, self.0.0.next())
                .await
                .expect("heard in time");
            match message.expect("open").expect("readable") {
                Message::Binary(bytes) => return rmp_serde::from_slice(&bytes).expect("a frame"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("not a frame: {other:?}"),
            }
        }
    }

    /// The next frame, which must be a request.
    async fn asked(&mut self) -> Heard {
        let heard = self.hear().await;
        assert_eq!(heard.kind, "request", "{heard:?}");
        heard
    }

    async fn answer(&mut self, request: u64, progress: Progress) {
        let data = rmp_serde::to_vec_named(&Reply::Accepted { progress }).expect("packed");
        self.say(&AgentFrame::Answer { request, data }).await;
    }

    async fn tell<T: Event>(&mut self, about: &str, data: T) -> Uuid {
        let event = Envelope::new(System.event_id(), System.now(), data).about(server(about));
        let id = event.id.0;
        let data = codec::encode(&event).expect("encoded");
        self.say(&AgentFrame::Event { id, data }).await;
        id
    }

    async fn refused(&mut self, code: &str) {
        let heard = self.hear().await;
        assert_eq!((heard.kind.as_str(), heard.code.as_str()), ("error", code));
    }
}

fn ask(
    ground: &Ground,
    to: &str,
    order: &'static [u8],
) -> tokio::task::JoinHandle<Result<Bytes, RequestError>> {
    let (ops, subject) = (ground.ops.clone(), subject::rpc(&server(to), Verb::Exec));
    tokio::spawn(async move {
        ops.request(&subject, Bytes::from_static(order), PATIENCE)
            .await
    })
}

fn progress(answer: Result<Bytes, RequestError>) -> Progress {
    match rmp_serde::from_slice(&answer.expect("an answer")).expect("a reply") {
        Reply::Accepted { progress } => progress,
        other => panic!("not accepted: {other:?}"),
    }
}

async fn messages(ground: &Ground, stream: StreamName) -> u64 {
    ground
        .ops
        .stream_info(stream)
        .await
        .expect("a stream")
        .messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_asked_through_the_gateway_it_is_on() {
    let (ground, first) = ground(GatewayConfig::default()).await;
    let second = ground.process().await;
    let nobody = ask(&ground, "h1", b"?").await.expect("no panic");
    assert!(
        matches!(nobody, Err(RequestError::NoResponders)),
        "{nobody:?}"
    );
    let mut one = Agent::come(second.http, KEY).await;
    let mut two = Agent::come(first.http, OTHER).await;

    let asking = ask(&ground, "h1", b"an order\xc1");
    let asked = one.asked().await;
    assert_eq!(
        (asked.verb.as_str(), &asked.data[..]),
        ("exec", &b"an order\xc1"[..])
    );
    one.answer(asked.request, Progress::Begun).await;
    assert_eq!(progress(asking.await.expect("no panic")), Progress::Begun);

    // The next thing that the other hears is its own.
    let asking = ask(&ground, "h2", b"another");
    let asked = two.asked().await;
    assert_eq!(&asked.data[..], b"another");
    two.answer(asked.request, Progress::Over).await;
    assert_eq!(progress(asking.await.expect("no panic")), Progress::Over);

    // A session, both ways and in order.
    let session = CommandId(System.next());
    let place = |way| subject::io(&server("h1"), session, way);
    let mut out = ground
        .ops
        .subscribe(&place(Way::Out))
        .await
        .expect("subscribed");
    ground.ops.flush().await.expect("flushed");
    let renew = Bytes::from(Control::Renew.encode().expect("encoded"));
    for (way, payload) in [(Way::In, Bytes::from_static(b"l\xc1")), (Way::Ctl, renew)] {
        let subject = place(way);
        ground
            .ops
            .publish_core(&subject, None, &[], payload.clone())
            .await
            .expect("published");
        let heard = one.hear().await;
        assert_eq!(
            (
                heard.kind.as_str(),
                heard.session,
                heard.way.as_str(),
                &heard.data[..]
            ),
            ("session", session.0, way.token(), &payload[..])
        );
    }
    for n in 0..100_u8 {
        one.say(&AgentFrame::Output {
            session,
            data: vec![n],
        })
        .await;
    }
    for n in 0..100_u8 {
        let message = timeout(PATIENCE, out.next())
            .await
            .expect("in time")
            .expect("open");
        assert_eq!(
            (message.subject, &message.payload[..]),
            (place(Way::Out), &[n][..])
        );
    }

    // An event is stored once, however often it is told, over whichever gateway.
    let event = Envelope::new(
        System.event_id(),
        System.now(),
        ResultStarted {
            command: session,
            pid: None,
        },
    )
    .about(server("h1"));
    let frame = AgentFrame::Event {
        id: event.id.0,
        data: codec::encode(&event).expect("encoded"),
    };
    one.say(&frame).await;
    let stored = one.hear().await;
    assert_eq!(
        (stored.kind.as_str(), stored.id),
        ("event_received", event.id.0)
    );
    let mut one = Agent::come(first.http, KEY).await;
    one.say(&frame).await;
    let again = one.hear().await;
    assert_eq!(
        (again.kind.as_str(), again.seq),
        ("event_received", stored.seq)
    );
    assert_eq!(messages(&ground, StreamName::Result).await, 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lying_agent_reaches_nothing_that_is_not_its_own() {
    let config = GatewayConfig {
        most_bad: 1000,
        ..GatewayConfig::default()
    };
    let (ground, process) = ground(config).await;
    let mut victim = Agent::come(process.http, KEY).await;
    let mut liar = Agent::come(process.http, OTHER).await;

    // Numbers of requests are of one connection: the same number elsewhere is another request, or none.
    let asking = ask(&ground, "h1", b"an order");
    let asked = victim.asked().await;
    for guess in [asked.request, 0, u64::MAX] {
        liar.answer(guess, Progress::Over).await;
        liar.refused("unknown_request").await;
    }
    victim.answer(asked.request, Progress::Begun).await;
    assert_eq!(progress(asking.await.expect("no panic")), Progress::Begun);
    victim.answer(asked.request, Progress::Over).await;
    victim.refused("unknown_request").await;

    // Events: of another server, of what only the gate tells, of nothing.
    let command = CommandId(System.next());
    let facts = messages(&ground, StreamName::Fact).await;
    liar.tell("h1", ResultStarted { command, pid: None }).await;
    liar.refused("invalid_event").await;
    liar.tell(
        "h2",
        AgentDisconnected {
            session: "ws:x:1".into(),
            transport: Transport::Websocket,
            address: None,
            reason: None,
            remaining: 0,
        },
    )
    .await;
    liar.refused("invalid_event").await;
    liar.say(&AgentFrame::Event {
        id: System.next(),
        data: vec![0xc1; 100],
    })
    .await;
    liar.refused("invalid_event").await;
    assert_eq!(messages(&ground, StreamName::Result).await, 0);
    assert_eq!(messages(&ground, StreamName::Fact).await, facts);

    // Output under the victim's session id stays under the liar's own server.
    let session = CommandId(System.next());
    let mut heard = ground
        .ops
        .subscribe("ops.v1.io.>")
        .await
        .expect("subscribed");
    ground.ops.flush().await.expect("flushed");
    liar.say(&AgentFrame::Output {
        session,
        data: vec![1],
    })
    .await;
    let message = timeout(PATIENCE, heard.next())
        .await
        .expect("in time")
        .expect("open");
    assert_eq!(
        message.subject,
        subject::io(&server("h2"), session, Way::Out)
    );
    liar.say(&AgentFrame::Output {
        session,
        data: vec![0; MAX_OUTPUT_BYTES + 1],
    })
    .await;
    liar.refused("frame_too_large").await;

    // Sessions without end are not taken; the open one goes on.
    for _ in 1..128 {
        liar.say(&AgentFrame::Output {
            session: CommandId(System.next()),
            data: vec![1],
        })
        .await;
    }
    liar.say(&AgentFrame::Output {
        session: CommandId(System.next()),
        data: vec![2],
    })
    .await;
    liar.refused("too_many_sessions").await;
    liar.say(&AgentFrame::Output {
        session,
        data: vec![3],
    })
    .await;
    let last = async {
        loop {
            let message = heard.next().await.expect("open");
            assert_ne!(&message.payload[..], [2]);
            if message.payload[..] == [3] {
                return message.subject;
            }
        }
    };
    let last = timeout(PATIENCE, last).await.expect("in time");
    assert_eq!(last, subject::io(&server("h2"), session, Way::Out));

    // A message beyond every limit ends the connection, and nothing else.
    liar.0.send(Message::binary(vec![0; 300 * 1024])).await;
    assert!(matches!(liar.0.end().await, None | Some((1002, _))));
    let asking = ask(&ground, "h1", b"still there");
    let asked = victim.asked().await;
    victim.answer(asked.request, Progress::Running).await;
    assert_eq!(progress(asking.await.expect("no panic")), Progress::Running);

    // Without having said so in auth, none of it is carried.
    let mut plain = Client::authenticated(process.http, OTHER).await;
    let frame = AgentFrame::Output {
        session,
        data: vec![4],
    };
    plain
        .send(Message::binary(
            rmp_serde::to_vec_named(&frame).expect("packed"),
        ))
        .await;
    assert_eq!(plain.frame().await["code"], "not_offered");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_key_is_revoked_is_asked_nothing_more() {
    let (ground, process) = ground(GatewayConfig::default()).await;
    let mut agent = Agent::come(process.http, KEY).await;
    ground.revoke_key("abcdefghij234567", "h1").await;
    assert_eq!(agent.0.end().await, Some((1008, "revoked".to_owned())));
    eventually("nobody answers for the host", PATIENCE, async || {
        let answer = ask(&ground, "h1", b"an order").await.expect("no panic");
        matches!(answer, Err(RequestError::NoResponders))
    })
    .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_reads_nothing_is_cut_before_it_costs_memory() {
    let config = GatewayConfig {
        write_within: PATIENCE * 10,
        ..GatewayConfig::default()
    };
    let (ground, process) = ground(config).await;
    let mut agent = Agent(Client::open_narrow(process.http).await);
    agent.auth(KEY).await;
    let subject = subject::io(&server("h1"), CommandId(System.next()), Way::Ctl);
    let piece = Bytes::from(vec![0; 16 * 1024]);
    // Far more than sockets hold and than may wait; while it is not cut there is somebody who listens.
    eventually("the line is cut", PATIENCE, async || {
        for _ in 0..256 {
            let sent = ground.ops.publish_core(&subject, None, &[], piece.clone());
            sent.await.expect("published");
        }
        ground.ops.flush().await.expect("flushed");
        let listens = subject::rpc(&server("h1"), Verb::Ask);
        let answer = ground
            .ops
            .request(&listens, Bytes::new(), Duration::from_millis(200));
        matches!(answer.await, Err(RequestError::NoResponders))
    })
    .await;
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_runs_nothing_itself_while_an_agent_with_a_journal_is_there() {
    let (ground, first) = ground(GatewayConfig::default()).await;
    let second = ground.process().await;
    let mut plain = Client::authenticated(first.http, KEY).await;
    let mut ours = Agent::come(second.http, KEY).await;
    eventually("both gateways know both", PATIENCE, async || {
        [&first, &second]
            .iter()
            .all(|process| process.roster.open_sessions(&server("h1")) == 2)
    })
    .await;
    let asking = ask(&ground, "h1", b"an order");
    let asked = ours.asked().await;
    ours.answer(asked.request, Progress::Begun).await;
    assert_eq!(progress(asking.await.expect("no panic")), Progress::Begun);
    plain.say(&json!({"type": "ping"})).await;
    assert_eq!(plain.frame().await["type"], "pong");
    first.stop().await;
    second.stop().await;
}
