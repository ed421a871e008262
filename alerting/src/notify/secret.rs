//! What opens a channel. It has no `Debug` and no `Serialize`, and its memory is cleared when it goes.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Shorter parts of an address are words of everybody's.
const SHORTEST_PART: usize = 8;

/// The one secret of a channel: a signing key, a hook's address, a token or a password.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes it over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A foreign text without this secret. Servers repeat the path that they were asked for in their answers, so the
    /// parts of an address count, too.
    pub(super) fn scrub(&self, text: &str) -> String {
        let secret = self.expose();
        let mut parts = vec![secret.to_owned()];
        if let Ok(url) = Url::parse(secret) {
            parts.push(url.to_string());
            parts.extend(url.password().map(str::to_owned));
            parts.extend(url.path().split('/').map(str::to_owned));
            parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
            parts.extend(
                url.query()
                    .unwrap_or_default()
                    .split(['&', '='])
                    .map(str::to_owned),
            );
        }
        // The whole before its parts.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts
            .iter()
            .filter(|part| part.len() >= SHORTEST_PART || (*part == secret && !part.is_empty()))
            .fold(text.to_owned(), |text, part| {
                text.replace(part.as_str(), "[secret]")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_address_is_scrubbed_whole_and_in_parts() {
        let hook = Secret::new(
            "https://hooks.example.org/services/T0AAAAAAA/B0BBBBBBB/c3Xyz0123456789?sig=q%2FwertyQWERTY",
        );
        let told = hook.scrub(
            "Cannot POST /services/T0AAAAAAA/B0BBBBBBB/c3Xyz0123456789, sig q/wertyQWERTY, sig=q%2FwertyQWERTY",
        );
        for part in ["T0AAAAAAA", "B0BBBBBBB", "c3Xyz0123456789", "wertyQWERTY"] {
            assert!(!told.contains(part), "{told}");
        }
        assert!(told.starts_with("Cannot POST /"));
        assert_eq!(
            Secret::new("pin").scrub("the pin is wrong"),
            "the [secret] is wrong"
        );
        assert_eq!(Secret::new("").scrub("nothing"), "nothing");
    }
}
