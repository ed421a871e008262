//! A thousand browsers that all show the whole fleet: how many updates reach them a second, coalesced per socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures::{StreamExt, TryStreamExt};
use tokio::{task::JoinSet, time::sleep};

use super::live::browser;
use crate::bench::{
    browser::{Counter, Socket},
    fleet::{Host, Shape},
    installation::{Enrolled, Installation},
    limit::broadcast::Broadcast,
    options::Options,
    process::{self, Cpu},
    report::{Limit, Report, Row, Target},
    rest::Rest,
    stats::Rounds,
    timeline::{Time, Timeline},
    wire::{Pace, Wire},
};

const SOCKETS: usize = 1000;
/// Sockets that are being opened at the same time.
const OPENING: usize = 32;
/// Samples a second that are offered; the best result of a round counts.
const OFFERED: [f64; 3] = [1500.0, 3000.0, 4500.0];
const WARM_UP: Duration = Duration::from_secs(2);

/// Adds the row.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let window = Duration::from_secs(options.scale(5, 3));
    let hosts = enrolled
        .iter()
        .enumerate()
        .map(|(n, e)| Host::new(e.server.clone(), Shape::Small, n as u64));
    let mut timeline = Timeline::new(hosts.collect::<anyhow::Result<_>>()?, Time::Now, 99);
    let mut wire = Wire::connect(installation.nats, Some(&installation.service()?)).await?;
    let servers = installation.servers()?;

    let (mut ours, mut best_rate, mut used, mut seconds) =
        (Rounds::default(), 0.0, Cpu::default(), 0.0);
    let opened = open(|| browser(installation))
        .await
        .context("open a thousand sockets")?;
    let updates = listen(opened, "\"k\":\"row\"");
    let memory = process::resident(servers.chatops.unwrap_or_default()).unwrap_or_default();
    for _ in 0..options.rounds {
        let (mut best, mut cpu) = (0.0, Cpu::default());
        for rate in OFFERED {
            let before = servers.cpu();
            timeline.grant((rate * (WARM_UP + window).as_secs_f64()) as usize);
            let pump = wire.pump(
                &mut timeline,
                Pace {
                    window: 4000,
                    rate: Some(rate),
                },
            );
            let (pumped, delivered) = tokio::join!(pump, updates.rate(WARM_UP, window));
            pumped?;
            let delivered = delivered?;
            if delivered > best {
                (best, best_rate, cpu) = (delivered, rate, servers.cpu().since(before));
            }
        }
        ours.push(best);
        used = used.plus(cpu);
        seconds += (WARM_UP + window).as_secs_f64();
    }
    updates.stop();

    let bare = broadcast(options.rounds, window).await?;
    report.add(Row {
        measure: format!("{SOCKETS} browser sockets that show {} servers: updates delivered", enrolled.len()),
        unit: "updates/s",
        durability,
        ours,
        limit: Some(Limit { what: "bare coalescing axum broadcast".to_owned(), figure: bare }),
        targets: vec![Target::AtLeast(1e6), Target::ShareAtLeast(0.5)],
        cpu: Some(used),
        seconds,
        note: format!("best of {OFFERED:?} samples/s offered: {best_rate}; ChatOps holds {:.0} MB with all sockets open", memory as f64 / 1e6),
    });
    Ok(())
}

/// The broadcast by itself.
pub(in crate::bench) async fn bare(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.add(Row {
        measure: format!("bare coalescing axum broadcast to {SOCKETS} sockets"),
        unit: "updates/s",
        ours: broadcast(options.rounds, Duration::from_secs(options.scale(5, 3))).await?,
        ..Row::default()
    });
    Ok(())
}

async fn broadcast(rounds: usize, window: Duration) -> anyhow::Result<Rounds> {
    let broadcast = Broadcast::start()?;
    let opened = open(|| Socket::open(broadcast.address, "/updates")).await?;
    let frames = listen(opened, "");
    Rest::new(broadcast.address, None)
        .post("/go", &serde_json::Value::Null)
        .await?;
    let mut figure = Rounds::default();
    for _ in 0..rounds {
        figure.push(frames.rate(WARM_UP, window).await?);
    }
    frames.stop();
    Ok(figure)
}

async fn open<F: Future<Output = anyhow::Result<Socket>>>(
    one: impl Fn() -> F,
) -> anyhow::Result<Vec<Socket>> {
    futures::stream::iter((0..SOCKETS).map(|_| one()))
        .buffer_unordered(OPENING)
        .try_collect()
        .await
}

/// Sockets that are read for as long as this lives.
struct Listening {
    tasks: JoinSet<anyhow::Result<()>>,
    count: Arc<AtomicU64>,
}

/// Counts `needle` in what arrives, or frames when it is empty.
fn listen(sockets: Vec<Socket>, needle: &'static str) -> Listening {
    let count = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for socket in sockets {
        let count = Arc::clone(&count);
        tasks.spawn(async move {
            let mut counter = Counter::new(needle);
            if needle.is_empty() {
                return socket.frames(&count).await;
            }
            let look = |body: &[u8]| {
                let before = counter.found;
                counter.look(body);
                count.fetch_add(counter.found - before, Ordering::Relaxed);
            };
            socket.drain(look).await
        });
    }
    Listening { tasks, count }
}

impl Listening {
    /// Counted a second, after a while.
    async fn rate(&self, warm_up: Duration, window: Duration) -> anyhow::Result<f64> {
        sleep(warm_up).await;
        let (before, began) = (self.count.load(Ordering::Relaxed), Instant::now());
        sleep(window).await;
        let counted = self.count.load(Ordering::Relaxed) - before;
        let rate = counted as f64 / began.elapsed().as_secs_f64();
        if self.tasks.len() < SOCKETS {
            bail!("a socket ended");
        }
        Ok(rate)
    }

    fn stop(mut self) {
        self.tasks.abort_all();
    }
}
