//! A WebSocket client that remembers what it was told.

use std::{collections::VecDeque, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderName, HeaderValue},
    },
};

use crate::{app::Reachable, browser::Client};

const SOON: Duration = Duration::from_secs(20);

/// One socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    items: VecDeque<Value>,
    seq: u64,
}

impl Socket {
    pub(crate) async fn open(
        app: &impl Reachable,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{}{path}", app.address()).into_client_request()?;
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
        // A small window, so that a client that does not read fills it soon.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let connection = socket.connect(app.address()).await.unwrap();
        let (stream, _) = client_async(request, connection).await?;
        Ok(Self {
            stream,
            items: VecDeque::new(),
            seq: 0,
        })
    }

    /// A socket of `ws/live` that is signed in.
    pub(crate) async fn live(app: &impl Reachable, client: &Client, resume: Option<u64>) -> Self {
        let mut socket = Self::open(app, "/api/v1/ws/live", &[]).await.unwrap();
        let mut hello = json!({"type": "hello", "token": client.token});
        if let Some(resume) = resume {
            hello["resume"] = json!(resume);
        }
        socket.send(&hello).await;
        let ready = socket.frame("ready").await;
        socket.seq = ready["seq"].as_u64().unwrap();
        socket
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream
            .send(Message::binary(bytes.to_vec()))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        tokio::time::timeout(SOON, self.stream.next())
            .await
            .expect("the server says something in time")
    }

    /// The next text frame.
    async fn text(&mut self) -> Value {
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(text.as_str()).unwrap();
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("the socket ended: {other:?}"),
            }
        }
    }

    /// The next frame, or the code of the close.
    pub(crate) async fn frame_or_end(&mut self) -> Result<Value, u16> {
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(text.as_str()).unwrap());
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next frame of a type; batches before it are kept for [`Self::item`].
    pub(crate) async fn frame(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.text().await;
            if frame["type"] == kind {
                return frame;
            }
            self.keep(&frame);
        }
    }

    /// Sends, and waits for the answer.
    pub(crate) async fn ask(&mut self, frame: &Value) -> Value {
        self.send(frame).await;
        self.frame("subscribed").await
    }

    /// The next batch as it is.
    pub(crate) async fn batch(&mut self) -> Value {
        self.frame("batch").await
    }

    fn keep(&mut self, frame: &Value) {
        if frame["type"] == "batch" {
            self.seq = frame["seq"].as_u64().unwrap();
            self.items
                .extend(frame["items"].as_array().unwrap().iter().cloned());
        }
    }

    /// The next item of any kind.
    pub(crate) async fn any_item(&mut self) -> Value {
        loop {
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            let batch = self.batch().await;
            self.keep(&batch);
        }
    }

    /// The next item of a kind; others before it are dropped.
    pub(crate) async fn item(&mut self, kind: &str) -> Value {
        loop {
            let item = self.any_item().await;
            if item["k"] == kind {
                return item;
            }
        }
    }

    /// Position up to which everything that was taken from the socket goes.
    pub(crate) fn last_seq(&self) -> u64 {
        let waiting = self
            .items
            .iter()
            .filter_map(|item| item["seq"].as_u64())
            .min();
        waiting.map_or(self.seq, |seq| seq - 1)
    }

    /// Waits for the end and returns its code; 1006 when there is none.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(1005, |frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 1006,
            }
        }
    }
}
