//! The system's journal, read through `journalctl`: its files have no other reader that may be linked here. The program
//! is a child of the agent; it ends with it, and is started again after the last entry that was given on.

use std::{process::Stdio, time::Duration};

use chatops_schemas::{
    clock::Timestamp,
    event::log::{LogLevel, LogLine},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
    time::{sleep, sleep_until},
};

use super::{RETRY, Shipper, Stopping, join::Record, parse, settings::Journal};

/// Longest entry that is looked at.
const ENTRY: usize = 1024 * 1024;
/// Where there is no `journalctl`, it is looked for again after this.
const MISSING: Duration = Duration::from_secs(300);
/// Fields of the journal that are sent, and how they are called here.
const FIELDS: [(&str, &str); 7] = [
    ("_PID", "pid"),
    ("_UID", "uid"),
    ("_COMM", "comm"),
    ("SYSLOG_IDENTIFIER", "identifier"),
    ("CODE_FILE", "code_file"),
    ("CODE_LINE", "code_line"),
    ("ERRNO", "errno"),
];

/// Where the journal goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `__CURSOR` of the last entry.
    cursor: String,
}

/// Follows the journal until the agent stops.
pub async fn run(from: Journal, mut shipper: Shipper<Place>) {
    let mut place = match shipper.resume().await {
        Ok(place) => place,
        Err(Stopping) => return,
    };
    let mut told = None;
    loop {
        let ended = follow(&from, &mut shipper, &mut place).await;
        let pause = match ended {
            Ok(reason) => {
                // Said once, not after each of the attempts that fail for one reason.
                if told.as_ref() != Some(&reason) {
                    tracing::warn!("the journal is not read: {reason}");
                    told = Some(reason.clone());
                }
                if reason.contains("not installed") {
                    MISSING
                } else {
                    RETRY
                }
            }
            Err(Stopping) => return,
        };
        sleep(pause).await;
    }
}

fn arguments(from: &Journal, place: Option<&Place>) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--output=json",
        "--follow",
        "--no-pager",
        "--quiet",
        "--all",
    ]
    .map(str::to_owned)
    .into();
    match place {
        Some(place) => {
            arguments.push("--no-tail".to_owned());
            arguments.push(format!("--after-cursor={}", place.cursor));
        }
        None if from.beginning => arguments.push("--no-tail".to_owned()),
        // One entry is sent that was there before: it says where to go on after a restart.
        None => arguments.push("--lines=1".to_owned()),
    }
    arguments.extend(from.units.iter().map(|unit| format!("--unit={unit}")));
    arguments
}

/// Until the program ends; why it did.
async fn follow(
    from: &Journal,
    shipper: &mut Shipper<Place>,
    place: &mut Option<Place>,
) -> Result<String, Stopping> {
    let child = Command::new("journalctl")
        .args(arguments(from, place.as_ref()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok("journalctl is not installed on this host".to_owned());
        }
        Err(error) => return Ok(format!("journalctl cannot be started: {error}")),
    };
    let (Some(out), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Ok("journalctl has no output".to_owned());
    };
    let mut entries = Entries {
        from: BufReader::with_capacity(64 * 1024, out),
        line: Vec::new(),
        too_long: false,
    };
    loop {
        let due = shipper.due();
        let entry = tokio::select! {
            entry = entries.next() => entry,
            () = async { if let Some(due) = due { sleep_until(due).await } }, if due.is_some() => {
                if let Some(place) = place {
                    shipper.flush(place).await?;
                }
                continue;
            }
        };
        match entry {
            Ok(Some(entry)) => match read(&entry, shipper.now()) {
                Some((cursor, line)) => {
                    let full = shipper.push(line);
                    let here = Place { cursor };
                    if full {
                        shipper.flush(&here).await?;
                    }
                    *place = Some(here);
                }
                None => shipper.lost(1),
            },
            Ok(None) => shipper.lost(1),
            Err(()) => break,
        }
    }
    if let Some(place) = place {
        shipper.flush(place).await?;
    }
    let mut said = String::new();
    let _ = errors.take(2000).read_to_string(&mut said).await;
    let ended = match child.wait().await {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    Ok(format!("journalctl ended ({ended}): {}", said.trim()))
}

/// Entries, one line each.
struct Entries<R> {
    from: R,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncBufRead + Unpin> Entries<R> {
    /// The next one; `None`: one that is too long. Cancel-safe. `Err`: the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ()> {
        loop {
            let buffer = self.from.fill_buf().await.map_err(drop)?;
            if buffer.is_empty() {
                return Err(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            if self.line.len() + piece.len() > ENTRY {
                self.too_long = true;
                self.line = Vec::new();
            } else if !self.too_long {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            self.from.consume(used);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return Ok((!std::mem::take(&mut self.too_long)).then_some(line));
            }
        }
    }
}

/// A text, or bytes that the journal did not take for one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) => {
            let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
            let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => None,
    }
}

/// An entry's cursor and line; `None`: it is no entry.
fn read(entry: &[u8], now: Timestamp) -> Option<(String, LogLine)> {
    let entry: Map<String, Value> = serde_json::from_slice(entry).ok()?;
    let field = |name: &str| entry.get(name).and_then(text);
    let cursor = field("__CURSOR")?;
    let time = field("__REALTIME_TIMESTAMP").and_then(|micros| micros.parse().ok());
    let message = field("MESSAGE").unwrap_or_default();
    let origin = field("_SYSTEMD_UNIT").or_else(|| field("SYSLOG_IDENTIFIER"));
    let text = super::join::beginning(&message, chatops_schemas::event::log::MAX_MESSAGE);
    let record = Record {
        cut: (message.len() - text.len()) as u64,
        text: text.to_owned(),
        end: 0,
    };
    let mut line = parse::line(record, origin.as_deref(), now);
    // The journal knows better when it was, and often how bad.
    line.time = time.map_or(line.time, Timestamp::from_micros);
    if line.level == LogLevel::Unknown
        && let Some(priority) = field("PRIORITY").and_then(|text| text.parse().ok())
    {
        line.level = parse::of_number(priority);
    }
    for (theirs, ours) in FIELDS {
        if line.fields.len() >= chatops_schemas::event::log::MAX_FIELDS {
            break;
        }
        if let Some(value) = field(theirs) {
            let value = super::join::beginning(&value, 512).to_owned();
            line.fields.entry(ours.to_owned()).or_insert(value);
        }
    }
    Some((cursor, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn an_entry_becomes_a_line() {
        let entry =
            br#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795000000123456","PRIORITY":"3",
            "_SYSTEMD_UNIT":"ssh.service","_PID":"42","MESSAGE":"Connection reset"}"#;
        let (cursor, line) = read(entry, NOW).unwrap();
        assert_eq!(cursor, "s=1;i=2");
        assert_eq!(line.time.micros(), 1_795_000_000_123_456);
        assert_eq!(
            (line.level, line.origin.as_deref()),
            (LogLevel::Error, Some("ssh.service"))
        );
        assert_eq!(
            (line.message.as_str(), line.fields["pid"].as_str()),
            ("Connection reset", "42")
        );
        let bytes = br#"{"__CURSOR":"c","MESSAGE":[104,105,255]}"#;
        assert_eq!(read(bytes, NOW).unwrap().1.message, "hi\u{fffd}");
        assert!(read(b"{}", NOW).is_none());
        assert!(read(b"-- No entries --", NOW).is_none());
    }

    #[tokio::test]
    async fn an_entry_that_is_too_long_is_left_out_and_the_next_is_read() {
        let mut bytes = vec![b'x'; ENTRY + 10];
        bytes.extend_from_slice(b"\nnext\n");
        let mut entries = Entries {
            from: BufReader::new(&bytes[..]),
            line: Vec::new(),
            too_long: false,
        };
        assert_eq!(entries.next().await, Ok(None));
        assert_eq!(entries.next().await, Ok(Some(b"next".to_vec())));
        assert_eq!(entries.next().await, Err(()));
    }

    #[test]
    fn it_goes_on_behind_the_last_entry() {
        let from = Journal {
            units: vec!["ssh.service".to_owned()],
            beginning: false,
        };
        let first = arguments(&from, None);
        assert!(first.contains(&"--lines=1".to_owned()));
        assert!(first.contains(&"--unit=ssh.service".to_owned()));
        let place = Place {
            cursor: "s=1".to_owned(),
        };
        let again = arguments(&from, Some(&place));
        assert!(
            again.contains(&"--after-cursor=s=1".to_owned()),
            "{again:?}"
        );
        assert!(again.contains(&"--no-tail".to_owned()));
    }
}
