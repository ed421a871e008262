//! What a terminal shows, written into its recording while it is shown: output and sizes, never what is typed.
//!
//! Held by the conversation. The host is only told of what the recording holds, so a slow database slows the program
//! instead of filling memory, and what a dead process had not written yet is sent again to whoever comes next.

use chatops_projections::{
    StoreError,
    view::{TerminalPiece, TerminalRecording, TerminalShown},
};
use chatops_schemas::{
    clock::Timestamp,
    ids::{CommandId, ServerId},
};
use tokio::time::{Duration, Instant};

use crate::state::Api;

/// Written when so many bytes wait, or when the first of them has waited so long.
const ENOUGH: usize = 64 * 1024;
const LONG_ENOUGH: Duration = Duration::from_millis(400);
/// A recording is cut here.
pub const MOST: u64 = 64 << 20;
/// Output within so many milliseconds is one piece.
const TOGETHER_MS: u64 = 15;

/// One recording.
pub struct Recorder {
    api: Api,
    session: CommandId,
    started_at: Timestamp,
    /// Offset up to which it is written.
    stored: u64,
    /// Offset up to which it has been given.
    given: u64,
    bytes: u64,
    next: i32,
    cut: bool,
    waiting: Vec<TerminalPiece>,
    waiting_bytes: usize,
    since: Option<Instant>,
}

impl Recorder {
    /// Goes on where the recording ends, or begins it.
    pub async fn open(
        api: &Api,
        server: &ServerId,
        session: CommandId,
        size: (u16, u16),
    ) -> Result<Self, StoreError> {
        let now = api.clock().now();
        let recording: TerminalRecording = api
            .store()
            .begin_terminal_recording(session, server, now, size)
            .await?;
        let mut recorder = Self {
            api: api.clone(),
            session,
            started_at: recording.started_at,
            stored: recording.position,
            given: recording.position,
            bytes: recording.bytes,
            next: recording.pieces,
            cut: recording.cut,
            waiting: Vec::new(),
            waiting_bytes: 0,
            since: None,
        };
        if recording.pieces > 0 || recording.position > 0 {
            recorder.size(size.0, size.1);
        }
        Ok(recorder)
    }

    /// Offset up to which the recording is on disk.
    pub const fn stored(&self) -> u64 {
        self.stored
    }

    /// When what waits must be written; `None`: nothing waits.
    pub fn due(&self) -> Option<Instant> {
        match self.waiting_bytes >= ENOUGH {
            true => Some(Instant::now()),
            false => self.since.map(|since| since + LONG_ENOUGH),
        }
    }

    fn at_ms(&self) -> u64 {
        let micros = self.api.clock().now().micros_since(self.started_at).max(0);
        micros.unsigned_abs() / 1000
    }

    /// A new size.
    pub fn size(&mut self, cols: u16, rows: u16) {
        self.push(TerminalShown::Size(cols, rows));
    }

    /// Output that begins at this offset; what is recorded already is left out.
    pub fn output(&mut self, off: u64, data: &[u8]) {
        let known = usize::try_from(self.given.saturating_sub(off)).unwrap_or(usize::MAX);
        let Some(fresh) = data.get(known..).filter(|fresh| !fresh.is_empty()) else {
            return;
        };
        self.cut |= off > self.given;
        self.given = off + data.len() as u64;
        self.since.get_or_insert_with(Instant::now);
        if self.bytes + fresh.len() as u64 > MOST {
            self.cut = true;
            return;
        }
        self.bytes += fresh.len() as u64;
        self.waiting_bytes += fresh.len();
        let at_ms = self.at_ms();
        if let Some(TerminalPiece {
            at_ms: last,
            what: TerminalShown::Output(bytes),
            ..
        }) = self.waiting.last_mut()
            && at_ms < *last + TOGETHER_MS
        {
            bytes.extend_from_slice(fresh);
            return;
        }
        self.push(TerminalShown::Output(fresh.to_vec()));
    }

    /// Output up to here is gone for good.
    pub fn lost(&mut self, up_to: u64) {
        if up_to > self.given {
            self.given = up_to;
            self.cut = true;
            self.since.get_or_insert_with(Instant::now);
        }
    }

    fn push(&mut self, what: TerminalShown) {
        self.since.get_or_insert_with(Instant::now);
        let piece = TerminalPiece {
            n: self.next,
            at_ms: self.at_ms(),
            what,
        };
        self.waiting.push(piece);
        self.next += 1;
    }

    /// Writes what waits. After an error nothing is lost: it waits on.
    pub async fn write(&mut self) -> Result<(), StoreError> {
        let (given, cut) = (self.given, self.cut);
        self.api
            .store()
            .record_terminal(self.session, &self.waiting, given, cut)
            .await?;
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.since = None;
        self.stored = given;
        Ok(())
    }
}
