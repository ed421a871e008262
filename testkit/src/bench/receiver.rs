//! Somebody outside who is told of alerts: an HTTP server that takes everything and notes when it came.

use std::{net::Ipv4Addr, net::SocketAddr, time::Instant};

use anyhow::Context;
use axum::{Router, body::Bytes, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

use super::rest::Rest;

type Arrivals = mpsc::UnboundedSender<(Instant, Bytes)>;

/// Ends with its value.
pub(super) struct Receiver {
    address: SocketAddr,
    arrived: mpsc::UnboundedReceiver<(Instant, Bytes)>,
    _serving: JoinSet<()>,
}

async fn take(State(arrivals): State<Arrivals>, body: Bytes) {
    // Nobody waits for it any more.
    let _ = arrivals.send((Instant::now(), body));
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listen for webhooks")?;
        let address = listener.local_addr().context("listen for webhooks")?;
        let (sender, arrived) = mpsc::unbounded_channel();
        let router = Router::new().route("/hook", post(take)).with_state(sender);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the receiver of webhooks ended: {error}");
            }
        });
        Ok(Self {
            address,
            arrived,
            _serving: serving,
        })
    }

    /// Where to send to.
    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next message and when it came.
    pub(super) async fn next(&mut self) -> anyhow::Result<(Instant, Value)> {
        let (at, body) = self.arrived.recv().await.context("the receiver ended")?;
        Ok((at, serde_json::from_slice(&body).context("read a message")?))
    }

    /// Milliseconds of so many posts on one connection, until each has arrived.
    pub(super) async fn bare_posts(&mut self, count: usize) -> anyhow::Result<Vec<f64>> {
        let mut rest = Rest::new(self.address, None);
        let mut times = Vec::with_capacity(count);
        for n in 0..count {
            let began = Instant::now();
            rest.post("/hook", &json!({ "n": n })).await?.json()?;
            let (at, _) = self.next().await?;
            times.push(at.saturating_duration_since(began).as_secs_f64() * 1000.0);
        }
        Ok(times)
    }
}
