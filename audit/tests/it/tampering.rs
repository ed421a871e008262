//! Somebody with the right to delete and make streams changes the chain. It is named, and nothing is appended to it.

use async_nats::jetstream;
use chatops_audit::{Outside, check, state::Phase};
use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    audit::{Entry, Frontier, Hash, Head, verify::Finding},
    clock::{Clock, System},
    subject,
};
use chatops_testkit::{NatsServer, eventually};

use crate::ground::{
    self, Running, SOON, append, decide, deny, entries, grown_to, key, provision, quick, start,
};

pub(crate) const LENGTH: u64 = 24;

/// A server with an honest chain and signed heads.
pub(crate) async fn honest() -> (NatsServer, Bus) {
    let (server, bus) = ground::server().await;
    let appender = start(&bus);
    for n in 1..=LENGTH / 2 {
        decide(&bus, n).await;
        deny(&bus, n).await;
        grown_to(&bus, 2 * n).await;
    }
    appender.end().await;
    let report = check::whole(&bus, []).await.unwrap();
    assert!(report.verdict.is_good(), "{:?}", report.verdict.findings);
    assert_eq!(report.verdict.signed, LENGTH);
    (server, bus)
}

/// Replaces the whole stream, as a break-glass user can.
pub(crate) async fn replace(
    server: &NatsServer,
    bus: &Bus,
    stream: StreamName,
    messages: &[Vec<u8>],
) {
    let client = async_nats::connect(server.url()).await.unwrap();
    let rights = jetstream::new(client);
    rights.delete_stream(stream.as_str()).await.unwrap();
    provision(bus).await;
    let subject = match stream {
        StreamName::Audit => subject::AUDIT,
        _ => subject::AUDIT_HEADS,
    };
    for message in messages {
        rights
            .publish(subject, message.clone().into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
}

async fn first(bus: &Bus) -> Finding {
    let report = check::whole(bus, []).await.unwrap();
    report
        .verdict
        .findings
        .into_iter()
        .next()
        .expect("a finding")
}

/// The appender must see it and leave the chain alone.
pub(crate) async fn nothing_is_appended(bus: &Bus, appender: Running) {
    let before = bus.stream_info(StreamName::Audit).await.unwrap().last_seq;
    decide(bus, 999).await;
    eventually("the appender refuses", SOON, async || {
        matches!(appender.state.borrow().phase, Phase::Tampered(_))
    })
    .await;
    appender.end().await;
    assert_eq!(
        bus.stream_info(StreamName::Audit).await.unwrap().last_seq,
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_named() {
    let (server, bus) = honest().await;
    let mut chain = entries(&bus).await;
    let at = chain[9].len() - 1;
    chain[9][at] ^= 1;
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("altered", Some(10)),
        "{finding}"
    );
    nothing_is_appended(&bus, start(&bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_entry_is_named() {
    let (server, bus) = honest().await;
    let mut chain = entries(&bus).await;
    chain.remove(6);
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("missing", Some(7)),
        "{finding}"
    );
    nothing_is_appended(&bus, start(&bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_entry_is_named() {
    let (server, bus) = honest().await;
    let mut chain = entries(&bus).await;
    chain.swap(4, 5);
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("reordered", Some(5)),
        "{finding}"
    );
    nothing_is_appended(&bus, start(&bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_stream_is_named_by_its_heads() {
    let (server, bus) = honest().await;
    let mut chain = entries(&bus).await;
    chain.truncate(15);
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("missing", Some(16)),
        "{finding}"
    );
    assert!(finding.to_string().contains("16 to 24"), "{finding}");
    nothing_is_appended(&bus, start(&bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cutting_by_a_limit_on_the_stream_is_named_too() {
    let (server, bus) = honest().await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let rights = jetstream::new(client);
    let mut stream = rights.get_stream("OPS_AUDIT").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_messages = 5;
    config.discard = jetstream::stream::DiscardPolicy::Old;
    rights.update_stream(config).await.unwrap();
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("missing", Some(1)),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_of_chain_and_heads_is_named_by_the_heads_outside() {
    let (server, bus) = honest().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heads.ndjson");
    let outside = || Outside::new(Some(file.clone()), None).unwrap();
    let appender = append(&bus, outside(), quick());
    eventually("the head is outside", SOON, async || file.exists()).await;
    appender.end().await;

    let mut chain = entries(&bus).await;
    chain.truncate(15);
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let mut tree = Frontier::default();
    chain.iter().for_each(|entry| tree.push(Hash::leaf(entry)));
    let forged = serde_json::to_vec(&key().sign(&tree, System.now())).unwrap();
    replace(&server, &bus, StreamName::AuditSth, &[forged]).await;
    assert!(
        check::whole(&bus, []).await.unwrap().verdict.is_good(),
        "with the key and the streams, everything inside can be made to fit"
    );
    let known = outside().heads().await.unwrap();
    let verdict = check::whole(&bus, known).await.unwrap().verdict;
    let finding = &verdict.findings[0];
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("missing", Some(16)),
        "{finding}"
    );
    nothing_is_appended(&bus, append(&bus, outside(), quick())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forked_head_is_named() {
    let (server, bus) = honest().await;
    let chain = entries(&bus).await;
    let mut tree = Frontier::default();
    for entry in &chain[..19] {
        tree.push(Hash::leaf(entry));
    }
    tree.push(Hash::leaf(b"another history"));
    let forked: Head = key().sign(&tree, System.now());
    let client = async_nats::connect(server.url()).await.unwrap();
    let payload = serde_json::to_vec(&forked).unwrap();
    jetstream::new(client)
        .publish(subject::AUDIT_HEADS, payload.into())
        .await
        .unwrap()
        .await
        .unwrap();
    let finding = first(&bus).await;
    assert_eq!(finding.kind(), "forked", "{finding}");
    nothing_is_appended(&bus, start(&bus)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_chain_is_named_by_the_events_to_the_entry() {
    let (server, bus) = honest().await;
    let mut prev = Hash::NONE;
    let mut chain = entries(&bus).await;
    for bytes in &mut chain {
        let mut entry = Entry::decode(bytes).unwrap();
        entry.prev = prev;
        if entry.seq == 12 {
            entry.content.actor = "user:somebody-else".to_owned();
        }
        *bytes = entry.encode();
        prev = Hash::leaf(bytes);
    }
    replace(&server, &bus, StreamName::Audit, &chain).await;
    // Even with all heads gone.
    replace(&server, &bus, StreamName::AuditSth, &[]).await;
    let finding = first(&bus).await;
    assert_eq!(
        (finding.kind(), finding.entry()),
        ("altered", Some(12)),
        "{finding}"
    );
}
