//! A whole fleet that comes at once.

use std::time::{Duration, Instant};

use chatops_testkit::eventually;
use tokio::task::JoinSet;

use crate::{
    agent::{PATIENCE, come},
    ground::{Ground, Plan},
};

const HERD: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_agents_are_let_in_within_five_seconds() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    for n in 0..HERD {
        ground
            .book
            .issue(&format!("key{n}"), &format!("host{n}"), "secret");
    }
    let began = Instant::now();
    let mut coming = JoinSet::new();
    for n in 0..HERD {
        let url = ground.nats.url();
        coming.spawn(async move { come(&url, &format!("key{n}"), "secret").await });
    }
    let agents = coming.join_all().await;
    let took = began.elapsed();
    let refused = agents.iter().filter(|agent| agent.is_err()).count();
    println!("> {HERD} agents were let in within {took:?}");
    assert_eq!(refused, 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let roster = process.roster.clone();
    eventually("all of them are online", PATIENCE, || async {
        roster.sessions().len() == HERD
    })
    .await;
    println!(
        "> all were online {:?} after the first came",
        began.elapsed()
    );
    drop(agents);
    eventually("all of them are offline", PATIENCE, || async {
        roster.sessions().is_empty()
    })
    .await;
    process.stop().await;
}
