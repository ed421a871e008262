//! The bare echo: a key over nats-server to somebody who writes it to a terminal of the kernel, reads what the kernel shows
//! for it, and replies with that. No shell, no socket, no rights.

use std::{
    fs::File,
    io::{Read, Write},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use futures::StreamExt;
use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use tokio::{task::JoinHandle, time::timeout};

use super::bus;
use crate::bench::wire::Login;

const PATIENCE: Duration = Duration::from_secs(10);
const SUBJECT: &str = "bench.echo";

/// Somebody on the bus with a terminal; ends with this value.
pub(in crate::bench) struct Echo {
    client: async_nats::Client,
    answering: JoinHandle<()>,
    /// Without it, the kernel shows nothing.
    _other_side: File,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

impl Echo {
    pub(in crate::bench) async fn start(nats: SocketAddr, login: &Login) -> anyhow::Result<Self> {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("open a terminal")?;
        grantpt(&terminal)
            .and_then(|()| unlockpt(&terminal))
            .context("open a terminal")?;
        let name = ptsname(&terminal, Vec::new()).context("open a terminal")?;
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let other = rustix::fs::open(name, flags, Mode::empty()).context("open a terminal")?;
        let terminal = Arc::new(Mutex::new(File::from(terminal)));
        let theirs = bus::client(nats, Some(login)).await?;
        let mut keys = theirs.subscribe(SUBJECT).await.context("subscribe")?;
        theirs.flush().await.context("subscribe")?;
        let answering = tokio::spawn(async move {
            while let Some(key) = keys.next().await {
                let terminal = Arc::clone(&terminal);
                let shown = tokio::task::spawn_blocking(move || {
                    let mut terminal = terminal.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut shown = [0; 64];
                    terminal.write_all(&key.payload)?;
                    let read = terminal.read(&mut shown)?;
                    std::io::Result::Ok(Bytes::copy_from_slice(&shown[..read]))
                });
                if let (Ok(Ok(shown)), Some(reply)) = (shown.await, key.reply) {
                    // A key without an echo fails at the one who typed it.
                    let _ = theirs.publish(reply, shown).await;
                }
            }
        });
        Ok(Self {
            client: bus::client(nats, Some(login)).await?,
            answering,
            _other_side: File::from(other),
        })
    }

    /// Milliseconds from a key to its echo.
    pub(in crate::bench) async fn key(&self, key: &'static [u8]) -> anyhow::Result<f64> {
        let began = Instant::now();
        let echo = self.client.request(SUBJECT, Bytes::from_static(key));
        timeout(PATIENCE, echo)
            .await
            .context("no bare echo came")?
            .context("type a bare key")?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}
