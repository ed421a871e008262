//! What came back, and whether trying again can help. Read by whoever keeps the list of what is to be told, and by people:
//! every text here is fit for a delivery log.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::{Secret, guard::GuardError, template::TemplateError};

/// Most bytes of an answer that are kept.
pub const MAX_BODY: usize = 1024;
/// Longest that another side can ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The other side has taken the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status: of HTTP, or of SMTP.
    pub status: u16,
    /// The beginning of what it said.
    pub body: String,
    /// How long it took.
    pub took: Duration,
    /// What was wrong with the channel's template, if the usual words were sent instead.
    pub template: Option<TemplateError>,
}

/// The message has not arrived, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// For a person.
    pub text: String,
    /// What the other side answered, if it did.
    pub status: Option<u16>,
    /// The beginning of what it said.
    pub body: String,
    /// Whether trying again can help.
    pub retry: Retry,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before somebody has changed the channel.
    Never,
    /// Later; whoever asks decides when.
    Later,
    /// Later, and the other side has asked for at least this long.
    After(Duration),
}

impl SendError {
    /// Whether trying again can help.
    pub fn is_final(&self) -> bool {
        self.retry == Retry::Never
    }

    pub(super) fn lasting(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            status: None,
            body: String::new(),
            retry: Retry::Never,
        }
    }

    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self {
            retry: Retry::Later,
            ..Self::lasting(text)
        }
    }

    /// The HTTP answer of a server that did not take it.
    pub(super) fn refused(
        status: StatusCode,
        headers: &HeaderMap,
        body: String,
        now: OffsetDateTime,
    ) -> Self {
        let text = if status.is_redirection() {
            format!(
                "the server answered {status}: it wants the message elsewhere, and redirects are not followed"
            )
        } else {
            format!("the server answered {status}")
        };
        let passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
            );
        let retry = match wait(headers, &body, now) {
            _ if !passing => Retry::Never,
            Some(wait) => Retry::After(wait.min(LONGEST_WAIT)),
            None => Retry::Later,
        };
        Self {
            text,
            status: Some(status.as_u16()),
            body,
            retry,
        }
    }
}

impl From<GuardError> for SendError {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Unknown => Self::passing(error.to_string()),
            GuardError::Internal { .. } | GuardError::Never { .. } => {
                Self::lasting(error.to_string())
            }
        }
    }
}

/// How long the other side wants us to wait: by the header, in seconds or as a date, or in its JSON (Telegram).
fn wait(headers: &HeaderMap, body: &str, now: OffsetDateTime) -> Option<Duration> {
    let header = headers
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    if let Some(text) = header {
        if let Some(wait) = seconds(text.parse().ok()) {
            return Some(wait);
        }
        if let Ok(date) = OffsetDateTime::parse(text, &Rfc2822) {
            return Some(Duration::try_from(date - now).unwrap_or_default());
        }
    }
    let body: Value = serde_json::from_str(body).ok()?;
    seconds(body["parameters"]["retry_after"].as_f64())
        .or_else(|| seconds(body["retry_after"].as_f64()))
}

fn seconds(number: Option<f64>) -> Option<Duration> {
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .map(|number| Duration::from_secs_f64(number.ceil().min(LONGEST_WAIT.as_secs_f64())))
}

/// The beginning of a foreign text, as a log can show it and without the secret.
pub(super) fn excerpt(bytes: &[u8], secret: Option<&Secret>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = match secret {
        Some(secret) => secret.scrub(&text),
        None => text.into_owned(),
    };
    let mut shown = String::new();
    for c in text.trim().chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if shown.len() + c.len_utf8() > MAX_BODY {
            break;
        }
        shown.push(c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, header: Option<&str>, body: &str) -> SendError {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert("retry-after", value.parse().unwrap());
        }
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        SendError::refused(status, &headers, body.to_owned(), now)
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        for (status, retry) in [
            (429, Retry::Later),
            (408, Retry::Later),
            (500, Retry::Later),
            (503, Retry::Later),
            (400, Retry::Never),
            (401, Retry::Never),
            (404, Retry::Never),
            (410, Retry::Never),
            (302, Retry::Never),
        ] {
            assert_eq!(refused(status, None, "").retry, retry, "{status}");
        }
    }

    #[test]
    fn who_asks_us_to_wait_is_heard_within_reason() {
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        for (header, body, retry) in [
            (Some("7"), "", after(7)),
            (Some("0.3"), "", after(1)),
            (Some("Tue, 14 Nov 2023 22:13:50 GMT"), "", after(30)),
            (Some("Tue, 14 Nov 2023 22:00:00 GMT"), "", after(0)),
            (Some("999999999"), "", after(3600)),
            (Some("-1"), "", Retry::Later),
            (Some("NaN"), "", Retry::Later),
            (Some("soon"), "", Retry::Later),
            (
                None,
                r#"{"ok":false,"parameters":{"retry_after":12}}"#,
                after(12),
            ),
            (None, r#"{"retry_after":0.64}"#, after(1)),
            (None, r#"{"retry_after":-1}"#, Retry::Later),
        ] {
            assert_eq!(refused(429, header, body).retry, retry, "{header:?} {body}");
        }
        assert_eq!(refused(400, Some("7"), "").retry, Retry::Never);
    }

    #[test]
    fn an_excerpt_is_short_and_harmless() {
        let secret = Secret::new("xoxb-123456789");
        let text = excerpt("a\u{1b}[31m xoxb-123456789\n".as_bytes(), Some(&secret));
        assert_eq!(text, "a [31m [secret]");
        assert!(excerpt("ä".repeat(2000).as_bytes(), None).len() <= MAX_BODY);
        assert_eq!(excerpt(&[0xff, b'a'], None), "\u{fffd}a");
    }
}
