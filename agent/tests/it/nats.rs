//! Over NATS: an ordinary day, an outage, a crash, a wrong key, a missing permission.

use std::{collections::HashSet, path::Path};

use chatops_agent::{
    config::Capability,
    grants::{Grant, GrantFile},
    record,
    spool::{Options, Spool},
};
use chatops_schemas::{
    clock::{Clock as _, IdSource as _, System},
    envelope::Envelope,
    event::{Event as _, fact::TimedGrant, metric::Sample},
};
use chatops_testkit::{CuttingProxy, eventually};

use crate::{
    agent::{Agent, KEY_ID, SECRET},
    server::{PATIENCE, Server, permitted, server_id, users},
};

/// Bytes in the spool's segments.
fn spooled(data: &Path) -> u64 {
    let entries = std::fs::read_dir(data.join("spool"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".seg"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum()
}

/// Waits until the spool has grown `times` more times.
async fn await_growth(data: &Path, times: usize) {
    let mut sizes = HashSet::from([spooled(data)]);
    eventually("samples are spooled", PATIENCE, async || {
        sizes.insert(spooled(data));
        sizes.len() > times
    })
    .await;
}

fn numbers(samples: &[(u64, Envelope<Sample>)]) -> Vec<u64> {
    samples.iter().map(|(_, event)| event.n.unwrap()).collect()
}

fn assert_none_twice(samples: &[(u64, Envelope<Sample>)]) {
    let ids: HashSet<_> = samples.iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids.len(), samples.len(), "a sample is in the stream twice");
}

/// Longest time between two neighbours, in milliseconds, by the times at which they were taken.
fn longest_gap(samples: &[(u64, Envelope<Sample>)]) -> i64 {
    samples
        .windows(2)
        .map(|pair| pair[1].1.time.micros_since(pair[0].1.time) / 1000)
        .max()
        .unwrap()
}

#[tokio::test]
async fn an_ordinary_day() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&server.nats.url(), data.path());
    eventually("three samples arrive", PATIENCE, async || {
        server.count().await >= 3
    })
    .await;
    let samples = server.samples().await;
    let (_, first) = &samples[0];
    assert_eq!(first.server.as_ref(), Some(&server_id()));
    assert!(first.boot.is_some());
    assert!(
        first.data.cpu.as_ref().unwrap().total.is_some(),
        "the first sample has rates already"
    );
    first.data.validate().unwrap();
    assert!(numbers(&samples).is_sorted());

    eventually("the host introduces itself", PATIENCE, async || {
        server.hello().await.is_some()
    })
    .await;
    let hello = server.hello().await.unwrap().data;
    assert_eq!(
        hello.interval_ms,
        Some(1000),
        "an interval set on the host wins over the server's"
    );
    assert_eq!(hello.capabilities, ["metrics", "processes", "docker"]);
    eventually("nothing stays on disk", PATIENCE, async || {
        spooled(data.path()) == 0
    })
    .await;

    let (status, log) = agent.stop();
    assert!(status.success(), "{status}");
    assert!(!log.contains(SECRET), "the secret is in the log");
}

#[tokio::test]
async fn a_grant_is_told_while_it_lasts() {
    let server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let _agent = Agent::run(&server.nats.url(), data.path());
    let told = async |expected: &[TimedGrant]| {
        let expected = expected.to_vec();
        eventually("the server knows what is granted", PATIENCE, async || {
            let hello = server.hello().await;
            hello.is_some_and(|hello| hello.data.grants == expected)
        })
        .await;
    };
    told(&[]).await;

    let file = GrantFile::in_folder(data.path());
    let until = System.now().plus_millis(600_000);
    let capability = Capability::Exec;
    let grant = Grant { capability, until };
    file.grant(grant, System.now()).unwrap();
    let grants = file.read(System.now()).unwrap();
    told(&[TimedGrant {
        capability: "exec".to_owned(),
        until: grants[0].until,
    }])
    .await;

    file.revoke(capability, System.now()).unwrap();
    told(&[]).await;
}

#[tokio::test]
async fn after_an_outage_everything_arrives_once_with_its_original_time() {
    let mut server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&server.nats.url(), data.path());
    eventually("samples arrive", PATIENCE, async || {
        server.count().await >= 2
    })
    .await;
    server.nats.stop().await.unwrap();
    await_growth(data.path(), 4).await;
    server.nats.restart().await.unwrap();
    let before = server.count().await;
    eventually(
        "the backlog and live samples arrive",
        PATIENCE,
        async || server.count().await >= before + 6,
    )
    .await;
    eventually("the spool is empty again", PATIENCE, async || {
        spooled(data.path()) == 0
    })
    .await;
    let (status, _) = agent.stop();
    assert!(status.success());

    let samples = server.samples().await;
    assert_none_twice(&samples);
    let found = numbers(&samples);
    assert_eq!(
        found,
        (0..found.len() as u64).collect::<Vec<_>>(),
        "nothing is missing, nothing is out of order"
    );
    assert!(
        longest_gap(&samples) < 1900,
        "samples taken during the outage bear the time at which they were taken"
    );
}

#[tokio::test]
async fn after_a_crash_during_an_outage_at_most_one_sample_is_missing() {
    let mut server = Server::start().await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&server.nats.url(), data.path());
    eventually("samples arrive", PATIENCE, async || {
        server.count().await >= 2
    })
    .await;
    server.nats.kill().await.unwrap();
    await_growth(data.path(), 3).await;
    agent.kill();
    let kept = Spool::open(Options::in_folder(data.path().join("spool")))
        .unwrap()
        .len();
    assert!(kept >= 2, "{kept} samples are on disk");

    let agent = Agent::run(&server.nats.url(), data.path());
    await_growth(data.path(), 2).await;
    server.nats.restart().await.unwrap();
    eventually("the spool is empty again", PATIENCE, async || {
        spooled(data.path()) == 0
    })
    .await;
    agent.stop();
    let samples = server.samples().await;
    assert_none_twice(&samples);
    let found = numbers(&samples);
    assert!(found.is_sorted());
    // One hole, where the crash was; before and behind it nothing is missing.
    let holes = found
        .windows(2)
        .filter(|pair| pair[1] != pair[0] + 1)
        .count();
    assert_eq!(holes, 1, "{found:?}");
    let first_run = found
        .windows(2)
        .position(|pair| pair[1] != pair[0] + 1)
        .unwrap() as u64
        + 1;
    assert!(
        first_run >= kept,
        "{kept} were on disk, {first_run} of that run arrived"
    );
}

/// Fills a spool as an agent would that was offline for long: one sample a second.
fn spool_of(data: &Path, count: u64) {
    let mut spool = Spool::open(Options::in_folder(data.join("spool"))).unwrap();
    for n in 0..count {
        let age = i64::try_from(count - n).unwrap() * 1_000_000;
        let sample = Sample {
            interval_ms: Some(1000),
            ..Sample::default()
        };
        let mut event = Envelope::new(System.event_id(), System.now().plus_micros(-age), sample);
        (event.boot, event.n) = (Some("an earlier boot".into()), Some(n));
        spool.append(record::encode(&mut event).unwrap());
    }
    spool.close().unwrap();
}

#[tokio::test]
async fn a_backlog_goes_through_a_line_that_is_cut_again_and_again() {
    const BACKLOG: u64 = 2000;
    let server = Server::start().await;
    let proxy = CuttingProxy::start(server.nats.address()).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    spool_of(data.path(), BACKLOG);
    let agent = Agent::run(&format!("nats://{}", proxy.address()), data.path());
    for part in 1..=5 {
        let share = BACKLOG * part / 6;
        eventually("a part of the backlog arrives", PATIENCE, async || {
            server.count().await >= share
        })
        .await;
        proxy.cut();
    }
    eventually("all of it and live samples arrive", PATIENCE, async || {
        server.count().await >= BACKLOG + 2
    })
    .await;
    agent.stop();
    let samples = server.samples().await;
    assert_none_twice(&samples);
    let backlog: Vec<u64> = samples
        .iter()
        .filter(|(_, event)| event.boot.as_deref() == Some("an earlier boot"))
        .map(|(_, event)| event.n.unwrap())
        .collect();
    assert_eq!(backlog.len() as u64, BACKLOG);
    assert!(
        backlog.is_sorted(),
        "out of order at {:?}",
        backlog.windows(2).find(|pair| pair[0] > pair[1])
    );
    assert!(
        samples.is_sorted_by_key(|(_, event)| event.time),
        "live samples do not overtake the backlog"
    );
}

#[tokio::test]
async fn a_wrong_key_is_explained_and_tried_for_ever() {
    let mut server = Server::with(users("another", &permitted())).await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&server.nats.url(), data.path());
    eventually("the agent says why", PATIENCE, async || {
        agent.log().contains("the key is wrong or revoked")
    })
    .await;
    await_growth(data.path(), 2).await;
    server
        .nats
        .reconfigure(users(SECRET, &permitted()))
        .await
        .unwrap();
    eventually(
        "samples arrive once the key is right",
        PATIENCE,
        async || server.count().await >= 3,
    )
    .await;
    let samples = server.samples().await;
    assert_eq!(
        numbers(&samples)[0],
        0,
        "those taken before are there as well"
    );
}

#[tokio::test]
async fn a_missing_permission_is_told_in_the_servers_words() {
    let whoami = format!("ops.v1.whoami.{KEY_ID}");
    let server = Server::with(users(SECRET, &[whoami])).await;
    let data = tempfile::tempdir().unwrap();
    let agent = Agent::run(&server.nats.url(), data.path());
    eventually("the server's words reach the log", PATIENCE, async || {
        let log = agent.log().to_lowercase();
        log.contains("not known to be stored") && log.contains("permissions violation")
    })
    .await;
    await_growth(data.path(), 1).await;
}
