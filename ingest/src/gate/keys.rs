//! The two key pairs of the callout. The server's configuration names their public halves; every gate holds both seeds.

use std::fmt;

use nkeys::{KeyPair, KeyPairType, XKey};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Signing key of the answers and sealing key of questions and answers.
pub struct GateKeys {
    pub(crate) issuer: KeyPair,
    pub(crate) xkey: XKey,
    secret: Uuid,
}

/// A text that is not a seed of the wanted kind. Does not repeat the text.
#[derive(Debug, thiserror::Error)]
pub enum GateKeysError {
    /// Not the seed of an account (`SA…`).
    #[error("the issuer seed is not an account seed (SA…)")]
    Issuer,
    /// Not a curve seed (`SX…`).
    #[error("the xkey seed is not a curve seed (SX…)")]
    Xkey,
}

impl GateKeys {
    /// Reads both seeds.
    pub fn from_seeds(issuer: &SecretString, xkey: &SecretString) -> Result<Self, GateKeysError> {
        let seed = issuer.expose_secret().trim();
        let issuer = KeyPair::from_seed(seed)
            .ok()
            .filter(|pair| pair.key_pair_type() == KeyPairType::Account)
            .ok_or(GateKeysError::Issuer)?;
        let xkey = XKey::from_seed(xkey.expose_secret().trim()).map_err(|_| GateKeysError::Xkey)?;
        Ok(Self {
            secret: namespace(seed),
            issuer,
            xkey,
        })
    }

    /// Makes new ones: `(issuer seed, xkey seed)`, to be kept where only the gates can read them.
    pub fn generate() -> Result<(SecretString, SecretString), GateKeysError> {
        let issuer = KeyPair::new_account()
            .seed()
            .map_err(|_| GateKeysError::Issuer)?;
        let xkey = XKey::new().seed().map_err(|_| GateKeysError::Xkey)?;
        Ok((issuer.into(), xkey.into()))
    }

    /// For `authorization.auth_callout.issuer`.
    pub fn issuer_public(&self) -> String {
        self.issuer.public_key()
    }

    /// For `authorization.auth_callout.xkey`.
    pub fn xkey_public(&self) -> String {
        self.xkey.public_key()
    }

    /// A namespace for event ids that every gate computes alike and no agent can guess: an agent that could would
    /// publish an event under the id of somebody's next connection, and the stream would drop the real one as a
    /// duplicate.
    pub fn event_namespace(&self) -> Uuid {
        self.secret
    }
}

fn namespace(seed: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update("chatops presence event ids\0")
        .chain_update(seed)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}

impl fmt::Debug for GateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateKeys")
            .field("issuer", &self.issuer_public())
            .field("xkey", &self.xkey_public())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_back_and_never_printed() {
        let (issuer, xkey) = GateKeys::generate().expect("generated");
        let keys = GateKeys::from_seeds(&issuer, &xkey).expect("read");
        assert!(keys.issuer_public().starts_with('A'));
        assert!(keys.xkey_public().starts_with('X'));
        let again = GateKeys::from_seeds(&issuer, &xkey).expect("read");
        assert_eq!(keys.event_namespace(), again.event_namespace());
        let printed = format!("{keys:?}");
        assert!(!printed.contains(issuer.expose_secret()));
        assert!(!printed.contains(&keys.event_namespace().to_string()));
    }

    #[test]
    fn seeds_of_another_kind_are_refused() {
        let (issuer, xkey) = GateKeys::generate().expect("generated");
        assert!(matches!(
            GateKeys::from_seeds(&xkey, &xkey),
            Err(GateKeysError::Issuer)
        ));
        assert!(matches!(
            GateKeys::from_seeds(&issuer, &issuer),
            Err(GateKeysError::Xkey)
        ));
        let user: SecretString = KeyPair::new_user().seed().expect("seed").into();
        assert!(matches!(
            GateKeys::from_seeds(&user, &xkey),
            Err(GateKeysError::Issuer)
        ));
    }
}
