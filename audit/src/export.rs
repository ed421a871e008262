//! The chain as a file that proves itself: one JSON object per line, each entry with the very bytes that were hashed, the
//! signed heads behind them. Whoever has the file needs neither our streams nor our database to check it.

use std::io::BufRead;

use chatops_schemas::audit::{Entry, Head, Verdict, Verifier, head::Bytes, verify::Finding};
use serde_json::{Value, json};

/// An entry as a line. `entry` is what counts; the rest says the same for people, and a check compares it.
pub fn line(bytes: &[u8]) -> Value {
    let mut line = match Entry::decode(bytes) {
        Ok(entry) => said(&entry),
        Err(error) => json!({ "unreadable": error.to_string() }),
    };
    line["entry"] = json!(Bytes(bytes));
    line
}

fn said(entry: &Entry) -> Value {
    let content = &entry.content;
    json!({
        "seq": entry.seq,
        "at": content.at,
        "actor": content.actor,
        "action": content.action,
        "target": content.target,
        "address": content.address,
        "result": content.outcome.as_str(),
        "stream": content.source.stream,
        "stream_seq": content.source.seq,
        "cause": content.cause,
        "digest": content.digest,
    })
}

/// A head as a line.
pub fn head_line(head: &Head) -> Value {
    json!({ "head": head })
}

/// Why a file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error("read the export: {0}")]
    Read(#[from] std::io::Error),
    /// A line that is neither an entry nor a head.
    #[error("line {0} of the export is neither an entry nor a head")]
    Line(usize),
}

enum Line {
    Entry { bytes: Vec<u8>, said: Value },
    Head(Head),
}

fn parse(text: &str) -> Option<Line> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    if let Some(head) = value.get_mut("head") {
        return serde_json::from_value(head.take()).ok().map(Line::Head);
    }
    let bytes = Bytes::parse(value.get("entry")?.as_str()?)?;
    Some(Line::Entry { bytes, said: value })
}

fn lines(file: impl BufRead) -> impl Iterator<Item = Result<Line, ExportError>> {
    file.lines()
        .zip(1..)
        .filter_map(|(text, number)| match text {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(parse(&text).ok_or(ExportError::Line(number))),
            Err(error) => Some(Err(error.into())),
        })
}

/// Checks an export with the heads in it and those from elsewhere. `open` is called twice: heads stand behind the entries
/// that they cover.
pub fn check<R: BufRead>(
    open: impl Fn() -> std::io::Result<R>,
    outside: impl IntoIterator<Item = (String, Head)>,
) -> Result<Verdict, ExportError> {
    let mut heads: Vec<_> = outside.into_iter().collect();
    for line in lines(open()?) {
        if let Line::Head(head) = line? {
            heads.push(("in the export".to_owned(), head));
        }
    }
    let mut verifier = Verifier::new(heads);
    let mut false_words = None;
    for read in lines(open()?) {
        let Line::Entry { bytes, said } = read? else {
            continue;
        };
        verifier.entry(&bytes);
        if said != line(&bytes) && false_words.is_none() {
            let seq = Entry::decode(&bytes).map_or(0, |entry| entry.seq);
            false_words = Some(Finding::Altered {
                first: seq,
                last: seq,
                how: "the words of its line are not those of its bytes".to_owned(),
            });
        }
    }
    let mut verdict = verifier.verdict();
    verdict.add_events(false_words.into_iter().collect());
    Ok(verdict)
}
