//! One kept-alive HTTP connection, for timing REST calls and for setting an installation up. Answers are read whole;
//! only what our own API says is understood (a length or chunks, no compression).

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, and who speaks on it.
pub(super) struct Rest {
    address: SocketAddr,
    stream: Option<TcpStream>,
    token: Option<String>,
}

/// A status and its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!(
                "status {}: {}",
                self.status,
                String::from_utf8_lossy(&self.body)
            );
        }
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).context("read an answer")
    }
}

impl Rest {
    pub(super) fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self {
            address,
            stream: None,
            token,
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.call("GET", path, None).await
    }

    pub(super) async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call("POST", path, Some(body)).await
    }

    /// Asks, expects a success, and tells how many milliseconds it took until the answer was whole.
    pub(super) async fn timed(&mut self, path: &str) -> anyhow::Result<f64> {
        let began = Instant::now();
        let answer = self.get(path).await?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        answer.json().with_context(|| format!("get {path}"))?;
        Ok(took)
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let attempt = self.exchange(method, path, body);
        let answer = timeout(PATIENCE, attempt)
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer")));
        if answer.is_err() {
            self.stream = None;
        }
        answer.with_context(|| format!("{method} {path}"))
    }

    async fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&body);
        stream.write_all(request.as_bytes()).await?;

        let mut incoming = BytesMut::with_capacity(16 * 1024);
        let end = loop {
            if let Some(end) = memmem::find(&incoming, b"\r\n\r\n") {
                break end;
            }
            more(&mut stream, &mut incoming).await?;
        };
        let head = String::from_utf8_lossy(&incoming.split_to(end + 4)).to_ascii_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .context("read a status")?;
        let header = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let body = if header("transfer-encoding") == Some("chunked") {
            chunks(&mut stream, &mut incoming).await?
        } else {
            let length = header("content-length")
                .map_or(Ok(0), str::parse)
                .context("read a length")?;
            part(&mut stream, &mut incoming, length).await?
        };
        if header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(Answer { status, body })
    }
}

async fn more(stream: &mut TcpStream, incoming: &mut BytesMut) -> anyhow::Result<()> {
    incoming.reserve(16 * 1024);
    if stream.read_buf(incoming).await? == 0 {
        bail!("the server closed the connection");
    }
    Ok(())
}

async fn part(
    stream: &mut TcpStream,
    incoming: &mut BytesMut,
    length: usize,
) -> anyhow::Result<Vec<u8>> {
    while incoming.len() < length {
        more(stream, incoming).await?;
    }
    Ok(incoming.split_to(length).to_vec())
}

async fn chunks(stream: &mut TcpStream, incoming: &mut BytesMut) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = memmem::find(incoming, b"\r\n") {
                break end;
            }
            more(stream, incoming).await?;
        };
        let line = String::from_utf8_lossy(&incoming[..end]).into_owned();
        let length = usize::from_str_radix(line.trim(), 16).context("read a chunk's length")?;
        incoming.advance(end + 2);
        body.extend(part(stream, incoming, length).await?);
        part(stream, incoming, 2).await?;
        if length == 0 {
            return Ok(body);
        }
    }
}
