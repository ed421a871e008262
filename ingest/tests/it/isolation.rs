//! What one agent can do to another: nothing.

use bytes::Bytes;
use chatops_bus::{Bus, From, StreamName};
use chatops_schemas::{
    codec,
    event::metric::Sample,
    ids::{KeyId, ServerId},
    subject,
};
use chatops_testkit::{NatsVersion, eventually, until};
use futures::{StreamExt, future::ready};
use tokio::time::timeout;

use crate::{
    agent::{PATIENCE, come, publish},
    ground::{Ground, Plan, round_trip},
};

fn h(server: &str, key: &str) -> (ServerId, KeyId) {
    (
        ServerId::parse(server).expect("a server id"),
        KeyId::parse(key).expect("a key id"),
    )
}

/// A wildcard permission as a subject that could be published to.
fn concrete(pattern: &str) -> String {
    pattern.replace(['*', '>'], "any")
}

/// Everything that belongs to others: every subject of another agent, and every subject of the system.
fn foreign() -> Vec<String> {
    let (server, key) = h("h2", "k2");
    let mut subjects: Vec<_> = subject::agent_may_publish(&server, &key)
        .iter()
        .chain(&subject::agent_may_subscribe(&server, &key))
        .map(|pattern| concrete(pattern))
        .collect();
    subjects.extend(
        [
            "ops.v1.fact.h2.presence",
            "ops.v1.fact.h1.presence",
            "ops.v1.metrics.0.h2",
            "ops.v1.metrics.3.h1",
            "ops.v1.cmd.h1.c",
            "ops.v1.alert.h1.r",
            "ops.v1.ctl.key.k1",
            "ops.v1.ctl.server.h1",
            "ops.v1.audit",
            "ops.v1.auditsth",
            "ops.v1.dlq.c.s",
            "ops.v1.gateways",
            "ops.v1.rpc.h2.exec",
            "ops.v1.io.h1.s.in",
            "ops.v1.io.h1.s.ctl",
            "_INBOX_k1x.any",
            "_INBOX.any",
            "$JS.API.INFO",
            "$JS.API.STREAM.LIST",
            "$JS.API.STREAM.INFO.OPS_METRICS",
            "$JS.API.STREAM.CREATE.MINE",
            "$JS.API.STREAM.DELETE.OPS_METRICS",
            "$JS.API.STREAM.MSG.GET.OPS_METRICS",
            "$JS.API.DIRECT.GET.OPS_METRICS",
            "$JS.API.CONSUMER.CREATE.OPS_METRICS",
            "$JS.API.CONSUMER.MSG.NEXT.OPS_METRICS.c",
            "$JS.ACK.OPS_METRICS.c.1.1.1.1.1",
            "$SYS.REQ.SERVER.PING.CONNZ",
            "$SYS.REQ.USER.AUTH",
            "$SYS.ACCOUNT.OPS.CONNECT",
            "$KV.any",
            "any",
        ]
        .map(String::from),
    );
    subjects
}

async fn forbidden(agent: &Bus, subject: &str, what: &str) {
    let quoted = format!("\"{subject}\"");
    eventually(
        &format!("{what} {subject} is refused"),
        PATIENCE,
        || async {
            agent
                .last_error()
                .is_some_and(|error| error.to_lowercase().contains(&quoted.to_lowercase()))
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_another_can_be_published_or_heard() {
    for version in NatsVersion::ALL {
        try_everything(version).await;
    }
}

async fn try_everything(version: NatsVersion) {
    let (ground, process) = Ground::with_process(Plan {
        version,
        ..Plan::default()
    })
    .await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    // Whatever did get through would pass here.
    let mut passing = ground.ops.subscribe(">").await.expect("subscribed");
    round_trip(&ground.ops, "$JS.API.INFO").await;
    for subject in foreign() {
        agent
            .publish_core(&subject, None, &[], Bytes::from_static(b"from h1"))
            .await
            .expect("written");
        forbidden(&agent, &subject, "publishing to").await;
        let _heard = agent.subscribe(&subject).await.expect("written");
        forbidden(&agent, &subject, "subscribing to").await;
    }
    for pattern in [
        "ops.v1.*.*",
        "ops.>",
        "_INBOX_k1*.>",
        "*.v1.metrics.h2",
        ">",
    ] {
        let _heard = agent.subscribe(pattern).await.expect("written");
        forbidden(&agent, pattern, "subscribing to").await;
    }
    // Its own still works, and is all that ever came through.
    publish(&agent, "h1").await.expect("stored");
    loop {
        let message = timeout(PATIENCE, passing.next())
            .await
            .expect("the good one arrives")
            .expect("the subscription lives");
        assert_ne!(&message.payload[..], b"from h1", "{}", message.subject);
        if message.subject == "ops.v1.metrics.h1" {
            break;
        }
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_its_own_can_be_published_and_heard() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    let (server, key) = h("h1", "k1");
    for pattern in subject::agent_may_subscribe(&server, &key) {
        let heard = agent.subscribe(&pattern).await.expect("written");
        round_trip(&agent, "ops.v1.whoami.k1").await;
        let subject = concrete(&pattern);
        ground
            .ops
            .publish_core(&subject, None, &[], Bytes::from_static(b"for h1"))
            .await
            .expect("written");
        let mut ours = heard.filter(|message| ready(&message.payload[..] == b"for h1"));
        timeout(PATIENCE, ours.next())
            .await
            .unwrap_or_else(|_| panic!("{pattern} is not heard: {:?}", agent.last_error()))
            .expect("the subscription lives");
    }
    let passing = ground.ops.subscribe("ops.v1.>").await.expect("subscribed");
    round_trip(&ground.ops, "$JS.API.INFO").await;
    // The process tells of the agent's arrival in its own time.
    let mut passing = passing.filter(|message| ready(&message.payload[..] == b"from h1"));
    for pattern in subject::agent_may_publish(&server, &key) {
        let subject = concrete(&pattern);
        agent
            .publish_core(&subject, None, &[], Bytes::from_static(b"from h1"))
            .await
            .expect("written");
        let message = timeout(PATIENCE, passing.next())
            .await
            .expect("published in time")
            .expect("the subscription lives");
        assert_eq!(message.subject, subject);
    }
    assert_eq!(agent.last_error(), None);
    process.stop().await;
}

/// NATS does not check permission on a reply subject: the stream's acknowledgement of h1's sample can be sent to h2's
/// subject and is stored there. It must not count as a sample of h2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_sent_to_anothers_subject_is_no_event() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    let (victim, _) = h("h2", "k2");
    agent
        .publish_core(
            "ops.v1.metrics.h1",
            Some("ops.v1.metrics.h2"),
            &[],
            Bytes::from_static(b"anything"),
        )
        .await
        .expect("written");
    let injected = until("the acknowledgement is stored", PATIENCE, || async {
        let subject = subject::metrics_stored(&victim);
        let stored = ground.ops.last(StreamName::Metrics, &subject).await;
        stored.expect("readable")
    })
    .await;
    let text = String::from_utf8_lossy(&injected.payload).into_owned();
    assert!(text.contains("OPS_METRICS"), "{text}");
    let error = codec::decode::<Sample>(&injected.payload).expect_err("not an event");
    println!("> the decoder says: {error}");
    assert!(!error.needs_upgrade());
    // And the whole of it, published as a request for the gate's whoami, is not answered there either.
    let mut heard = ground
        .ops
        .subscribe("ops.v1.log.h2.x")
        .await
        .expect("subscribed");
    agent
        .publish_core(
            "ops.v1.whoami.k1",
            Some("ops.v1.log.h2.x"),
            &[],
            Bytes::new(),
        )
        .await
        .expect("written");
    // The gate answers in order of arrival: once it has answered this one, it has decided about the one before.
    agent
        .request("ops.v1.whoami.k1", Bytes::new(), PATIENCE)
        .await
        .expect("an answer");
    round_trip(&ground.ops, "$JS.API.INFO").await;
    assert!(futures::poll!(heard.next()).is_pending());
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_names_another_server_is_told_apart() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    // Valid in itself, on h1's subject, but about h2.
    let sent = crate::agent::publish_as(&agent, "h1", "h2")
        .await
        .expect("stored");
    let mut events = ground
        .ops
        .read(
            StreamName::Metrics,
            "ops.v1.metrics.*.h1",
            From::Seq(sent.seq),
        )
        .await
        .expect("a reader");
    let event = timeout(PATIENCE, events.next())
        .await
        .expect("an event in time")
        .expect("the reader goes on")
        .expect("an event");
    let claimed = codec::decode::<Sample>(&event.payload)
        .expect("valid in itself")
        .server;
    assert_ne!(claimed, subject::server_of(&event.subject));
    process.stop().await;
}
