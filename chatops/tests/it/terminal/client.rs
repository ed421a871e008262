//! A browser at a terminal, as far as the socket goes: it types, reads every byte in its place, and acknowledges it.

use std::path::PathBuf;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

use crate::{http::Client, installation::PATIENCE};

/// Anything that a socket brings.
#[derive(Debug)]
pub(crate) enum Frame {
    Output(u64, Vec<u8>),
    Text(Value),
    Closed(u16),
}

pub(crate) struct Terminal {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) session: String,
    /// Offset of the next byte.
    pub(crate) off: u64,
    /// What was shown and not looked at.
    pub(crate) output: Vec<u8>,
}

impl Terminal {
    /// At an API that listens at `address`. `more` is added to what is wished for: a shell, a container, a session to come
    /// back to and from which byte on.
    pub(crate) async fn open(address: &str, server: &str, who: &Client, more: Value) -> Self {
        let url = format!("ws://{address}/api/v1/ws/terminal/{server}");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut terminal = Self {
            socket,
            session: String::new(),
            off: more["from"].as_u64().unwrap_or(0),
            output: Vec::new(),
        };
        let mut open = json!({"type": "open", "token": who.token(), "cols": 80, "rows": 24});
        for (name, value) in more.as_object().unwrap() {
            open[name] = value.clone();
        }
        terminal.frame(&open).await;
        match terminal.next().await {
            Frame::Text(opened) if opened["type"] == "opened" => {
                opened["session"]
                    .as_str()
                    .unwrap()
                    .clone_into(&mut terminal.session);
            }
            other => panic!("{other:?}"),
        }
        terminal
    }

    pub(crate) async fn frame(&mut self, frame: &Value) {
        let text = Message::text(frame.to_string());
        self.socket.send(text).await.unwrap();
    }

    pub(crate) async fn say(&mut self, keys: &str) {
        let keys = Message::binary(keys.as_bytes().to_vec());
        self.socket.send(keys).await.unwrap();
    }

    /// The next frame of its own.
    pub(crate) async fn next(&mut self) -> Frame {
        timeout(PATIENCE, self.receive())
            .await
            .expect("a frame in time")
    }

    async fn receive(&mut self) -> Frame {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(frame))) => {
                    let (off, data) = frame.split_at(8);
                    let off = u64::from_be_bytes(off.try_into().unwrap());
                    return Frame::Output(off, data.to_vec());
                }
                Some(Ok(Message::Text(text))) => {
                    return Frame::Text(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(why))) => {
                    return Frame::Closed(why.map_or(0, |why| why.code.into()));
                }
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Frame::Closed(0),
            }
        }
    }

    /// Takes the next output, in its place, and acknowledges it. False: the socket is closed.
    pub(crate) async fn take(&mut self) -> bool {
        match self.next().await {
            Frame::Output(off, data) => {
                assert_eq!(off, self.off, "nothing is missing, nothing comes twice");
                self.off += data.len() as u64;
                self.output.extend(data);
                let ack = json!({"type": "ack", "off": self.off});
                // It may be closing.
                let _ = self.socket.send(Message::text(ack.to_string())).await;
                true
            }
            Frame::Text(frame) => panic!("{frame}"),
            Frame::Closed(_) => false,
        }
    }

    /// Says this and waits for that.
    pub(crate) async fn see(&mut self, keys: &str, wanted: &str) {
        self.say(keys).await;
        while memchr::memmem::find(&self.output, wanted.as_bytes()).is_none() {
            assert!(self.take().await, "it is open");
        }
    }

    /// The process of the shell.
    pub(crate) async fn shell(&mut self) -> PathBuf {
        self.output.clear();
        self.see("echo pi''d=$$=\n", "=\r\n").await;
        let said = String::from_utf8_lossy(&self.output).into_owned();
        let pid = said
            .split("pid=")
            .nth(1)
            .unwrap()
            .split('=')
            .next()
            .unwrap();
        PathBuf::from("/proc").join(pid)
    }

    /// Reads until the socket is closed by the server; the code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Frame::Closed(code) = self.next().await {
                return code;
            }
        }
    }
}
