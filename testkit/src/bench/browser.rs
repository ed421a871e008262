//! WebSocket clients that cost little: a thousand of them share two cores with the server they measure.
//!
//! They read frames as they come (servers do not mask), never decode text they need not look at, and write small masked
//! frames with an empty mask. One counts updates; another hands frames to whoever measures latency.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);
/// As the web app does.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Read at once.
const CHUNK: usize = 32 * 1024;

/// A connected socket.
pub(super) struct Socket {
    stream: TcpStream,
    /// Read but not looked at.
    incoming: BytesMut,
}

/// A frame with something in it.
#[derive(Debug)]
pub(super) enum Data {
    Text(BytesMut),
    Bytes(BytesMut),
}

/// Finds the ends of frames in a stream of bytes without keeping it.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of an incomplete header.
    header: Vec<u8>,
    /// Bytes left of the current frame's body.
    left: u64,
    /// Frames whose body has begun.
    pub(super) frames: u64,
}

impl Frames {
    /// Gives every piece of a frame's body to `body`, in order.
    pub(super) fn take(&mut self, mut bytes: &[u8], mut body: impl FnMut(&[u8])) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let here = bytes
                    .len()
                    .min(usize::try_from(self.left).unwrap_or(usize::MAX));
                body(&bytes[..here]);
                self.left -= here as u64;
                bytes = &bytes[here..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let Some((_, length)) = head(&self.header) {
                self.left = length;
                self.header.clear();
                self.frames += 1;
            }
        }
    }
}

/// Length of a header and of the body behind it, once the header is complete.
fn head(bytes: &[u8]) -> Option<(usize, u64)> {
    let short = bytes.get(1)? & 0x7f;
    let wide = match short {
        126 => 2,
        127 => 8,
        _ => return Some((2, u64::from(short))),
    };
    let digits = bytes.get(2..2 + wide)?;
    Some((
        2 + wide,
        digits
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte)),
    ))
}

/// Counts a text in bodies, also where it is cut by the end of a read.
#[derive(Debug)]
pub(super) struct Counter {
    needle: &'static [u8],
    tail: Vec<u8>,
    pub(super) found: u64,
}

impl Counter {
    pub(super) fn new(needle: &'static str) -> Self {
        Self {
            needle: needle.as_bytes(),
            tail: Vec::new(),
            found: 0,
        }
    }

    pub(super) fn look(&mut self, bytes: &[u8]) {
        let keep = self.needle.len() - 1;
        // The tail is shorter than the needle, so whatever is found here crosses the cut.
        let mut joint = std::mem::take(&mut self.tail);
        joint.extend_from_slice(&bytes[..bytes.len().min(keep)]);
        self.found += memmem::find_iter(&joint, self.needle).count() as u64;
        self.found += memmem::find_iter(bytes, self.needle).count() as u64;
        let source = if bytes.len() >= keep {
            bytes
        } else {
            &joint[..]
        };
        self.tail = source[source.len().saturating_sub(keep)..].to_vec();
    }
}

impl Socket {
    /// Connects and upgrades.
    pub(super) async fn open(address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let attempt = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut incoming = BytesMut::new();
            let end = loop {
                if stream.read_buf(&mut incoming).await? == 0 {
                    bail!("the server closed the connection");
                }
                if let Some(end) = memmem::find(&incoming, b"\r\n\r\n") {
                    break end;
                }
            };
            if !incoming.starts_with(b"HTTP/1.1 101") {
                bail!("no upgrade: {}", String::from_utf8_lossy(&incoming[..end]));
            }
            incoming.advance(end + 4);
            Ok(Self { stream, incoming })
        };
        timeout(PATIENCE, attempt)
            .await
            .with_context(|| format!("open {path}: no answer"))?
    }

    /// Sends a text frame.
    pub(super) async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.write(0x1, text.as_bytes()).await
    }

    /// Sends a binary frame.
    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.write(0x2, bytes).await
    }

    async fn write(&mut self, opcode: u8, body: &[u8]) -> anyhow::Result<()> {
        let mut frame = vec![0x80 | opcode];
        match u16::try_from(body.len()) {
            Ok(short @ ..126) => frame.push(0x80 | short as u8),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => bail!("a frame of this size is never sent here"),
        }
        // A mask of zeros leaves the body as it is.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(body);
        self.stream
            .write_all(&frame)
            .await
            .context("write to the socket")
    }

    /// Waits for the next text frame.
    pub(super) async fn text(&mut self) -> anyhow::Result<String> {
        loop {
            if let Data::Text(text) = self.data().await? {
                return Ok(String::from_utf8(text.to_vec())?);
            }
        }
    }

    /// Waits for the next data frame.
    pub(super) async fn data(&mut self) -> anyhow::Result<Data> {
        loop {
            if let Some((header, length)) = head(&self.incoming) {
                let whole = header + usize::try_from(length)?;
                if self.incoming.len() >= whole {
                    let mut frame = self.incoming.split_to(whole);
                    let opcode = frame[0] & 0x0f;
                    frame.advance(header);
                    match opcode {
                        0x1 => return Ok(Data::Text(frame)),
                        0x2 => return Ok(Data::Bytes(frame)),
                        0x8 => bail!(
                            "the server closed the socket: {}",
                            String::from_utf8_lossy(&frame)
                        ),
                        _ => continue,
                    }
                }
            }
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }

    /// Reads for ever, and counts frames.
    pub(super) async fn frames(self, count: &AtomicU64) -> anyhow::Result<()> {
        let mut before = 0;
        self.read(
            |frames| {
                count.fetch_add(frames.frames - before, Ordering::Relaxed);
                before = frames.frames;
            },
            |_| {},
        )
        .await
    }

    /// Reads for ever, and gives the bodies of all frames to `body`, in pieces.
    pub(super) async fn drain(self, body: impl FnMut(&[u8])) -> anyhow::Result<()> {
        self.read(|_| {}, body).await
    }

    async fn read(
        mut self,
        mut looked: impl FnMut(&Frames),
        mut body: impl FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        let mut frames = Frames::default();
        frames.take(&std::mem::take(&mut self.incoming), &mut body);
        let mut chunk = vec![0; CHUNK];
        let mut beat = tokio::time::interval(PING_EVERY);
        loop {
            let read = tokio::select! {
                read = self.stream.read(&mut chunk) => read.context("read from the socket")?,
                _ = beat.tick() => {
                    self.send(r#"{"type":"ping"}"#).await?;
                    continue;
                }
            };
            if read == 0 {
                bail!("the server closed the connection");
            }
            frames.take(&chunk[..read], &mut body);
            looked(&frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        let mut bytes = vec![0x81];
        match text.len() {
            length @ ..126 => bytes.push(length as u8),
            length @ ..65_536 => {
                bytes.push(126);
                bytes.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                bytes.push(127);
                bytes.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn frames_and_updates_are_counted_however_reads_cut_them() {
        let bodies = [
            "{}".to_owned(),
            r#"[{"k":"row"},{"k":"row"}]"#.to_owned(),
            format!("{}\"k\":\"row\"", "x".repeat(70_000)),
            "y".repeat(300),
        ];
        let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
        for piece in [1, 2, 3, 7, 1000, 32 * 1024, stream.len()] {
            let mut frames = Frames::default();
            let mut counter = Counter::new("\"k\":\"row\"");
            let mut bytes = 0;
            for part in stream.chunks(piece) {
                frames.take(part, |body| {
                    bytes += body.len();
                    counter.look(body);
                });
            }
            assert_eq!((frames.frames, counter.found), (4, 3), "pieces of {piece}");
            assert_eq!(bytes, bodies.iter().map(String::len).sum::<usize>());
        }
    }
}
