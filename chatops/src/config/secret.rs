//! A setting nobody may read by accident.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

/// A secret setting; empty text means "not set". Prints as `[set]` or `[not set]`.
#[derive(Clone, Default)]
pub(crate) struct Secret(Option<SecretString>);

impl Secret {
    /// The secret, when it is set.
    pub(crate) fn get(&self) -> Option<&SecretString> {
        self.0.as_ref()
    }
}

impl From<SecretString> for Secret {
    fn from(secret: SecretString) -> Self {
        Self(Some(secret))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "[set]"
        } else {
            "[not set]"
        })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(if text.is_empty() {
            Self(None)
        } else {
            Self(Some(text.into()))
        })
    }
}
