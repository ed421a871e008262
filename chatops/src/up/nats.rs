//! The nats-server that `up` runs: configuration from `nats/`, values from the settings, data below the data directory.

pub(super) mod renewal;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{
    child::{Plan, Running},
    credentials,
    identity::{Identity, give, give_all},
    place::Place,
    ports,
    process::Kind,
    runtime::Runtime,
};
use secrecy::ExposeSecret as _;

use crate::{
    config::{Config, TlsMode},
    tls,
    trouble::{Code, Trouble},
};

/// The same files that people run by themselves: one description of accounts and limits.
const FILES: [(&str, &str); 3] = [
    ("server.conf", include_str!("../../../nats/embedded.conf")),
    ("limits.conf", include_str!("../../../nats/limits.conf")),
    ("accounts.conf", include_str!("../../../nats/accounts.conf")),
];
/// Reading back many gigabytes of streams after a crash takes a while on a slow disk.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where its configuration is.
fn directory(place: &Place) -> PathBuf {
    place.root().join("nats")
}

/// Writes the configuration, so that a new version of this program brings its own.
pub(super) fn plan(config: &Config, place: &Place, runtime: &Runtime) -> anyhow::Result<Plan> {
    let directory = directory(place);
    let identity = Identity::for_nats(place, &runtime.nats_server)?;
    give_all(&directory, identity)?;
    for (name, text) in FILES {
        give(&directory.join(name), text, identity)?;
    }
    let edge = match tls::identity(config)? {
        None => include_str!("../../../nats/edge.conf"),
        Some(shown) => {
            give(&directory.join("server.pem"), &shown.chain, identity)?;
            give(
                &directory.join("server.key"),
                shown.key.expose_secret(),
                identity,
            )?;
            include_str!("../../../nats/edge-tls.conf")
        }
    };
    give(&directory.join("edge.conf"), edge, identity)?;
    let mut environment = credentials::nats_environment(&config.nats)?;
    let mut set = |name: &str, value: String| environment.push((name.to_owned(), value));
    set("CHATOPS_NATS_NAME", quoted(&server_name()));
    set(
        "CHATOPS_NATS_LISTEN",
        quoted(&config.nats.listen.to_string()),
    );
    set(
        "CHATOPS_NATS_WEBSOCKET_LISTEN",
        quoted(&config.nats.websocket_listen.to_string()),
    );
    set(
        "CHATOPS_NATS_MONITOR_LISTEN",
        quoted(&config.nats.monitor_listen.to_string()),
    );
    set(
        "CHATOPS_NATS_STORE",
        quoted(&place.nats_store().display().to_string()),
    );
    set("CHATOPS_NATS_SYNC", quoted(&config.nats.sync));
    let file = |name| quoted(&directory.join(name).display().to_string());
    set("CHATOPS_NATS_CERTIFICATE", file("server.pem"));
    set("CHATOPS_NATS_PRIVATE_KEY", file("server.key"));
    Ok(Plan {
        kind: Kind::Nats,
        name: "nats-server",
        program: runtime.nats_server.clone(),
        arguments: vec!["--config".into(), place.nats_config().into()],
        environment: environment
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        identity,
        log: place.log("nats"),
    })
}

/// Starts it and waits until clients are greeted, which is after its streams were recovered.
pub(super) async fn start(config: &Config, plan: &Plan) -> anyhow::Result<Running> {
    let nats = &config.nats;
    ports::check(nats.listen, "nats.listen", "the agents")?;
    ports::check(
        nats.websocket_listen,
        "nats.websocket_listen",
        "agents behind HTTPS proxies",
    )?;
    ports::check(
        nats.monitor_listen,
        "nats.monitor_listen",
        "nats-server's monitoring",
    )?;
    let mut running = plan.start()?;
    running
        .ready(PATIENCE, async |_| greets(nats.listen).await)
        .await?;
    Ok(running)
}

/// Where this process and the local agent reach it: under the name that its certificate has.
pub(super) fn url(config: &Config) -> Result<String, Trouble> {
    let near = crate::config::reachable(config.nats.listen);
    match config.tls.mode {
        TlsMode::Off => Ok(format!("nats://{near}")),
        TlsMode::Private => Ok(format!("tls://{near}")),
        TlsMode::Files => config.nats.public_url.clone().ok_or_else(|| {
            Trouble::new(
                Code::Settings,
                "tls.mode is \"files\", but under which name agents reach the bus is not set",
                "set nats.public_url to tls://HOST:PORT with a host that the certificate names",
            )
        }),
    }
}

/// Every NATS server speaks first.
async fn greets(listen: SocketAddr) -> bool {
    let hello = async {
        let mut stream = TcpStream::connect(crate::config::reachable(listen))
            .await
            .ok()?;
        let mut start = [0; 4];
        stream.read_exact(&mut start).await.ok()?;
        Some(&start == b"INFO")
    };
    matches!(timeout(Duration::from_secs(1), hello).await, Ok(Some(true)))
}

fn server_name() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let plain: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(40)
        .collect();
    format!("chatops-{plain}")
}

/// nats-server reads the value of a variable like text of the file.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
