//! Logs of a container as they are written. Called by the [`Desk`](super::Desk).
//!
//! # What is guaranteed
//! - Every line that the engine has comes once, in order, each stream apart, with the engine's own time before it. Nothing
//!   is dropped here: while the viewer's window is full nothing is read, and the engine waits.
//! - At most [`PIECE`] bytes are held besides the window, also for a container with a terminal that never ends a line.
//! - It ends with the container's log, when the viewer closes it, or when nobody has renewed the lease.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use chatops_schemas::{
    order::{Follow, Refusal},
    session::{Control, Ended, MAX_DATA, Stream},
};
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

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
    let terminal = has_terminal(engine.socket(), name).await?;
    let answer = request::get(engine.socket(), &path(name, &follow)).await;
    let answer = answer.map_err(no_answer)?;
    let lease = Duration::from_secs(follow.lease_s.into()).max(SHORTEST_LEASE);
    tokio::spawn(serve(answer, Pieces::new(terminal), lease, io));
    Ok(())
}

async fn has_terminal(socket: &Path, name: &str) -> Result<bool, Refusal> {
    #[derive(serde::Deserialize)]
    struct Inspected {
        #[serde(rename = "Config")]
        config: Config,
    }
    #[derive(serde::Deserialize)]
    struct Config {
        #[serde(rename = "Tty", default)]
        tty: bool,
    }
    let answer = request::get(socket, &format!("/containers/{name}/json")).await;
    let text = answer.map_err(no_answer)?.whole(MAX_INSPECTION).await;
    let text = text.map_err(|error| no_answer(error.into()))?;
    // An engine that does not say has none.
    Ok(serde_json::from_slice::<Inspected>(&text).is_ok_and(|found| found.config.tty))
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

async fn serve(answer: Answer, pieces: Pieces, lease: Duration, mut io: SessionIo) {
    let out = io.out.clone();
    let (reason, message) = tokio::select! {
        ended = pump(answer, pieces, &out) => ended,
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
async fn pump(mut answer: Answer, mut pieces: Pieces, out: &SessionOut) -> (Ended, Option<String>) {
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
                return match joined.send(out).await {
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
