//! Encryption of the few secrets in the vault that must be read again (seeds of authenticator apps, orders with values), with a key that is not
//! in the database: a stolen copy of the database is of no use for them.
//!
//! ChaCha20-Poly1305 with a random nonce. What a sealed text belongs to is authenticated with it, so that it cannot be moved
//! to another row.

use chatops_schemas::ids::{ChannelId, CommandId};
use data_encoding::BASE64URL_NOPAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::secret;
use crate::{code::Code, problem::Problem};

/// Seals and opens.
pub struct Seal(LessSafeKey);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// With a key of 32 bytes as base64url; `None` when it is none.
    pub fn new(key: &SecretString) -> Option<Self> {
        let bytes = BASE64URL_NOPAD
            .decode(key.expose_secret().trim().as_bytes())
            .ok()?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    /// Encrypts; `place` is what it belongs to.
    pub fn close(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, Problem> {
        let nonce = secret::random::<NONCE_LEN>()?;
        let mut sealed = secret.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| Problem::new(Code::Internal))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what was sealed with this key for this place.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<SecretSlice<u8>, Problem> {
        let refused = || {
            tracing::error!(
                place,
                "a secret in the vault does not open: was api.vault_secret changed?"
            );
            Problem::new(Code::Internal)
        };
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut rest = rest.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut rest)
            .map_err(|_| refused())?;
        Ok(SecretSlice::from(opened.to_vec()))
    }
}

/// Where the order of a command is kept.
pub fn of_order(command: CommandId) -> String {
    format!("order {command}")
}

/// Where the secret of a channel is kept.
pub fn of_channel(channel: ChannelId) -> String {
    format!("channel {channel}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&BASE64URL_NOPAD.encode(&[byte; 32]).into()).unwrap()
    }

    #[test]
    fn only_the_same_key_opens_it_and_only_in_its_place() {
        let sealed = seal(1).close("totp ada", b"seed").unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"seed"));
        assert_ne!(sealed, seal(1).close("totp ada", b"seed").unwrap());
        let opened = seal(1).open("totp ada", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), b"seed");
        assert!(seal(2).open("totp ada", &sealed).is_err());
        assert!(seal(1).open("totp bob", &sealed).is_err());
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert!(seal(1).open("totp ada", &changed).is_err(), "{n}");
            assert!(seal(1).open("totp ada", &sealed[..n]).is_err(), "{n}");
        }
        assert!(Seal::new(&"short".into()).is_none());
    }
}
