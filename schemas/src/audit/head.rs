//! A signed tree head: "the first `size` entries have this root". Kept outside, it is what the chain is measured by.
//!
//! Ed25519 by ed25519-dalek: already in the tree for NATS keys, deterministic, and its strict check refuses the keys and
//! signatures that lax ones accept. A head travels as JSON, so that a file of heads can be read without our program; what
//! is signed is not the JSON but the fields in fixed order.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Frontier, Hash, hash::fixed};
use crate::clock::Timestamp;

const DOMAIN: &[u8] = b"chatops audit head 1\0";

/// Bytes written as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> std::str::FromStr for Hex<N> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        fixed(text).map(Self)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Any number of bytes, written as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// Reads what [`Serialize`] writes.
    pub fn parse(text: &str) -> Option<Vec<u8>> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::HEXLOWER.encode(self.0))
    }
}

/// First bytes of the SHA-256 of a public key: short enough to be read out over the telephone.
pub type KeyId = Hex<8>;

/// A signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Entries it covers: 1 to this.
    pub size: u64,
    /// Root over them.
    #[schemars(with = "String")]
    pub root: Hash,
    /// When it was signed, by the appender's clock.
    pub time: Timestamp,
    /// Which key signed it.
    #[schemars(with = "String")]
    pub key_id: KeyId,
    /// That key, so that a head can be checked by itself. Whether it is the right one only a copy kept elsewhere can tell.
    #[schemars(with = "String")]
    pub public_key: Hex<32>,
    /// Ed25519 over the fields above.
    #[schemars(with = "String")]
    pub sig: Hex<64>,
}

/// What is wrong with a head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The key is not the one it names, or no key at all.
    #[error("its public key is not the one that its key id names")]
    Key,
    /// The signature does not fit.
    #[error("its signature is wrong")]
    Signature,
}

impl Head {
    /// Whether the key it names has signed exactly this.
    pub fn check(&self) -> Result<(), HeadError> {
        if key_id(&self.public_key) != self.key_id {
            return Err(HeadError::Key);
        }
        let key = VerifyingKey::from_bytes(&self.public_key.0).map_err(|_| HeadError::Key)?;
        let signature = Signature::from_bytes(&self.sig.0);
        key.verify_strict(
            &signed_bytes(self.size, &self.root, self.time, self.key_id),
            &signature,
        )
        .map_err(|_| HeadError::Signature)
    }
}

fn key_id(public: &Hex<32>) -> KeyId {
    let hash = Hash::of(&public.0);
    let mut id = [0; 8];
    id.copy_from_slice(&hash.bytes()[..8]);
    Hex(id)
}

fn signed_bytes(size: u64, root: &Hash, time: Timestamp, key: KeyId) -> Vec<u8> {
    let mut bytes = DOMAIN.to_vec();
    bytes.extend(size.to_be_bytes());
    bytes.extend(root.bytes());
    bytes.extend(time.micros().to_be_bytes());
    bytes.extend(key.0);
    bytes
}

/// The appender's key. Prints only its id.
pub struct HeadKey(SigningKey);

impl fmt::Debug for HeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadKey({})", self.id())
    }
}

impl HeadKey {
    /// From 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        key_id(&self.public())
    }

    /// What checks its signatures.
    pub fn public(&self) -> Hex<32> {
        Hex(self.0.verifying_key().to_bytes())
    }

    /// Signs the entries so far.
    pub fn sign(&self, entries: &Frontier, time: Timestamp) -> Head {
        let (size, root, id) = (entries.size(), entries.root(), self.id());
        let sig = self.0.sign(&signed_bytes(size, &root, time, id));
        Head {
            size,
            root,
            time,
            key_id: id,
            public_key: self.public(),
            sig: Hex(sig.to_bytes()),
        }
    }
}
