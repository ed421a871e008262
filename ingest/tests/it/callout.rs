//! Who is let in, who is not, and who is thrown out.

use std::time::Instant;

use chatops_bus::{From, StreamName};
use chatops_ingest::directory::KeyState;
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, System},
    codec,
    wire::WhoAmI,
};
use chatops_testkit::{NatsVersion, eventually};
use futures::StreamExt;
use tokio::time::timeout;

use crate::{
    agent::{PATIENCE, come, dropped, publish},
    ground::{Ground, Plan},
    recorder,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_key_opens_its_server_and_learns_its_name() {
    for version in NatsVersion::ALL {
        let (ground, process) = Ground::with_process(Plan {
            version,
            ..Plan::default()
        })
        .await;
        let agent = come(&ground.nats.url(), "k1", "the-secret-one")
            .await
            .expect("let in");
        let answer = agent
            .request("ops.v1.whoami.k1", bytes::Bytes::new(), PATIENCE)
            .await
            .expect("an answer");
        let identity: WhoAmI = serde_json::from_slice(&answer).expect("an identity");
        assert_eq!(identity.server_id.as_str(), "h1");
        assert_eq!(
            (identity.name.as_str(), identity.interval_ms),
            ("host h1", Some(5000))
        );
        assert!(publish(&agent, "h1").await.expect("stored").seq > 0);
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_keys_are_refused_and_known_ones_recorded() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let url = ground.nats.url();
    let mut facts = ground.presence_from_now().await;
    ground.book.issue("k3", "h3", "secret-three");
    ground.book.issue("k4", "h4", "secret-four");
    ground
        .book
        .change("k3", |record| record.expires_at = Some(System.now()));
    ground
        .book
        .change("k4", |record| record.state = KeyState::Revoked);
    for (key, secret) in [
        ("k1", "wrong"),
        ("k1", "the-secret-two"),
        ("nobody", "the-secret-one"),
        ("k3", "secret-three"),
        ("k4", "secret-four"),
        ("svc", "guess"),
        ("k.1", "the-secret-one"),
        ("*", "the-secret-one"),
    ] {
        assert!(come(&url, key, secret).await.is_err(), "{key}");
    }
    let mut refused = Vec::new();
    while refused.len() < 4 {
        let fact = timeout(PATIENCE, facts.next())
            .await
            .expect("a fact in time")
            .expect("the reader goes on")
            .expect("a fact");
        let event = codec::decode_any(&fact.payload).expect("an event");
        let Payload::AgentRefused(event) = event.data else {
            panic!("{event:?}")
        };
        refused.push((event.key.to_string(), event.reason));
    }
    refused.sort();
    let pairs: Vec<_> = refused
        .iter()
        .map(|(key, reason)| (key.as_str(), reason.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            ("k1", "wrong_secret"),
            ("k1", "wrong_secret"),
            ("k3", "expired"),
            ("k4", "revoked"),
        ]
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_does_not_fill_the_stream() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    for _ in 0..10 {
        assert!(come(&ground.nats.url(), "k1", "wrong").await.is_err());
    }
    process.stop().await;
    let info = ground
        .ops
        .stream_info(StreamName::Fact)
        .await
        .expect("the stream");
    assert_eq!(info.messages, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_thrown_out_and_stays_out() {
    for version in NatsVersion::ALL {
        thrown_out(version).await;
    }
}

async fn thrown_out(version: NatsVersion) {
    let (ground, process) = Ground::with_process(Plan {
        version,
        ..Plan::default()
    })
    .await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    let other = come(&ground.nats.url(), "k2", "the-secret-two")
        .await
        .expect("let in");
    publish(&agent, "h1").await.expect("stored");
    let began = Instant::now();
    // The directory still says that the key is good: the event alone must be enough.
    ground.revoke_key("k1", "h1").await;
    timeout(PATIENCE, dropped(&agent))
        .await
        .expect("thrown out in time");
    println!("> thrown out after {:?}", began.elapsed());
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    // It tries to come back by itself; each attempt is refused and says so.
    eventually("the return is refused", PATIENCE, || async {
        agent
            .last_error()
            .is_some_and(|error| error.to_lowercase().contains("authorization"))
    })
    .await;
    assert!(
        come(&ground.nats.url(), "k1", "the-secret-one")
            .await
            .is_err(),
        "a new connection is refused"
    );
    publish(&other, "h2")
        .await
        .expect("others are not affected");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_server_ends_all_its_connections() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    ground.book.issue("k1b", "h1", "the-secret-one-b");
    let url = ground.nats.url();
    let agents = [
        come(&url, "k1", "the-secret-one").await.expect("let in"),
        come(&url, "k1b", "the-secret-one-b").await.expect("let in"),
    ];
    ground.delete_server("h1").await;
    for agent in &agents {
        timeout(PATIENCE, dropped(agent))
            .await
            .expect("thrown out in time");
    }
    assert!(come(&url, "k1b", "the-secret-one-b").await.is_err());
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_starts_after_a_revocation_knows_of_it() {
    let ground = Ground::new(Plan::default()).await;
    ground.book.issue("k1", "h1", "the-secret-one");
    ground.revoke_key("k1", "h1").await;
    let process = ground.process().await;
    eventually("the key is refused", PATIENCE, || async {
        come(&ground.nats.url(), "k1", "the-secret-one")
            .await
            .is_err()
    })
    .await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiring_key_ends_its_connection() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let end = System.now().plus_millis(2500);
    ground
        .book
        .change("k1", |record| record.expires_at = Some(end));
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    timeout(PATIENCE, dropped(&agent))
        .await
        .expect("ended in time");
    assert!(
        come(&ground.nats.url(), "k1", "the-secret-one")
            .await
            .is_err()
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_key_works_beside_its_successor_until_its_time_and_is_then_thrown_out() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    ground.book.issue("k1b", "h1", "secret-next");
    let url = ground.nats.url();
    // Let in before anybody thought of an end: its token does not know of it.
    let before = come(&url, "k1", "the-secret-one").await.expect("let in");
    let end = System.now().plus_millis(2500);
    ground.retire_key("k1", "h1", end, "k1b").await;
    let beside = come(&url, "k1", "the-secret-one")
        .await
        .expect("still let in");
    let next = come(&url, "k1b", "secret-next").await.expect("let in");
    for agent in [&before, &beside, &next] {
        publish(agent, "h1").await.expect("stored");
    }
    timeout(PATIENCE, dropped(&before))
        .await
        .expect("thrown out in time");
    let late = System.now().micros_since(end);
    assert!((0..2_000_000).contains(&late), "{late} µs after its end");
    timeout(PATIENCE, dropped(&beside))
        .await
        .expect("thrown out in time");
    // The directory has not heard of the end yet.
    assert!(come(&url, "k1", "the-secret-one").await.is_err());
    publish(&next, "h1").await.expect("stored");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_starts_late_ends_what_is_over() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let agent = come(&ground.nats.url(), "k1", "the-secret-one")
        .await
        .expect("let in");
    process.kill().await;
    // Retired long ago, as far as the stream of the last hour goes; over while nobody was there.
    ground
        .book
        .change("k1", |record| record.expires_at = Some(System.now()));
    publish(&agent, "h1").await.expect("nobody ended it");
    let process = ground.process().await;
    timeout(PATIENCE, dropped(&agent))
        .await
        .expect("thrown out in time");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_fails_again_and_again_is_not_looked_up_any_more() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let url = ground.nats.url();
    for _ in 0..10 {
        assert!(come(&url, "k1", "wrong").await.is_err());
    }
    let asked = ground.book.asked();
    assert!(come(&url, "k1", "wrong").await.is_err());
    assert!(come(&url, "k1", "the-secret-one").await.is_err());
    assert_eq!(ground.book.asked(), asked);
    // The others of this address are not affected.
    come(&url, "k2", "the-secret-two").await.expect("let in");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_out_of_reach_refuses_for_the_time_being() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let mut facts = ground.presence_from_now().await;
    ground.book.go_down(true);
    let url = ground.nats.url();
    assert!(come(&url, "k1", "the-secret-one").await.is_err());
    ground.book.go_down(false);
    come(&url, "k1", "the-secret-one")
        .await
        .expect("let in again");
    // It is nobody's fault, so nobody's history shows it: the first fact is the connect.
    let first = timeout(PATIENCE, facts.next())
        .await
        .expect("a fact in time")
        .expect("the reader goes on")
        .expect("a fact");
    let event = codec::decode_any(&first.payload).expect("an event");
    assert!(matches!(event.data, Payload::AgentConnected(_)));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_gate_the_connected_stay_and_the_new_wait() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let url = ground.nats.url();
    let agent = come(&url, "k1", "the-secret-one").await.expect("let in");
    process.kill().await;
    publish(&agent, "h1").await.expect("stored");
    assert!(come(&url, "k2", "the-secret-two").await.is_err());
    publish(&agent, "h1").await.expect("stored");
    let process = ground.process().await;
    come(&url, "k2", "the-secret-two").await.expect("let in");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gates_share_the_work() {
    let (ground, first) = Ground::with_process(Plan::default()).await;
    let second = ground.process().await;
    let url = ground.nats.url();
    for _ in 0..4 {
        come(&url, "k1", "the-secret-one").await.expect("let in");
    }
    first.stop().await;
    come(&url, "k1", "the-secret-one").await.expect("let in");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_ever_logged() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let url = ground.nats.url();
    let (good, wrong, unknown) = (
        "kept-to-ourselves-1",
        "kept-to-ourselves-2",
        "kept-to-ourselves-3",
    );
    ground.book.issue("k5", "h5", good);
    let agent = come(&url, "k5", good).await.expect("let in");
    assert!(come(&url, "k5", wrong).await.is_err());
    assert!(come(&url, "nobody", unknown).await.is_err());
    ground.book.go_down(true);
    assert!(come(&url, "nobody", unknown).await.is_err());
    ground.book.go_down(false);
    ground.revoke_key("k5", "h5").await;
    timeout(PATIENCE, dropped(&agent))
        .await
        .expect("thrown out in time");
    process.stop().await;
    let log = recorder::recorded();
    assert!(log.contains("an agent was refused"), "the recorder works");
    for text in [log, ground.nats.log()] {
        assert!(!text.contains("kept-to-ourselves"));
    }
    let mut facts = ground
        .ops
        .read(StreamName::Fact, "", From::Seq(1))
        .await
        .expect("a reader");
    loop {
        let fact = timeout(PATIENCE, facts.next())
            .await
            .expect("a fact in time")
            .expect("the reader goes on")
            .expect("a fact");
        assert!(!String::from_utf8_lossy(&fact.payload).contains("kept-to-ourselves"));
        if fact.pending == 0 {
            break;
        }
    }
}
