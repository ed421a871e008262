//! Texts on their way into the database.

use std::borrow::Cow;

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
    fn names_differ_by_more_than_case() {
        assert_eq!(fold(" Ada "), fold("ADA"));
        assert_ne!(
            fold("ada"),
            fold("adа"),
            "the second ends in a Cyrillic letter"
        );
    }
}
