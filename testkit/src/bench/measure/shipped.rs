//! Log lines from a file on a host to rows: read, joined, batched and spooled by a real agent, stored, projected.

use std::{
    fs::{self, File},
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::time::sleep;

use crate::{
    bench::{
        agent::Agent,
        installation::Installation,
        limit,
        options::Options,
        report::{Limit, Report, Row},
        stats::Rounds,
    },
    scratch_dir,
};

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(10);
/// About a hundred bytes, as lines of services are.
const LINE: &str = "2026-11-23T06:00:00.123Z INFO request served method=GET path=/api/v1/orders/4711 status=200 took_ms=12";

/// Adds the row.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let folder = scratch_dir()?;
    let path = folder.join("service.log");
    fs::write(&path, "").context("make a log file")?;
    let settings = format!(
        "[[logs]]\nname = \"bench\"\nfiles = [{path:?}]\nstart = \"beginning\"\nrate = 200000\n"
    );
    let _agent = Agent::start(installation, "shipped logs", &settings, options).await?;
    let mut database = installation.open_database().await?;
    let count = options.scale(200_000, 60_000);
    let lines = format!("{LINE}\n").repeat(count);
    let mut file = File::options()
        .append(true)
        .open(&path)
        .context("open a log file")?;
    let servers = installation.servers()?;
    let (mut ours, mut bare, mut used, mut seconds) =
        (Rounds::default(), Rounds::default(), None, 0.0);
    let mut wanted = 0;
    for _ in 0..options.rounds {
        wanted += i64::try_from(count)?;
        let (before, began) = (servers.cpu(), Instant::now());
        file.write_all(lines.as_bytes())
            .context("write log lines")?;
        loop {
            let rows = database
                .number("SELECT coalesce(sum(lines), 0)::bigint FROM log_counts")
                .await?;
            if rows >= wanted {
                break;
            }
            if began.elapsed() > PATIENCE {
                let dropped = database
                    .number("SELECT coalesce(sum(lines), 0)::bigint FROM log_drops")
                    .await?;
                bail!("of {wanted} lines {rows} are rows and {dropped} were dropped");
            }
            sleep(PAUSE).await;
        }
        let took = began.elapsed().as_secs_f64();
        ours.push(count as f64 / took);
        seconds += took;
        let cpu = servers.cpu().since(before);
        used = Some(used.map_or(cpu, |used: crate::bench::process::Cpu| used.plus(cpu)));
        bare.push(limit::lines::insert(&installation.database()?, count, LINE).await?);
    }
    report.add(Row {
        measure: "shipped logs: lines of a file to rows".to_owned(),
        unit: "lines/s",
        durability,
        ours,
        limit: Some(Limit {
            what: "bare UNNEST into such a table, lines/s".to_owned(),
            figure: bare,
        }),
        cpu: used,
        seconds,
        note: format!(
            "{count} lines of {} bytes a round, written at once; the agent's own rate limit is raised to 200,000",
            LINE.len()
        ),
        ..Row::default()
    });
    Ok(())
}
