//! A WebSocket with a time limit on every write, and the two ways a conversation ends.

use std::time::Duration;

use axum::{
    extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    response::Response,
};
use bytes::Bytes;
use futures::SinkExt;
use tokio::time::{Instant, error::Elapsed, sleep_until, timeout};

use super::close::Close;

/// Largest frame that a client may send.
const MAX_MESSAGE: usize = 64 * 1024;
/// Clients say little; what is longer is read in several steps.
const READ_BUFFER: usize = 8 * 1024;
/// Collected before the socket is written to.
const WRITE_BUFFER: usize = 128 * 1024;
/// Most bytes that wait for a client; more than the largest frame, of which there is never more than one waiting.
const MAX_WRITE_BUFFER: usize = 8 * 1024 * 1024;

/// Why a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client is gone.
    Gone,
    /// We end it.
    Close(Close),
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text frame.
    Text(Utf8Bytes),
    /// A binary frame.
    Bytes(Bytes),
}

/// A WebSocket whose writes end.
pub struct Wire {
    socket: WebSocket,
    limits: Limits,
    /// When the client last sent anything.
    heard: Instant,
    /// When it is asked next whether it is there.
    beat: Instant,
}

/// How long a client may let us wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For taking bytes.
    pub stalled: Duration,
    /// For saying anything; it is asked three times meanwhile, and every library answers that by itself.
    pub silent: Duration,
}

/// Accepts the upgrade with our limits and talks until the conversation ends.
pub fn accept<F, Fut>(upgrade: WebSocketUpgrade, limits: Limits, talk: F) -> Response
where
    F: FnOnce(Wire) -> Fut + Send + 'static,
    Fut: Future<Output = (Wire, End)> + Send + 'static,
{
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_upgrade(move |socket| async move {
            let heard = Instant::now();
            let (wire, end) = talk(Wire {
                socket,
                limits,
                heard,
                beat: heard + limits.silent / 3,
            })
            .await;
            wire.end(end).await;
        })
}

impl Wire {
    /// Writes a text frame; fails when the client takes no bytes for too long.
    pub async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        written(timeout(self.limits.stalled, self.socket.send(Message::Text(text))).await)
    }

    /// Writes text frames with one flush at the end.
    pub async fn send_all(&mut self, texts: Vec<Utf8Bytes>) -> Result<(), End> {
        for text in texts {
            written(timeout(self.limits.stalled, self.socket.feed(Message::Text(text))).await)?;
        }
        written(
            timeout(
                self.limits.stalled,
                SinkExt::<Message>::flush(&mut self.socket),
            )
            .await,
        )
    }

    /// Writes a binary frame; fails like [`Self::send`].
    pub async fn send_bytes(&mut self, bytes: Bytes) -> Result<(), End> {
        written(
            timeout(
                self.limits.stalled,
                self.socket.send(Message::Binary(bytes)),
            )
            .await,
        )
    }

    /// The next text frame, where nothing else is spoken. Cancel-safe like [`Self::receive_any`].
    pub async fn receive(&mut self) -> Result<Utf8Bytes, End> {
        match self.receive_any().await? {
            Said::Text(text) => Ok(text),
            Said::Bytes(_) => Err(Close::BadFrame.into()),
        }
    }

    /// The next frame. Cancel-safe. Asks the client from time to time whether it is there, and fails when it is not.
    pub async fn receive_any(&mut self) -> Result<Said, End> {
        loop {
            let message = tokio::select! {
                message = self.socket.recv() => message,
                () = sleep_until(self.beat) => {
                    if self.heard.elapsed() >= self.limits.silent {
                        return Err(Close::TooSlow.into());
                    }
                    self.beat = Instant::now() + self.limits.silent / 3;
                    let asked = self.socket.send(Message::Ping(Bytes::new()));
                    written(timeout(self.limits.stalled, asked).await)?;
                    continue;
                }
            };
            self.heard = Instant::now();
            match message {
                Some(Ok(Message::Text(text))) => return Ok(Said::Text(text)),
                Some(Ok(Message::Binary(bytes))) => return Ok(Said::Bytes(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
                // Too large or not a frame at all.
                Some(Err(_)) => return Err(Close::BadFrame.into()),
            }
        }
    }

    async fn end(mut self, end: End) {
        let End::Close(close) = end else { return };
        metrics::counter!("chatops_api_live_closed_total", "code" => close.code().to_string())
            .increment(1);
        // A client that was only slow gets as long again to learn why it is closed.
        let _ = timeout(
            self.limits.stalled,
            self.socket.send(Message::Close(Some(close.frame()))),
        )
        .await;
    }
}

fn written(outcome: Result<Result<(), axum::Error>, Elapsed>) -> Result<(), End> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(Close::TooSlow.into()),
    }
}
