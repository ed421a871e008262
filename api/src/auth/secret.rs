//! Fresh secrets and their digests. A digest is what the vault keeps: 256 random bits need no slow hash.

use chatops_schemas::ids::KeyId;
use data_encoding::{BASE64URL_NOPAD, Encoding, Specification};
use rand::{TryRngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{code::Code, problem::Problem};

/// SHA-256 of a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Digest {
    /// Of this secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// For the vault.
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.as_slice().ct_eq(stored).into()
    }
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Problem> {
    let mut bytes = Zeroizing::new([0; N]);
    OsRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|error| {
            tracing::error!(%error, "the operating system gives no randomness");
            Problem::new(Code::Internal)
        })?;
    Ok(bytes)
}

/// 256 random bits as 43 characters of base64url.
pub fn token() -> Result<SecretString, Problem> {
    Ok(BASE64URL_NOPAD.encode(random::<32>()?.as_slice()).into())
}

/// A fresh key id: 80 random bits as 16 characters of `[a-z2-7]`.
pub fn key_id() -> Result<KeyId, Problem> {
    let alphabet: Encoding = lower_base32();
    KeyId::parse(alphabet.encode(random::<10>()?.as_slice()))
        .map_err(|error| Problem::internal(&error))
}

/// A one-time code: 80 random bits as four groups of `[a-z2-7]`, to be typed if need be.
pub fn enrolment_code() -> Result<SecretString, Problem> {
    let text = lower_base32().encode(random::<10>()?.as_slice());
    let groups = [&text[..4], &text[4..8], &text[8..12], &text[12..]];
    Ok(groups.join("-").into())
}

/// What the person copies: `chatops_<id>_<secret>`.
pub fn api_key(id: &KeyId, secret: &SecretString) -> SecretString {
    format!("chatops_{id}_{}", secret.expose_secret()).into()
}

/// Takes `chatops_<id>_<secret>` apart. The id has no `_`; the secret may.
pub fn parse_api_key(text: &str) -> Option<(KeyId, &str)> {
    let (id, secret) = text.strip_prefix("chatops_")?.split_once('_')?;
    let well_formed = secret.len() == 43 && BASE64URL_NOPAD.decode(secret.as_bytes()).is_ok();
    well_formed
        .then(|| KeyId::parse(id).ok())
        .flatten()
        .map(|id| (id, secret))
}

fn lower_base32() -> Encoding {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    match specification.encoding() {
        Ok(encoding) => encoding,
        // The alphabet above has 32 distinct symbols, which is all that can be wrong with one.
        Err(_) => data_encoding::BASE32_DNSSEC,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_apart_as_it_was_put_together() {
        let (id, secret) = (key_id().unwrap(), token().unwrap());
        assert_eq!(id.as_str().len(), 16);
        assert!(
            id.as_str()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
        );
        let key = api_key(&id, &secret);
        assert_eq!(
            parse_api_key(key.expose_secret()),
            Some((id, secret.expose_secret()))
        );
    }

    #[test]
    fn what_is_not_a_key_is_none() {
        for text in [
            "",
            "chatops_",
            "chatops_a_b",
            "chatops__",
            "other_aaaaaaaaaaaaaaaa_b",
            "chatops_a.b_xxxxxxxxxxxx",
        ] {
            assert_eq!(parse_api_key(text), None, "{text}");
        }
    }

    #[test]
    fn digests_do_not_print_and_compare() {
        let digest = Digest::of("secret");
        assert_eq!(format!("{digest:?}"), "Digest(…)");
        assert!(digest.matches(&Digest::of("secret").bytes()));
        assert!(!digest.matches(&Digest::of("Secret").bytes()));
        assert!(!digest.matches(b""));
    }
}
