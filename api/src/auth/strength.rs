//! Which passwords are accepted: long enough, not the person's own name, not among the first that everybody tries.

/// Fewest characters.
pub const MIN_CHARS: usize = 10;
/// Most bytes: hashing takes time in proportion.
pub const MAX_BYTES: usize = 1024;

/// Passwords of ten and more characters that lead the lists of guessers. Compared without case, spaces and punctuation.
const WORST: &[&str] = &[
    "0123456789",
    "0987654321",
    "1029384756",
    "1111111111",
    "1122334455",
    "1212121212",
    "123123123123",
    "1234512345",
    "12345678910",
    "123456789a",
    "1234567890",
    "12345678900",
    "123456789012",
    "1234567890a",
    "123qweasdzxc",
    "147258369147",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "9876543210",
    "abcd123456",
    "abcd1234567",
    "abcdefghij",
    "abcdefghijk",
    "abcdefghijkl",
    "adminadmin",
    "administrator",
    "asdfasdfasdf",
    "asdfghjkl1",
    "asdfghjkl123",
    "baseball123",
    "changeme123",
    "changemenow",
    "chatops123",
    "chatopschatops",
    "correcthorsebatterystaple",
    "football123",
    "iloveyou12",
    "iloveyou123",
    "iloveyou1234",
    "letmein123",
    "letmeinplease",
    "liverpool1",
    "manchester",
    "michael123",
    "monkey1234",
    "motdepasse",
    "p4ssw0rd123",
    "passw0rd123",
    "passw0rd1234",
    "password00",
    "password01",
    "password10",
    "password11",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "princess123",
    "q1w2e3r4t5",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerasdfzxcv",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop",
    "qwertyuiop123",
    "rootrootroot",
    "sunshine123",
    "superman123",
    "thisisapassword",
    "trustno1trustno1",
    "welcome1234",
    "welcome123",
    "zaq12wsxcde3",
    "zxcvbnm123",
    "zxcvbnmasdfghjkl",
];

/// Why a password is not accepted, as a sentence part for people; `None` when it is.
pub fn objection(password: &str, username: &str, email: Option<&str>) -> Option<&'static str> {
    if password.chars().count() < MIN_CHARS {
        return Some("needs at least 10 characters");
    }
    if password.len() > MAX_BYTES {
        return Some("has more than 1024 bytes");
    }
    let core = core(password);
    let mut characters: Vec<char> = core.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < 3 {
        return Some("repeats the same characters");
    }
    let own = [
        Some(username),
        email,
        email.and_then(|email| email.split('@').next()),
    ];
    if own.into_iter().flatten().any(|own| is_own(&core, own)) {
        return Some("is too close to your own name");
    }
    if WORST.contains(&core.as_str()) {
        return Some("is among the first that everybody tries");
    }
    None
}

/// Whether the password is the name, or the name with little around it.
fn is_own(password: &str, own: &str) -> bool {
    let own = core(own);
    own.chars().count() >= 4
        && password.contains(&own)
        && password.chars().count() < own.chars().count() + MIN_CHARS / 2
}

fn core(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    // A password of punctuation alone is judged as it is.
    if kept.is_empty() {
        text.to_owned()
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_ones_are_refused_with_the_reason() {
        for (password, reason) in [
            ("short", "needs at least 10 characters"),
            ("äöüäöüäöü", "needs at least 10 characters"),
            ("aaaaaaaaaaaa", "repeats the same characters"),
            ("1212121212121212", "repeats the same characters"),
            ("Password-123", "is among the first that everybody tries"),
            ("ada-lovelace", "is too close to your own name"),
            ("Ada.Lovelace1", "is too close to your own name"),
            ("ada@example.org", "is too close to your own name"),
        ] {
            assert_eq!(
                objection(password, "ada.lovelace", Some("ada@example.org")),
                Some(reason),
                "{password}"
            );
        }
        assert_eq!(
            objection(&"x1y".repeat(400), "ada", None),
            Some("has more than 1024 bytes")
        );
    }

    #[test]
    fn good_ones_are_accepted() {
        for password in [
            "tangerine lamp 7",
            "x9$kQ!2mPz",
            "пароль длинный",
            "ada likes long walks",
        ] {
            assert_eq!(
                objection(password, "ada", Some("ada@example.org")),
                None,
                "{password}"
            );
        }
    }

    #[test]
    fn the_list_holds_what_the_comparison_sees() {
        for worst in WORST {
            assert_eq!(*worst, core(worst), "never matched");
            assert!(
                worst.chars().count() >= MIN_CHARS,
                "{worst} is refused for its length already"
            );
        }
    }
}
