//! From a request to the REST interface to a process on a host and back: one command at a time on a real agent, and one
//! command on each of 200 hosts at once.
//!
//! The yardstick is what cannot be left out: a request over nats-server to somebody who starts the same program, waits for
//! its end, and replies. Ours is that, signed and checked, with four events on the disk in between.
//!
//! The 200 hosts are one process here that answers for all of them and starts a real program for every order: 200 agents
//! beside what is measured would measure the machine.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chatops_schemas::{
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::{command::Outcome, result::ResultFinished},
    order::{Order, Progress, Reply, SignedOrder},
    subject,
};
use futures::{StreamExt, future::try_join_all};
use serde_json::json;
use tokio::{task::JoinHandle, time::timeout};

use crate::bench::{
    agent::Agent,
    installation::{Enrolled, Installation},
    limit,
    options::Options,
    report::{Limit, Report, Row, Target},
    rest::Rest,
    stats::{Rounds, quantile},
    wire::Login,
};

const PROGRAM: &str = "/bin/true";
const WARM_UP: usize = 20;
/// Hosts of the fan-out.
pub(in crate::bench) const HOSTS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts the program and waits for its end.
async fn spawn() -> anyhow::Result<()> {
    let status = tokio::process::Command::new(PROGRAM).status().await;
    if !status.context("start a program")?.success() {
        bail!("{PROGRAM} failed");
    }
    Ok(())
}

/// Somebody on the bus who starts the program for every request and replies when it has ended.
async fn spawner(nats: SocketAddr, login: &Login) -> anyhow::Result<JoinHandle<()>> {
    let client = limit::bus::client(nats, Some(login)).await?;
    let mut asked = client.subscribe("bench.spawn").await.context("subscribe")?;
    client.flush().await.context("subscribe")?;
    Ok(tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let client = client.clone();
            tokio::spawn(async move {
                if let (Ok(()), Some(reply)) = (spawn().await, message.reply) {
                    // A request without a reply fails at the one who asked.
                    let _ = client.publish(reply, "done".into()).await;
                }
            });
        }
    }))
}

async fn bare(client: &async_nats::Client) -> anyhow::Result<f64> {
    let began = Instant::now();
    let reply = client.request("bench.spawn", "".into());
    timeout(PATIENCE, reply)
        .await
        .context("no reply came")?
        .context("ask the spawner")?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}

async fn ours(installation: &Installation, server: &str) -> anyhow::Result<f64> {
    let mut rest = installation.rest();
    run(&mut rest, server).await
}

async fn run(rest: &mut Rest, server: &str) -> anyhow::Result<f64> {
    let body = json!({"server_id": server, "argv": [PROGRAM], "ttl": 20});
    let began = Instant::now();
    let answer = rest.post("/api/v1/commands?wait=20", &body).await?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    let result = answer.json()?;
    if answer.status != 200 || result["outcome"] != "finished" {
        bail!("a command did not finish: {} {result}", answer.status);
    }
    Ok(took)
}

/// Adds the rows for p50 and p99 of one command at a time.
async fn round_trip(
    installation: &Installation,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let agent = Agent::start(installation, "commands", "", options).await?;
    let server = agent.server.as_str();
    let login = installation.service()?;
    let spawner = spawner(installation.nats, &login).await?;
    let client = limit::bus::client(installation.nats, Some(&login)).await?;
    let count = options.scale(400, 100);
    let (mut p50, mut p99) = (Rounds::default(), Rounds::default());
    let (mut bare50, mut bare99) = (Rounds::default(), Rounds::default());
    for _ in 0..options.rounds {
        let (mut took, mut floor) = (Vec::new(), Vec::new());
        let mut rest = installation.rest();
        for n in 0..WARM_UP + count {
            let (one, other) = (run(&mut rest, server).await?, bare(&client).await?);
            if n >= WARM_UP {
                took.push(one);
                floor.push(other);
            }
        }
        p50.push(quantile(&mut took, 0.5));
        p99.push(quantile(&mut took, 0.99));
        bare50.push(quantile(&mut floor, 0.5));
        bare99.push(quantile(&mut floor, 0.99));
    }
    spawner.abort();
    for (name, ours, bare, most) in [("p50", p50, bare50, 3.0), ("p99", p99, bare99, 6.0)] {
        report.add(Row {
            measure: format!("command {PROGRAM}, REST to answer with its end, {name}"),
            unit: "ms",
            durability,
            ours,
            limit: Some(Limit {
                what: format!("NATS request, the same program, reply, {name}"),
                figure: bare,
            }),
            targets: vec![Target::TimesAtMost(most)],
            note: format!("{count} a round, one after another, in turns with the yardstick"),
            ..Row::default()
        });
    }
    Ok(())
}

/// Answers for all hosts: starts the program for every order and tells of its end.
async fn hosts(nats: SocketAddr, login: &Login) -> anyhow::Result<JoinHandle<()>> {
    let client = limit::bus::client(nats, Some(login)).await?;
    let mut asked = client
        .subscribe("ops.v1.rpc.*.exec")
        .await
        .context("subscribe")?;
    client.flush().await.context("subscribe")?;
    Ok(tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            tokio::spawn(carry_out(client.clone(), message));
        }
    }))
}

async fn carry_out(client: async_nats::Client, message: async_nats::Message) -> anyhow::Result<()> {
    let order: Order = rmp_serde::from_slice(&SignedOrder::decode(&message.payload)?.order)?;
    let began = System.now();
    let reply = Reply::Accepted {
        progress: Progress::Begun,
    };
    let inbox = message.reply.context("nobody waits")?;
    client
        .publish(inbox, rmp_serde::to_vec_named(&reply)?.into())
        .await?;
    spawn().await?;
    let data = ResultFinished {
        command: order.id,
        outcome: Outcome::Finished,
        exit_code: Some(0),
        signal: None,
        message: None,
        started_at: Some(began),
        duration_ms: Some(1),
        pieces: 0,
        stdout_bytes: 0,
        stderr_bytes: 0,
        cut_bytes: 0,
    };
    let event = Envelope::new(System.event_id(), System.now(), data).about(order.server.clone());
    let subject = subject::result(&order.server, order.id);
    async_nats::jetstream::new(client)
        .publish(subject, codec::encode(&event)?.into())
        .await?
        .await?;
    Ok(())
}

/// Adds the row of one command on every host at once.
async fn fan_out(
    installation: &Installation,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let login = installation.service()?;
    let (hosts, spawner) = (
        hosts(installation.nats, &login).await?,
        spawner(installation.nats, &login).await?,
    );
    let client = limit::bus::client(installation.nats, Some(&login)).await?;
    let (mut took, mut floor) = (Rounds::default(), Rounds::default());
    for _ in 0..options.rounds {
        let began = Instant::now();
        let all = enrolled
            .iter()
            .map(|one| ours(installation, one.server.as_str()));
        try_join_all(all).await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        let began = Instant::now();
        try_join_all(enrolled.iter().map(|_| bare(&client))).await?;
        floor.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    hosts.abort();
    spawner.abort();
    report.add(Row {
        measure: format!(
            "{PROGRAM} on {} hosts at once, all answered",
            enrolled.len()
        ),
        unit: "ms",
        durability,
        ours: took,
        limit: Some(Limit {
            what: "as many NATS requests, the same program, replies".to_owned(),
            figure: floor,
        }),
        targets: vec![Target::AtMost(1000.0)],
        note: "one process answers for all hosts and starts a program for each".to_owned(),
        ..Row::default()
    });
    Ok(())
}

/// Adds the rows of commands.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    enrolled: &[Enrolled],
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    round_trip(installation, durability, options, report).await?;
    let hosts = enrolled.get(..HOSTS).context("there are too few hosts")?;
    fan_out(installation, hosts, durability, options, report).await
}
