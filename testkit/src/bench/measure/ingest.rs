//! Samples from agents into the stream and from there into committed rows: how many a second, at what price, and whether
//! all of them arrive.
//!
//! Time runs from the first publish until every row is committed. The price counts every process of the installation:
//! nats-server, PostgreSQL with all its sessions and writers, and ChatOps with all its roles.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chatops_schemas::clock::{Clock, System, Timestamp};

use crate::bench::{
    database::Database,
    fleet::{self, Host, Shape},
    installation::{Enrolled, Installation, agent_login},
    limit,
    options::Options,
    process::Cpu,
    report::{Limit, Report, Row, Target},
    stats::Rounds,
    timeline::{Time, Timeline},
    wire::{Login, Pace, Wire},
};

/// How far back hosts begin to report: within what is accepted, and long enough for every round.
const HISTORY_HOURS: i64 = 22;
/// How long roll-ups may go on after a round.
const ROLLUPS: Duration = Duration::from_secs(60);

/// One way of loading.
pub(in crate::bench) struct Load {
    pub(in crate::bench) shape: Shape,
    pub(in crate::bench) durability: &'static str,
    /// Samples of one round.
    pub(in crate::bench) samples: usize,
    pub(in crate::bench) via: Via,
}

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Via {
    /// Two connections that carry all hosts, as two scrapers or a gateway would: how the peers were measured.
    Gateway,
    /// Every host's agent with its own connection and key.
    Agents,
}

/// Generator, database and bus of one installation.
pub(in crate::bench) struct Field {
    lines: Vec<(Wire, Timeline)>,
    pub(in crate::bench) database: Database,
    window: usize,
    sent: usize,
}

impl Field {
    /// Connects everything.
    pub(in crate::bench) async fn prepare(
        installation: &Installation,
        enrolled: &[Enrolled],
        shape: Shape,
        via: Via,
        start: Timestamp,
    ) -> anyhow::Result<Self> {
        let service = installation.service()?;
        let start = Time::From(start);
        let hosts = enrolled
            .iter()
            .enumerate()
            .map(|(n, e)| Host::new(e.server.clone(), shape, n as u64));
        let hosts: Vec<Host> = hosts.collect::<anyhow::Result<_>>()?;
        let mut lines = Vec::new();
        let window = match via {
            Via::Gateway => {
                let half = hosts.len() / 2;
                let mut hosts = hosts;
                for (part, seed) in [(hosts.split_off(half), 1), (hosts, 2)] {
                    let wire = Wire::connect(installation.nats, Some(&service)).await?;
                    lines.push((wire, Timeline::new(part, start, seed)));
                }
                2000
            }
            Via::Agents => {
                let logins = enrolled
                    .iter()
                    .map(|e| agent_login(e.key.as_deref().unwrap_or_default()));
                let logins: Vec<Login> = logins.collect::<anyhow::Result<_>>()?;
                let wires = logins
                    .iter()
                    .map(|login| Wire::connect(installation.nats, Some(login)));
                let wires = futures::future::try_join_all(wires)
                    .await
                    .context("connect the agents")?;
                let each = wires.into_iter().zip(hosts).enumerate();
                lines.extend(each.map(|(n, (wire, host))| {
                    (wire, Timeline::new(vec![host], start, 1000 + n as u64))
                }));
                4
            }
        };
        let database = installation.open_database().await?;
        Ok(Self {
            lines,
            database,
            window,
            sent: 0,
        })
    }

    /// Sends samples and waits until all are stored.
    pub(in crate::bench) async fn send(&mut self, samples: usize) -> anyhow::Result<usize> {
        let share = samples.div_ceil(self.lines.len());
        let window = self.window;
        let pumps = self.lines.iter_mut().map(|(wire, timeline)| async move {
            timeline.grant(share);
            wire.pump(timeline, Pace { window, rate: None }).await
        });
        let pumped = futures::future::try_join_all(pumps).await?;
        let stored = usize::try_from(pumped.iter().map(|pumped| pumped.stored).sum::<u64>())?;
        if stored != share * self.lines.len() {
            bail!(
                "{stored} of {} samples were acknowledged",
                share * self.lines.len()
            );
        }
        self.sent += stored;
        Ok(stored)
    }

    /// Bytes of one event.
    pub(in crate::bench) fn event_bytes(&self) -> usize {
        self.lines
            .first()
            .map_or(0, |(_, timeline)| timeline.event_bytes())
    }

    /// Fails unless every sample sent is a row.
    pub(in crate::bench) async fn check(&mut self) -> anyhow::Result<usize> {
        let (rows, parked) = self.database.counts().await?;
        if usize::try_from(rows)? < self.sent || parked > 0 {
            bail!(
                "{} samples were acknowledged, {rows} are rows and {parked} were parked",
                self.sent
            );
        }
        Ok(self.sent)
    }
}

#[derive(Default)]
struct Figures {
    samples: Rounds,
    values: Rounds,
    cpu: Rounds,
    cpu_later: Rounds,
    bare_publish: Rounds,
    bare_rows: Rounds,
    bare_cpu: Rounds,
    used: Cpu,
    seconds: f64,
}

/// Measures one load on a running installation and adds its rows.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    enrolled: &[Enrolled],
    load: &Load,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let start = System.now().plus_millis(-HISTORY_HOURS * 3_600_000);
    let mut field = Field::prepare(installation, enrolled, load.shape, load.via, start).await?;
    // Caches, layouts and chunks are made once, not in a round.
    field.send(load.samples.min(2 * enrolled.len())).await?;
    field.database.committed().await?;
    let mut figures = Figures::default();
    for _ in 0..options.rounds {
        round(installation, &mut field, load, &mut figures).await?;
    }
    let checked = field.check().await?;
    add_rows(load, &figures, checked, field.event_bytes(), report);
    Ok(())
}

async fn round(
    installation: &Installation,
    field: &mut Field,
    load: &Load,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let servers = installation.servers()?;
    let per_sample = fleet::values(load.shape) as f64;

    let (before, began) = (servers.cpu(), Instant::now());
    let sent = field.send(load.samples).await? as f64;
    field.database.committed().await?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), servers.cpu().since(before));
    let millions = sent * per_sample / 1e6;
    figures.samples.push(sent / seconds);
    figures.values.push(sent * per_sample / seconds);
    figures.cpu.push(cpu.servers() / millions);
    figures.used = figures.used.plus(cpu);
    figures.seconds += seconds;

    field.database.rolled_up(ROLLUPS).await?;
    figures
        .cpu_later
        .push(servers.cpu().since(before).servers() / millions);

    let service = installation.service()?;
    let before = servers.cpu();
    let published = sent as u64;
    let publish = limit::bus::publish(
        installation.nats,
        Some(&service),
        field.event_bytes(),
        published,
        2,
        4000,
    )
    .await?;
    let publish_cpu = servers.cpu().since(before).nats / sent;
    figures.bare_publish.push(publish);
    if load.shape == Shape::Small {
        let (before, rows) = (servers.cpu(), load.samples);
        figures
            .bare_rows
            .push(limit::rows::insert(&installation.database()?, rows, 2, System.now()).await?);
        let rows_cpu = servers.cpu().since(before).postgres / rows as f64;
        figures
            .bare_cpu
            .push((publish_cpu + rows_cpu) / per_sample * 1e6);
    }
    Ok(())
}

fn add_rows(
    load: &Load,
    figures: &Figures,
    checked: usize,
    event_bytes: usize,
    report: &mut Report,
) {
    let values = fleet::values(load.shape);
    let who = match load.via {
        Via::Gateway => "two connections",
        Via::Agents => "one connection and key per agent",
    };
    let name = format!("{values} values a sample, {who}");
    let row = |measure: String, unit, ours: &Rounds| Row {
        measure,
        unit,
        durability: load.durability,
        ours: ours.clone(),
        ..Row::default()
    };
    let limit = |what: &str, figure: &Rounds| {
        Some(Limit {
            what: what.to_owned(),
            figure: figure.clone(),
        })
    };
    let targets = |small: f64, full: f64, make: fn(f64) -> Target| match (load.shape, load.via) {
        (Shape::Small, Via::Gateway) => vec![make(small)],
        (Shape::Full, Via::Agents) => vec![make(full)],
        _ => Vec::new(),
    };
    report.add(Row {
        limit: limit("bare publish of as many bytes, messages/s", &figures.bare_publish),
        cpu: Some(figures.used),
        seconds: figures.seconds,
        note: format!("{event_bytes} bytes an event; nothing lost: {checked} acknowledged, all of them rows, none parked"),
        ..row(format!("{name}: samples to rows"), "samples/s", &figures.samples)
    });
    report.add(Row {
        limit: (figures.bare_rows.count() > 0).then(|| Limit {
            what: "bare UNNEST into such a table, 2 writers, values/s".to_owned(),
            figure: figures.bare_rows.scaled(values as f64),
        }),
        targets: targets(1e6, 5e5, Target::AtLeast),
        ..row(
            format!("{name}: values to rows"),
            "values/s",
            &figures.values,
        )
    });
    let mut price = row(
        format!("{name}: price"),
        "CPU s / million values",
        &figures.cpu,
    );
    price.limit = (figures.bare_cpu.count() > 0)
        .then(|| {
            limit(
                "bare publish + bare UNNEST, servers only",
                &figures.bare_cpu,
            )
        })
        .flatten();
    if load.via == Via::Gateway && load.shape == Shape::Small {
        price.targets = vec![Target::AtMost(0.8)];
    }
    price.note = format!(
        "with the roll-ups that follow: {:.2}",
        figures.cpu_later.median()
    );
    report.add(price);
}
