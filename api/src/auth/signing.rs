//! The key with which this installation signs what agents are to do. Agents pin its public half when they are enrolled;
//! whoever takes over the database's streams but not the vault cannot make them do anything.

use chatops_projections::Store;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::{SigningKey, VerifyingKey};
use secrecy::{ExposeSecret, SecretSlice};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::secret;
use crate::{code::Code, problem::Problem};

/// Name in the vault.
const NAME: &str = "agent_signing_key";

/// The public half, for agents to pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PublicKey {
    /// First eight bytes of its SHA-256, in hexadecimal digits.
    #[schema(example = "4f1c2a9b7d3e5f60")]
    pub id: String,
    /// The 32 bytes of an Ed25519 public key, base64url without padding.
    pub public_key: String,
}

/// Both halves, for whoever signs.
#[derive(Clone)]
pub struct Pair {
    /// The secret half. Erases itself.
    pub key: SigningKey,
    /// As [`PublicKey::id`].
    pub id: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Of this installation; the pair is made when it is first asked for, the same for all processes on this database.
pub async fn pair(store: &Store) -> Result<Pair, Problem> {
    let fresh = SecretSlice::from(secret::random::<32>()?.to_vec());
    let seed = store.secret_or_put(NAME, &fresh).await?;
    let seed = <&[u8; 32]>::try_from(seed.expose_secret()).map_err(|_| {
        tracing::error!("the key that signs for agents has the wrong length");
        Problem::new(Code::Internal)
    })?;
    let key = SigningKey::from_bytes(seed);
    let id = HEXLOWER.encode(&Sha256::digest(key.verifying_key().to_bytes())[..8]);
    Ok(Pair { key, id })
}

/// What checks orders.
pub async fn verifying_key(store: &Store) -> Result<VerifyingKey, Problem> {
    Ok(pair(store).await?.key.verifying_key())
}

/// The public half of [`pair`].
pub async fn public_key(store: &Store) -> Result<PublicKey, Problem> {
    let Pair { key, id } = pair(store).await?;
    Ok(PublicKey {
        id,
        public_key: BASE64URL_NOPAD.encode(&key.verifying_key().to_bytes()),
    })
}
