//! Logs of containers to the browser: how fast one is followed through a real engine, and what an agent weighs that follows
//! many. Needs an engine of its own; says so where none can run.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use memchr::memmem;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    ContainerEngine,
    bench::{
        agent::Agent,
        browser::{Data, Socket},
        installation::Installation,
        limit::engine::Follow,
        options::Options,
        process,
        report::{Limit, Report, Row, Target},
        stats::Rounds,
    },
};

const PATIENCE: Duration = Duration::from_secs(60);
/// As the issue names it.
const LINES: u64 = 200_000;
/// About a hundred bytes with the engine's time before it.
const LINE: &str = "GET /api/v1/orders/4711 200 12ms trace=8f14e45fceea167a5a36dedd4bea2543 ok";
const READY: &str = "ready to write";
/// Containers that are followed at the same time.
const MANY: usize = 20;
/// What the agent's memory may do meanwhile is looked at for so long.
const WATCHED: Duration = Duration::from_secs(6);
const PAUSE: Duration = Duration::from_millis(100);
/// Set by whoever knows that no engine can run here: why.
const NO_ENGINE: &str = "CHATOPS_NO_ENGINE";

/// A view of a container's log, as a browser opens it.
struct View {
    socket: Socket,
    dropped: u64,
}

impl View {
    async fn open(
        installation: &Installation,
        server: &str,
        container: &str,
    ) -> anyhow::Result<Self> {
        let path = format!("/api/v1/ws/containers/{server}/{container}/logs");
        let mut socket = Socket::open(installation.http, &path).await?;
        let auth = json!({ "type": "auth", "token": installation.token(), "tail": 500_000 });
        socket.send(&auth.to_string()).await?;
        Ok(Self { socket, dropped: 0 })
    }

    /// Reads until `needle` came so many times, or was counted as dropped.
    async fn until(&mut self, needle: &str, count: u64) -> anyhow::Result<()> {
        let mut found = 0;
        let all = async {
            while found + self.dropped < count {
                let Data::Text(frame) = self.socket.data().await? else {
                    continue;
                };
                if frame.starts_with(br#"{"type":"lines""#) {
                    found += memmem::find_iter(&frame, needle).count() as u64;
                    continue;
                }
                let frame: Value = serde_json::from_slice(&frame)?;
                match frame["type"].as_str() {
                    Some("dropped") => self.dropped += frame["lines"].as_u64().unwrap_or_default(),
                    Some("auth_success" | "pong") => {}
                    _ => bail!("the view said {frame}"),
                }
            }
            Ok(())
        };
        let read = timeout(PATIENCE, all).await;
        read.with_context(|| format!("{found} of {count} lines came"))?
    }
}

/// A container that writes all its lines once it is told to.
async fn writer(engine: &ContainerEngine, name: &str) -> anyhow::Result<()> {
    let line = format!(
        "trap 'go=1' USR1; echo {READY}; until [ -n \"$go\" ]; do sleep 0.01; done; yes '{LINE}' | head -n {LINES}; sleep 600"
    );
    engine.run(name, &line, json!({})).await?;
    Ok(())
}

async fn go(engine: &ContainerEngine, name: &str) -> anyhow::Result<()> {
    let path = format!("/containers/{name}/kill?signal=USR1");
    engine.expect("POST", &path, None).await?;
    Ok(())
}

async fn remove(engine: &ContainerEngine, name: &str) -> anyhow::Result<()> {
    let path = format!("/containers/{name}?force=1");
    engine.expect("DELETE", &path, None).await?;
    Ok(())
}

fn rate(began: Instant) -> f64 {
    LINES as f64 / began.elapsed().as_secs_f64()
}

/// Adds the rows for one log that is followed while it is written, and for one that is there already.
async fn one(
    installation: &Installation,
    engine: &ContainerEngine,
    agent: &Agent,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut live, mut live_bare) = (Rounds::default(), Rounds::default());
    let (mut past, mut past_bare) = (Rounds::default(), Rounds::default());
    let (mut dropped, mut heaviest) = (0, 0);
    for round in 0..options.rounds {
        let name = format!("ours-{round}");
        writer(engine, &name).await?;
        let mut view = View::open(installation, &agent.server, &name).await?;
        view.until(READY, 1).await?;
        let began = Instant::now();
        go(engine, &name).await?;
        view.until(LINE, LINES).await?;
        live.push(rate(began));
        dropped += view.dropped;
        drop(view);
        let began = Instant::now();
        let mut view = View::open(installation, &agent.server, &name).await?;
        view.until(LINE, LINES).await?;
        past.push(rate(began));
        dropped += view.dropped;
        drop(view);
        heaviest = heaviest.max(process::resident(agent.pid()).unwrap_or_default());
        remove(engine, &name).await?;

        let name = format!("bare-{round}");
        writer(engine, &name).await?;
        let mut follow = Follow::open(&engine.socket(), &name).await?;
        follow.until(READY, 1).await?;
        let began = Instant::now();
        go(engine, &name).await?;
        follow.until(LINE, LINES).await?;
        live_bare.push(rate(began));
        let began = Instant::now();
        let mut follow = Follow::open(&engine.socket(), &name).await?;
        follow.until(LINE, LINES).await?;
        past_bare.push(rate(began));
        remove(engine, &name).await?;
    }
    for (measure, ours, bare) in [
        ("while it is written", live, live_bare),
        ("that is there already", past, past_bare),
    ] {
        report.add(Row {
            measure: format!("log of a container {measure}, engine to the browser's socket"),
            unit: "lines/s",
            ours,
            limit: Some(Limit {
                what: "the engine's own answer, read from its socket, lines/s".to_owned(),
                figure: bare,
            }),
            targets: vec![Target::AtLeast(50_000.0)],
            note: format!(
                "{LINES} lines a round, {dropped} of all counted as dropped, none lost; the agent then holds {:.1} MB",
                heaviest as f64 / 1e6
            ),
            ..Row::default()
        });
    }
    Ok(())
}

/// Adds the row of an agent that follows many.
async fn many(
    installation: &Installation,
    engine: &ContainerEngine,
    agent: &Agent,
    report: &mut Report,
) -> anyhow::Result<()> {
    let before = process::resident(agent.pid()).context("the agent is gone")?;
    let mut viewers = JoinSet::new();
    for number in 0..MANY {
        let name = format!("many-{number}");
        let line = format!("while :; do yes '{LINE}' | head -n 100; sleep 0.5; done");
        engine.run(&name, &line, json!({})).await?;
        let mut view = View::open(installation, &agent.server, &name).await?;
        view.until(LINE, 100).await?;
        viewers.spawn(async move { view.socket.drain(|_| {}).await });
    }
    let (began, mut heaviest) = (Instant::now(), 0);
    while began.elapsed() < WATCHED {
        heaviest = heaviest.max(process::resident(agent.pid()).context("the agent is gone")?);
        sleep(PAUSE).await;
    }
    if viewers.len() < MANY || viewers.try_join_next().is_some() {
        bail!("a view ended");
    }
    report.add(Row {
        measure: format!("agent: resident memory while {MANY} logs of containers are followed"),
        unit: "MB",
        ours: Rounds::once(heaviest as f64 / 1e6),
        limit: Some(Limit {
            what: "the same agent before".to_owned(),
            figure: Rounds::once(before as f64 / 1e6),
        }),
        targets: vec![Target::AtMost(20.0)],
        note: "each writes 200 lines a second".to_owned(),
        ..Row::default()
    });
    Ok(())
}

/// Adds the rows; where no engine can run, says why instead.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    if let Some(reason) = std::env::var(NO_ENGINE)
        .ok()
        .filter(|reason| !reason.is_empty())
    {
        report.skipped("logs of containers", &reason);
        return Ok(());
    }
    let engine = match ContainerEngine::start().await {
        Ok(engine) => engine,
        Err(error) => {
            report.skipped("logs of containers", &format!("{error:#}"));
            return Ok(());
        }
    };
    let settings = format!("docker_socket = {:?}\n", engine.socket());
    let agent = Agent::start(installation, "containers", &settings, options).await?;
    many(installation, &engine, &agent, report).await?;
    one(installation, &engine, &agent, options, report).await
}
