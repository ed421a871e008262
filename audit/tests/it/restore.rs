//! The streams were restored from a backup, and a person says so.

use chatops_audit::{
    Outside, check,
    restore::{self, RestoreError},
    state::Phase,
};
use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    audit::{Entry, Hash, Restore, Verdict, Verifier, verify::Finding},
    clock::System,
};
use chatops_testkit::{NatsServer, eventually};

use crate::{
    ground::{
        Running, SOON, append, bus as connect, decide, deny, entries, grown_to, key, provision,
        quick, start,
    },
    tampering::{LENGTH, honest, nothing_is_appended, replace},
};

/// Entries that the backup has.
const KEPT: u64 = 15;

async fn cut(server: &NatsServer, bus: &Bus) {
    let mut chain = entries(bus).await;
    chain.truncate(usize::try_from(KEPT).unwrap());
    replace(server, bus, StreamName::Audit, &chain).await;
}

async fn accepted(bus: &Bus, outside: &Outside) -> Restore {
    let proposal = restore::look(bus, outside.heads().await.unwrap())
        .await
        .unwrap();
    let words = ("Ada", "restored the backup of Sunday");
    restore::accept(bus, &key(), proposal, words, &System)
        .await
        .unwrap()
}

async fn verdict(bus: &Bus, outside: &Outside) -> Verdict {
    let heads = outside.heads().await.unwrap();
    check::whole(bus, heads).await.unwrap().verdict
}

async fn runs(appender: &Running) {
    eventually("the appender runs", SOON, async || {
        appender.state.borrow().phase == Phase::Running
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_restore_goes_on_and_is_told_ever_after() {
    let (server, bus) = honest().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heads.ndjson");
    let outside = || Outside::new(Some(file.clone()), None).unwrap();
    let appender = append(&bus, outside(), quick());
    eventually("the head is outside", SOON, async || file.exists()).await;
    appender.end().await;
    cut(&server, &bus).await;

    let appender = append(&bus, outside(), quick());
    eventually("the appender stands still", SOON, async || {
        matches!(appender.state.borrow().phase, Phase::Tampered(_))
    })
    .await;
    let restored = accepted(&bus, &outside()).await;
    assert_eq!(
        (restored.entry, restored.kept, restored.before),
        (KEPT + 1, KEPT, LENGTH)
    );
    // The same process goes on; what was lost of the chain, but not of its streams, is entered again.
    runs(&appender).await;
    grown_to(&bus, LENGTH + 1).await;
    decide(&bus, 777).await;
    grown_to(&bus, LENGTH + 2).await;
    appender.end().await;

    let verdict = verdict(&bus, &outside()).await;
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!(verdict.signed, LENGTH + 2);
    let told = verdict.restores[0].to_string();
    assert!(told.contains("entry 16 accepts a restore"), "{told}");
    assert!(told.contains("entries 16 to 24"), "{told}");

    // On record: who and why are in the event that the entry names.
    let chain = entries(&bus).await;
    let entry = Entry::decode(&chain[15]).unwrap();
    assert_eq!(entry.content.action, "audit.restore_accepted");
    let event = bus
        .get(StreamName::AuditSth, entry.content.source.seq)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Hash::of(&event.payload), entry.content.digest);
    let said = chatops_schemas::codec::decode_any(&event.payload).unwrap();
    let said = said.data.to_json().unwrap();
    assert_eq!(said["by"], "Ada");
    assert_eq!(said["reason"], "restored the backup of Sunday");

    // What is changed afterwards is found as before, on both sides of the acceptance.
    for at in [4, 20] {
        let mut changed = chain.clone();
        let last = changed[at].len() - 1;
        changed[at][last] ^= 1;
        let mut verifier = Verifier::new(outside().heads().await.unwrap());
        changed.iter().for_each(|entry| verifier.entry(entry));
        let found = verifier.verdict().findings[0].entry();
        assert_eq!(found, Some(at as u64 + 1));
    }
    // And a second cut is a second finding: the first acceptance excuses the first loss only.
    let cut_again: Vec<_> = chain[..20].to_vec();
    replace(&server, &bus, StreamName::Audit, &cut_again).await;
    nothing_is_appended(&bus, append(&bus, outside(), quick())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_were_restored_with_it_go_on_where_they_end() {
    let (server, bus) = honest().await;
    // Another server gets the audit as it was, and of the decisions only the first seven.
    let chain = entries(&bus).await;
    let heads: Vec<Vec<u8>> = {
        use futures::StreamExt;
        let stored = bus
            .read_to_end(StreamName::AuditSth, "ops.v1.auditsth", 1)
            .await
            .unwrap();
        stored
            .map(|head| head.unwrap().payload.to_vec())
            .collect()
            .await
    };
    let other = NatsServer::start().await.unwrap();
    let restored = connect(&other.url()).await;
    provision(&restored).await;
    replace(&other, &restored, StreamName::Audit, &chain).await;
    replace(&other, &restored, StreamName::AuditSth, &heads).await;
    drop((server, bus));
    let appender = start(&restored);
    eventually("it says which stream ends too early", SOON, async || {
        matches!(&appender.state.borrow().phase, Phase::Waiting(why) if why.contains("OPS_"))
    })
    .await;
    // People work on before anybody looks: these lie where other decisions lay.
    for n in 1..=3 {
        decide(&restored, 100 + n).await;
        deny(&restored, 100 + n).await;
    }
    let now = accepted(&restored, &Outside::default()).await;
    assert_eq!(now.positions["OPS_CTL"], 0, "{now}");
    assert_eq!(now.positions["OPS_ACCESS"], 0, "{now}");
    grown_to(&restored, LENGTH + 1 + 6).await;
    appender.end().await;
    let verdict = verdict(&restored, &Outside::default()).await;
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!(verdict.restores.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_without_the_key_counts_for_nothing() {
    let (server, bus) = honest().await;
    cut(&server, &bus).await;
    let proposal = restore::look(&bus, []).await.unwrap();
    let other = chatops_schemas::audit::HeadKey::from_seed(&[9; 32]);
    let refused = restore::accept(&bus, &other, proposal, ("Mallory", "trust me"), &System).await;
    assert!(matches!(refused, Err(RestoreError::Key)));
    // Who may write the streams writes a genuine entry, but cannot sign a head over it.
    let restored = accepted(&bus, &Outside::default()).await;
    let chain = entries(&bus).await;
    let signed = chatops_audit::chain::heads(&bus).await.unwrap().heads;
    let before: Vec<_> = signed
        .into_iter()
        .filter(|(_, head)| head.size != restored.entry || head.time <= restored.at)
        .collect();
    let mut verifier = Verifier::new(before);
    chain.iter().for_each(|entry| verifier.entry(entry));
    let verdict = verifier.verdict();
    assert!(!verdict.restores[0].signed);
    assert!(!verdict.is_good(), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_restore_can_be_accepted() {
    let (server, bus) = honest().await;
    let refused = restore::look(&bus, []).await;
    assert!(matches!(refused, Err(RestoreError::Nothing)));
    // An entry that was changed.
    let mut chain = entries(&bus).await;
    let at = chain[9].len() - 1;
    chain[9][at] ^= 1;
    replace(&server, &bus, StreamName::Audit, &chain).await;
    match restore::look(&bus, []).await {
        Err(RestoreError::Tampered(why)) => assert!(why.contains("entry 10"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_event_that_was_changed_cannot_be_accepted() {
    let (server, bus) = honest().await;
    // The chain, rewritten with one entry about something else, under heads that fit: only the event differs.
    let mut prev = Hash::NONE;
    let mut tree = chatops_schemas::audit::Frontier::default();
    let mut chain = entries(&bus).await;
    for bytes in &mut chain {
        let mut entry = Entry::decode(bytes).unwrap();
        entry.prev = prev;
        if entry.seq == 12 {
            entry.content.actor = "user:somebody-else".to_owned();
        }
        *bytes = entry.encode();
        prev = Hash::leaf(bytes);
        tree.push(prev);
    }
    replace(&server, &bus, StreamName::Audit, &chain).await;
    let head = key().sign(&tree, chatops_schemas::clock::Clock::now(&System));
    let head = serde_json::to_vec(&head).unwrap();
    replace(&server, &bus, StreamName::AuditSth, &[head]).await;
    let found = &check::whole(&bus, []).await.unwrap().verdict.findings[0];
    assert!(
        matches!(found, Finding::Altered { first: 12, .. }),
        "{found}"
    );
    match restore::look(&bus, []).await {
        Err(RestoreError::Tampered(why)) => assert!(why.contains("entry 12"), "{why}"),
        other => panic!("{other:?}"),
    }
}
