//! Output of a command on its way into events. Pure: bytes and moments in, pieces out. Used by [`super::run`].
//!
//! Pieces are in the order in which they were read. They are small at first, so that somebody who watches sees progress,
//! and rarer the longer the command runs: a day of output is fewer than 8,000 of them, which is what its stream keeps.

use std::time::Duration;

use chatops_schemas::{event::result::MAX_CHUNK, session::Stream};
use tokio::time::Instant;

/// A piece waits at least this long for more.
const SHORTEST: Duration = Duration::from_millis(50);
/// A piece waits for this share of the time that the command has run.
const SHARE: u32 = 250;
/// From this many pieces on, those that wait together are one per stream, however often the program changed between them.
const MANY: u32 = 2000;

/// Bytes of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) n: u32,
    pub(super) stream: Stream,
    pub(super) off: u64,
    pub(super) data: Vec<u8>,
}

/// What was written and not told yet, and how much there was.
#[derive(Debug)]
pub(super) struct Output {
    limit: u64,
    kept: u64,
    pub(super) stdout: u64,
    pub(super) stderr: u64,
    pub(super) cut: u64,
    /// Pieces begun.
    pub(super) pieces: u32,
    began_at: Instant,
    waiting: Vec<Piece>,
    waits_since: Option<Instant>,
    bytes: usize,
}

impl Output {
    pub(super) const fn new(limit: u64, began_at: Instant) -> Self {
        Self {
            limit,
            kept: 0,
            stdout: 0,
            stderr: 0,
            cut: 0,
            pieces: 0,
            began_at,
            waiting: Vec::new(),
            waits_since: None,
            bytes: 0,
        }
    }

    /// Takes what was read; `room` is false while output is only counted.
    pub(super) fn take(&mut self, stream: Stream, data: &[u8], room: bool, now: Instant) {
        let total = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let off = *total;
        *total += data.len() as u64;
        let left = if room { self.limit - self.kept } else { 0 };
        let keep = data.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.cut += (data.len() - keep) as u64;
        self.kept += keep as u64;
        let (mut data, mut off) = (&data[..keep], off);
        while !data.is_empty() {
            let piece = self.piece(stream, off);
            let fits = data.len().min(MAX_CHUNK - piece.data.len());
            piece.data.extend_from_slice(&data[..fits]);
            (data, off) = (&data[fits..], off + fits as u64);
            self.bytes += fits;
            self.waits_since.get_or_insert(now);
        }
    }

    /// The piece that bytes at this offset of this stream belong to.
    fn piece(&mut self, stream: Stream, off: u64) -> &mut Piece {
        let fits = |piece: &Piece| {
            piece.stream == stream
                && piece.data.len() < MAX_CHUNK
                && piece.off + piece.data.len() as u64 == off
        };
        let at = if self.pieces < MANY {
            self.waiting
                .len()
                .checked_sub(1)
                .filter(|at| fits(&self.waiting[*at]))
        } else {
            self.waiting.iter().rposition(fits)
        };
        let at = at.unwrap_or_else(|| {
            self.waiting.push(Piece {
                n: self.pieces,
                stream,
                off,
                data: Vec::new(),
            });
            self.pieces += 1;
            self.waiting.len() - 1
        });
        &mut self.waiting[at]
    }

    /// When to tell what waits; now, once a whole piece has come together.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let since = self.waits_since?;
        if self.bytes >= MAX_CHUNK {
            return Some(since);
        }
        let pause = (since - self.began_at) / SHARE;
        Some(since + pause.max(SHORTEST))
    }

    /// Everything that waits, in order.
    pub(super) fn drain(&mut self) -> Vec<Piece> {
        self.waits_since = None;
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_follow_the_order_of_writing_and_the_limit_is_counted() {
        let now = Instant::now();
        let mut output = Output::new(6, now);
        for (stream, data) in [
            (Stream::Stdout, "ab"),
            (Stream::Stdout, "c"),
            (Stream::Stderr, "E"),
            (Stream::Stdout, "defg"),
        ] {
            output.take(stream, data.as_bytes(), true, now);
        }
        assert_eq!(output.due_at(), Some(now + SHORTEST));
        let piece = |n, stream, off, data: &str| Piece {
            n,
            stream,
            off,
            data: data.into(),
        };
        assert_eq!(
            output.drain(),
            [
                piece(0, Stream::Stdout, 0, "abc"),
                piece(1, Stream::Stderr, 0, "E"),
                piece(2, Stream::Stdout, 3, "de"),
            ]
        );
        assert_eq!(output.due_at(), None);
        assert_eq!((output.stdout, output.stderr, output.cut), (7, 1, 2));
    }

    #[test]
    fn a_day_of_talk_fits_into_its_stream() {
        let began = Instant::now();
        let mut output = Output::new(16 << 20, began);
        let (mut now, mut told) = (began, 0);
        while now < began + Duration::from_secs(24 * 3600) {
            output.take(Stream::Stdout, b"o", true, now);
            output.take(Stream::Stderr, b"e", true, now);
            output.take(Stream::Stdout, b"o", true, now);
            now = output.due_at().unwrap();
            told += output.drain().len();
        }
        assert!(told < 7500, "{told}");
        assert!(told > 2500, "{told}");
        assert_eq!(told as u32, output.pieces);
    }

    proptest! {
        #[test]
        fn together_the_pieces_are_what_was_written(writes in proptest::collection::vec((any::<bool>(), 0_usize..70_000), 0..20), many in any::<bool>()) {
            let now = Instant::now();
            let mut output = Output::new(u64::MAX, now);
            if many { output.pieces = MANY; }
            let mut written = [Vec::new(), Vec::new()];
            for (stderr, len) in writes {
                let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
                written[usize::from(stderr)].extend_from_slice(&data);
                output.take(if stderr { Stream::Stderr } else { Stream::Stdout }, &data, true, now);
            }
            let mut told = [Vec::new(), Vec::new()];
            for piece in output.drain() {
                prop_assert!(piece.data.len() <= MAX_CHUNK);
                let of = &mut told[usize::from(piece.stream == Stream::Stderr)];
                prop_assert_eq!(piece.off, of.len() as u64);
                of.extend_from_slice(&piece.data);
            }
            prop_assert_eq!(told, written);
            prop_assert_eq!(output.cut, 0);
        }
    }
}
