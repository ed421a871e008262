//! The bare broadcast: axum, one tokio broadcast channel, all queued messages fed and flushed at once. It runs as a
//! process of its own, as our server does, started from the bench's own program.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::{any, post},
};
use futures::{SinkExt, StreamExt};
use tokio::sync::{Notify, broadcast};

/// Messages a slow socket may be behind before it loses the oldest.
const QUEUE: usize = 4096;
/// Size of one update, the same as one of our rows.
const UPDATE_BYTES: usize = 300;
/// Updates sent before others get their turn.
const BURST: usize = 64;

/// The running server; ends with its value.
pub(in crate::bench) struct Broadcast {
    child: Child,
    pub(in crate::bench) address: SocketAddr,
}

impl Broadcast {
    /// Starts it as a child process.
    pub(in crate::bench) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe().context("find this program")?)
            .arg("serve-broadcast")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the bare broadcast")?;
        crate::watchdog::watch(child.id())?;
        let mut line = String::new();
        let output = child.stdout.take().context("hear the bare broadcast")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
            .context("hear the bare broadcast")?;
        let address = line
            .trim()
            .parse()
            .context("read the address of the bare broadcast")?;
        Ok(Self { child, address })
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        crate::watchdog::forget(self.child.id());
    }
}

#[derive(Clone)]
struct Sender {
    updates: broadcast::Sender<Utf8Bytes>,
    go: Arc<Notify>,
}

/// The child's main: serves until it is killed; begins to send when told by `POST /go`.
pub(in crate::bench) async fn serve() -> anyhow::Result<()> {
    let sender = Sender {
        updates: broadcast::channel(QUEUE).0,
        go: Arc::new(Notify::new()),
    };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("listen")?;
    println!("{}", listener.local_addr()?);
    let produce = produce(sender.clone());
    let router = Router::new()
        .route("/updates", any(upgrade))
        .route(
            "/go",
            post(async |State(sender): State<Sender>| sender.go.notify_one()),
        )
        .with_state(sender);
    tokio::select! {
        ended = axum::serve(listener, router) => ended.context("serve"),
        () = produce => Ok(()),
    }
}

/// As fast as it can, but never so far ahead that sockets only see losses: a burst, then a look at the slowest reader.
async fn produce(sender: Sender) {
    sender.go.notified().await;
    let update = Utf8Bytes::from(format!(
        "{{\"k\":\"row\",{:w$}}}",
        ' ',
        w = UPDATE_BYTES - 12
    ));
    loop {
        for _ in 0..BURST {
            let _ = sender.updates.send(update.clone());
        }
        let patience = Instant::now();
        while sender.updates.len() > QUEUE / 2 && patience.elapsed() < Duration::from_millis(100) {
            tokio::task::yield_now().await;
        }
    }
}

async fn upgrade(State(sender): State<Sender>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| push(socket, sender.updates.subscribe()))
}

async fn push(socket: WebSocket, mut updates: broadcast::Receiver<Utf8Bytes>) {
    let (mut out, _in) = socket.split();
    loop {
        let update = match updates.recv().await {
            Ok(update) => update,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if out.feed(Message::Text(update)).await.is_err() {
            return;
        }
        while let Ok(update) = updates.try_recv() {
            if out.feed(Message::Text(update)).await.is_err() {
                return;
            }
        }
        if out.flush().await.is_err() {
            return;
        }
    }
}
