//! What people ask over REST: a day of one host, and the page of the whole fleet.

use anyhow::{Context, bail};
use chatops_schemas::clock::{Clock, System};
use std::time::Duration;

use super::ingest::{Field, Via};
use crate::bench::{
    fleet::Shape,
    installation::{Enrolled, Installation},
    options::Options,
    report::{Limit, Report, Row, Target},
    stats::{Rounds, quantile},
    timeline::INTERVAL_MS,
};

/// Hosts with a whole day behind them; questions go round among them.
pub(in crate::bench) const HOSTS: usize = 10;
const DAY_MS: i64 = 24 * 3_600_000;
/// So that the oldest sample is still young enough when it arrives.
const MARGIN_MS: i64 = 10 * 60_000;
const WARM_UP: usize = 20;

/// Adds the rows. The last [`HOSTS`] of the enrolled servers have not reported yet.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let silent = &enrolled[enrolled.len() - HOSTS..];
    let start = System.now().plus_millis(MARGIN_MS - DAY_MS);
    let mut field = Field::prepare(installation, silent, Shape::Small, Via::Gateway, start).await?;
    field
        .send(silent.len() * usize::try_from((DAY_MS - MARGIN_MS) / INTERVAL_MS)?)
        .await?;
    field.database.committed().await?;
    if !field.database.rolled_up(Duration::from_secs(90)).await? {
        bail!("the roll-ups of a day were not done in time");
    }
    history(
        installation,
        &mut field,
        silent,
        durability,
        options,
        report,
    )
    .await?;
    fleet_page(installation, enrolled.len(), durability, options, report).await
}

async fn history(
    installation: &Installation,
    field: &mut Field,
    hosts: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let count = options.scale(500, 200);
    let mut rest = installation.rest();
    let mut keys = Vec::new();
    for host in hosts {
        keys.push(field.database.server_pk(host.server.as_str()).await?);
    }
    let (mut p50, mut p99, mut bare50, mut bare99) = (
        Rounds::default(),
        Rounds::default(),
        Rounds::default(),
        Rounds::default(),
    );
    let mut resolution = String::new();
    for _ in 0..options.rounds {
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for n in 0..WARM_UP + count {
            let host = n % hosts.len();
            let path = format!(
                "/api/v1/metrics/{}/history?from=now-24h&series=cpu&max_points=288",
                hosts[host].server
            );
            ours.push(rest.timed(&path).await?);
            bare.push(field.database.bare_history(keys[host]).await?);
            if n == 0 {
                let answer = rest.get(&path).await?.json()?;
                let points = answer["t"].as_array().map_or(0, Vec::len);
                if points < 200 {
                    bail!("a day has only {points} points: {answer}");
                }
                resolution = format!(
                    "{} points from {}",
                    points,
                    answer["resolution"].as_str().unwrap_or("?")
                );
            }
        }
        let (mut ours, mut bare) = (ours.split_off(WARM_UP), bare.split_off(WARM_UP));
        p50.push(quantile(&mut ours, 0.5));
        p99.push(quantile(&mut ours, 0.99));
        bare50.push(quantile(&mut bare, 0.5));
        bare99.push(quantile(&mut bare, 0.99));
    }
    for (name, ours, bare, most) in [("p50", p50, bare50, 2.0), ("p99", p99, bare99, 6.0)] {
        report.add(Row {
            measure: format!("history over REST: one host, one series, 24 h at 5 min, {name}"),
            unit: "ms",
            durability,
            ours,
            limit: Some(Limit {
                what: format!("the bare SQL, prepared, {name}"),
                figure: bare,
            }),
            targets: vec![Target::AtMost(most)],
            note: format!(
                "{resolution}; {} questions a round to {} hosts in turn",
                count,
                hosts.len()
            ),
            ..Row::default()
        });
    }
    Ok(())
}

async fn fleet_page(
    installation: &Installation,
    servers: usize,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut rest = installation.rest();
    let page = rest.get("/api/v1/servers?limit=1000").await?;
    let bytes = page.body.len();
    let shown = page.json()?["servers"]
        .as_array()
        .map(Vec::len)
        .context("the page has no servers")?;
    let (mut p50, mut p99) = (Rounds::default(), Rounds::default());
    for _ in 0..options.rounds {
        let mut times = Vec::new();
        for _ in 0..options.scale(60, 25) {
            times.push(rest.timed("/api/v1/servers?limit=1000").await?);
        }
        let mut times = times.split_off(5);
        p50.push(quantile(&mut times, 0.5));
        p99.push(quantile(&mut times, 0.99));
    }
    for (name, ours, targets) in [
        ("p50", p50, vec![Target::AtMost(10.0)]),
        ("p99", p99, Vec::new()),
    ] {
        report.add(Row {
            measure: format!("fleet page over REST, {shown} of {servers} servers, {name}"),
            unit: "ms",
            durability,
            ours,
            targets,
            note: format!("{:.0} kB of JSON with newest values", bytes as f64 / 1e3),
            ..Row::default()
        });
    }
    Ok(())
}
