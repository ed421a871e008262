//! What alert rules cost: ten thousand hosts with full samples, twenty rules on each, evaluated by a process that does
//! nothing else. Ordinary alerts come up on the way; what they cost is in it.
//!
//! Hosts report as fast as they are taken, with times five seconds apart: the evaluator goes by those, and its processor
//! time is what counts. It is set against the time that passes between the readings.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::BytesMut;
use chatops_schemas::{
    clock::{Clock, System},
    codec,
    event::metric::Sample,
};
use serde_json::json;

use crate::bench::{
    fleet::{Host, Ids, Shape},
    installation::{Enrolled, Installation},
    measure::ingest::{Field, Via},
    options::Options,
    process,
    report::{Limit, Report, Row, Target},
    stats::Rounds,
    timeline::INTERVAL_MS,
};

/// Hosts.
pub(in crate::bench) const HOSTS: usize = 10_000;
/// Readings of each host in a round.
const TURNS: usize = 3;
/// Events that are decoded for the yardstick.
const DECODED: usize = 20_000;

/// What people watch: numbers of the host and of each of its devices, waiting, with clear values, over windows, combined.
const RULES: [&str; 20] = [
    "cpu >= 90 clear 80 for 15m",
    "cpu > 95 for 5m",
    "avg(cpu, 10m) > 85 for 5m",
    "mem >= 97 clear 94 for 5m",
    "mem >= 90 clear 85 for 10m",
    "swap >= 60 clear 40 for 10m",
    "load1 > 16 for 10m",
    "psi_cpu >= 50 clear 30 for 15m",
    "psi_io >= 40 clear 20 for 15m",
    "fs:*:share >= 95 clear 92 for 5m",
    "fs:*:share >= 90 clear 85 for 5m",
    "fs:*:inodes_share >= 90 clear 85 for 5m",
    "fs:/var*:share >= 80 for 30m",
    "temp:*:celsius >= 90 clear 80 for 2m",
    "temp:*:celsius >= 80 clear 75 for 10m",
    "avg(net:*:rx_errors, 5m) > 1 for 10m",
    "net:eth0:rx > 100000000 for 5m",
    "disk:*:util > 90 for 10m",
    "cpu > 80 and load1 > 8 for 5m",
    "processes > 2000 for 10m",
];

/// Saves the rules, for all servers.
async fn save_rules(installation: &Installation) -> anyhow::Result<()> {
    let mut rest = installation.rest();
    for wording in RULES {
        let rule =
            json!({ "name": wording, "severity": "warning", "scope": "all", "wording": wording });
        let answer = rest.post("/api/v1/alerts/rules", &rule).await?;
        answer
            .json()
            .with_context(|| format!("save the rule {wording:?}"))?;
    }
    Ok(())
}

/// Measures on an installation whose evaluator runs in the process `evaluator`.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    evaluator: u32,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    save_rules(installation).await?;
    let rounds = options.scale(options.rounds, 2);
    let turns = TURNS * rounds + 1;
    let start = System.now().plus_millis(-(turns as i64) * INTERVAL_MS);
    let mut field =
        Field::prepare(installation, enrolled, Shape::Full, Via::Gateway, start).await?;
    // Every host is met once: what is known of it is made then.
    field.send(enrolled.len()).await?;
    field.database.evaluated().await?;
    let (mut share, mut rate, mut decoding) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..rounds {
        let before = process::alone(evaluator);
        let sent = field.send(enrolled.len() * TURNS).await? as f64;
        field.database.evaluated().await?;
        let used = process::alone(evaluator) - before;
        let readings_a_second = enrolled.len() as f64 / (INTERVAL_MS as f64 / 1000.0);
        share.push(used / sent * readings_a_second * 100.0);
        rate.push(sent * RULES.len() as f64 / used);
        decoding.push(decode(&enrolled[0])? * readings_a_second * 100.0);
    }
    field.database.committed().await?;
    field.check().await?;
    let raised = field.database.number("SELECT count(*) FROM alerts").await?;
    let note = format!(
        "{} hosts, events of {} bytes, process of its own, {raised} alerts raised meanwhile",
        enrolled.len(),
        field.event_bytes()
    );
    report.add(Row {
        measure: format!(
            "evaluating {} rules on {HOSTS} hosts every 5 s",
            RULES.len()
        ),
        unit: "% of a core",
        durability,
        ours: share,
        limit: Some(Limit {
            what: "decoding the same events and nothing else".to_owned(),
            figure: decoding,
        }),
        targets: vec![Target::AtMost(50.0)],
        note,
        ..Row::default()
    });
    report.add(Row {
        measure: "rules evaluated on a reading".to_owned(),
        unit: "a second of processor time",
        durability,
        ours: rate,
        note: "a rule on all devices of a host counts once".to_owned(),
        ..Row::default()
    });
    Ok(())
}

/// Seconds to decode one event.
fn decode(of: &Enrolled) -> anyhow::Result<f64> {
    let mut host = Host::new(of.server.clone(), Shape::Full, 7)?;
    let mut ids = Ids::new(11);
    let (mut spent, mut event) = (Duration::ZERO, BytesMut::new());
    for _ in 0..DECODED {
        let now = System.now();
        event.clear();
        host.write(&mut event, ids.next(now), now);
        let began = Instant::now();
        let decoded = codec::decode::<Sample>(&event).context("decode a sample")?;
        spent += began.elapsed();
        std::hint::black_box(decoded);
    }
    Ok(spent.as_secs_f64() / DECODED as f64)
}
