//! The conversation of `/api/v1/ws/logs/{server_id}`: lines of one server as they come.
//!
//! `auth` (token, `resume`, what is wanted) → `auth_success` → what was missed → `lines` … Each socket reads the stream for
//! itself, from any position, and holds at most [`AHEAD`] batches: what a slow client does not take waits in the stream. A
//! client that takes nothing is closed; one that is far behind is told of a gap and goes on at the end. Before each
//! delivery it is asked again whether this person may see this server. When this process dies, the client goes on from the
//! last `position` it has, at another one.
//!
//! Which lines are wanted is looked at here, for each socket: a regular expression takes time that grows with the line and
//! nothing else, and is refused when what it becomes is large ([`MAX_PROGRAM`]).

use std::{borrow::Cow, convert::Infallible};

use axum::extract::ws::Utf8Bytes;
use chatops_bus::{From, Reader, Recorded, StreamName};
use chatops_schemas::{
    codec,
    event::log::{Dropped, LineId, LogBatch, LogLevel, LogLine, moment},
    ids::ServerId,
    subject,
};
use futures::StreamExt;
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::sleep_until;

use super::{
    close::Close,
    socket::{authorise, first_frame, recheck, seat},
    wire::{End, Wire},
};
use crate::{access::Action, auth::actor::Arrival, body::log::LogEntry, code::Code, state::Api};

/// Batches that a socket holds at most, of up to 64 KiB each.
const AHEAD: u32 = 32;
/// A client this many batches behind is moved to the end.
const FAR_BEHIND: u64 = 4000;
/// Longest text and most names of a filter.
const MAX_TEXT: usize = 512;
const MAX_NAMES: usize = 100;
/// Bytes that an expression may become, and again so many for what is remembered while it is at work.
const MAX_PROGRAM: usize = 256 * 1024;

/// Which lines a client wants; empty lists and absent fields let everything through.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Wanted {
    /// Levels by name.
    #[serde(default)]
    levels: Vec<String>,
    /// Names of sources.
    #[serde(default)]
    sources: Vec<String>,
    /// In the message or in a field's value, upper and lower case alike.
    #[serde(default)]
    text: Option<String>,
    /// A regular expression (Rust's, without look-around) that the message has to match somewhere.
    #[serde(default)]
    pattern: Option<String>,
}

/// What a client says.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ClientFrame {
    /// First frame.
    Auth {
        /// Access token, without cookies.
        #[serde(default)]
        #[schemars(with = "Option<String>")]
        token: Option<SecretString>,
        /// Position up to which the client has everything.
        #[serde(default)]
        resume: Option<u64>,
        /// Levels by name.
        #[serde(default)]
        levels: Vec<String>,
        /// Names of sources.
        #[serde(default)]
        sources: Vec<String>,
        /// In the message or in a field's value.
        #[serde(default)]
        text: Option<String>,
        /// A regular expression that the message has to match somewhere.
        #[serde(default)]
        pattern: Option<String>,
    },
    /// From here on other lines are wanted. What is wrong with them is said in `error`; then the ones before stay.
    Filter(Wanted),
    /// Are you there?
    Ping,
    /// Answers a ping.
    Pong,
}

/// What we say, lines apart.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerFrame<'a> {
    /// The credential is good and the server may be seen.
    AuthSuccess {
        /// The server.
        server_id: &'a ServerId,
        /// Lines behind this position follow.
        position: u64,
    },
    /// Refused. The socket closes, unless it is a later `filter` that was refused.
    Error {
        /// Stable code.
        code: &'static str,
        /// What of the filter is wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'static str>,
        /// For people.
        message: Cow<'a, str>,
    },
    /// Batches between these positions are left out: search for them.
    Gap {
        /// First missing position.
        from: u64,
        /// Last missing position.
        to: u64,
    },
    /// Answers a ping.
    Pong,
}

#[derive(Serialize)]
struct Lines {
    r#type: &'static str,
    position: u64,
    lines: Vec<LogEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Dropped>,
}

fn text(frame: &ServerFrame<'_>) -> Utf8Bytes {
    serde_json::to_string(frame).unwrap_or_default().into()
}

/// [`Wanted`], checked.
#[derive(Debug)]
struct Sieve {
    levels: Vec<LogLevel>,
    sources: Vec<String>,
    text: Option<String>,
    pattern: Option<Regex>,
}

/// What of [`Wanted`] is wrong, and why.
#[derive(Debug)]
struct Wrong {
    field: &'static str,
    message: String,
}

impl Wrong {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { field, message }
    }

    fn frame(&self) -> Utf8Bytes {
        text(&ServerFrame::Error {
            code: Code::InvalidField.as_str(),
            field: Some(self.field),
            message: self.message.as_str().into(),
        })
    }
}

/// As the search reads one: a line break is a character like any other.
fn expression(pattern: &str) -> Result<Regex, Wrong> {
    let built = RegexBuilder::new(pattern)
        .dot_matches_new_line(true)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_PROGRAM)
        .build();
    built.map_err(|error| {
        // Of several lines, the last one says what; the others repeat the expression.
        let words = error.to_string();
        let words = words.lines().last().unwrap_or_default();
        let words = words.trim().trim_start_matches("error: ");
        Wrong::new("pattern", format!("is not followed live: {words}"))
    })
}

/// A frame, and the filter in it.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_frame(text: &str) {
    let wanted = match serde_json::from_str(text) {
        Ok(ClientFrame::Filter(wanted)) => wanted,
        Ok(ClientFrame::Auth {
            levels,
            sources,
            text,
            pattern,
            ..
        }) => Wanted {
            levels,
            sources,
            text,
            pattern,
        },
        Ok(_) | Err(_) => return,
    };
    if let Ok(sieve) = Sieve::new(wanted) {
        assert!(sieve.sources.len() <= MAX_NAMES, "it is bounded");
    }
}

impl Sieve {
    fn new(wanted: Wanted) -> Result<Self, Wrong> {
        let levels = wanted.levels.iter().map(|name| LogLevel::parse(name));
        let levels: Option<Vec<LogLevel>> = levels.collect();
        let levels = levels.ok_or_else(|| Wrong::new("levels", "has a name that is no level"))?;
        if wanted.sources.len() > MAX_NAMES {
            return Err(Wrong::new("sources", "has more than 100 names"));
        }
        let long = |text: &Option<String>| text.as_ref().is_some_and(|t| t.len() > MAX_TEXT);
        for (field, text) in [("text", &wanted.text), ("pattern", &wanted.pattern)] {
            if long(text) {
                return Err(Wrong::new(field, "must be at most 512 bytes"));
            }
        }
        let text = wanted.text.filter(|text| !text.is_empty());
        let pattern = wanted.pattern.filter(|pattern| !pattern.is_empty());
        Ok(Self {
            levels,
            sources: wanted.sources,
            text: text.map(|text| text.to_lowercase()),
            pattern: pattern.as_deref().map(expression).transpose()?,
        })
    }

    fn wants(&self, line: &LogLine) -> bool {
        if !self.levels.is_empty() && !self.levels.contains(&line.level) {
            return false;
        }
        let pattern = self.pattern.as_ref();
        if pattern.is_some_and(|pattern| !pattern.is_match(&line.message)) {
            return false;
        }
        let Some(text) = &self.text else {
            return true;
        };
        let holds = |found: &str| found.to_lowercase().contains(text);
        holds(&line.message) || line.fields.values().any(|value| holds(value))
    }

    /// What of an event goes to the client; `None`: nothing.
    fn frame(&self, server: &ServerId, event: &Recorded) -> Option<Utf8Bytes> {
        let source = subject::log_source(&event.subject)?;
        if !self.sources.is_empty() && !self.sources.iter().any(|wanted| wanted == source) {
            return None;
        }
        // What the projector parks is not shown either.
        let batch = codec::decode::<LogBatch>(&event.payload).ok()?;
        if batch.server.as_ref() != Some(server) || batch.data.source != source {
            return None;
        }
        let (id, time, kind) = (batch.id, batch.time, batch.data.kind.as_str());
        let lines: Vec<LogEntry> = batch
            .data
            .lines
            .into_iter()
            .zip(0u16..)
            .filter(|(line, _)| self.wants(line))
            .map(|(line, n)| {
                let id = LineId {
                    at: moment(line.time, time),
                    batch: id,
                    n,
                };
                LogEntry::live(id, server.as_str(), source, kind, line)
            })
            .collect();
        if lines.is_empty() && batch.data.dropped.is_empty() {
            return None;
        }
        let frame = Lines {
            r#type: "lines",
            position: event.seq,
            lines,
            dropped: batch.data.dropped,
        };
        Some(serde_json::to_string(&frame).ok()?.into())
    }
}

/// Talks with a client until it ends.
pub async fn talk(
    wire: &mut Wire,
    api: &Api,
    arrival: Arrival,
    server: ServerId,
) -> Result<Infallible, End> {
    let first = first_frame(wire, api.hub().config().hello).await?;
    let (mut actor, resume, wanted) = match serde_json::from_str(&first) {
        Ok(ClientFrame::Auth {
            token,
            resume,
            levels,
            sources,
            text,
            pattern,
        }) => {
            let wanted = Wanted {
                levels,
                sources,
                text,
                pattern,
            };
            (arrival.actor(api, token.as_ref()).await?, resume, wanted)
        }
        Ok(_) => return Err(Close::Unauthenticated.into()),
        Err(_) => return Err(Close::BadFrame.into()),
    };
    let mut sieve = match Sieve::new(wanted) {
        Ok(sieve) => sieve,
        Err(wrong) => {
            wire.send(wrong.frame()).await?;
            return Err(Close::BadFrame.into());
        }
    };
    authorise(wire, api, &actor, (&server, Action::ReadLogs), refusal).await?;
    // Counts as a socket, and keeps what is known of rights current.
    let (place, mut rechecks) = seat(api, &mut actor).await?;
    let ends = ends(api).await?;
    let mut position = resume.unwrap_or(ends.1).min(ends.1);
    wire.send(text(&ServerFrame::AuthSuccess {
        server_id: &server,
        position,
    }))
    .await?;
    let mut gap = None;
    if resume.is_some_and(|from| from > ends.1) {
        // A stream that has been made anew: what the client has is of another one.
        gap = Some((1, ends.1));
    } else if position.saturating_add(1) < ends.0 {
        gap = Some((position + 1, ends.0 - 1));
        position = ends.0 - 1;
    }
    if let Some((from, to)) = gap {
        wire.send(text(&ServerFrame::Gap { from, to })).await?;
    }
    let mut reader = read(api, &server, position).await?;
    let mut rights = place.rights_moved();
    let expiry = api.instant_of(actor.expires_at);
    loop {
        tokio::select! {
            biased;
            () = api.stopping() => return Err(Close::GoingAway.into()),
            () = sleep_until(expiry) => return Err(Close::Unauthenticated.into()),
            said = wire.receive() => match serde_json::from_str(said?.as_str()) {
                Ok(ClientFrame::Ping) => wire.send(text(&ServerFrame::Pong)).await?,
                Ok(ClientFrame::Pong) => {}
                Ok(ClientFrame::Filter(wanted)) => match Sieve::new(wanted) {
                    Ok(wanted) => sieve = wanted,
                    Err(wrong) => wire.send(wrong.frame()).await?,
                },
                Ok(ClientFrame::Auth { .. }) | Err(_) => return Err(Close::BadFrame.into()),
            },
            word = rechecks.recv() => drop(recheck(api, &mut actor, word).await?),
            _ = rights.changed() => authorise(wire, api, &actor, (&server, Action::ReadLogs), refusal).await?,
            event = reader.next() => {
                let Some(Ok(event)) = event else {
                    return Err(Close::TryLater.into());
                };
                if event.pending > FAR_BEHIND {
                    let (_, end) = self::ends(api).await?;
                    let gap = ServerFrame::Gap { from: event.seq, to: end };
                    metrics::counter!("chatops_api_live_gaps_total").increment(1);
                    wire.send(text(&gap)).await?;
                    reader = read(api, &server, end).await?;
                    continue;
                }
                if let Some(frame) = sieve.frame(&server, &event) {
                    authorise(wire, api, &actor, (&server, Action::ReadLogs), refusal).await?;
                    wire.send(frame).await?;
                }
            }
        }
    }
}

/// First and last position of the stream.
async fn ends(api: &Api) -> Result<(u64, u64), End> {
    match api.bus().stream_info(StreamName::Log).await {
        Ok(info) => Ok((info.first_seq, info.last_seq)),
        Err(_) => Err(Close::TryLater.into()),
    }
}

async fn read(api: &Api, server: &ServerId, behind: u64) -> Result<Reader, End> {
    let (filter, from) = (
        subject::log_every(server),
        From::Seq(behind.saturating_add(1)),
    );
    let reader = api.bus().read_few(StreamName::Log, &filter, from, AHEAD);
    reader.await.map_err(|error| {
        tracing::warn!(error = %crate::problem::Chain(&error), "a live tail could not read the stream");
        Close::TryLater.into()
    })
}

fn refusal(code: Code) -> Utf8Bytes {
    text(&ServerFrame::Error {
        code: code.as_str(),
        field: None,
        message: code.title().into(),
    })
}

#[cfg(test)]
mod tests {
    use chatops_schemas::clock::Timestamp;

    use super::*;

    fn line(level: LogLevel, message: &str) -> LogLine {
        LogLine {
            time: Timestamp::from_micros(0),
            level,
            message: message.to_owned(),
            fields: [("status".to_owned(), "Bad Gateway".to_owned())].into(),
            origin: None,
            cut: None,
        }
    }

    fn sieve(levels: &[&str], text: Option<&str>) -> Sieve {
        Sieve::new(Wanted {
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
            text: text.map(str::to_owned),
            ..Wanted::default()
        })
        .unwrap()
    }

    fn matching(pattern: &str) -> Result<Sieve, Wrong> {
        Sieve::new(Wanted {
            pattern: Some(pattern.to_owned()),
            ..Wanted::default()
        })
    }

    #[test]
    fn a_sieve_lets_through_what_a_search_finds() {
        let warning = line(LogLevel::Warn, "Disk FULL");
        assert!(sieve(&[], None).wants(&warning));
        assert!(sieve(&["warn"], Some("disk full")).wants(&warning));
        assert!(sieve(&[], Some("gateway")).wants(&warning), "in a field");
        assert!(!sieve(&["error"], None).wants(&warning));
        assert!(!sieve(&[], Some("empty")).wants(&warning));
    }

    #[test]
    fn an_expression_is_looked_for_anywhere_in_the_message() {
        let line = line(LogLevel::Warn, "Disk FULL\n  on /var");
        for (pattern, wanted) in [
            (r"F.L+", true),
            ("", true),
            (r"FULL.*/v\w+$", true),
            (r"^Disk \w{4}", true),
            ("disk", false),
            (r"^\s*on", false),
            ("Gateway", false),
        ] {
            let sieve = matching(pattern).unwrap();
            assert_eq!(sieve.wants(&line), wanted, "{pattern}");
        }
        let both = Sieve::new(Wanted {
            text: Some("gateway".to_owned()),
            pattern: Some("^Disk".to_owned()),
            ..Wanted::default()
        });
        assert!(both.unwrap().wants(&line), "both have to hold");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |pattern: &str| matching(pattern).unwrap_err().message;
        assert!(wrong("(").contains("unclosed group"), "{}", wrong("("));
        assert!(wrong("(?=a)").contains("look-around"));
        // Short, and a million states.
        assert!(wrong(r"(\w{100}){1000}").contains("size limit"));
        assert!(wrong(&"a".repeat(MAX_TEXT + 1)).contains("512"));
        let levels = vec!["loud".to_owned()];
        let none = Sieve::new(Wanted {
            levels,
            ..Wanted::default()
        });
        assert_eq!(none.unwrap_err().field, "levels");
    }
}
