//! The configuration files a test server gets: our part, and the test's own text included in it.

use std::fmt::Write;

use anyhow::Context;

use crate::{Scratch, free_port};

/// What the builder was told about the configuration.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) extra: String,
    pub(super) jetstream: bool,
    pub(super) sync_always: bool,
    pub(super) websocket: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extra: String::new(),
            jetstream: true,
            sync_always: false,
            websocket: false,
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
            let sync = if self.sync_always { "always" } else { "2m" };
            writeln!(
                text,
                "jetstream {{ store_dir: \"{}\", sync_interval: {sync} }}",
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
