//! What a line says: its time, how bad it is, and what else it holds. Pure.
//!
//! JSON objects and logfmt (`level=info msg="…"`) become fields. Of other lines the time is taken from the beginning when
//! it names its zone, and the level from a word that stands where programs put it. What is not recognised is left as it is.

mod level;
mod pairs;
mod when;

use std::collections::BTreeMap;

use chatops_schemas::{
    clock::Timestamp,
    event::log::{LogLevel, LogLine, MAX_FIELDS, MAX_MESSAGE, MAX_NAME, MAX_VALUE},
};
use serde_json::{Map, Value};

use super::join::{Record, beginning};

pub use level::{of_number, of_word};

const MESSAGE: [&str; 5] = ["message", "msg", "MESSAGE", "text", "log"];
const LEVEL: [&str; 6] = [
    "level",
    "lvl",
    "severity",
    "log.level",
    "loglevel",
    "levelname",
];
const TIME: [&str; 7] = [
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "datetime",
    "asctime",
    "t",
];

/// A record as a line. `now` is its time when it has none of its own.
pub fn line(record: Record, origin: Option<&str>, now: Timestamp) -> LogLine {
    let Record { text, cut, .. } = record;
    let text = without_colours(text);
    let mut line = structured(&text, now).unwrap_or_else(|| LogLine {
        time: when::at_beginning(&text).unwrap_or(now),
        level: level::in_text(&text),
        message: text,
        fields: BTreeMap::new(),
        origin: None,
        cut: None,
    });
    line.origin = origin.map(|origin| beginning(origin, MAX_NAME).to_owned());
    line.cut = (cut > 0).then_some(cut);
    line
}

fn structured(text: &str, now: Timestamp) -> Option<LogLine> {
    let trimmed = text.trim();
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        return from_fields(serde_json::from_str(trimmed).ok()?, text, now);
    }
    from_fields(pairs::logfmt(trimmed)?, text, now)
}

fn take(fields: &mut Map<String, Value>, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| fields.remove(*name))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `None`: this says nothing that a text does not.
fn from_fields(mut fields: Map<String, Value>, text: &str, now: Timestamp) -> Option<LogLine> {
    if fields.is_empty() {
        return None;
    }
    let message = take(&mut fields, &MESSAGE).map_or_else(|| text.to_owned(), |m| plain(&m));
    let level = match take(&mut fields, &LEVEL) {
        Some(Value::Number(number)) => number.as_i64().map_or(LogLevel::Unknown, level::of_pino),
        Some(Value::String(word)) => of_word(&word),
        _ => LogLevel::Unknown,
    };
    let time = TIME
        .iter()
        .find_map(|name| Some((*name, when::of_value(fields.get(*name)?)?)));
    if let Some((name, _)) = time {
        fields.remove(name);
    }
    let pairs = fields.iter().take(MAX_FIELDS).map(|(name, value)| {
        let value = plain(value);
        (
            beginning(name, MAX_NAME).to_owned(),
            beginning(&value, MAX_VALUE).to_owned(),
        )
    });
    Some(LogLine {
        time: time.map_or(now, |(_, time)| time),
        level,
        message: beginning(&message, MAX_MESSAGE).to_owned(),
        fields: pairs.collect(),
        origin: None,
        cut: None,
    })
}

/// Without what makes terminals colourful, and without what obeys no meaning but theirs.
pub fn without_colours(text: String) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(harmless) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                // Parameters, then one letter.
                while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                chars.next();
            }
        } else if harmless(c) {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn parsed(text: &str) -> LogLine {
        let record = Record {
            text: text.to_owned(),
            cut: 0,
            end: 0,
        };
        line(record, Some("/a"), NOW)
    }

    #[test]
    fn json_becomes_fields() {
        let found = parsed(
            r#"{"time":"2026-11-22T10:15:00.5Z","level":"WARN","msg":"slow","ms":12,"req":{"id":7},"ok":true}"#,
        );
        assert_eq!(found.message, "slow");
        assert_eq!(found.level, LogLevel::Warn);
        assert_eq!(found.time.rfc3339(), "2026-11-22T10:15:00.5Z");
        let fields: Vec<_> = found
            .fields
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(fields, ["ms=12", "ok=true", "req={\"id\":7}"]);
        let pino = parsed(r#"{"level":50,"time":1795000001500,"msg":"x"}"#);
        assert_eq!(
            (pino.level, pino.time.millis()),
            (LogLevel::Error, 1_795_000_001_500)
        );
        let bare = parsed(r#"{"a":1}"#);
        assert_eq!((bare.message.as_str(), bare.time), (r#"{"a":1}"#, NOW));
        let broken = parsed(r#"{"a":1"#);
        assert!(broken.fields.is_empty());
    }

    #[test]
    fn logfmt_becomes_fields() {
        let found =
            parsed(r#"ts=2026-11-22T10:15:00Z level=error msg="could not \"open\" it" path=/a/b"#);
        assert_eq!(found.message, "could not \"open\" it");
        assert_eq!(found.level, LogLevel::Error);
        assert_eq!(found.fields["path"], "/a/b");
        let prose = parsed("the level=high was reached");
        assert!(prose.fields.is_empty());
    }

    #[test]
    fn a_text_keeps_its_words_and_loses_its_colours() {
        let found = parsed("2026-11-22T10:15:00.000Z \u{1b}[31mERROR\u{1b}[0m disk\u{7} full");
        assert_eq!(found.message, "2026-11-22T10:15:00.000Z ERROR disk full");
        assert_eq!(found.level, LogLevel::Error);
        assert_eq!(found.time.rfc3339(), "2026-11-22T10:15:00Z");
        assert_eq!(parsed("plain").time, NOW);
    }

    #[test]
    fn fields_are_bounded() {
        let many: Vec<String> = (0..200)
            .map(|n| format!("\"k{n}\":\"{}\"", "ä".repeat(3000)))
            .collect();
        let found = parsed(&format!("{{{}}}", many.join(",")));
        assert_eq!(found.fields.len(), MAX_FIELDS);
        assert!(found.fields.values().all(|value| value.len() <= MAX_VALUE));
    }
}
