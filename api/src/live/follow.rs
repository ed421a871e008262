//! The log of a container as its host sends it: lines out of the bytes of a session ([`chatops_schemas::session`]). Used
//! by the live view and by the download.
//!
//! Nothing is lost unseen: a message that the bus dropped is asked for again, and what the host no longer has is told as
//! [`Piece::Dropped`]. The host sends no more than a window ahead of [`Log::taken`], so a slow reader costs no memory
//! here. When this process dies, the host ends the session by its lease.

use std::time::Duration;

use bytes::Bytes;
use chatops_bus::Subscription;
use chatops_schemas::{
    clock::Timestamp,
    ids::{CommandId, ServerId},
    order::{Follow, Operation},
    session::{Control, Ended, Out, Stream},
    subject::{self, Way},
};
use futures::StreamExt as _;
use tokio::time::{Instant, sleep_until};

use crate::{code::Code, problem::Problem, state::Api, written::By};

/// Longest line; what is longer comes as several.
const MAX_LINE: usize = 16 * 1024;
/// Seconds that a host keeps a view that nobody renews.
const LEASE_S: u32 = 60;
const RENEW: Duration = Duration::from_secs(20);

/// A line: milliseconds since 1970 by the engine's clock, which output, and its text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Line(pub Option<i64>, pub Option<&'static str>, pub String);

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Lines.
    Lines(Vec<Line>),
    /// So many lines are missing here; 0: nobody knows how many.
    Dropped(u64),
    /// The last.
    Ended(Ended, Option<String>),
}

/// A log that is being followed.
pub struct Log {
    api: Api,
    server: ServerId,
    session: CommandId,
    frames: Subscription,
    off: u64,
    acked: u64,
    renew_at: Instant,
    lines: Lines,
    /// The end, behind a last line that had none.
    last: Option<Piece>,
    over: bool,
}

impl Log {
    /// Asks the host for it.
    pub async fn open(
        api: &Api,
        by: &By,
        server: &ServerId,
        container: String,
        tail: Option<u32>,
        since: Option<i64>,
        follow: bool,
    ) -> Result<Self, Problem> {
        let session = api.orders().fresh();
        let broken = |_| Problem::new(Code::StreamsDown).retry_after(2);
        // Output may come before the answer.
        let out = subject::io(server, session, Way::Out);
        let frames = api.bus().subscribe(&out).await.map_err(broken)?;
        api.bus().flush().await.map_err(broken)?;
        let operation = Operation::Follow(Follow {
            container,
            tail,
            since,
            follow,
            lease_s: LEASE_S,
        });
        api.orders().open(by, server, session, operation).await?;
        Ok(Self {
            api: api.clone(),
            server: server.clone(),
            session,
            frames,
            off: 0,
            acked: 0,
            renew_at: Instant::now() + RENEW,
            lines: Lines::default(),
            last: None,
            over: false,
        })
    }

    /// The next piece. Cancel-safe.
    pub async fn next(&mut self) -> Piece {
        if let Some(last) = self.last.take() {
            return last;
        }
        loop {
            let message = tokio::select! {
                message = self.frames.next() => message,
                () = sleep_until(self.renew_at) => {
                    self.renew_at = Instant::now() + RENEW;
                    self.say(Control::Renew).await;
                    continue;
                }
            };
            let Some(message) = message else {
                self.over = true;
                return Piece::Ended(Ended::Unknown, None);
            };
            match Out::decode(&message.payload) {
                Some(Out::Data { off, stream, data }) if off == self.off => {
                    self.off += data.len() as u64;
                    let lines = self.lines.add(stream, &data);
                    if lines.is_empty() {
                        self.taken().await;
                    } else {
                        return Piece::Lines(lines);
                    }
                }
                // Sent twice.
                Some(Out::Data { off, .. }) if off < self.off => {}
                // A message in between is missing.
                Some(Out::Data { .. }) => self.say(Control::From { off: self.off }).await,
                Some(Out::Lost { up_to, lines }) => {
                    self.off = self.off.max(up_to);
                    return Piece::Dropped(lines);
                }
                Some(Out::Ended { off, .. }) if off > self.off => {
                    self.say(Control::From { off: self.off }).await;
                }
                Some(Out::Ended {
                    reason, message, ..
                }) => {
                    self.over = true;
                    self.taken().await;
                    let words = message.as_deref().map(crate::order::words);
                    let end = Piece::Ended(reason, words);
                    let Some(rest) = self.lines.rest() else {
                        return end;
                    };
                    self.last = Some(end);
                    return Piece::Lines(vec![rest]);
                }
                None => {}
            }
        }
    }

    /// What came has been passed on: the host may send more.
    pub async fn taken(&mut self) {
        if self.acked < self.off || self.over {
            self.acked = self.off;
            self.say(Control::Ack { off: self.off }).await;
        }
    }

    /// Nobody wants it any more.
    pub async fn close(mut self) {
        if !self.over {
            self.over = true;
            self.say(Control::Close).await;
        }
    }

    async fn say(&self, control: Control) {
        let subject = subject::io(&self.server, self.session, Way::Ctl);
        let Ok(bytes) = control.encode() else { return };
        // What does not arrive is said again, or the lease ends it.
        let _ = self
            .api
            .bus()
            .publish_core(&subject, None, &[], Bytes::from(bytes))
            .await;
    }
}

/// Puts lines together, each output apart.
#[derive(Debug, Default)]
struct Lines {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Lines {
    fn add(&mut self, stream: Option<Stream>, mut data: &[u8]) -> Vec<Line> {
        let name = match stream {
            Some(Stream::Stdout) => Some("stdout"),
            Some(Stream::Stderr) => Some("stderr"),
            None => None,
        };
        let open = if stream == Some(Stream::Stderr) {
            &mut self.err
        } else {
            &mut self.out
        };
        let mut lines = Vec::new();
        while !data.is_empty() {
            let room = MAX_LINE.saturating_sub(open.len());
            let end = data.iter().take(room).position(|byte| *byte == b'\n');
            let (piece, rest) = match end {
                Some(end) => (&data[..end], &data[end + 1..]),
                None => data.split_at(room.min(data.len())),
            };
            open.extend_from_slice(piece);
            data = rest;
            if end.is_some() || open.len() >= MAX_LINE {
                lines.push(line(name, open));
                open.clear();
            }
        }
        lines
    }

    /// A last line without an end.
    fn rest(&mut self) -> Option<Line> {
        for (open, name) in [(&mut self.out, "stdout"), (&mut self.err, "stderr")] {
            if !open.is_empty() {
                let last = line(Some(name), open);
                open.clear();
                return Some(last);
            }
        }
        None
    }
}

/// The engine writes its time before each line.
fn line(stream: Option<&'static str>, bytes: &[u8]) -> Line {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_suffix('\r').unwrap_or(&text);
    let timed = text
        .split_once(' ')
        .or(Some((text, "")))
        .and_then(|(time, rest)| {
            let at = Timestamp::parse_rfc3339(time).ok()?;
            Some((at.millis(), rest))
        });
    match timed {
        Some((at, rest)) => Line(Some(at), stream, rest.to_owned()),
        None => Line(None, stream, text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_per_output() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.add(Some(Stream::Stdout), b"2026-11-23T06:00:00.5Z on"),
            []
        );
        assert_eq!(
            lines.add(Some(Stream::Stderr), b"no time\r\n"),
            [Line(None, Some("stderr"), "no time".into())]
        );
        let at = Some(1_795_413_600_500);
        assert_eq!(
            lines.add(Some(Stream::Stdout), b"e\n\ntwo"),
            [
                Line(at, Some("stdout"), "one".into()),
                Line(None, Some("stdout"), String::new())
            ]
        );
        assert_eq!(lines.rest(), Some(Line(None, Some("stdout"), "two".into())));
        assert_eq!(lines.rest(), None);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut lines = Lines::default();
        let found = lines.add(None, &vec![b'x'; 3 * MAX_LINE + 5]);
        assert_eq!(found.len(), 3);
        assert!(lines.out.len() == 5 && lines.err.is_empty());
    }
}
