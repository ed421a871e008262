//! A place in a stream as people write it.

use chatops_schemas::clock::Timestamp;

use crate::trouble::{Code, Trouble};

/// See [`Position::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Position {
    /// A sequence number.
    Seq(u64),
    /// A moment of the stream's clock.
    At(Timestamp),
    /// After everything that is stored.
    New,
}

impl Position {
    /// `17`, `2026-01-31T12:00:00Z`, `-10m`, `now`.
    pub(in crate::cli) fn parse(text: &str, now: Timestamp) -> Result<Self, Trouble> {
        if text == "now" {
            return Ok(Self::New);
        }
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        if let Some(ago) = text.strip_prefix('-').and_then(seconds) {
            return Ok(Self::At(now.plus_millis(-ago.saturating_mul(1000))));
        }
        Timestamp::parse_rfc3339(text).map(Self::At).map_err(|_| {
            Trouble::new(
                Code::Settings,
                format!("{text:?} is no position in a stream"),
                "give a sequence number, a moment such as 2026-01-31T12:00:00Z, a time ago such as -10m, or now",
            )
        })
    }
}

fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .ok()
        .filter(|number| *number >= 0)?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        let now = Timestamp::from_millis(1_000_000_000_000);
        let parse = |text| Position::parse(text, now).ok();
        assert_eq!(parse("17"), Some(Position::Seq(17)));
        assert_eq!(parse("now"), Some(Position::New));
        assert_eq!(parse("-10m"), Some(Position::At(now.plus_millis(-600_000))));
        assert_eq!(
            parse("1970-01-01T00:00:01Z"),
            Some(Position::At(Timestamp::from_millis(1000)))
        );
        for wrong in ["", "-", "-m", "-10", "--10m", "yesterday", "-10é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
