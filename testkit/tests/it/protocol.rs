//! As much of the NATS text protocol as these tests need; the client library belongs to `bus`.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Client {
    stream: BufStream<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Self::connect_with(address, "{\"verbose\":false}").await
    }

    pub(crate) async fn connect_with(address: SocketAddr, options: &str) -> anyhow::Result<Self> {
        let mut client = Self {
            stream: BufStream::new(TcpStream::connect(address).await?),
        };
        client.line().await?;
        client
            .send(&format!("CONNECT {options}\r\nSUB inbox 1\r\nPING\r\n"))
            .await?;
        match client.line().await?.as_str() {
            "PONG" => Ok(client),
            other => bail!("refused: {other}"),
        }
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            bail!("the connection is closed");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Publishes with a reply subject and returns the answer's body. A cluster without a leader
    /// does not answer at all, hence the limit.
    pub(crate) async fn request(&mut self, subject: &str, body: &str) -> anyhow::Result<String> {
        timeout(PATIENCE, self.ask(subject, body))
            .await
            .context("nobody answers")?
    }

    async fn ask(&mut self, subject: &str, body: &str) -> anyhow::Result<String> {
        self.send(&format!("PUB {subject} inbox {}\r\n{body}\r\n", body.len()))
            .await?;
        loop {
            let line = self.line().await?;
            if line == "PING" {
                self.send("PONG\r\n").await?;
            } else if line.starts_with("MSG ") {
                let length = line
                    .rsplit(' ')
                    .next()
                    .context("MSG has a length")?
                    .parse()?;
                let mut answer = vec![0; length];
                self.stream.read_exact(&mut answer).await?;
                self.line().await?;
                return Ok(String::from_utf8(answer)?);
            } else {
                bail!("unexpected {line}");
            }
        }
    }

    pub(crate) async fn create_stream(&mut self) -> anyhow::Result<()> {
        self.create_stream_with(
            r#"{"name":"S","subjects":["s.>"],"storage":"file","num_replicas":1}"#,
        )
        .await
    }

    pub(crate) async fn create_stream_with(&mut self, config: &str) -> anyhow::Result<()> {
        let answer = self.request("$JS.API.STREAM.CREATE.S", config).await?;
        if answer.contains("\"error\"") {
            bail!("{answer}");
        }
        Ok(())
    }

    pub(crate) async fn stored(&mut self) -> anyhow::Result<u64> {
        let answer: serde_json::Value =
            serde_json::from_str(&self.request("$JS.API.STREAM.INFO.S", "").await?)?;
        answer["state"]["messages"]
            .as_u64()
            .with_context(|| format!("count messages in {answer}"))
    }
}
