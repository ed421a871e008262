//! The verb `check`: what this agent can and cannot do here, and why, in sentences.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use chatops_schemas::{clock::System, event::metric::Sample};
use serde::Serialize;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::complain;
use crate::{
    collect::{Collector, Counters, Options, container, systemd},
    config::{Capability, Config, ConfigError, DEFAULT_FILE, DEFAULT_INTERVAL, Settings, Uplink},
    data::{DataError, DataFolder},
    identity,
    transport::{self, Event},
};

/// How long the server may take to accept us.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Reasons that are listened to; the first is often only that there is no connection yet.
const ATTEMPTS: u32 = 3;
/// How long network mounts may take to answer.
const MOUNTS_WITHIN: Duration = Duration::from_secs(2);

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// Works.
    Yes,
    /// Works in part, or is not there to be read.
    Partly,
    /// Not on this host; nothing is wrong.
    None,
    /// Must be mended before the agent is of use.
    No,
}

/// One sentence about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    says: String,
}

pub(super) async fn check(settings: Settings, file: Option<PathBuf>, json: bool) -> ExitCode {
    let mut findings = Vec::new();
    let missing = settings.missing();
    findings.push(settings_file(file.as_deref()));
    match settings.check() {
        Err(error) => findings.push(finding("settings", Verdict::No, error)),
        Ok(config) => {
            findings.push(data(&config));
            findings.extend(figures(&config).await);
            findings.push(containers(&config).await);
            findings.push(units().await);
            findings.push(server(&config, &missing).await);
        }
    }
    let good = findings
        .iter()
        .all(|finding| finding.verdict != Verdict::No);
    let text = if json {
        serde_json::to_string_pretty(&findings).map(|text| text + "\n")
    } else {
        Ok(prose(&findings))
    };
    let written = text
        .map_err(std::io::Error::from)
        .and_then(|text| std::io::stdout().write_all(text.as_bytes()));
    match written {
        Ok(()) if good => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => complain(&error, 1),
    }
}

fn finding(what: &'static str, verdict: Verdict, says: impl std::fmt::Display) -> Finding {
    Finding {
        what,
        verdict,
        says: says.to_string(),
    }
}

fn prose(findings: &[Finding]) -> String {
    let mut out = String::new();
    for Finding {
        what,
        verdict,
        says,
    } in findings
    {
        let mark = match verdict {
            Verdict::Yes => "yes",
            Verdict::Partly => "partly",
            Verdict::None => "-",
            Verdict::No => "NO",
        };
        // Writing into a text cannot fail.
        let _ = writeln!(out, "{mark:<7}{what:<14}{says}");
    }
    out
}

fn settings_file(named: Option<&Path>) -> Finding {
    let says = match named {
        Some(path) => format!("read from {}, the environment and flags", path.display()),
        None if Path::new(DEFAULT_FILE).exists() => {
            format!("read from {DEFAULT_FILE}, the environment and flags")
        }
        None => format!("read from the environment and flags; there is no {DEFAULT_FILE}"),
    };
    finding("settings", Verdict::Yes, says)
}

fn data(config: &Config) -> Finding {
    let path = config.data.display();
    match DataFolder::probe(&config.data) {
        Ok(()) => {
            let mib = config.spool_bytes >> 20;
            finding(
                "data folder",
                Verdict::Yes,
                format!("{path} keeps up to {mib} MiB of samples while the server is away"),
            )
        }
        Err(DataError::InUse(_)) => finding(
            "data folder",
            Verdict::Yes,
            format!("{path} is in use by a running agent"),
        ),
        Err(error) => finding("data folder", Verdict::No, error),
    }
}

async fn figures(config: &Config) -> Vec<Finding> {
    let options = Options {
        processes: config.capabilities.contains(&Capability::Processes),
        skip_interfaces: config.skip_interfaces.clone(),
        ..Options::default()
    };
    let (mut collector, mut sample) = (
        Collector::new(&options, Counters::default()),
        Sample::default(),
    );
    let mut read =
        |collector: &mut Collector| collector.read(Instant::now(), DEFAULT_INTERVAL, &mut sample);
    read(&mut collector);
    let deadline = Instant::now() + MOUNTS_WITHIN;
    while !collector.settled() && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
        read(&mut collector);
    }
    // Processor figures are differences.
    sleep(Duration::from_millis(100)).await;
    read(&mut collector);
    let mut findings = vec![
        processor(&sample),
        memory(&sample),
        pressure(&sample),
        file_systems(&sample),
    ];
    findings.push(count(
        "disks",
        sample.disk.len(),
        "block device",
        "no block device is visible here, as in many containers",
    ));
    findings.push(count(
        "network",
        sample.net.len(),
        "interface",
        "no interface has carried anything yet",
    ));
    findings.push(count(
        "temperatures",
        sample.temp.len(),
        "sensor",
        "this machine shows no sensor, as most virtual ones",
    ));
    findings.push(if options.processes {
        processes(&sample)
    } else {
        finding(
            "processes",
            Verdict::None,
            "not allowed here: the capability processes is not in the list",
        )
    });
    findings
}

fn processor(sample: &Sample) -> Finding {
    match &sample.cpu {
        Some(cpu) => finding(
            "processor",
            Verdict::Yes,
            format!("{} cores", cpu.cores.len()),
        ),
        None => finding(
            "processor",
            Verdict::No,
            "/proc/stat cannot be read; is /proc mounted?",
        ),
    }
}

fn memory(sample: &Sample) -> Finding {
    match sample.mem.as_ref().and_then(|mem| mem.total) {
        Some(total) => finding("memory", Verdict::Yes, format!("{} MiB", total >> 20)),
        None => finding(
            "memory",
            Verdict::No,
            "/proc/meminfo cannot be read; is /proc mounted?",
        ),
    }
}

fn pressure(sample: &Sample) -> Finding {
    match &sample.psi {
        Some(_) => finding(
            "pressure",
            Verdict::Yes,
            "the kernel keeps pressure stall information",
        ),
        None => finding(
            "pressure",
            Verdict::None,
            "the kernel does not keep pressure stall information; 4.20 or later does, some need psi=1 on the kernel command line",
        ),
    }
}

fn file_systems(sample: &Sample) -> Finding {
    let silent: Vec<&str> = sample
        .fs
        .iter()
        .filter(|fs| fs.total.is_none())
        .map(|fs| fs.mount.as_str())
        .collect();
    match (sample.fs.len(), silent.as_slice()) {
        (0, _) => finding(
            "file systems",
            Verdict::Partly,
            "no file system that holds data is visible here",
        ),
        (count, []) => finding("file systems", Verdict::Yes, format!("{count} with data")),
        (count, silent) => finding(
            "file systems",
            Verdict::Partly,
            format!(
                "{count} with data; no answer from {}: it is listed without sizes until it answers",
                silent.join(", ")
            ),
        ),
    }
}

fn count(what: &'static str, count: usize, thing: &str, otherwise: &str) -> Finding {
    match count {
        0 => finding(what, Verdict::None, otherwise),
        1 => finding(what, Verdict::Yes, format!("1 {thing}")),
        count => finding(what, Verdict::Yes, format!("{count} {thing}s")),
    }
}

fn processes(sample: &Sample) -> Finding {
    let count = sample
        .host
        .as_ref()
        .and_then(|host| host.processes)
        .unwrap_or(0);
    if Path::new("/proc/1/stat").exists() {
        return finding(
            "processes",
            Verdict::Yes,
            format!("{count} visible; names and owners are read, arguments never"),
        );
    }
    finding(
        "processes",
        Verdict::Partly,
        format!(
            "only {count} visible: /proc hides other users' (hidepid); run as root or in the group it allows to see all"
        ),
    )
}

async fn containers(config: &Config) -> Finding {
    let what = "containers";
    if !config.capabilities.contains(&Capability::Docker) {
        return finding(
            what,
            Verdict::None,
            "not allowed here: the capability docker is not in the list",
        );
    }
    let connected = container::Engine::connect(config.docker_socket.as_deref()).await;
    let counted = match &connected {
        Ok(engine) => engine.count().await.map(|count| (engine, count)),
        Err(container::EngineError::NoSocket) => {
            return finding(what, Verdict::None, container::EngineError::NoSocket);
        }
        Err(error) => return finding(what, Verdict::Partly, error),
    };
    match counted {
        Ok((engine, count)) => {
            let socket = engine.socket().display();
            finding(
                what,
                Verdict::Yes,
                format!("{count} seen through {socket} ({})", engine.version),
            )
        }
        Err(error) => finding(what, Verdict::Partly, error),
    }
}

async fn units() -> Finding {
    let what = "failed units";
    if !systemd::present() {
        return finding(what, Verdict::None, "systemd does not manage this host");
    }
    match systemd::ask().await {
        Ok(failed) => finding(
            what,
            Verdict::Yes,
            format!("{} units have failed", failed.units.len()),
        ),
        Err(reason) => finding(what, Verdict::Partly, reason),
    }
}

async fn server(config: &Config, missing: &ConfigError) -> Finding {
    let what = "server";
    let Some(uplink) = config.uplink.clone() else {
        return finding(what, Verdict::No, missing);
    };
    let url = uplink.endpoint.url().to_owned();
    match connect(uplink).await {
        Ok(says) => finding(what, Verdict::Yes, says),
        Err(reason) if reason.contains(&url) => finding(what, Verdict::No, reason),
        Err(reason) => finding(what, Verdict::No, format!("{url}: {reason}")),
    }
}

/// Connects, learns who we are, and hangs up; or gives the last reason for not being connected.
async fn connect(uplink: Uplink) -> Result<String, String> {
    let stop = CancellationToken::new();
    let _hang_up = stop.clone().drop_guard();
    let (mut handle, wire) = transport::wire(stop, Arc::new(System), Arc::new(System));
    let running = tokio::spawn(transport::run(
        uplink.clone(),
        identity::describe(&Default::default()).hostname,
        wire,
    ));
    let (mut last, deadline) = ("no answer".to_owned(), Instant::now() + CONNECT_WITHIN);
    let mut attempts = 0;
    while attempts < ATTEMPTS {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, handle.events.recv()).await {
            Ok(Some(Event::Connected(welcome))) => {
                running.abort();
                let asked = welcome.interval.map(|every| every.as_secs_f64());
                let asked = asked
                    .map(|every| format!("; it asks for a sample every {every} s"))
                    .unwrap_or_default();
                let (url, key) = (uplink.endpoint.url(), &uplink.key.id);
                return Ok(format!(
                    "{url} accepts the key {key} for {}{asked}",
                    welcome.name
                ));
            }
            Ok(Some(Event::Disconnected(reason))) => {
                attempts += 1;
                last = reason;
            }
            // Whoever is running here answers; we only look.
            Ok(Some(Event::Settled { .. } | Event::Request { .. } | Event::Io { .. })) => {}
            Ok(None) | Err(_) => break,
        }
    }
    running.abort();
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_host_is_explained_without_a_server() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            data: Some(dir.path().into()),
            ..Settings::default()
        };
        let config = settings.clone().check().unwrap();
        let mut findings = figures(&config).await;
        findings.extend([data(&config), containers(&config).await, units().await]);
        assert!(
            findings
                .iter()
                .all(|finding| finding.verdict != Verdict::No),
            "{findings:?}"
        );
        let server = server(&config, &settings.missing()).await;
        assert_eq!(server.verdict, Verdict::No);
        assert!(server.says.contains("CHATOPS_AGENT_URL"));
    }
}
