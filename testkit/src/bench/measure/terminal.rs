//! From a key to its echo: a socket of a terminal, as a browser opens it, to a real shell of a real agent and back. What
//! the browser itself adds is measured there (`ui/e2e/perf.spec.ts`).

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bench::{
    agent::Agent,
    browser::{Data, Socket},
    installation::Installation,
    limit::pty::Echo,
    options::Options,
    report::{Limit, Report, Row, Target},
    stats::{Rounds, quantile},
};

const WARM_UP: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);
/// A letter and its removal in turns, with what is shown for each: the line never grows.
const KEYS: [(&[u8], &[u8]); 2] = [(b"x", b"x"), (b"\x7f", b"\x08 \x08")];

/// An open terminal.
struct Terminal {
    socket: Socket,
    /// What was shown and not expected yet.
    shown: Vec<u8>,
}

impl Terminal {
    /// The shell is the plainest there is: the kernel echoes, as in the yardstick.
    async fn open(installation: &Installation, server: &str) -> anyhow::Result<Self> {
        let path = format!("/api/v1/ws/terminal/{server}");
        let mut socket = Socket::open(installation.http, &path).await?;
        let open = json!({
            "type": "open", "token": installation.token(), "cols": 80, "rows": 24, "shell": "/bin/sh",
        });
        socket.send(&open.to_string()).await?;
        let frame = timeout(PATIENCE, socket.text())
            .await
            .context("no answer")??;
        let frame: Value = serde_json::from_str(&frame)?;
        if frame["type"] != "opened" {
            bail!("no terminal: {frame}");
        }
        let mut terminal = Self {
            socket,
            shown: Vec::new(),
        };
        // What is typed has another form, so that this is the answer and no echo.
        terminal.socket.send_bytes(b"echo rea''dy\n").await?;
        terminal.until(b"ready\r\n").await?;
        // The prompt behind it ends with a space.
        terminal.until(b" ").await?;
        Ok(terminal)
    }

    /// Waits until this is shown, and takes it and what came before.
    async fn until(&mut self, wanted: &[u8]) -> anyhow::Result<()> {
        let shown = async {
            loop {
                let found = self
                    .shown
                    .windows(wanted.len())
                    .position(|seen| seen == wanted);
                if let Some(at) = found {
                    self.shown.drain(..at + wanted.len());
                    return anyhow::Ok(());
                }
                // Eight bytes say where the others belong.
                if let Data::Bytes(frame) = self.socket.data().await? {
                    self.shown.extend(frame.iter().skip(8));
                }
            }
        };
        let found = timeout(PATIENCE, shown).await;
        found.with_context(|| format!("{:?} is not shown", String::from_utf8_lossy(wanted)))?
    }

    async fn key(&mut self, key: &[u8], echo: &[u8]) -> anyhow::Result<f64> {
        let began = Instant::now();
        self.socket.send_bytes(key).await?;
        self.until(echo).await?;
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

/// Adds the rows for p50 and p99.
pub(in crate::bench) async fn measure(
    installation: &Installation,
    durability: &'static str,
    options: &Options,
    report: &mut Report,
) -> anyhow::Result<()> {
    let agent = Agent::start(installation, "terminal", "", options).await?;
    let mut terminal = Terminal::open(installation, &agent.server).await?;
    let bare = Echo::start(installation.nats, &installation.service()?).await?;
    let count = options.scale(2000, 500);
    let (mut p50, mut p99) = (Rounds::default(), Rounds::default());
    let (mut bare50, mut bare99) = (Rounds::default(), Rounds::default());
    for _ in 0..options.rounds {
        let (mut took, mut floor) = (Vec::new(), Vec::new());
        for (n, (key, echo)) in KEYS.into_iter().cycle().take(WARM_UP + count).enumerate() {
            let (one, other) = (terminal.key(key, echo).await?, bare.key(key).await?);
            if n >= WARM_UP {
                took.push(one);
                floor.push(other);
            }
        }
        p50.push(quantile(&mut took, 0.5));
        p99.push(quantile(&mut took, 0.99));
        bare50.push(quantile(&mut floor, 0.5));
        bare99.push(quantile(&mut floor, 0.99));
    }
    for (name, ours, bare, targets) in [
        ("p50", p50, bare50, vec![Target::AtMost(5.0)]),
        ("p99", p99, bare99, vec![]),
    ] {
        report.add(Row {
            measure: format!("terminal: key to echo at the browser's socket, {name}"),
            unit: "ms",
            durability,
            ours,
            limit: Some(Limit {
                what: format!("NATS request, echo of the kernel, reply, {name}"),
                figure: bare,
            }),
            targets,
            note: format!("{count} keys a round, one after another, in turns with the yardstick"),
            ..Row::default()
        });
    }
    Ok(())
}
