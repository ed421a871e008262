//! What the agent costs the host it watches, what the server's roles cost when almost nothing happens, and how long a
//! start takes when everything is there already.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    Scratch,
    bench::{
        installation::Installation,
        options::Options,
        process,
        report::{Report, Row, Target},
        stats::Rounds,
    },
    scratch_dir, watchdog,
};

/// Seconds between samples.
const INTERVAL: u64 = 5;
/// First readings, names of processes and the connection are not what a running agent costs.
const WARM_UP: usize = 3;
const PAUSE: Duration = Duration::from_millis(50);
const MIB: f64 = 1048576.0;
/// Measured elsewhere with the same method, for orientation: the least a Rust program with this client can do.
const FLOOR: &str = "quoted, not of this run: six /proc files and one acknowledged publish, 31 values: 0.45 ms and 4.0 MiB; node_exporter with 7 collectors, 210 values: 2.2 ms and 20 MiB";

/// A running agent; ends with its value.
struct Agent {
    child: Child,
    _data: Scratch,
}

impl Agent {
    fn start(options: &Options, installation: &Installation, key: &str) -> anyhow::Result<Self> {
        if !options.agent.exists() {
            bail!(
                "there is no {}; build it, or name it with --agent",
                options.agent.display()
            );
        }
        let data = scratch_dir()?;
        let child = Command::new(&options.agent)
            .args(["run", "--url", &format!("nats://{}", installation.nats)])
            .args(["--interval", &INTERVAL.to_string(), "--data"])
            .arg(data.path())
            .env("CHATOPS_API_KEY", key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", options.agent.display()))?;
        watchdog::watch(child.id())?;
        Ok(Self { child, _data: data })
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        watchdog::forget(self.child.id());
    }
}

/// Adds the rows of agent and idle server.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let enrolled = installation.enrol(1, true).await?;
    let enrolled = enrolled.first().context("no server was registered")?;
    let agent = Agent::start(
        options,
        installation,
        enrolled.key.as_deref().unwrap_or_default(),
    )?;
    let pid = agent.child.id();
    let mut rest = installation.rest();
    let latest = format!("/api/v1/metrics/{}/latest", enrolled.server);
    let mut samples = Samples {
        newest: None,
        sample: Value::Null,
    };
    for _ in 0..WARM_UP {
        samples.next(&mut rest, &latest).await?;
    }

    let collections = options.scale(12, 4);
    let mut cost = Rounds::default();
    let servers = installation.servers()?;
    let (idle, began) = (servers.cpu(), Instant::now());
    let mut before = process::nanoseconds(pid);
    for _ in 0..collections {
        samples.next(&mut rest, &latest).await?;
        let after = process::nanoseconds(pid);
        cost.push((after - before) as f64 / 1e6);
        before = after;
    }
    let idle = servers.cpu().since(idle);
    let resident = process::resident(pid).context("the agent is gone")? as f64;
    let private = process::private(pid).unwrap_or_default() as f64;
    let values = numbers(&samples.sample);
    report.add(Row {
        measure: format!("agent: CPU per collection every {INTERVAL} s"),
        unit: "ms",
        ours: cost,
        targets: vec![Target::AtMost(2.0)],
        note: format!("{values} values a sample, from reading to acknowledged; {collections} collections; {FLOOR}"),
        ..Row::default()
    });
    report.add(Row {
        measure: "agent: resident memory".to_owned(),
        unit: "MiB",
        ours: Rounds::once(resident / MIB),
        targets: vec![Target::AtMost(10.0)],
        note: format!("{:.1} MiB of it private", private / MIB),
        ..Row::default()
    });
    let size = options
        .agent
        .metadata()
        .context("look at the agent's program")?
        .len() as f64;
    report.add(Row {
        measure: "agent: size of the program".to_owned(),
        unit: "MB",
        ours: Rounds::once(size / 1e6),
        targets: vec![Target::AtMost(10.0)],
        ..Row::default()
    });
    let chatops = servers.chatops.context("chatops does not run")?;
    let seconds = began.elapsed().as_secs_f64();
    report.add(Row {
        measure: "server roles together, one agent: resident memory".to_owned(),
        unit: "MB",
        durability: "on disk",
        ours: Rounds::once(process::resident(chatops).context("chatops is gone")? as f64 / 1e6),
        targets: vec![Target::AtMost(60.0)],
        cpu: Some(idle),
        seconds,
        note: format!(
            "nats-server beside it {:.0} MB; CPU over {seconds:.0} s, as a share of one core {:.2} %",
            process::resident(servers.nats).unwrap_or_default() as f64 / 1e6,
            idle.chatops / seconds * 100.0
        ),
        ..Row::default()
    });
    Ok(())
}

/// Follows the newest sample.
struct Samples {
    newest: Option<u64>,
    sample: Value,
}

impl Samples {
    /// Waits for the next one.
    async fn next(
        &mut self,
        rest: &mut super::super::rest::Rest,
        path: &str,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let answer = rest.get(path).await?;
            if answer.status == 200 {
                let mut answer = answer.json()?;
                let seq = answer["seq"].as_u64();
                if seq > self.newest {
                    self.newest = seq;
                    self.sample = answer["sample"].take();
                    return Ok(());
                }
            }
            if began.elapsed() > Duration::from_secs(4 * INTERVAL) {
                bail!(
                    "the agent sends nothing; the last answer had status {}",
                    answer.status
                );
            }
            sleep(PAUSE).await;
        }
    }
}

/// Numbers in a sample; ids of processes and the interval are no measurements.
fn numbers(value: &Value) -> usize {
    match value {
        Value::Number(_) => 1,
        Value::Array(values) => values.iter().map(numbers).sum(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "pid" && *name != "interval_ms")
            .map(|(_, value)| numbers(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::String(_) => 0,
    }
}

/// Adds the row of the second start.
pub(in crate::bench) async fn restart(
    installation: &mut Installation,
    what: &str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut times = Rounds::default();
    for _ in 0..options.scale(options.rounds, 2) {
        installation.down().await?;
        times.push(installation.up().await?);
    }
    report.add(Row {
        measure: format!("start of `chatops up` until ready, {what}"),
        unit: "s",
        durability: "on disk",
        ours: times,
        targets: vec![Target::AtMost(5.0)],
        ..Row::default()
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_measurements_are_values() {
        let sample = json!({ "interval_ms": 5000, "cpu": { "total": 1.5, "cores": [1.0, null, 2.0] }, "fs": [{ "mount": "/", "used": 3 }], "top_cpu": [{ "pid": 7, "name": "x", "cpu": 0.5 }] });
        assert_eq!(numbers(&sample), 5);
    }
}
