//! The API key: which server this agent speaks for, and the proof of it. Read by [`config`](crate::config), used by
//! [`transport`](crate::transport). Its secret is in no error, no log and no `Debug` text.

use chatops_schemas::ids::KeyId;
use secrecy::{ExposeSecret as _, SecretString};

/// What every key starts with.
const MARK: &str = "chatops_";

/// A key as it was shown when it was made: `chatops_<key id>_<secret>`.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Names the key; no secret.
    pub id: KeyId,
    /// Proves that we hold it.
    pub secret: SecretString,
}

/// Why a text is not a key. Never holds the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("the API key is empty")]
    Empty,
    /// Something else.
    #[error(
        "this is not a ChatOps API key: it should read chatops_<id>_<secret>; copy it again from where it was shown, or make a new one"
    )]
    Malformed,
}

impl ApiKey {
    /// Parses; blanks around it are forgiven, because keys are copied by hand.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        let (id, secret) = text
            .strip_prefix(MARK)
            .and_then(|rest| rest.split_once('_'))
            .ok_or(KeyError::Malformed)?;
        let id = KeyId::parse(id).map_err(|_| KeyError::Malformed)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if secret.is_empty() || secret.len() > 256 || !secret.chars().all(plain) {
            return Err(KeyError::Malformed);
        }
        Ok(Self {
            id,
            secret: secret.into(),
        })
    }

    /// The whole key, for the one frame that carries it.
    pub fn text(&self) -> SecretString {
        format!("{MARK}{}_{}", self.id, self.secret.expose_secret()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "chatops_abcdefgh234567ab_AbC_d-0123456789012345678901234567890123456";

    #[test]
    fn a_secret_may_hold_underscores() {
        let key = ApiKey::parse(&format!("  {KEY}\n")).unwrap();
        assert_eq!(key.id.as_str(), "abcdefgh234567ab");
        assert_eq!(
            key.secret.expose_secret(),
            "AbC_d-0123456789012345678901234567890123456"
        );
        assert_eq!(key.text().expose_secret(), KEY);
    }

    #[test]
    fn neither_debug_nor_errors_show_a_secret() {
        let shown = format!("{:?}", ApiKey::parse(KEY).unwrap());
        assert!(!shown.contains("AbC_d"), "{shown}");
        for bad in [
            "hunter2",
            "chatops_",
            "chatops_id",
            "chatops_id_",
            "chatops_id_a b",
            "chatops_.._x",
            "chatops_id_é",
        ] {
            let error = ApiKey::parse(bad).unwrap_err();
            assert_eq!(error, KeyError::Malformed);
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(ApiKey::parse(" \n").unwrap_err(), KeyError::Empty);
    }
}
