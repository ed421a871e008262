//! Texts on their way into the database.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

/// Without control characters (PostgreSQL refuses NUL, terminals obey the others) and at most `max` characters long.
/// Events validate their texts; this is for the fields that may hold what a stranger's machine said.
pub(crate) fn clean(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max && !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !c.is_control()).take(max).collect())
}

/// [`clean`] for a field that may be absent.
pub(crate) fn optional(text: Option<&str>, max: usize) -> Option<String> {
    text.map(|text| clean(text, max).into_owned())
}

/// What an event says, as JSON that the database takes: it refuses NUL, which no text for people holds.
///
/// Only what cannot be JSON at all, a map whose keys are no texts, becomes `null`; no event has one.
pub(crate) fn json(told: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(told).unwrap_or_default();
    without_nul(&mut value);
    value
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
        Value::Array(values) => values.iter_mut().for_each(without_nul),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.contains('\0')) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, value)| (name.replace('\0', ""), value))
                    .collect();
            }
            fields.values_mut().for_each(without_nul);
        }
        _ => {}
    }
}

/// How names and e-mail addresses are compared: the same rule for claims, sign-in, order and search.
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_harmless() {
        assert_eq!(clean("web-1", 10), "web-1");
        assert_eq!(clean("a\0b\u{1b}[31m", 10), "ab[31m");
        assert_eq!(clean("äöü", 2), "äö");
    }

    #[test]
    fn json_loses_nul_and_nothing_else() {
        // The second text only looks like an escape.
        let told = serde_json::json!({"a\0": ["x\0y", {"b": r"\u0000"}], "n": 1});
        let expected = serde_json::json!({"a": ["xy", {"b": r"\u0000"}], "n": 1});
        assert_eq!(json(&told), expected);
    }

    #[test]
    fn names_differ_by_more_than_case() {
        assert_eq!(fold(" Ada "), fold("ADA"));
        assert_ne!(
            fold("ada"),
            fold("adа"),
            "the second ends in a Cyrillic letter"
        );
    }
}
