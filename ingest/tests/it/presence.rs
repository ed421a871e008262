//! Who is online, and for how long somebody who is gone looks as if he were.

use std::time::{Duration, Instant};

use chatops_bus::{From, ReadError, Reader, StreamName};
use chatops_schemas::{
    catalogue::Payload, clock::Timestamp, codec, envelope::Envelope, event::fact::Transport,
    ids::ServerId, subject,
};
use chatops_testkit::{CuttingProxy, NatsVersion, eventually, until};
use futures::StreamExt;
use tokio::time::timeout;

use crate::{
    agent::{PATIENCE, child, come},
    ground::{Ground, Plan},
};

async fn next(facts: &mut Reader) -> (Envelope<Payload>, Timestamp) {
    let fact = timeout(PATIENCE, facts.next())
        .await
        .expect("a fact in time")
        .expect("the reader goes on")
        .expect("a fact");
    let event = codec::decode_any(&fact.payload).expect("an event");
    assert_eq!(event.server, subject::server_of(&fact.subject));
    (event, fact.stored_at)
}

async fn all(ground: &Ground) -> Vec<Payload> {
    until("the facts can be read", PATIENCE, || async {
        read_all(ground).await.ok()
    })
    .await
}

async fn read_all(ground: &Ground) -> Result<Vec<Payload>, ReadError> {
    let filter = subject::fact_every(subject::PRESENCE);
    let mut payloads = Vec::new();
    let Some(last) = ground.ops.last(StreamName::Fact, &filter).await? else {
        return Ok(payloads);
    };
    let mut facts = ground
        .ops
        .read(StreamName::Fact, &filter, From::Seq(1))
        .await?;
    while let Some(fact) = facts.next().await {
        let fact = fact?;
        payloads.push(codec::decode_any(&fact.payload).expect("an event").data);
        if fact.seq == last.seq {
            break;
        }
    }
    Ok(payloads)
}

fn server(id: &str) -> ServerId {
    ServerId::parse(id).expect("a server id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn online_within_a_second_and_offline_within_two_of_a_kill() {
    for version in NatsVersion::ALL {
        come_and_be_killed(version).await;
    }
}

async fn come_and_be_killed(version: NatsVersion) {
    let (ground, process) = Ground::with_process(Plan {
        version,
        ..Plan::default()
    })
    .await;
    let mut facts = ground.presence_from_now().await;
    let began = Instant::now();
    let mut agent = child(ground.nats.port(), "k1", "the-secret-one");
    let (event, stored_at) = next(&mut facts).await;
    let online = began.elapsed();
    let Payload::AgentConnected(connected) = event.data else {
        panic!("{event:?}")
    };
    assert_eq!(connected.key.as_str(), "k1");
    assert_eq!(connected.transport, Transport::Nats);
    assert_eq!(connected.address.as_deref(), Some("127.0.0.1"));
    // The moment of the event is the server's, a moment before it was stored.
    let delay = stored_at.micros_since(event.time);
    assert!((0..1_000_000).contains(&delay), "{delay} µs");
    let began = Instant::now();
    agent.start_kill().expect("killed");
    agent.wait().await.expect("ended");
    let (event, _) = next(&mut facts).await;
    let offline = began.elapsed();
    let Payload::AgentDisconnected(disconnected) = event.data else {
        panic!("{event:?}")
    };
    assert_eq!(disconnected.session, connected.session);
    assert_eq!(disconnected.remaining, 0);
    assert!(disconnected.reason.is_some());
    println!(
        "> online {online:?} after the start of the process, offline {offline:?} after its kill"
    );
    assert!(online < Duration::from_secs(1), "{online:?}");
    assert!(offline < Duration::from_secs(2), "{offline:?}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_two_agents_is_online_until_both_are_gone() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let mut facts = ground.presence_from_now().await;
    let url = ground.nats.url();
    let first = come(&url, "k1", "the-secret-one").await.expect("let in");
    let second = come(&url, "k1", "the-secret-one").await.expect("let in");
    for _ in 0..2 {
        let (event, _) = next(&mut facts).await;
        assert!(matches!(event.data, Payload::AgentConnected(_)));
    }
    for (agent, left) in [(first, 1), (second, 0)] {
        drop(agent);
        let (event, _) = next(&mut facts).await;
        let Payload::AgentDisconnected(disconnected) = event.data else {
            panic!("{event:?}")
        };
        assert_eq!(disconnected.remaining, left);
    }
    process.stop().await;
}

/// The host loses power: nothing is said, no connection is reset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_host_does_not_stay_online() {
    let (ground, process) = Ground::with_process(Plan {
        config: "ping_interval: \"500ms\"\nping_max: 1\n",
        ..Plan::default()
    })
    .await;
    let mut facts = ground.presence_from_now().await;
    let wire = CuttingProxy::start(ground.nats.address())
        .await
        .expect("a proxy");
    let _agent = come(&wire.url("nats"), "k1", "the-secret-one")
        .await
        .expect("let in");
    let (event, _) = next(&mut facts).await;
    assert!(matches!(event.data, Payload::AgentConnected(_)));
    let began = Instant::now();
    wire.stall();
    let (event, _) = next(&mut facts).await;
    let Payload::AgentDisconnected(disconnected) = event.data else {
        panic!("{event:?}")
    };
    println!(
        "> offline {:?} after the wire went silent, pinged every 500 ms: {:?}",
        began.elapsed(),
        disconnected.reason
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(disconnected.remaining, 0);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_watchers_write_each_event_once() {
    let (ground, first) = Ground::with_process(Plan::default()).await;
    let second = ground.process().await;
    let url = ground.nats.url();
    for _ in 0..5 {
        let agent = come(&url, "k1", "the-secret-one").await.expect("let in");
        drop(agent);
    }
    eventually("all have gone, for both", PATIENCE, || async {
        all(&ground).await.len() >= 10
            && [&first, &second]
                .iter()
                .all(|process| process.roster.sessions().is_empty())
    })
    .await;
    first.stop().await;
    second.stop().await;
    assert_eq!(all(&ground).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_while_nobody_watches_is_found_afterwards() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let mut facts = ground.presence_from_now().await;
    let url = ground.nats.url();
    let leaver = come(&url, "k1", "the-secret-one").await.expect("let in");
    let _stayer = come(&url, "k2", "the-secret-two").await.expect("let in");
    for _ in 0..2 {
        next(&mut facts).await;
    }
    process.kill().await;
    drop(leaver);
    let process = ground.process().await;
    let (event, _) = next(&mut facts).await;
    assert_eq!(event.server, Some(server("h1")));
    assert!(
        matches!(event.data, Payload::AgentDisconnected(_)),
        "{event:?}"
    );
    assert_eq!(process.roster.open_sessions(&server("h1")), 0);
    assert_eq!(process.roster.open_sessions(&server("h2")), 1);
    process.stop().await;
    assert_eq!(all(&ground).await.len(), 3, "the stayer has one connect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_dead_nats_server_are_closed() {
    let (mut ground, process) = Ground::with_process(Plan::default()).await;
    let mut facts = ground.presence_from_now().await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    let (event, _) = next(&mut facts).await;
    let Payload::AgentConnected(before) = event.data else {
        panic!("{event:?}")
    };
    ground.nats.kill().await.expect("killed");
    ground.nats.restart().await.expect("restarted");
    let began = Instant::now();
    // The agent comes back by itself, as another session; the old one is closed although nobody saw it end.
    let told = || async {
        let facts = all(&ground).await;
        let went = facts.iter().find_map(|fact| match fact {
            Payload::AgentDisconnected(event) => Some(event.session.clone()),
            _ => None,
        });
        let came = facts.iter().skip(1).find_map(|fact| match fact {
            Payload::AgentConnected(event) => Some(event.session.clone()),
            _ => None,
        });
        went.zip(came)
    };
    let (went, came) = until("both facts", PATIENCE, told).await;
    println!("> all was told {:?} after the restart", began.elapsed());
    assert_eq!(went, before.session);
    assert_ne!(came, before.session);
    eventually("it is online", PATIENCE, || async {
        process.roster.open_sessions(&server("h1")) == 1
    })
    .await;
    drop(agent);
    process.stop().await;
}
