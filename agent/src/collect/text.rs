//! Words and numbers in the texts of `/proc` and `/sys`. Called by every parser beside this file.
//!
//! Works on bytes: mount points, interface and command names need not be UTF-8. Nothing here can panic, and nothing
//! is trusted: a word that is not a number is `None`, and the field it would have filled stays absent.

use chatops_schemas::event::metric::MAX_NAME;

/// Lines without their line feed.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}

/// Words between spaces and tabs.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
}

/// A whole decimal number; `None` for anything else, also when it does not fit.
pub(crate) fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A finite decimal fraction such as `0.42`.
pub(crate) fn fraction(word: &[u8]) -> Option<f32> {
    std::str::from_utf8(word)
        .ok()?
        .parse::<f32>()
        .ok()
        .filter(|value| value.is_finite())
}

/// Splits at the first occurrence of `byte`, which belongs to neither half.
pub(crate) fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|candidate| *candidate == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A name as it may travel: valid UTF-8, no control character, at most [`MAX_NAME`] characters. What does not fit is
/// shown as `\u{fffd}` or cut, so a hostile name can neither break a terminal nor make the sample refused.
pub(crate) fn name(bytes: &[u8]) -> String {
    let clean = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    String::from_utf8_lossy(bytes)
        .chars()
        .take(MAX_NAME)
        .map(clean)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_whole_and_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"18446744073709551616",
            b"-1",
            b"1 ",
            b"1.0",
            b"0x10",
            b"\xff",
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn fractions_are_finite() {
        assert_eq!(fraction(b"0.42"), Some(0.42));
        for bad in [&b""[..], b"NaN", b"inf", b"1e99", b"12a"] {
            assert_eq!(fraction(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_always_may_travel(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let name = name(&bytes);
            prop_assert!(name.chars().count() <= MAX_NAME);
            prop_assert!(!name.chars().any(char::is_control));
        }
    }
}
