//! The API key an agent shows: `chatops_<key id>_<secret>`. Parsed at every edge (callout, WebSocket, HTTP), so that
//! nothing behind it ever handles the raw text. The secret never appears in `Debug`, logs or errors.

use chatops_schemas::ids::KeyId;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "chatops_";
/// Characters of the id inside a key.
const ID_CHARACTERS: usize = 16;
/// Longer texts are refused before they are hashed.
const MAX_SECRET_BYTES: usize = 256;

/// A presented, not yet checked key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Which key it claims to be.
    pub id: KeyId,
    secret: SecretString,
}

/// A text that cannot be an API key. Holds nothing of the text: it may be a mistyped secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key: expected chatops_<16 characters>_<secret>")]
pub struct NotAnApiKey;

impl ApiKey {
    /// Takes the text form apart.
    pub fn parse(text: &str) -> Result<Self, NotAnApiKey> {
        let rest = text.trim().strip_prefix(PREFIX).ok_or(NotAnApiKey)?;
        // By position, not by searching for '_': the alphabet of the secret contains it.
        let id = rest.get(..ID_CHARACTERS).ok_or(NotAnApiKey)?;
        let secret = rest[ID_CHARACTERS..].strip_prefix('_').ok_or(NotAnApiKey)?;
        Self::from_parts(id, secret)
    }

    /// From an id and a secret given apart, as NATS user and password.
    pub fn from_parts(id: &str, secret: &str) -> Result<Self, NotAnApiKey> {
        if secret.is_empty() || secret.len() > MAX_SECRET_BYTES {
            return Err(NotAnApiKey);
        }
        Ok(Self {
            id: KeyId::parse(id).map_err(|_| NotAnApiKey)?,
            secret: secret.into(),
        })
    }

    /// Whether the secret hashes to `sha256`. Takes the same time for every wrong secret.
    pub fn opens(&self, sha256: &[u8; 32]) -> bool {
        digest(self.secret.expose_secret()).ct_eq(sha256).into()
    }
}

/// What the vault keeps of a secret: the SHA-256 of its text. Secrets are 256 random bits, so a slow password hash
/// would protect nothing and would only let a reconnecting fleet queue up.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "chatops_abcdefghij234567_s3cr_t-with_underscores";

    #[test]
    fn reads_the_text_form() {
        let key = ApiKey::parse(TEXT).expect("a key");
        assert_eq!(key.id.as_str(), "abcdefghij234567");
        assert!(key.opens(&digest("s3cr_t-with_underscores")));
        assert!(!key.opens(&digest("another")));
    }

    #[test]
    fn refuses_everything_else_without_repeating_it() {
        for text in [
            "",
            "chatops_",
            "chatops_short_secret",
            "chatops_abcdefghij234567",
            "chatops_abcdefghij234567_",
            "chatops_abcdefghij23456.>_secret",
            "chatops_abcdefghij234567-secret",
            "chatops_äöüäöüäöüäöüäöüä_secret",
            "other_abcdefghij234567_secret",
        ] {
            let refused = ApiKey::parse(text).expect_err(text);
            assert!(!refused.to_string().contains("abcdefghij234567"));
        }
        assert!(ApiKey::from_parts("abc", &"x".repeat(MAX_SECRET_BYTES + 1)).is_err());
    }

    #[test]
    fn does_not_print_its_secret() {
        let key = ApiKey::parse(TEXT).expect("a key");
        assert!(!format!("{key:?}").contains("s3cr"));
    }
}
