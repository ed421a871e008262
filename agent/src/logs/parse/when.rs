//! When a line was written, where it says so together with its zone. A time without a zone could be any: then the moment
//! of reading is nearer to the truth.

use chatops_schemas::clock::Timestamp;
use serde_json::Value;

/// Years 2000 to 2100, in seconds.
const SECONDS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// A field: a text in RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970.
pub(super) fn of_value(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => rfc3339(text).or_else(|| of_number(text.parse().ok()?)),
        Value::Number(number) => of_number(number.as_f64()?),
        _ => None,
    }
}

fn of_number(number: f64) -> Option<Timestamp> {
    let micros = [1e6, 1e3, 1.0, 1e-3].into_iter().find_map(|unit| {
        let micros = number * unit;
        SECONDS.contains(&(micros / 1e6)).then_some(micros)
    })?;
    // Within the range above this fits.
    #[expect(clippy::cast_possible_truncation, reason = "parts of a microsecond")]
    let micros = micros as i64;
    Some(Timestamp::from_micros(micros))
}

fn rfc3339(text: &str) -> Option<Timestamp> {
    if text.len() < 20 || !text.is_ascii() || text.as_bytes()[4] != b'-' {
        return None;
    }
    let mut text = text.replacen(' ', "T", 1);
    // `+0100` as `+01:00`.
    let zone = text.len().checked_sub(5)?;
    if matches!(text.as_bytes()[zone], b'+' | b'-') && !text[zone..].contains(':') {
        text.insert(zone + 3, ':');
    }
    Timestamp::parse_rfc3339(&text.replacen(',', ".", 1)).ok()
}

/// The time at the beginning of a text, maybe in brackets.
pub(super) fn at_beginning(text: &str) -> Option<Timestamp> {
    let text = text.trim_start_matches(['[', '<', ' ']);
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let known = |c: char| c.is_ascii_digit() || "-:.,TZ+".contains(c);
    let word = text.split(|c| !known(c)).next()?;
    rfc3339(word).or_else(|| {
        // `2026-11-22 10:15:00+00:00`: two words.
        let rest = text.get(word.len() + 1..)?;
        let second = rest.split(|c| !known(c)).next()?;
        rfc3339(text.get(..word.len() + 1 + second.len())?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_its_zone_is_believed() {
        for text in [
            "2026-11-22T10:15:00Z x",
            "[2026-11-22T11:15:00+01:00] x",
            "2026-11-22 10:15:00Z x",
            "2026-11-22 11:15:00+0100 x",
            "2026-11-22T10:15:00.000000Z",
            "2026-11-22T10:15:00,000Z",
        ] {
            let found = at_beginning(text).map(Timestamp::rfc3339);
            assert_eq!(found.as_deref(), Some("2026-11-22T10:15:00Z"), "{text}");
        }
        for text in [
            "2026-11-22 10:15:00 x",
            "12",
            "",
            "[",
            "2026-11-22",
            "ä",
            "2026-11-22 ä",
            "9999-99-99T99:99:99Z",
        ] {
            assert_eq!(at_beginning(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_of_our_time() {
        for number in [1_795_000_000.0, 1_795_000_000_000.0, 1.795e15, 1.795e18] {
            let found = of_number(number).map(Timestamp::millis);
            assert_eq!(found, Some(1_795_000_000_000), "{number}");
        }
        for number in [0.0, -1.0, 12.0, f64::NAN, f64::INFINITY] {
            assert_eq!(of_number(number), None, "{number}");
        }
    }
}
