//! One connection of the generator to nats-server: pipelined publishing with acknowledgements, little else.
//!
//! It speaks the text protocol itself because generator and servers share the same two cores: a client library costs
//! several times as much per message, which would be measured as if the servers were slower. It says exactly what an
//! agent says (`HPUB` with `Nats-Msg-Id` and `ops-schema`, a reply subject under its own inbox prefix), and an
//! acknowledgement counts only when the stream gave it a sequence.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};

/// Most bytes waiting to be written: more would only lie in memory.
const BACKLOG: usize = 256 * 1024;
/// Without any acknowledgement for this long something is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who the connection says it is.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: String,
    /// Prefix of its reply subjects.
    pub(super) inbox: String,
}

/// An authenticated connection.
pub(super) struct Wire {
    stream: TcpStream,
    reply: String,
    incoming: BytesMut,
    outgoing: BytesMut,
}

/// What is sent, in order.
pub(super) trait Load {
    /// Writes one publish command that asks for an answer at `reply`; `false` at the end.
    fn write(&mut self, out: &mut BytesMut, reply: &str) -> bool;
}

/// How fast it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Messages that may be unacknowledged.
    pub(super) window: usize,
    /// Messages a second; as fast as the window allows without.
    pub(super) rate: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pumped {
    pub(super) stored: u64,
    /// Highest sequence of an acknowledgement.
    pub(super) last_seq: u64,
}

enum Said {
    Stored { seq: u64 },
    Ping,
    Other,
}

impl Wire {
    /// Connects, signs in and subscribes to its own replies.
    pub(super) async fn connect(
        address: SocketAddr,
        login: Option<&Login>,
    ) -> anyhow::Result<Self> {
        let attempt = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // Connections of one user share its inbox: the local port keeps their answers apart.
            let inbox = login.map_or("_INBOX", |login| login.inbox.as_str());
            let reply = format!("{inbox}.bench{}", stream.local_addr()?.port());
            let mut wire = Self {
                stream,
                reply,
                incoming: BytesMut::new(),
                outgoing: BytesMut::new(),
            };
            wire.line().await?;
            let mut options = serde_json::json!({
                "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "protocol": 1,
                "name": "bench", "lang": "rust", "version": "1",
            });
            if let Some(login) = login {
                options["user"] = login.user.as_str().into();
                options["pass"] = login.password.as_str().into();
            }
            let hello = format!("CONNECT {options}\r\nSUB {} 1\r\nPING\r\n", wire.reply);
            wire.stream.write_all(hello.as_bytes()).await?;
            loop {
                let line = wire.line().await?;
                if line == "PONG" {
                    return Ok(wire);
                }
                if line.starts_with("-ERR") {
                    bail!("nats-server says {line}");
                }
            }
        };
        timeout(PATIENCE, attempt)
            .await
            .context("nats-server does not answer")?
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = memmem::find(&self.incoming, b"\r\n") {
                let line = self.incoming.split_to(end + 2);
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                bail!("nats-server closed the connection");
            }
        }
    }

    /// The subject that reaches this connection.
    pub(super) fn inbox(&self) -> &str {
        &self.reply
    }

    /// Writes commands as they are.
    pub(super) async fn put(&mut self, commands: &[u8]) -> anyhow::Result<()> {
        self.stream
            .write_all(commands)
            .await
            .context("write to nats-server")
    }

    /// Waits for the next message and drops its body.
    pub(super) async fn message(&mut self) -> anyhow::Result<()> {
        let next = async {
            loop {
                let line = self.line().await?;
                if line.starts_with("MSG ") {
                    let length: usize = line
                        .rsplit(' ')
                        .next()
                        .unwrap_or_default()
                        .parse()
                        .context("read a length")?;
                    while self.incoming.len() < length + 2 {
                        if self.stream.read_buf(&mut self.incoming).await? == 0 {
                            bail!("nats-server closed the connection");
                        }
                    }
                    self.incoming.advance(length + 2);
                    return Ok(());
                }
                if line == "PING" {
                    self.stream.write_all(b"PONG\r\n").await?;
                }
            }
        };
        timeout(PATIENCE, next).await.context("no message came")?
    }

    /// Sends everything and waits until everything is acknowledged.
    pub(super) async fn pump(
        &mut self,
        load: &mut impl Load,
        pace: Pace,
    ) -> anyhow::Result<Pumped> {
        let began = Instant::now();
        let mut pumped = Pumped::default();
        let (mut sent, mut more) = (0_u64, true);
        // Refilling only when a part of the window is free keeps writes large.
        let refill = (pace.window / 8).max(1);
        loop {
            let open = usize::try_from(sent - pumped.stored).unwrap_or(usize::MAX);
            let due = pace.rate.map_or(u64::MAX, |rate| {
                (began.elapsed().as_secs_f64() * rate) as u64 + 1
            });
            if open + refill <= pace.window || pace.rate.is_some() {
                let mut room = pace.window.saturating_sub(open);
                while more && room > 0 && sent < due && self.outgoing.len() < BACKLOG {
                    more = load.write(&mut self.outgoing, &self.reply);
                    sent += u64::from(more);
                    room -= 1;
                }
            }
            if !more && pumped.stored == sent && self.outgoing.is_empty() {
                return Ok(pumped);
            }
            let next = pace
                .rate
                .filter(|_| more)
                .map(|rate| began + Duration::from_secs_f64(sent as f64 / rate));
            self.exchange(next, &mut pumped).await?;
        }
    }

    /// Writes what fits, reads what is there, and waits for either, or for the next message's time.
    async fn exchange(&mut self, next: Option<Instant>, pumped: &mut Pumped) -> anyhow::Result<()> {
        let mut interest = Interest::READABLE;
        if !self.outgoing.is_empty() {
            match self.stream.try_write(&self.outgoing) {
                Ok(written) => self.outgoing.advance(written),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("write to nats-server"),
            }
        }
        if !self.outgoing.is_empty() {
            interest = interest.add(Interest::WRITABLE);
        }
        let ready = tokio::select! {
            ready = timeout(PATIENCE, self.stream.ready(interest)) => ready.context("no acknowledgement came for a long time")??,
            () = async { match next { Some(next) => sleep_until(next).await, None => std::future::pending().await } } => return Ok(()),
        };
        if ready.is_readable() {
            self.incoming.reserve(64 * 1024);
            match self.stream.try_read_buf(&mut self.incoming) {
                Ok(0) => bail!("nats-server closed the connection"),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("read from nats-server"),
            }
            while let Some(said) = self.said()? {
                match said {
                    Said::Stored { seq } => {
                        pumped.stored += 1;
                        pumped.last_seq = pumped.last_seq.max(seq);
                    }
                    Said::Ping => self.outgoing.extend_from_slice(b"PONG\r\n"),
                    Said::Other => {}
                }
            }
        }
        Ok(())
    }

    /// The next complete thing the server said.
    fn said(&mut self) -> anyhow::Result<Option<Said>> {
        let Some(end) = memmem::find(&self.incoming, b"\r\n") else {
            return Ok(None);
        };
        let line = &self.incoming[..end];
        if line.starts_with(b"MSG ") || line.starts_with(b"HMSG ") {
            let length = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
            let length: usize = std::str::from_utf8(length)?
                .parse()
                .context("read a length")?;
            let whole = end + 2 + length + 2;
            if self.incoming.len() < whole {
                return Ok(None);
            }
            let seq = stored_at(&self.incoming[end + 2..end + 2 + length]);
            let Some(seq) = seq else {
                bail!(
                    "a message was refused: {}",
                    String::from_utf8_lossy(&self.incoming[end + 2..whole]).trim()
                );
            };
            self.incoming.advance(whole);
            return Ok(Some(Said::Stored { seq }));
        }
        if line.starts_with(b"-ERR") {
            bail!("nats-server says {}", String::from_utf8_lossy(line));
        }
        let said = if line == b"PING" {
            Said::Ping
        } else {
            Said::Other
        };
        self.incoming.advance(end + 2);
        Ok(Some(said))
    }
}

/// The sequence in an acknowledgement; `None` for a refusal, and for a duplicate, which this generator never sends.
fn stored_at(answer: &[u8]) -> Option<u64> {
    if memmem::find(answer, b"\"error\"").is_some()
        || memmem::find(answer, b"\"duplicate\"").is_some()
    {
        return None;
    }
    let begin = memmem::find(answer, b"\"seq\":")? + 6;
    let digits = answer[begin..]
        .iter()
        .skip_while(|byte| **byte == b' ')
        .take_while(|byte| byte.is_ascii_digit());
    let mut seq = None;
    for digit in digits {
        seq = Some(seq.unwrap_or(0_u64) * 10 + u64::from(digit - b'0'));
    }
    seq
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NatsServer;

    struct Plain(u64);

    impl Load for Plain {
        fn write(&mut self, out: &mut BytesMut, reply: &str) -> bool {
            if self.0 == 0 {
                return false;
            }
            self.0 -= 1;
            out.extend_from_slice(format!("PUB load.x {reply} 4\r\nload\r\n").as_bytes());
            true
        }
    }

    #[test]
    fn acknowledgements_are_read() {
        assert_eq!(stored_at(br#"{"stream":"S","seq":42}"#), Some(42));
        assert_eq!(
            stored_at(br#"{"stream":"S", "seq": 7, "domain":"x"}"#),
            Some(7)
        );
        assert_eq!(
            stored_at(br#"{"stream":"S","seq":42,"duplicate": true}"#),
            None
        );
        assert_eq!(
            stored_at(br#"{"error":{"code":503},"stream":"S","seq":0}"#),
            None
        );
        assert_eq!(stored_at(b"NATS/1.0 503\r\n\r\n"), None);
    }

    #[tokio::test]
    async fn everything_pumped_is_in_the_stream() {
        let nats = NatsServer::start().await.unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        let js = async_nats::jetstream::new(client);
        js.create_stream(async_nats::jetstream::stream::Config {
            name: "LOAD".into(),
            subjects: vec!["load.>".into()],
            ..Default::default()
        })
        .await
        .unwrap();
        let mut wire = Wire::connect(nats.address(), None).await.unwrap();
        let pumped = wire
            .pump(
                &mut Plain(5000),
                Pace {
                    window: 100,
                    rate: None,
                },
            )
            .await
            .unwrap();
        assert_eq!((pumped.stored, pumped.last_seq), (5000, 5000));
        let began = Instant::now();
        wire.pump(
            &mut Plain(100),
            Pace {
                window: 100,
                rate: Some(1000.0),
            },
        )
        .await
        .unwrap();
        assert!(began.elapsed() >= Duration::from_millis(90));
        assert_eq!(
            js.get_stream("LOAD")
                .await
                .unwrap()
                .get_info()
                .await
                .unwrap()
                .state
                .messages,
            5100
        );
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let nats = NatsServer::start().await.unwrap();
        let mut wire = Wire::connect(nats.address(), None).await.unwrap();
        let refused = wire
            .pump(
                &mut Plain(1),
                Pace {
                    window: 1,
                    rate: None,
                },
            )
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("503"), "{refused}");
    }
}
