//! One entry per event, whatever dies.

use std::{collections::BTreeSet, time::Duration};

use chatops_audit::{check, state::Phase};
use chatops_bus::StreamName;
use chatops_schemas::audit::{Entry, Outcome};
use chatops_testkit::{CuttingProxy, eventually};

use crate::ground::{self, SOON, arrive, decide, deny, entries, grown_to, sources, start};

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_entered_and_what_is_nobodys_decision_is_not() {
    let (_server, bus) = ground::server().await;
    decide(&bus, 1).await;
    arrive(&bus, 2).await;
    let appender = start(&bus);
    deny(&bus, 3).await;
    grown_to(&bus, 3).await;
    appender.end().await;

    let chain = entries(&bus).await;
    let found: BTreeSet<_> = sources(&chain).into_iter().collect();
    let expected = [("OPS_CTL", 1), ("OPS_FACT", 2), ("OPS_ACCESS", 1)];
    assert_eq!(
        found,
        expected
            .map(|(stream, seq)| (stream.to_owned(), seq))
            .into()
    );
    let said = |action: &str| {
        let mut all = chain.iter().map(|entry| Entry::decode(entry).unwrap());
        all.find(|entry| entry.content.action == action)
            .unwrap()
            .content
    };
    let denied = said("access.denied");
    assert_eq!(
        (
            denied.actor.as_str(),
            denied.target.as_str(),
            denied.outcome
        ),
        ("user:test", "server:web-3", Outcome::Denied)
    );
    assert_eq!(denied.address.as_deref(), Some("192.0.2.7"));

    // Stopping signs what is there.
    let report = check::whole(&bus, []).await.unwrap();
    assert!(report.verdict.is_good(), "{:?}", report.verdict.findings);
    assert_eq!((report.verdict.signed, report.events), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_appenders_that_are_killed_over_and_over_leave_one_entry_per_event() {
    const EVENTS: u64 = 600;
    let (server, bus) = ground::server().await;
    let writer = {
        let bus = bus.clone();
        tokio::spawn(async move {
            for n in 1..=EVENTS {
                decide(&bus, n).await;
                if n % 3 == 0 {
                    deny(&bus, n).await;
                }
            }
        })
    };
    let (one, two) = (
        ground::bus(&server.url()).await,
        ground::bus(&server.url()).await,
    );
    let mut kills = 0;
    for round in 1_u64.. {
        let running = [start(&one), start(&two)];
        let before = bus.stream_info(StreamName::Audit).await.unwrap().messages;
        // So that each round dies elsewhere in its work.
        let target = (before + 1 + round * 7 % 31).min(EVENTS + EVENTS / 3);
        grown_to(&bus, target).await;
        kills += running.len();
        running.into_iter().for_each(ground::Running::kill);
        if writer.is_finished() && target == EVENTS + EVENTS / 3 {
            break;
        }
    }
    writer.await.unwrap();
    // A last one finds nothing left to do.
    let last = start(&bus);
    eventually("it runs", SOON, async || {
        last.state.borrow().phase == Phase::Running
    })
    .await;
    last.end().await;

    let chain = entries(&bus).await;
    let all = sources(&chain);
    let distinct: BTreeSet<_> = all.iter().collect();
    println!(
        "appenders killed: {kills}, events: {}, entries: {}, doubled: {}",
        EVENTS + EVENTS / 3,
        all.len(),
        all.len() - distinct.len()
    );
    assert_eq!(all.len(), distinct.len());
    assert_eq!(distinct.len() as u64, EVENTS + EVENTS / 3);
    let report = check::whole(&bus, []).await.unwrap();
    assert!(report.verdict.is_good(), "{:?}", report.verdict.findings);
    assert_eq!(report.events, EVENTS + EVENTS / 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_loses_and_doubles_nothing() {
    const EVENTS: u64 = 300;
    let (server, bus) = ground::server().await;
    let proxy = CuttingProxy::start(server.address()).await.unwrap();
    proxy.delay(Duration::from_millis(5));
    let behind = ground::bus(&proxy.replace_in(&server.url())).await;
    let (cut, rival) = (start(&behind), start(&bus));
    let mut cuts = 0;
    for n in 1..=EVENTS {
        decide(&bus, n).await;
        if n % 40 == 0 {
            cuts += proxy.cut();
        }
        if n == EVENTS / 2 {
            // From now on only the one that is cut off again and again.
            rival.task.abort();
        }
    }
    grown_to(&bus, EVENTS).await;
    cut.end().await;
    let all = sources(&entries(&bus).await);
    println!("cuts: {cuts}, events: {EVENTS}, entries: {}", all.len());
    assert!(cuts > 0);
    let expected: Vec<_> = (1..=EVENTS)
        .map(|seq| ("OPS_CTL".to_owned(), seq))
        .collect();
    assert_eq!(all, expected);
    let report = check::whole(&bus, []).await.unwrap();
    assert!(report.verdict.is_good(), "{:?}", report.verdict.findings);
}
