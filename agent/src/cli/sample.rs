//! The verb `sample`: one reading, as a table or as JSON.

use std::{
    fmt::Write as _,
    io::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use chatops_schemas::event::metric::Sample;
use tokio::time::sleep;

use super::complain;
use crate::{
    collect::{
        Collector, Counters, Options,
        container::{Engine, Reader},
        systemd,
    },
    config::{Capability, Config, DEFAULT_INTERVAL, Settings},
};

/// Rates are measured over this.
const BETWEEN: Duration = Duration::from_secs(1);
/// Network mounts may take this long to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn sample(settings: Settings, json: bool) -> ExitCode {
    let config = match settings.check() {
        Ok(config) => config,
        Err(error) => return complain(&error, 2),
    };
    let sample = take(&config).await;
    let text = if json {
        match serde_json::to_string_pretty(&sample) {
            Ok(text) => text + "\n",
            Err(error) => return complain(&error, 1),
        }
    } else {
        table(&sample)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, 1),
    }
}

async fn take(config: &Config) -> Sample {
    let options = Options {
        processes: config.capabilities.contains(&Capability::Processes),
        skip_interfaces: config.skip_interfaces.clone(),
        ..Options::default()
    };
    let interval = config.interval.unwrap_or(DEFAULT_INTERVAL);
    let mut collector = Collector::new(&options, Counters::default());
    let mut sample = Sample::default();
    collector.read(Instant::now(), interval, &mut sample);
    let mut containers = Reader::new(&options.roots);
    let engine = match config.capabilities.contains(&Capability::Docker) {
        true => Engine::connect(config.docker_socket.as_deref()).await.ok(),
        false => None,
    };
    if let Some(engine) = &engine {
        let _ = containers.read(engine).await;
    }
    if systemd::present() {
        sample.failed_units = systemd::ask().await.unwrap_or_default().units;
    }
    sleep(BETWEEN).await;
    let deadline = Instant::now() + PATIENCE;
    while !collector.settled() && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    collector.read(Instant::now(), interval, &mut sample);
    // Why there are none is told by `check`.
    if let Some(engine) = &engine {
        sample.containers = containers.read(engine).await.unwrap_or_default().containers;
    }
    sample
}

/// The sample as people read it.
fn table(sample: &Sample) -> String {
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write_table(&mut out, sample);
    out
}

fn write_table(out: &mut String, sample: &Sample) -> std::fmt::Result {
    if let Some(cpu) = &sample.cpu {
        let parts = [
            ("user", cpu.user),
            ("system", cpu.system),
            ("iowait", cpu.iowait),
            ("steal", cpu.steal),
        ];
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, share)| format!("{name} {}", percent(*share)))
            .collect();
        writeln!(
            out,
            "{:<12}{}  ({}; {} cores)",
            "processor",
            percent(cpu.total),
            parts.join(", "),
            cpu.cores.len()
        )?;
    }
    if let Some(load) = &sample.load {
        writeln!(
            out,
            "{:<12}{} {} {}",
            "load",
            plain(load.one),
            plain(load.five),
            plain(load.fifteen)
        )?;
    }
    if let Some(mem) = &sample.mem {
        let (used, total, free) = (bytes(mem.used), bytes(mem.total), bytes(mem.available));
        writeln!(
            out,
            "{:<12}{used} of {total} in use, {free} available",
            "memory"
        )?;
    }
    match &sample.swap {
        Some(swap) => writeln!(
            out,
            "{:<12}{} of {} in use",
            "swap",
            bytes(swap.used),
            bytes(swap.total)
        )?,
        None => writeln!(out, "{:<12}none", "swap")?,
    }
    if let Some(psi) = &sample.psi {
        let (cpu, mem, io) = (percent(psi.cpu), percent(psi.mem), percent(psi.io));
        writeln!(
            out,
            "{:<12}waiting for processor {cpu}, memory {mem}, disk {io}",
            "pressure"
        )?;
    }
    if let Some(host) = &sample.host {
        let hours = host.uptime_s.unwrap_or_default() / 3600;
        let count = host
            .processes
            .map_or_else(|| "-".to_owned(), |count| count.to_string());
        writeln!(
            out,
            "{:<12}up {} d {} h, {count} processes",
            "host",
            hours / 24,
            hours % 24
        )?;
    }
    for fs in &sample.fs {
        let kind = fs.kind.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{:<12}{}  {} of {} in use ({kind})",
            "file system",
            fs.mount,
            bytes(fs.used),
            bytes(fs.total)
        )?;
    }
    for disk in &sample.disk {
        let (read, write) = (rate(disk.read), rate(disk.write));
        writeln!(
            out,
            "{:<12}{}  reads {read}, writes {write}, busy {}",
            "disk",
            disk.name,
            percent(disk.util)
        )?;
    }
    for net in &sample.net {
        writeln!(
            out,
            "{:<12}{}  receives {}, sends {}",
            "network",
            net.name,
            rate(net.rx),
            rate(net.tx)
        )?;
    }
    for sensor in &sample.temp {
        writeln!(
            out,
            "{:<12}{}  {} °C",
            "temperature",
            sensor.name,
            plain(sensor.celsius)
        )?;
    }
    for (title, list) in [("busiest", &sample.top_cpu), ("biggest", &sample.top_mem)] {
        for process in list {
            let user = process.user.as_deref().unwrap_or("-");
            let (cpu, mem) = (percent(process.cpu), bytes(process.mem));
            writeln!(
                out,
                "{title:<12}{:>7}  {:<16} {user:<10} {cpu:>7} {mem:>10}",
                process.pid, process.name
            )?;
        }
    }
    for container in &sample.containers {
        let state = container.state.as_deref().unwrap_or("-");
        let (cpu, mem) = (percent(container.cpu), bytes(container.mem));
        writeln!(
            out,
            "{:<12}{}  {state}, processor {cpu}, memory {mem}",
            "container", container.name
        )?;
    }
    for unit in &sample.failed_units {
        writeln!(out, "{:<12}{unit}", "failed unit")?;
    }
    if let Some(count) = sample.truncated {
        writeln!(
            out,
            "{count} entries were left out because lists are limited"
        )?;
    }
    Ok(())
}

fn plain(value: Option<f32>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn percent(value: Option<f32>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} %"))
}

fn rate(value: Option<f32>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| format!("{}/s", scaled(f64::from(value))),
    )
}

fn bytes(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| scaled(value as f64))
}

fn scaled(mut value: f64) -> String {
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{value:.0} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(bytes(Some(0)), "0 B");
        assert_eq!(bytes(Some(1536)), "1.5 KiB");
        assert_eq!(bytes(Some(5 << 40)), "5.0 TiB");
        assert_eq!(bytes(None), "-");
    }

    #[test]
    fn an_empty_sample_is_a_short_table() {
        assert_eq!(table(&Sample::default()), "swap        none\n");
    }
}
