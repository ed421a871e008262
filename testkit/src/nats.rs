//! A nats-server of one's own. Called by every test that needs streams, subjects or the callout.
//!
//! Guarantees: `start` returns once the server answers on its port; `kill` is SIGKILL; `restart`
//! keeps port and store, so what was acknowledged is there again. On Drop the process is killed
//! and its store deleted.

mod config;
mod process;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{Runtime, Scratch, scratch_dir};
use config::{Options, Ports};
use process::Server;

/// How long a server may take to answer, or to leave after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(20);
/// Ports are picked before the server binds them; somebody else may be faster.
const PORT_ATTEMPTS: u32 = 5;

/// Which nats-server to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsVersion {
    /// 2.15.1, what `make run` uses.
    V2_15,
    /// 2.10.27, the oldest one supported.
    V2_10,
}

impl NatsVersion {
    /// Both, for tests that hold on either.
    pub const ALL: [Self; 2] = [Self::V2_15, Self::V2_10];

    fn program(self) -> &'static str {
        match self {
            Self::V2_15 => "nats-server",
            Self::V2_10 => "nats-server-2.10",
        }
    }
}

/// What to start; see [`NatsServer::builder`].
#[derive(Debug, Clone)]
pub struct NatsServerBuilder {
    version: NatsVersion,
    options: Options,
    environment: Vec<(String, String)>,
}

impl NatsServerBuilder {
    /// Another version than 2.15.
    #[must_use]
    pub fn version(mut self, version: NatsVersion) -> Self {
        self.version = version;
        self
    }

    /// Configuration text added to what the testkit writes itself (`listen`, `http`,
    /// `server_name`, `jetstream`, and `websocket` when asked for): accounts, authorization, limits.
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.options.extra = text.into();
        self
    }

    /// A variable the configuration can use as `$NAME`. nats-server parses the value like text of
    /// the file, so strings that could be something else need quotes inside.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs a whole configuration file, one of those in `nats/`, instead of the testkit's own. Its
    /// variables for name, listeners, store and sync interval are set; the others are the test's
    /// to give with [`Self::env`]. Call [`Self::websocket`] when the file has such a listener.
    #[must_use]
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.file = Some(path.into());
        self
    }

    /// Sync to disk before each acknowledgement, as production does.
    #[must_use]
    pub fn sync_always(mut self) -> Self {
        self.options.sync_always = true;
        self
    }

    /// Also listen for WebSocket clients, without TLS.
    #[must_use]
    pub fn websocket(mut self) -> Self {
        self.options.websocket = true;
        self
    }

    /// Leave JetStream off.
    #[must_use]
    pub fn without_jetstream(mut self) -> Self {
        self.options.jetstream = false;
        self
    }

    /// Starts it and waits until it answers.
    pub async fn start(self) -> anyhow::Result<NatsServer> {
        let program = Runtime::find()?.program(self.version.program())?;
        let scratch = scratch_dir()?;
        for attempt in 1.. {
            let ports = Ports::pick(self.options.websocket)?;
            self.options.write(&scratch, ports)?;
            let mut server = self
                .options
                .spawn(&program, &scratch, ports, &self.environment)?;
            match server.answer(ports.client, PATIENCE).await {
                Ok(()) => {
                    return Ok(NatsServer {
                        program,
                        scratch,
                        options: self.options,
                        environment: self.environment,
                        ports,
                        server: Some(server),
                    });
                }
                Err(error)
                    if attempt == PORT_ATTEMPTS
                        || !error.to_string().contains("address already in use") =>
                {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        bail!("no attempt was made")
    }
}

impl Options {
    fn spawn(
        &self,
        program: &Path,
        scratch: &Scratch,
        ports: Ports,
        environment: &[(String, String)],
    ) -> anyhow::Result<Server> {
        let mut variables = self.variables(scratch, ports);
        variables.extend_from_slice(environment);
        Server::spawn(program, &self.path(scratch), scratch, &variables)
    }
}

/// A running (or deliberately killed) nats-server.
#[derive(Debug)]
pub struct NatsServer {
    // Before `scratch`, so that the process is gone when its store is deleted.
    server: Option<Server>,
    scratch: Scratch,
    program: PathBuf,
    options: Options,
    environment: Vec<(String, String)>,
    ports: Ports,
}

impl NatsServer {
    /// 2.15 with JetStream and without authentication.
    pub async fn start() -> anyhow::Result<Self> {
        Self::builder().start().await
    }

    /// To choose version, configuration and durability.
    pub fn builder() -> NatsServerBuilder {
        NatsServerBuilder {
            version: NatsVersion::V2_15,
            options: Options::default(),
            environment: Vec::new(),
        }
    }

    /// `nats://127.0.0.1:PORT`; the same after every restart.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// `ws://127.0.0.1:PORT`, when the builder was told [`NatsServerBuilder::websocket`].
    pub fn websocket_url(&self) -> Option<String> {
        self.ports
            .websocket
            .map(|port| format!("ws://127.0.0.1:{port}"))
    }

    /// Where clients connect, for a [`crate::CuttingProxy`] in front.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.client))
    }

    /// The port of [`Self::address`].
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// SIGKILL. The store stays for [`Self::restart`].
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.server
            .take()
            .context("the nats-server is not running")?
            .kill()
            .await
    }

    /// SIGTERM, and waits until it has flushed and left.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.server
            .take()
            .context("the nats-server is not running")?
            .stop(PATIENCE)
            .await
    }

    /// Starts it again on the same port and store; kills it first when it runs.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.server = None;
        let mut server =
            self.options
                .spawn(&self.program, &self.scratch, self.ports, &self.environment)?;
        server.answer(self.ports.client, PATIENCE).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Replaces the text given to [`NatsServerBuilder::config`] and restarts.
    pub async fn reconfigure(&mut self, text: impl Into<String>) -> anyhow::Result<()> {
        self.options.extra = text.into();
        self.options.write(&self.scratch, self.ports)?;
        self.restart().await
    }

    /// Everything the server has written to its log.
    pub fn log(&self) -> String {
        process::log(&self.scratch)
    }

    /// Body of a monitoring page such as `varz`, `connz?auth=1`, `jsz?streams=1`: JSON text.
    pub async fn monitor(&self, page: &str) -> anyhow::Result<String> {
        let ask = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.monitor)).await?;
            stream
                .write_all(format!("GET /{page} HTTP/1.0\r\n\r\n").as_bytes())
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = timeout(PATIENCE, ask)
            .await
            .context("ask the monitoring page")??;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("read the monitoring answer")?;
        if !head.contains(" 200 ") {
            bail!(
                "monitoring page {page} answers {}",
                head.lines().next().unwrap_or_default()
            );
        }
        Ok(body.to_owned())
    }
}
