//! WebSocket and HTTP clients written from the published description alone: nothing of this project is used.

use std::{collections::BTreeMap, net::SocketAddr};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use crate::agent::PATIENCE;

/// An open socket.
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came from the server.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(Value),
    Closed(Option<(u16, String)>),
}

impl Client {
    /// Opens a socket.
    pub(crate) async fn open(http: SocketAddr) -> Self {
        let stream = TcpStream::connect(http).await.expect("connected");
        Self::over(http, stream).await
    }

    /// Opens a socket that can buffer almost nothing it does not read.
    pub(crate) async fn open_narrow(http: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(2048).expect("a small buffer");
        let stream = socket.connect(http).await.expect("connected");
        Self::over(http, stream).await
    }

    async fn over(http: SocketAddr, stream: TcpStream) -> Self {
        let url = format!("ws://{http}/api/v1/agents/ws");
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) = client_async(url, stream).await.expect("upgraded");
        Self(socket)
    }

    /// Opens a socket and authenticates.
    pub(crate) async fn authenticated(http: SocketAddr, key: &str) -> Self {
        let mut client = Self::open(http).await;
        client
            .say(&serde_json::json!({"type": "auth", "api_key": key}))
            .await;
        let answer = client.frame().await;
        assert_eq!(answer["type"], "auth_success", "{answer}");
        client
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn say_packed(&mut self, frame: &Value) {
        let bytes = rmp_serde::to_vec_named(frame).expect("packed");
        self.send(Message::binary(bytes)).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("sent");
    }

    /// The next frame, in either encoding, or the end.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let message = timeout(PATIENCE, self.0.next())
                .await
                .expect("heard in time");
            return match message {
                Some(Ok(Message::Text(text))) => {
                    Heard::Frame(serde_json::from_str(&text).expect("JSON"))
                }
                Some(Ok(Message::Binary(bytes))) => Heard::Frame(unpack(&bytes)),
                Some(Ok(Message::Close(close))) => {
                    Heard::Closed(close.map(|CloseFrame { code, reason }| {
                        (code.into(), reason.as_str().to_owned())
                    }))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Heard::Closed(None),
            };
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            Heard::Closed(how) => panic!("closed: {how:?}"),
        }
    }

    /// Skips frames until the end.
    pub(crate) async fn end(&mut self) -> Option<(u16, String)> {
        loop {
            if let Heard::Closed(how) = self.hear().await {
                return how;
            }
        }
    }
}

/// What a packed answer can hold.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Packed {
    Number(u64),
    Id(uuid::Uuid),
    Text(String),
}

fn unpack(bytes: &[u8]) -> Value {
    let map: BTreeMap<String, Packed> = rmp_serde::from_slice(bytes).expect("a map");
    map.into_iter()
        .map(|(name, value)| {
            let value: Value = match value {
                Packed::Number(number) => number.into(),
                Packed::Id(id) => id.to_string().into(),
                Packed::Text(text) => text.into(),
            };
            (name, value)
        })
        .collect()
}

/// Status, headers and body of a POST.
pub(crate) async fn post(
    http: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(http).await.expect("connected");
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    // A server that refuses by the headers may not read the rest.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("answered in time")
        .expect("read");
    let text = String::from_utf8(answer).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, head.to_lowercase(), body)
}
