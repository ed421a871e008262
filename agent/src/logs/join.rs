//! Which lines belong together: a stack trace is one record. Bounded: what goes beyond the limits of a message is counted
//! and not kept.

use chatops_schemas::event::log::MAX_MESSAGE;
use regex_lite::Regex;

/// One record: a line and those that go on from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The text, without the last line end.
    pub text: String,
    /// Bytes that are left out of it.
    pub cut: u64,
    /// The place behind it.
    pub end: u64,
}

/// Puts lines together.
#[derive(Debug, Default)]
pub struct Join {
    held: Option<Record>,
}

fn goes_on(line: &str, start: Option<&Regex>) -> bool {
    match start {
        Some(start) => !start.is_match(line),
        None => line.starts_with([' ', '\t']),
    }
}

/// The longest beginning of at most so many bytes that is a text.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl Record {
    fn of(line: &str, cut: u64, end: u64) -> Self {
        let text = beginning(line, MAX_MESSAGE);
        Self {
            text: text.to_owned(),
            cut: cut + (line.len() - text.len()) as u64,
            end,
        }
    }

    fn add(&mut self, line: &str, cut: u64, end: u64) {
        let room = MAX_MESSAGE - self.text.len();
        let text = if self.cut > 0 || room == 0 {
            ""
        } else {
            self.text.push('\n');
            beginning(line, room - 1)
        };
        self.text.push_str(text);
        self.cut += cut + (line.len() - text.len()) as u64;
        self.end = end;
    }
}

impl Join {
    /// Takes a line (`cut`: bytes of it that were left out already; `end`: the place behind it); gives the record before
    /// it if that is finished.
    pub fn push(
        &mut self,
        line: &str,
        cut: u64,
        end: u64,
        start: Option<&Regex>,
    ) -> Option<Record> {
        match &mut self.held {
            Some(held) if goes_on(line, start) => {
                held.add(line, cut, end);
                None
            }
            held => held.replace(Record::of(line, cut, end)),
        }
    }

    /// The record that is not known to be finished.
    pub fn take(&mut self) -> Option<Record> {
        self.held.take()
    }

    /// Whether there is one.
    pub const fn is_empty(&self) -> bool {
        self.held.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[&str], start: Option<&Regex>) -> Vec<String> {
        let mut join = Join::default();
        let mut records = Vec::new();
        for (end, line) in (1u64..).zip(lines) {
            records.extend(join.push(line, 0, end, start));
        }
        records.extend(join.take());
        assert_eq!(
            records.last().map(|last| last.end),
            Some(lines.len() as u64)
        );
        records.into_iter().map(|record| record.text).collect()
    }

    #[test]
    fn what_is_indented_belongs_to_the_line_before() {
        let lines = ["boom", "  at a", "\tat b", "next"];
        assert_eq!(joined(&lines, None), ["boom\n  at a\n\tat b", "next"]);
    }

    #[test]
    fn a_pattern_says_where_a_record_begins() {
        let start = Regex::new("^\\d{4}-").unwrap();
        let lines = ["2026-11-23 boom", "Caused by: x", "", "2026-11-23 next"];
        assert_eq!(
            joined(&lines, Some(&start)),
            ["2026-11-23 boom\nCaused by: x\n", "2026-11-23 next"]
        );
    }

    #[test]
    fn a_record_without_end_does_not_grow_without_end() {
        let mut join = Join::default();
        join.push("start", 0, 1, None);
        let line = format!(" {}", "ä".repeat(700));
        for end in 0..100 {
            assert_eq!(join.push(&line, 1, end, None), None);
        }
        let record = join.take().unwrap();
        assert!(record.text.len() <= MAX_MESSAGE);
        let whole = 5 + 100 * (line.len() as u64 + 1) + 100;
        let ends = record.text.matches('\n').count() as u64;
        assert_eq!(record.text.len() as u64 - ends + record.cut, whole - 100);
    }
}
