//! Moments as people and programs write them: RFC 3339, milliseconds since 1970, `now`, `now-6h`.

use chatops_schemas::clock::Timestamp;

/// `None`: none of these.
pub(crate) fn parse(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(offset) = text.strip_prefix("now") {
        return relative(offset, now);
    }
    if let Ok(millis) = text.parse::<i64>() {
        return within(Timestamp::from_millis(millis));
    }
    // A plus that was not escaped in the address arrives as a space.
    within(Timestamp::parse_rfc3339(&text.replace(' ', "+")).ok()?)
}

fn relative(offset: &str, now: Timestamp) -> Option<Timestamp> {
    if offset.is_empty() {
        return Some(now);
    }
    let sign = match offset.as_bytes().first()? {
        b'-' => -1,
        b'+' | b' ' => 1,
        _ => return None,
    };
    let (number, unit) = offset[1..].split_at_checked(offset.len().checked_sub(2)?)?;
    let millis = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 7 * 86_400_000,
        _ => return None,
    };
    let number = number.parse::<u32>().ok()?;
    within(now.plus_millis(i64::from(number).checked_mul(millis)?.checked_mul(sign)?))
}

/// Between 1970 and 9999: what the calendar and the database have.
fn within(at: Timestamp) -> Option<Timestamp> {
    (at.micros() >= 0 && at.to_datetime().is_some()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn all_ways_to_write_a_moment() {
        for (text, millis) in [
            ("now", 1_800_000_000_000),
            ("now-6h", 1_800_000_000_000 - 6 * 3_600_000),
            ("now-15m", 1_800_000_000_000 - 900_000),
            ("now+1d", 1_800_000_000_000 + 86_400_000),
            ("1700000000000", 1_700_000_000_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
            ("2023-11-14T23:13:20 01:00", 1_700_000_000_000),
        ] {
            assert_eq!(
                parse(text, NOW).map(Timestamp::millis),
                Some(millis),
                "{text}"
            );
        }
    }

    #[test]
    fn the_rest_is_none() {
        for text in [
            "",
            "now-",
            "now-h",
            "now-6",
            "now-6x",
            "now-é",
            "now6h",
            "now-99999999999h",
            "-1",
            "9e99",
            "tomorrow",
            "9223372036854775807",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text, NOW), None, "{text}");
        }
    }
}
