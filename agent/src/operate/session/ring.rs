//! What was written and may still be asked for. Pure: offsets in, frames out. Used by [`super::SessionOut`] alone.
//!
//! `start ≤ acknowledged ≤ end`, `start ≤ next ≤ end`; bytes before `start` are gone. Nothing is forgotten that is neither
//! sent nor acknowledged.

use std::collections::VecDeque;

use chatops_schemas::session::{Control, Ended as Reason, MAX_DATA, Out, Stream, WINDOW};

use super::Closed;

/// What a block costs beyond its bytes; counted, so that many tiny ones do not fill the memory.
const BLOCK: usize = 64;
/// Room in memory for what is not acknowledged, in blocks of any size.
const UNACKNOWLEDGED: usize = 2 * WINDOW as usize;

/// How it ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) reason: Reason,
    pub(super) exit_code: Option<i32>,
    pub(super) message: Option<String>,
}

/// Bytes of one stream that follow each other.
#[derive(Debug)]
struct Block {
    off: u64,
    stream: Option<Stream>,
    data: Vec<u8>,
}

impl Block {
    const fn end(&self) -> u64 {
        self.off + self.data.len() as u64
    }

    const fn cost(&self) -> usize {
        self.data.len() + BLOCK
    }
}

#[derive(Debug)]
pub(super) struct Ring {
    /// Acknowledged bytes that are kept all the same.
    keep: usize,
    blocks: VecDeque<Block>,
    /// Of all blocks.
    cost: usize,
    start: u64,
    next: u64,
    acknowledged: u64,
    end: u64,
    skipped: u64,
    /// A viewer asked for what is gone and must be told.
    lost: bool,
    ended: Option<Ended>,
    end_sent: bool,
    closed: bool,
}

impl Ring {
    pub(super) const fn new(keep: usize) -> Self {
        Self {
            keep,
            blocks: VecDeque::new(),
            cost: 0,
            start: 0,
            next: 0,
            acknowledged: 0,
            end: 0,
            skipped: 0,
            lost: false,
            ended: None,
            end_sent: false,
            closed: false,
        }
    }

    /// Adds a piece of at most [`MAX_DATA`] bytes; false when there is no room for it now.
    pub(super) fn write(&mut self, stream: Option<Stream>, data: &[u8]) -> Result<bool, Closed> {
        if self.closed || self.ended.is_some() {
            return Err(Closed);
        }
        let unacknowledged = self.end - self.acknowledged;
        if unacknowledged + data.len() as u64 > WINDOW
            || (unacknowledged > 0 && self.cost > self.keep.max(UNACKNOWLEDGED))
        {
            return Ok(false);
        }
        let fits = |block: &&mut Block| {
            block.stream == stream && block.data.len() + data.len() <= MAX_DATA
        };
        if let Some(block) = self.blocks.back_mut().filter(fits) {
            block.data.extend_from_slice(data);
            self.cost += data.len();
        } else {
            let block = Block {
                off: self.end,
                stream,
                data: data.to_vec(),
            };
            self.cost += block.cost();
            self.blocks.push_back(block);
        }
        self.end += data.len() as u64;
        self.forget();
        Ok(true)
    }

    pub(super) const fn skip(&mut self, lines: u64) {
        self.skipped = self.skipped.saturating_add(lines);
    }

    pub(super) fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
    }

    pub(super) const fn ended(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn heard(&mut self, control: Control) {
        match control {
            Control::Ack { off } => {
                self.acknowledged = self.acknowledged.max(off.min(self.end));
                self.forget();
            }
            Control::From { off } => {
                self.lost = off < self.start;
                self.next = off.clamp(self.start, self.end);
                // Whoever asks has not shown what comes behind; it counts against the window again.
                self.acknowledged = self.acknowledged.min(self.next);
                self.end_sent = false;
            }
            Control::Close => self.closed = true,
            Control::Resize { .. } | Control::Renew => {}
        }
    }

    /// Sends again what was not acknowledged.
    pub(super) const fn again(&mut self) {
        self.next = self.acknowledged;
        self.end_sent = false;
    }

    /// The next frame to send, if one may be sent now.
    pub(super) fn next(&mut self) -> Option<Out> {
        if std::mem::take(&mut self.lost) {
            return Some(Out::Lost {
                up_to: self.start,
                lines: 0,
            });
        }
        if self.next < self.end {
            return self.data();
        }
        if self.skipped > 0 {
            return Some(Out::Lost {
                up_to: self.end,
                lines: std::mem::take(&mut self.skipped),
            });
        }
        let ended = self.ended.as_ref().filter(|_| !self.end_sent)?;
        self.end_sent = true;
        Some(Out::Ended {
            off: self.end,
            reason: ended.reason,
            exit_code: ended.exit_code,
            message: ended.message.clone(),
        })
    }

    fn data(&mut self) -> Option<Out> {
        let credit = (self.acknowledged + WINDOW).checked_sub(self.next)?;
        let at = self
            .blocks
            .partition_point(|block| block.end() <= self.next);
        let block = self.blocks.get(at)?;
        let from = usize::try_from(self.next - block.off).ok()?;
        let len = (block.data.len() - from)
            .min(MAX_DATA)
            .min(usize::try_from(credit).unwrap_or(MAX_DATA));
        if len == 0 {
            return None;
        }
        let frame = Out::Data {
            off: self.next,
            stream: block.stream,
            data: block.data[from..from + len].to_vec(),
        };
        self.next += len as u64;
        Some(frame)
    }

    /// Whether nobody can want anything any more.
    pub(super) const fn over(&self) -> bool {
        self.ended.is_some() && self.end_sent && (self.closed || self.acknowledged == self.end)
    }

    fn forget(&mut self) {
        while let Some(block) = self.blocks.front()
            && block.end() <= self.acknowledged
            && block.end() <= self.next
            && self.cost > self.keep
        {
            self.cost -= block.cost();
            self.start = block.end();
            self.blocks.pop_front();
        }
        if self.blocks.is_empty() {
            self.blocks.shrink_to(0);
        }
    }
}
