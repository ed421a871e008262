//! How long people wait for a message: from a reading's publish, and from a host's death, until a receiver outside has
//! the webhook. The whole way: stream, evaluator, alert stream, notifier, HTTP.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::BytesMut;
use chatops_schemas::{
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::metric::{Cpu, Sample},
    ids::{EventId, ServerId},
    subject,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::bench::{
    agent::Agent,
    installation::Installation,
    limit,
    options::Options,
    receiver::Receiver,
    report::{Limit, Report, Row, Target},
    stats::{Rounds, quantile},
    wire::{Load, Pace, Wire},
};

/// Longest wait for a message; the rule of a dead host waits for its grace besides.
const PATIENCE: Duration = Duration::from_secs(30);
/// Not counted: connections and caches warm up.
const WARM_UP: usize = 4;
/// How long a host may be away before anybody is told.
const GRACE_S: u64 = 10;
/// Readings in which nothing happens, and the time between them.
const CALM: u64 = 20;
const PAUSE: Duration = Duration::from_millis(200);
const SECRET: &str = "a key of the bench, known to nobody else";

/// One reading, ready to be published.
struct One(Option<(String, EventId, Vec<u8>)>);

impl Load for One {
    fn write(&mut self, out: &mut BytesMut, reply: &str) -> bool {
        let Some((subject, id, event)) = self.0.take() else {
            return false;
        };
        let headers =
            format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nops-schema: metrics.sample/1\r\n\r\n");
        out.extend_from_slice(
            format!(
                "HPUB {subject} {reply} {} {}\r\n{headers}",
                headers.len(),
                headers.len() + event.len()
            )
            .as_bytes(),
        );
        out.extend_from_slice(&event);
        out.extend_from_slice(b"\r\n");
        true
    }
}

fn reading(server: &ServerId, cpu: f32, count: u64) -> anyhow::Result<One> {
    let sample = Sample {
        interval_ms: Some(1000),
        cpu: Some(Cpu {
            total: Some(cpu),
            ..Cpu::default()
        }),
        ..Sample::default()
    };
    let id = EventId(System.next());
    let mut event = Envelope::new(id, System.now(), sample).about(server.clone());
    event.boot = Some("00000000-bench-boot".to_owned());
    event.n = Some(count);
    let bytes = codec::encode(&event).context("encode a sample")?;
    Ok(One(Some((subject::metrics(server), id, bytes))))
}

/// Waits for the message of that kind about that rule.
async fn message(receiver: &mut Receiver, kind: &str, rule: &str) -> anyhow::Result<Instant> {
    let next = async {
        loop {
            let (at, body) = receiver.next().await?;
            if body["kind"] == kind && body.to_string().contains(rule) {
                return anyhow::Ok(at);
            }
        }
    };
    timeout(PATIENCE + Duration::from_secs(GRACE_S), next)
        .await
        .with_context(|| format!("no message {kind:?} of {rule:?} came"))?
}

/// Saves a rule about one server and answers its name.
async fn rule(installation: &Installation, server: &str, wording: &str) -> anyhow::Result<()> {
    let body = json!({ "name": wording, "severity": "critical", "wording": wording,
        "scope": { "servers": [server] } });
    let answer = installation
        .rest()
        .post("/api/v1/alerts/rules", &body)
        .await?;
    answer
        .json()
        .with_context(|| format!("save the rule {wording:?}"))?;
    Ok(())
}

/// Adds the rows.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut receiver = Receiver::start().await?;
    let channel = json!({ "name": "bench", "secret": SECRET, "target": { "kind": "webhook", "url": receiver.url() } });
    let made = installation
        .rest()
        .post("/api/v1/alerts/channels", &channel)
        .await?;
    made.json().context("add a channel")?;
    readings(installation, &mut receiver, durability, options, report).await?;
    deaths(installation, &mut receiver, durability, options, report).await
}

/// From a reading to the message: up and down again, each a message.
async fn readings(
    installation: &Installation,
    receiver: &mut Receiver,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    const WORDING: &str = "cpu > 90";
    let enrolled = installation.enrol(1, false).await?;
    let server = &enrolled[0].server;
    rule(installation, server.as_str(), WORDING).await?;
    let service = installation.service()?;
    let mut wire = Wire::connect(installation.nats, Some(&service)).await?;
    // Until the evaluator has looked for new rules, a few times over.
    for n in 0..CALM {
        let mut calm = reading(server, 5.0, n)?;
        wire.pump(
            &mut calm,
            Pace {
                window: 1,
                rate: None,
            },
        )
        .await?;
        sleep(PAUSE).await;
    }
    let count = options.scale(300, 100);
    let mut times = Vec::with_capacity(count);
    let mut bytes = 0;
    for n in 0..WARM_UP + count {
        let (cpu, kind) = if n % 2 == 0 {
            (99.0, "raised")
        } else {
            (5.0, "resolved")
        };
        let mut load = reading(server, cpu, CALM + n as u64)?;
        bytes = load.0.as_ref().map_or(0, |(_, _, event)| event.len());
        let began = Instant::now();
        wire.pump(
            &mut load,
            Pace {
                window: 1,
                rate: None,
            },
        )
        .await?;
        let at = message(receiver, kind, WORDING).await?;
        if n >= WARM_UP {
            times.push(at.saturating_duration_since(began).as_secs_f64() * 1000.0);
        }
    }
    let (bus50, bus99) =
        limit::bus::one_way(installation.nats, &service, bytes, 50.0, count).await?;
    let mut posts = receiver.bare_posts(count).await?;
    for (name, q, most, bus) in [("p50", 0.5, 50.0, bus50), ("p99", 0.99, 250.0, bus99)] {
        let post = quantile(&mut posts, q);
        report.add(Row {
            measure: format!("reading published to webhook received, {name}"),
            unit: "ms",
            durability,
            ours: Rounds::once(quantile(&mut times, q)),
            limit: Some(Limit {
                what: format!("core publish to subscriber and a bare POST, {name}"),
                figure: Rounds::once(bus + post),
            }),
            targets: vec![Target::AtMost(most)],
            note: format!("{count} messages, signed, one after the other"),
            ..Row::default()
        });
    }
    Ok(())
}

/// From the end of an agent to the message that its host is down; the rule's own wait is not counted.
async fn deaths(
    installation: &Installation,
    receiver: &mut Receiver,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let wording = format!("down for {GRACE_S}s");
    let mut waits = Rounds::default();
    for n in 0..options.scale(options.rounds, 2) {
        let agent = Agent::start(installation, &format!("dying-{n}"), "", options).await?;
        rule(installation, &agent.server, &wording).await?;
        in_force(installation, &agent.server).await?;
        let began = Instant::now();
        drop(agent);
        let at = message(receiver, "raised", &wording).await?;
        let waited = at.saturating_duration_since(began).as_secs_f64();
        waits.push(waited - GRACE_S as f64);
    }
    report.add(Row {
        measure: "agent killed to webhook received, beyond the grace".to_owned(),
        unit: "s",
        durability,
        ours: waits,
        targets: vec![Target::AtMost(5.0)],
        note: format!("the rule waits for {GRACE_S} s"),
        ..Row::default()
    });
    Ok(())
}

/// Waits until the rule is one that the evaluator holds: it looks for new ones once a second.
async fn in_force(installation: &Installation, server: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/servers/{server}");
    let began = Instant::now();
    let mut rest = installation.rest();
    // The agent is there, the rule is stored, and two looks of the evaluator have passed.
    while began.elapsed() < Duration::from_secs(3) {
        let shown: Value = rest.get(&path).await?.json()?;
        if shown["status"] != "online" {
            bail!("the agent is not online: {shown}");
        }
        sleep(PAUSE).await;
    }
    Ok(())
}
