//! How long it takes from a publish until a browser has the row: through nats-server with the sync that holds here,
//! through the relay of ChatOps, to a WebSocket that shows the whole fleet.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bench::{
    browser::Socket,
    fleet::{Host, Shape},
    installation::{Enrolled, Installation},
    limit,
    options::Options,
    report::{Limit, Report, Row, Target},
    stats::{Rounds, quantile},
    timeline::{Spoken, Time, Timeline},
    wire::{Pace, Wire},
};

/// Samples a second: a thousand hosts that report every five seconds.
const RATE: f64 = 200.0;
/// Not counted: connections and caches warm up.
const WARM_UP: usize = 200;

/// Opens a socket of the web app, signs in and subscribes to the fleet.
pub(in crate::bench) async fn browser(installation: &Installation) -> anyhow::Result<Socket> {
    let mut socket = Socket::open(installation.http, "/api/v1/ws/live").await?;
    socket
        .send(&json!({ "type": "hello", "token": installation.token() }).to_string())
        .await?;
    expect(&mut socket, "ready").await?;
    socket
        .send(&json!({ "type": "subscribe", "topics": ["fleet"] }).to_string())
        .await?;
    let answer = expect(&mut socket, "subscribed").await?;
    if answer["topics"] != json!(["fleet"]) {
        bail!("the fleet was refused: {answer}");
    }
    Ok(socket)
}

async fn expect(socket: &mut Socket, kind: &str) -> anyhow::Result<Value> {
    let answer = async {
        loop {
            let frame: Value = serde_json::from_str(&socket.text().await?)?;
            if frame["type"] == kind {
                return anyhow::Ok(frame);
            }
        }
    };
    timeout(Duration::from_secs(10), answer)
        .await
        .with_context(|| format!("no {kind} came"))?
}

/// Adds the rows for p50 and p99.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let service = installation.service()?;
    let hosts = enrolled
        .iter()
        .enumerate()
        .map(|(n, e)| Host::new(e.server.clone(), Shape::Full, n as u64));
    let hosts: Vec<Host> = hosts.collect::<anyhow::Result<_>>()?;
    let bytes = hosts.first().map_or(0, Host::event_bytes);
    let spoken = Spoken::default();
    let mut timeline = Timeline::new(hosts, Time::Now, 77).noting(&spoken);
    let mut wire = Wire::connect(installation.nats, Some(&service)).await?;
    let count = options.scale(3000, 1200);
    let (mut p50, mut p99, mut bare50, mut bare99) = (
        Rounds::default(),
        Rounds::default(),
        Rounds::default(),
        Rounds::default(),
    );
    for _ in 0..options.rounds {
        let socket = browser(installation).await?;
        timeline.grant(WARM_UP + count);
        let pump = wire.pump(
            &mut timeline,
            Pace {
                window: 1000,
                rate: Some(RATE),
            },
        );
        let listen = arrivals(socket, &spoken, WARM_UP + count);
        let (pumped, times) = tokio::join!(pump, listen);
        pumped?;
        let mut times = times?.split_off(WARM_UP);
        p50.push(quantile(&mut times, 0.5));
        p99.push(quantile(&mut times, 0.99));
        let (half, most) =
            limit::bus::one_way(installation.nats, &service, bytes, RATE, count).await?;
        bare50.push(half);
        bare99.push(most);
    }
    for (name, ours, bare, most) in [("p50", p50, bare50, 1.0), ("p99", p99, bare99, 5.0)] {
        report.add(Row {
            measure: format!("publish to browser socket at {RATE} samples/s, {name}"),
            unit: "ms",
            durability,
            ours,
            limit: Some(Limit {
                what: format!("bare core publish to subscriber, {name}"),
                figure: bare,
            }),
            targets: vec![Target::AtMost(most), Target::TimesAtMost(6.0)],
            note: format!("events of {bytes} bytes; {count} samples a round"),
            ..Row::default()
        });
    }
    Ok(())
}

/// Milliseconds each row took, in the order in which they came.
async fn arrivals(mut socket: Socket, spoken: &Spoken, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        let next = timeout(Duration::from_secs(20), socket.text()).await;
        let frame =
            next.with_context(|| format!("only {} of {count} rows came", times.len()))??;
        let now = Instant::now();
        let frame: Value = serde_json::from_str(&frame).context("read a frame")?;
        let spoken = spoken.lock().unwrap_or_else(PoisonError::into_inner);
        for item in frame["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|item| item["k"] == "row")
        {
            let server = item["server"].as_str().unwrap_or_default();
            let at = spoken
                .get(server)
                .with_context(|| format!("a row of {server}, which did not speak"))?;
            times.push(now.saturating_duration_since(*at).as_secs_f64() * 1000.0);
        }
    }
    times.truncate(count);
    Ok(times)
}
