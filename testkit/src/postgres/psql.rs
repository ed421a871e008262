//! SQL through the `psql` program, so that the testkit needs no database driver.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, bail};

/// The program, and the server it talks to.
#[derive(Debug, Clone)]
pub(super) struct Psql {
    pub(super) program: PathBuf,
    pub(super) port: u16,
}

impl Psql {
    /// Answer rows, unaligned and without header.
    pub(super) async fn run(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let (this, database, text) = (self.clone(), database.to_owned(), sql.to_owned());
        tokio::task::spawn_blocking(move || this.run_blocking(&database, &text))
            .await
            .context("wait for psql")?
    }

    /// The same for `Drop`, where nothing can be awaited.
    pub(super) fn run_blocking(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(&self.program)
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-U",
                super::cluster::OWNER,
            ])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .context("run psql")?;
        if !status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&stderr).trim_end());
        }
        Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
    }
}
