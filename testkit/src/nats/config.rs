//! The configuration files a test server gets: our part, and the test's own text included in it.

use std::{fmt::Write, path::PathBuf};

use anyhow::Context;

use crate::{Scratch, free_port};

/// What the builder was told about the configuration.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) extra: String,
    pub(super) jetstream: bool,
    pub(super) sync_always: bool,
    pub(super) websocket: bool,
    /// A whole configuration file to run instead of what is written here.
    pub(super) file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extra: String::new(),
            jetstream: true,
            sync_always: false,
            websocket: false,
            file: None,
        }
    }
}

/// Ports of one server, kept over its restarts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) monitor: u16,
    pub(super) websocket: Option<u16>,
}

impl Ports {
    pub(super) fn pick(websocket: bool) -> anyhow::Result<Self> {
        Ok(Self {
            client: free_port()?,
            monitor: free_port()?,
            websocket: websocket.then(free_port).transpose()?,
        })
    }
}

impl Options {
    /// The file to start the server with.
    pub(super) fn path(&self, scratch: &Scratch) -> PathBuf {
        self.file
            .clone()
            .unwrap_or_else(|| scratch.join("server.conf"))
    }

    /// What the files in `nats/` expect from their environment about place and durability.
    pub(super) fn variables(&self, scratch: &Scratch, ports: Ports) -> Vec<(String, String)> {
        let Ports {
            client,
            monitor,
            websocket,
        } = ports;
        let listen = |port: u16| format!("\"127.0.0.1:{port}\"");
        let mut variables = vec![
            ("CHATOPS_NATS_NAME".to_owned(), format!("\"test-{client}\"")),
            ("CHATOPS_NATS_LISTEN".to_owned(), listen(client)),
            ("CHATOPS_NATS_MONITOR_LISTEN".to_owned(), listen(monitor)),
            (
                "CHATOPS_NATS_STORE".to_owned(),
                format!("\"{}\"", scratch.join("store").display()),
            ),
            ("CHATOPS_NATS_SYNC".to_owned(), self.sync().to_owned()),
        ];
        variables.extend(
            websocket.map(|port| ("CHATOPS_NATS_WEBSOCKET_LISTEN".to_owned(), listen(port))),
        );
        variables
    }

    fn sync(&self) -> &'static str {
        if self.sync_always { "always" } else { "\"2m\"" }
    }

    pub(super) fn write(&self, scratch: &Scratch, ports: Ports) -> anyhow::Result<()> {
        let Ports {
            client,
            monitor,
            websocket,
        } = ports;
        let mut text = format!(
            "listen: 127.0.0.1:{client}\nhttp: 127.0.0.1:{monitor}\nserver_name: \"test-{client}\"\n"
        );
        if self.jetstream {
            let store = scratch.join("store");
            let sync = self.sync();
            // As in nats/embedded.conf: a share of what is free would refuse streams that are far from full.
            writeln!(
                text,
                "jetstream {{ store_dir: \"{}\", sync_interval: {sync}, max_file_store: 1TB }}",
                store.display()
            )?;
        }
        if let Some(port) = websocket {
            writeln!(
                text,
                "websocket {{ listen: \"127.0.0.1:{port}\", no_tls: true }}"
            )?;
        }
        text.push_str("include \"given.conf\"\n");
        std::fs::write(scratch.join("given.conf"), &self.extra)
            .context("write the test's nats configuration")?;
        std::fs::write(scratch.join("server.conf"), text).context("write the nats configuration")
    }
}
