//! PostgreSQL with TimescaleDB, shared by a test run or private to one test.
//!
//! - [`Database`]: what nearly every test wants; a clone of a migrated template (about 100 ms).
//! - [`Postgres`]: a server of one's own (about 1 s), to be killed and restarted.
//!
//! A database or private server is gone when its value is dropped, or when the process dies. The
//! shared server outlives single test processes (nextest runs each test in its own) and is ended
//! by its reaper, see [`shared`].

mod cluster;
mod database;
mod psql;
mod shared;

use std::net::SocketAddr;

use anyhow::Context;

use crate::{Runtime, Scratch, scratch_dir};
use cluster::{Cluster, Server};
pub use database::Database;

/// Ports are picked before the server binds them; somebody else may be faster.
const PORT_ATTEMPTS: u32 = 5;

/// What to start; see [`Postgres::builder`].
#[derive(Debug, Clone, Default)]
pub struct PostgresBuilder {
    durable: bool,
    settings: String,
}

impl PostgresBuilder {
    /// fsync and full durability on: what was committed survives even a power loss.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// One more line for postgresql.conf.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push_str(line);
        self.settings.push('\n');
        self
    }

    /// Creates and starts it, and waits until it takes connections.
    pub async fn start(self) -> anyhow::Result<Postgres> {
        let runtime = Runtime::find()?;
        let scratch = scratch_dir()?;
        let mut cluster = Cluster::create(&runtime, scratch.path(), self.durable, &self.settings)?;
        let server = cluster.start_somewhere(PORT_ATTEMPTS).await?;
        crate::watchdog::watch(server.pid())?;
        Ok(Postgres {
            server: Some(server),
            cluster,
            _scratch: scratch,
        })
    }
}

/// A private PostgreSQL server; killed on Drop and its data deleted.
#[derive(Debug)]
pub struct Postgres {
    server: Option<Server>,
    cluster: Cluster,
    _scratch: Scratch,
}

impl Postgres {
    /// To choose durability and settings.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// A private server without fsync.
    pub async fn start() -> anyhow::Result<Self> {
        Self::builder().start().await
    }

    /// Connection URL of a database on it; `postgres` exists from the start. The same after every
    /// restart.
    pub fn url(&self, database: &str) -> String {
        self.cluster.url(database)
    }

    /// Where clients connect, for a [`crate::CuttingProxy`] in front.
    pub fn address(&self) -> SocketAddr {
        self.cluster.address()
    }

    /// Creates an empty database and returns its URL.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<String> {
        self.cluster
            .psql("postgres", &format!("CREATE DATABASE \"{name}\""))
            .await?;
        Ok(self.url(name))
    }

    /// Runs SQL in a database; the answer as unaligned rows without header.
    pub async fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        self.cluster.psql(database, sql).await
    }

    /// SIGKILL to the server and to all its sessions: what a crash of the machine's memory or the
    /// out-of-memory killer leaves behind. The data stays for [`Self::restart`].
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.server
            .take()
            .context("the PostgreSQL server is not running")?
            .kill()
            .await
    }

    /// Fast shutdown: sessions are ended, a checkpoint is written.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.server
            .take()
            .context("the PostgreSQL server is not running")?
            .stop()
            .await
    }

    /// Starts it again on the same port and data; kills it first when it runs.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.server = None;
        let server = self.cluster.start().await?;
        crate::watchdog::watch(server.pid())?;
        self.server = Some(server);
        Ok(())
    }
}
