//! Logs of a container as they are written. Called by the [`Desk`](super::Desk).
//!
//! # What is guaranteed
//! - Every line that the engine has comes once, in order, each stream apart, with the engine's own time before it. Nothing
//!   is dropped here: while the viewer's window is full nothing is read, and the engine waits.
//! - At most [`PIECE`] bytes are held besides the window, also for a container with a terminal that never ends a line; of
//!   such a container the last [`rest`] as well.
//! - It ends with the container's log, when the viewer closes it, or when nobody has renewed the lease.

mod rest;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use chatops_schemas::{
    order::{Follow, Refusal},
    session::{Control, Ended, MAX_DATA, Stream},
};
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use rest::Rest;

use super::{
    Host,
    container::{connect, named, no_answer},
    session::{Closed, Down, SessionIo, SessionOut},
};
use crate::collect::container::{
    log::Pieces,
    request::{self, Answer},
};

/// Bytes that are put together before they are sent, when they come without a pause.
const PIECE: usize = MAX_DATA;
/// Shortest lease: a viewer must have the time to renew it.
const SHORTEST_LEASE: Duration = Duration::from_secs(5);
/// Largest inspection that is read for one word of it.
const MAX_INSPECTION: usize = 1024 * 1024;

/// Begins to send logs and returns once the engine has agreed.
pub(super) async fn open(host: Host, follow: Follow, io: SessionIo) -> Result<(), Refusal> {
    let name = named(&follow.container)?;
    let engine = connect(&host).await?;
    let terminal = inspect(engine.socket(), name).await?.config.tty;
    let answer = request::get(engine.socket(), &path(name, &follow)).await;
    let answer = answer.map_err(no_answer)?;
    let lease = Duration::from_secs(follow.lease_s.into()).max(SHORTEST_LEASE);
    let rest =
        (terminal && follow.follow).then(|| Rest::new(engine.socket().to_owned(), name, &follow));
    let log = Log {
        answer,
        pieces: Pieces::new(terminal),
        rest,
    };
    tokio::spawn(serve(log, lease, io));
    Ok(())
}

/// The log as it comes.
struct Log {
    answer: Answer,
    pieces: Pieces,
    /// Of a container with a terminal.
    rest: Option<Rest>,
}

/// What matters here of what the engine says of a container; what it does not say is no.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inspected {
    config: Config,
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    tty: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    running: bool,
}

async fn inspect(socket: &Path, name: &str) -> Result<Inspected, Refusal> {
    let answer = request::get(socket, &format!("/containers/{name}/json")).await;
    let text = answer.map_err(no_answer)?.whole(MAX_INSPECTION).await;
    let text = text.map_err(|error| no_answer(error.into()))?;
    Ok(serde_json::from_slice(&text).unwrap_or_default())
}

fn path(name: &str, follow: &Follow) -> String {
    let tail = follow
        .tail
        .map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let (since, on) = (follow.since.unwrap_or(0), u8::from(follow.follow));
    format!(
        "/containers/{name}/logs?stdout=1&stderr=1&timestamps=1&follow={on}&tail={tail}&since={since}"
    )
}

async fn serve(log: Log, lease: Duration, mut io: SessionIo) {
    let out = io.out.clone();
    let (reason, message) = tokio::select! {
        ended = pump(log, &out) => ended,
        reason = watch(&mut io.input, lease) => (reason, None),
    };
    out.end(reason, None, message);
}

/// Until the viewer closes it or does not renew it.
async fn watch(input: &mut mpsc::Receiver<Down>, lease: Duration) -> Ended {
    loop {
        match timeout_at(Instant::now() + lease, input.recv()).await {
            Err(_) => return Ended::Abandoned,
            Ok(None) => return Ended::AgentStopped,
            Ok(Some(Down::Control(Control::Close))) => return Ended::Closed,
            Ok(Some(_)) => {}
        }
    }
}

/// Until the log is over.
async fn pump(log: Log, out: &SessionOut) -> (Ended, Option<String>) {
    let Log {
        mut answer,
        mut pieces,
        mut rest,
    } = log;
    let mut joined = Joined::default();
    loop {
        // What is there already is joined; what has to be waited for lets the rest go first.
        let frame = match answer.body.frame().now_or_never() {
            Some(frame) => frame,
            None => {
                if joined.send(out).await.is_err() {
                    return (Ended::Closed, None);
                }
                answer.body.frame().await
            }
        };
        let mut chunk = match frame {
            None => {
                let sent = match (joined.send(out).await, rest) {
                    (Ok(()), Some(rest)) => match rest.ask().await {
                        Some(missing) => out.write(None, &missing).await,
                        None => Ok(()),
                    },
                    (sent, _) => sent,
                };
                return match sent {
                    Ok(()) => (Ended::Exited, None),
                    Err(Closed) => (Ended::Closed, None),
                };
            }
            Some(Err(error)) => return (Ended::Failed, Some(error.to_string())),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        loop {
            match pieces.next(&mut chunk) {
                Ok(None) => break,
                Ok(Some((stream, data))) => {
                    if let Some(rest) = &mut rest {
                        rest.had(&data);
                    }
                    if joined.add(stream, data, out).await.is_err() {
                        return (Ended::Closed, None);
                    }
                }
                Err(nonsense) => return (Ended::Failed, Some(nonsense.to_string())),
            }
        }
    }
}

/// Output of one stream that goes out together.
#[derive(Default)]
struct Joined {
    stream: Option<Stream>,
    data: Vec<u8>,
}

impl Joined {
    async fn add(
        &mut self,
        stream: Option<Stream>,
        data: Bytes,
        out: &SessionOut,
    ) -> Result<(), Closed> {
        if self.stream != stream || self.data.len() + data.len() > PIECE {
            self.send(out).await?;
            self.stream = stream;
        }
        if data.len() > PIECE {
            return out.write(stream, &data).await;
        }
        self.data.extend_from_slice(&data);
        Ok(())
    }

    async fn send(&mut self, out: &SessionOut) -> Result<(), Closed> {
        if self.data.is_empty() {
            return Ok(());
        }
        out.write(self.stream, &self.data).await?;
        self.data.clear();
        Ok(())
    }
}
