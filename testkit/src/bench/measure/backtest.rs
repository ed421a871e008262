//! How long somebody waits who asks what a rule would have done in the last month: over REST, from the tables, on every
//! reading of one server.
//!
//! A day of readings goes in as any other; the days before are copies of it that the database makes, moved back in time.

use std::time::Instant;

use anyhow::{Context, bail};
use chatops_schemas::clock::{Clock, System};
use serde_json::json;

use crate::bench::{
    fleet::Shape,
    installation::Installation,
    measure::ingest::{Field, Via},
    options::Options,
    report::{Limit, Report, Row, Target},
    stats::Rounds,
    timeline::INTERVAL_MS,
};

/// What goes in by itself: within what is accepted of the past.
const HOURS: i64 = 22;
/// Copies of it: a little over thirty days with the first.
const COPIES: i64 = 32;
const DAYS: i64 = 30;
const WORDINGS: [&str; 2] = ["cpu > 90 for 5m", "fs:*:share >= 95 clear 92 for 5m"];

/// Adds a row for a number of the host and one for all its filesystems.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    installation.run("admin retention --raw 60 --minutes 90")?;
    // Each of the generator's two connections carries a host; the second one's history stays a day.
    let enrolled = installation.enrol(2, false).await?;
    let server = &enrolled[0].server;
    let start = System.now().plus_millis(-HOURS * 3_600_000);
    let mut field =
        Field::prepare(installation, &enrolled, Shape::Full, Via::Gateway, start).await?;
    field
        .send(enrolled.len() * usize::try_from(HOURS * 3_600_000 / INTERVAL_MS)?)
        .await?;
    field.database.committed().await?;
    let server_pk = field.database.server_pk(server.as_str()).await?;
    field
        .database
        .repeat_backwards(server_pk, HOURS, COPIES)
        .await?;
    let from = System.now().plus_millis(-DAYS * 24 * 3_600_000);
    let mut rest = installation.rest();
    for wording in WORDINGS {
        let (mut ours, mut bare, mut readings) = (Rounds::default(), Rounds::default(), 0);
        let body = json!({ "wording": wording, "server_ids": [server], "from": from.rfc3339() });
        for _ in 0..=options.rounds {
            let began = Instant::now();
            let answer = rest.post("/api/v1/alerts/rules/trial", &body).await?;
            let took = began.elapsed().as_secs_f64();
            let answer = answer.json().context("try a rule")?;
            let tried = &answer["servers"][0];
            readings = tried["readings"].as_u64().unwrap_or(0);
            if tried["complete"] != true || readings < 500_000 {
                bail!("not everything was looked at: {tried}");
            }
            ours.push(took);
            let began = Instant::now();
            field.database.copy_out(server_pk, &from.rfc3339()).await?;
            bare.push(began.elapsed().as_secs_f64());
        }
        report.add(Row {
            measure: format!("`{wording}` tried on {DAYS} days of one server"),
            unit: "s",
            durability,
            ours,
            limit: Some(Limit {
                what:
                    "copying time, processor and filesystems of the same rows out of the database"
                        .to_owned(),
                figure: bare,
            }),
            targets: vec![Target::AtMost(1.0)],
            note: format!("{readings} readings of 200 values, over REST"),
            ..Row::default()
        });
    }
    Ok(())
}
