//! The looking itself. Everything that can be asked is asked, however broken the rest is.

use std::{net::SocketAddr, time::Duration};

use chatops_bus::{
    StreamName,
    projector::Spec,
    topology::{self, Mode},
};
use chatops_schemas::clock::{Clock, System, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Finding;
use crate::{
    compose::{self, Connections},
    config::{self, Config},
    output, up,
};

const PATIENCE: Duration = Duration::from_secs(5);
const MODELS: Reader = Reader {
    role: "projections",
    behind_seconds: 10,
};
/// It notes its position only now and then.
const RULES: Reader = Reader {
    role: "alerting",
    behind_seconds: 60,
};
/// The audit tells of itself at least twice in this time.
const SILENT_SECONDS: i64 = 90;

pub(super) async fn at_everything(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(runtime(config));
    findings.extend(disk(config));
    match super::super::located(config) {
        Ok(config) => findings.extend(servers(&config).await),
        Err(error) => findings.push(Finding::of("servers", &error)),
    }
    findings.push(web(config).await);
    findings
}

fn runtime(config: &Config) -> Option<Finding> {
    if config.nats.url.is_some() && config.database.url.get().is_some() {
        return None;
    }
    Some(match up::versions(config) {
        Ok(versions) => Finding::well("bundled servers", versions),
        Err(trouble) => Finding::of("bundled servers", &trouble.into()),
    })
}

fn disk(config: &Config) -> Option<Finding> {
    let place = up::Place::existing(&config.data)?;
    let free = up::disk_free(place.root()).ok()?;
    let detail = format!("{} free at {}", output::bytes(free), place.root().display());
    Some(match up::disk_warning(place.root()) {
        None => Finding::well("disk", detail),
        Some(warning) => Finding::odd(
            "disk",
            warning,
            "free some space, or move the data to a larger disk",
        ),
    })
}

async fn servers(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let bus = compose::bus(config, "chatops doctor").await;
    match &bus {
        Ok(bus) => findings.push(Finding::well("nats-server", bus.server_version())),
        Err(error) => findings.push(Finding::of("nats-server", error)),
    }
    let store = compose::store(config).await;
    match &store {
        Ok(_) => findings.push(Finding::well("database", "answers")),
        Err(error) => findings.push(Finding::of("database", error)),
    }
    if let Ok(bus) = &bus {
        findings.push(streams(bus, config).await);
    }
    if let (Ok(bus), Ok(store)) = (bus, store) {
        let connections = Connections { bus, store };
        findings.extend(read_models(&connections).await);
        findings.push(parked(&connections).await);
        findings.push(audit(&connections).await);
    }
    findings
}

async fn streams(bus: &chatops_bus::Bus, config: &Config) -> Finding {
    const WHAT: &str = "streams";
    let remedy = "bring them up to date: chatops topology";
    let topology = match topology::embedded() {
        Ok(topology) => topology,
        Err(error) => return Finding::of(WHAT, &error.into()),
    };
    match topology::apply(bus, &topology, compose::replicas(config), Mode::DryRun).await {
        Err(error) => Finding::broken(
            WHAT,
            error.to_string(),
            "decide by hand: chatops topology --dry-run",
        ),
        Ok(diff) if diff.is_empty() => Finding::well(WHAT, sizes(bus).await),
        Ok(diff) if diff.streams.iter().any(|stream| stream.changes.is_none()) => {
            Finding::broken(WHAT, "some do not exist", remedy)
        }
        Ok(_) => Finding::odd(WHAT, "some differ from what this version wants", remedy),
    }
}

/// What the appender said last.
async fn audit(connections: &Connections) -> Finding {
    const WHAT: &str = "audit";
    let remedy = "read docs/audit.md, and look closer with: chatops audit verify";
    let (told, at) = match connections.store.audit_state().await {
        Ok(Some(told)) => told,
        Ok(None) => {
            return Finding::odd(
                WHAT,
                "nothing is chained: no appender has ever run",
                "run the role audit: chatops serve --role audit",
            );
        }
        Err(error) => return Finding::of(WHAT, &error.into()),
    };
    let found = told.checked.iter().flat_map(|checked| &checked.findings);
    if let Some(finding) = found.into_iter().next() {
        return Finding::broken(WHAT, finding.text.clone(), remedy);
    }
    let silent = System.now().micros_since(at) / 1_000_000;
    let why = told.reason.or(told.outside);
    match why {
        Some(reason) if told.phase == "tampered" => Finding::broken(WHAT, reason, remedy),
        Some(reason) => Finding::odd(WHAT, reason, remedy),
        None if silent > SILENT_SECONDS => Finding::odd(
            WHAT,
            format!("the appender has said nothing for {silent} s"),
            "run the role audit: chatops serve --role audit",
        ),
        None => {
            let signed = told.head.map_or(0, |head| head.size);
            Finding::well(WHAT, format!("{} entries, {signed} signed", told.size))
        }
    }
}

async fn sizes(bus: &chatops_bus::Bus) -> String {
    let (mut events, mut bytes) = (0, 0);
    for stream in StreamName::ALL {
        if let Ok(info) = bus.stream_info(stream).await {
            events += info.messages;
            bytes += info.bytes;
        }
    }
    format!("{events} events, {}", output::bytes(bytes))
}

/// Who reads a stream.
#[derive(Debug, Clone, Copy)]
struct Reader {
    role: &'static str,
    /// It may be this far behind while it works.
    behind_seconds: i64,
}

async fn read_models(connections: &Connections) -> Vec<Finding> {
    let progress = match connections.store.progress().await {
        Ok(progress) => progress,
        Err(error) => return vec![Finding::of("read models", &error.into())],
    };
    let now = System.now();
    let mut findings = Vec::new();
    let models = compose::specs(connections).into_iter();
    let models = models.map(|spec| (format!("read model {}", spec.consumer()), spec, MODELS));
    let rules = chatops_alerting::live::specs().into_iter();
    let rules = rules.map(|spec| (format!("alert rules {}", spec.consumer()), spec, RULES));
    for (what, spec, reader) in models.chain(rules) {
        let row = progress.iter().find(|row| {
            row.name == spec.name
                && u32::try_from(row.ver) == Ok(spec.ver)
                && u32::try_from(row.part) == Ok(spec.part)
        });
        findings.push(match row {
            None => Finding::odd(
                what,
                "has never run",
                format!("run the role `{}`", reader.role),
            ),
            Some(row) if row.stands.is_some() => Finding::broken(
                what,
                row.stands.clone().unwrap_or_default(),
                format!(
                    "put the cause right (bring the stream back, or run the newer version), then start the role `{}` again",
                    reader.role
                ),
            ),
            Some(row) => read_model(connections, what, &spec, reader, row.seq, now).await,
        });
    }
    findings
}

async fn read_model(
    connections: &Connections,
    what: String,
    spec: &Spec,
    reader: Reader,
    seq: u64,
    now: Timestamp,
) -> Finding {
    match connections.bus.last(spec.stream, &spec.filter).await {
        Err(error) => Finding::of(what, &error.into()),
        Ok(Some(newest)) if newest.seq > seq => {
            let behind = now.micros_since(newest.stored_at) / 1_000_000;
            let detail = format!(
                "is at {seq} of {}; the newest event is {behind} s old",
                newest.seq
            );
            if behind > reader.behind_seconds {
                Finding::broken(
                    what,
                    detail,
                    format!(
                        "does the role `{}` run, and what does its log say?",
                        reader.role
                    ),
                )
            } else {
                Finding::well(what, detail)
            }
        }
        Ok(_) => Finding::well(what, format!("is complete, up to {seq}")),
    }
}

async fn parked(connections: &Connections) -> Finding {
    const WHAT: &str = "parked events";
    const MOST: u32 = 1000;
    match connections.store.parked(None, MOST).await {
        Err(error) => Finding::of(WHAT, &error.into()),
        Ok(events) => {
            let open: Vec<_> = events
                .iter()
                .filter(|event| event.state == "open")
                .collect();
            match open.first() {
                None => Finding::well(WHAT, "none"),
                Some(newest) => Finding::odd(
                    WHAT,
                    format!(
                        "{} open; the newest: {} ({})",
                        open.len(),
                        newest.error,
                        newest.reason
                    ),
                    format!(
                        "look at it: chatops replay --stream {} --from {} --to {}",
                        newest.stream, newest.seq, newest.seq
                    ),
                ),
            }
        }
    }
}

async fn web(config: &Config) -> Finding {
    const WHAT: &str = "web app and API";
    let address = config::reachable(config.listen);
    match timeout(PATIENCE, ready(address)).await {
        Ok(Ok((true, _))) => Finding::well(WHAT, format!("ready at {}", config.address())),
        Ok(Ok((false, body))) => Finding::broken(
            WHAT,
            format!("not ready: {body}"),
            "mend what is broken above",
        ),
        Ok(Err(error)) => Finding::broken(
            WHAT,
            format!(
                "{address} does not answer: {}",
                crate::trouble::plain(&error)
            ),
            "start `chatops up`, or name its address with --set listen=ADDRESS:PORT",
        ),
        Err(_) => Finding::broken(
            WHAT,
            format!("{address} does not answer in time"),
            "look at its log",
        ),
    }
}

/// Whether `/readyz` says yes, and its body.
async fn ready(address: SocketAddr) -> std::io::Result<(bool, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let question = format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((
        head.lines()
            .next()
            .is_some_and(|line| line.contains(" 200")),
        body.trim().to_owned(),
    ))
}
