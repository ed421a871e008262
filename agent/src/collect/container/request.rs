//! A request to the engine whose answer is taken as it comes. bollard keeps the log of a container with a terminal in
//! memory until a line ends, and gives an inspection in its own words; here neither happens.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, task::JoinHandle, time::timeout};

use super::engine::EngineError;

/// Until the engine begins to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that wait for their reader on our side of the socket.
const BUFFER: usize = 64 * 1024;
/// Longest error message that is looked at.
const MAX_WORDS: usize = 16 * 1024;

/// What the engine says when it does not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// It could not be asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It said no; these are its words.
    #[error("{1}")]
    Refused(u16, String),
}

/// An answer that is still coming. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Incoming,
    connection: JoinHandle<()>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Answer {
    /// All of it, if it has at most `most` bytes.
    pub(crate) async fn whole(mut self, most: usize) -> Result<Bytes, EngineError> {
        let body = Limited::new(&mut self.body, most);
        let whole = timeout(PATIENCE, body.collect())
            .await
            .map_err(|_| failed("it did not finish its answer"))?;
        Ok(whole.map_err(failed)?.to_bytes())
    }
}

fn failed(reason: impl std::fmt::Display) -> EngineError {
    EngineError::Failed(reason.to_string())
}

/// Asks for `path`, which must be made of checked parts.
pub(crate) async fn get(socket: &Path, path: &str) -> Result<Answer, RequestError> {
    match timeout(PATIENCE, begin(socket, path)).await {
        Ok(answer) => answer,
        Err(_) => Err(failed("it did not answer in time").into()),
    }
}

async fn begin(socket: &Path, path: &str) -> Result<Answer, RequestError> {
    let stream = UnixStream::connect(socket).await.map_err(failed)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let connection = tokio::spawn(async move {
        // Whoever reads the body hears of it.
        let _ = connection.await;
    });
    let request = Request::get(path)
        .header(header::HOST, "engine")
        .body(Empty::new())
        .map_err(failed)?;
    let answered: Result<Response<Incoming>, _> = sender.send_request(request).await;
    let (head, body) = answered.map_err(failed)?.into_parts();
    let answer = Answer { body, connection };
    if head.status.is_success() {
        return Ok(answer);
    }
    let words = answer.whole(MAX_WORDS).await?;
    Err(RequestError::Refused(head.status.as_u16(), said(&words)))
}

/// The engine wraps its words in `{"message": …}`.
fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { message }) => message,
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}
