//! Lines on their way into one event.

use chatops_schemas::{
    codec::MAX_EVENT_BYTES,
    event::log::{DropReason, Dropped, LogLine, MAX_LINES, MAX_MESSAGE},
};

/// Bytes from which on a batch is full: one more line of the largest kind still fits.
const FULL: usize = MAX_EVENT_BYTES - MAX_MESSAGE - 12 * 1024;
/// What a line costs beside its texts.
const LINE: usize = 48;

/// Lines and counts.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: Vec<Dropped>,
}

/// Bytes of a line in an event, or a few more.
fn size(line: &LogLine) -> usize {
    let fields = line.fields.iter();
    let fields: usize = fields
        .map(|(name, value)| name.len() + value.len() + 8)
        .sum();
    LINE + line.message.len() + line.origin.as_ref().map_or(0, |origin| origin.len() + 12) + fields
}

impl Batch {
    /// Adds a line. Fields of a line that is too large for any batch are left out.
    pub fn push(&mut self, mut line: LogLine) {
        if size(&line) > MAX_MESSAGE + 8 * 1024 {
            line.fields.clear();
        }
        self.bytes += size(&line);
        self.lines.push(line);
    }

    /// Counts lines that are not sent.
    pub fn dropped(&mut self, reason: DropReason, lines: u64) {
        match self.dropped.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.lines += lines,
            None => self.dropped.push(Dropped { reason, lines }),
        }
    }

    /// Whether it should be sent now.
    pub const fn is_full(&self) -> bool {
        self.bytes >= FULL || self.lines.len() >= MAX_LINES
    }

    /// Whether there is nothing to send.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped.is_empty()
    }

    /// What there is; nothing is left.
    pub fn take(&mut self) -> (Vec<LogLine>, Vec<Dropped>) {
        self.bytes = 0;
        (
            std::mem::take(&mut self.lines),
            std::mem::take(&mut self.dropped),
        )
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::{
        clock::{IdSource, System, Timestamp},
        codec,
        envelope::Envelope,
        event::{
            Event,
            log::{LogBatch, LogKind, LogLevel, MAX_VALUE},
        },
    };

    use super::*;

    fn line(message: usize, fields: usize, value: usize) -> LogLine {
        LogLine {
            time: Timestamp::from_micros(i64::MAX),
            level: LogLevel::Error,
            message: "x".repeat(message),
            fields: (0..fields)
                .map(|n| (format!("name-{n}"), "y".repeat(value)))
                .collect(),
            origin: Some("/var/log/some/where.log".to_owned()),
            cut: Some(u64::MAX),
        }
    }

    #[test]
    fn a_full_batch_fits_into_an_event_whatever_the_lines() {
        for (message, fields, value) in [
            (0, 0, 0),
            (80, 3, 20),
            (MAX_MESSAGE, 0, 0),
            (MAX_MESSAGE, 64, MAX_VALUE),
            (10, 64, 100),
        ] {
            let mut batch = Batch::default();
            while !batch.is_full() {
                batch.push(line(message, fields, value));
            }
            batch.dropped(DropReason::Rate, u64::MAX / 2);
            let (lines, dropped) = batch.take();
            let data = LogBatch {
                source: "s".repeat(64),
                kind: LogKind::File,
                lines,
                dropped,
            };
            data.validate().unwrap();
            let event = Envelope::new(System.event_id(), Timestamp::from_micros(1), data);
            let bytes = codec::encode(&event).unwrap().len();
            assert!(
                bytes < MAX_EVENT_BYTES - 256,
                "{bytes} with {message} {fields} {value}"
            );
        }
    }
}
