//! A recording as an [asciicast v2](https://docs.asciinema.org/manual/asciicast/v2/) file, which our player and others
//! read: a header, then one line per piece.

use chatops_projections::view::{TerminalPiece, TerminalRecording, TerminalShown};
use serde_json::json;

/// The first line.
pub fn header(recording: &TerminalRecording, title: &str) -> String {
    let header = json!({
        "version": 2,
        "width": recording.cols,
        "height": recording.rows,
        "timestamp": recording.started_at.micros() / 1_000_000,
        "title": title,
    });
    format!("{header}\n")
}

/// Turns pieces into lines. Output is text there, and a character may lie in two pieces.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl Lines {
    /// The line of a piece; empty when it held only the beginning of a character.
    pub fn line(&mut self, piece: &TerminalPiece) -> String {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a time of hours in milliseconds"
        )]
        let at = piece.at_ms as f64 / 1000.0;
        match &piece.what {
            TerminalShown::Size(cols, rows) => {
                format!("{}\n", json!([at, "r", format!("{cols}x{rows}")]))
            }
            TerminalShown::Output(data) => {
                let text = self.text(data);
                match text.is_empty() {
                    true => String::new(),
                    false => format!("{}\n", json!([at, "o", text])),
                }
            }
        }
    }

    fn text(&mut self, data: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(data);
        // At most three bytes at the end can be the beginning of a character; anything else that is no text is shown so.
        let whole = bytes.utf8_chunks().last().map_or(0, |last| {
            let bad = last.invalid();
            let begun = std::str::from_utf8(bad).is_err_and(|error| error.error_len().is_none());
            if begun {
                bytes.len() - bad.len()
            } else {
                bytes.len()
            }
        });
        self.rest = bytes.split_off(whole);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(at_ms: u64, data: &[u8]) -> TerminalPiece {
        TerminalPiece {
            n: 0,
            at_ms,
            what: TerminalShown::Output(data.to_vec()),
        }
    }

    #[test]
    fn a_character_in_two_pieces_is_one() {
        let mut lines = Lines::default();
        let text = "ä€😀".as_bytes();
        let mut all = String::new();
        for (n, byte) in text.iter().enumerate() {
            let line = lines.line(&output(n as u64, &[*byte]));
            if !line.is_empty() {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                all.push_str(value[2].as_str().unwrap());
            }
        }
        assert_eq!(all, "ä€😀");
    }

    #[test]
    fn what_is_no_text_is_shown_so_and_stops_nothing() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.line(&output(1500, b"a\xffb")),
            "[1.5,\"o\",\"a\u{fffd}b\"]\n"
        );
        assert_eq!(lines.line(&output(0, b"\xe2\x82")), "");
        assert_eq!(lines.line(&output(0, b"x")), "[0.0,\"o\",\"\u{fffd}x\"]\n");
        let size = TerminalPiece {
            n: 1,
            at_ms: 2000,
            what: TerminalShown::Size(120, 40),
        };
        assert_eq!(lines.line(&size), "[2.0,\"r\",\"120x40\"]\n");
    }
}
