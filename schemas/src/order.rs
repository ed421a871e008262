//! What the server asks of one host, and the proof that this installation asked it.
//!
//! An order is signed once, by the API, after it has decided that the person may ask for it. Everything between (the
//! streams, the dispatcher, NATS, the gateway) only carries bytes: the agent checks the signature with the key that it
//! pinned when it was enrolled, that the order is for its own host, that it is not too late, and that its own settings
//! allow it. Whoever takes over the bus, or another agent's key, cannot make a host do anything.
//!
//! | operation | asked on | how often it may happen |
//! |---|---|---|
//! | [`Run`], [`ContainerOrder`], [`SignalOrder`], [`UnitOrder`] | [`Verb::Exec`] | once: the agent's journal knows the id |
//! | [`Cancel`] | [`Verb::Cancel`] | any number of times |
//! | [`Question`] | [`Verb::Ask`] | any number of times: it changes nothing |
//! | [`Terminal`], [`Follow`] | [`Verb::Open`] | once per id; see [`crate::session`] |

pub mod operation;

use ed25519_dalek::{Signature, Signer as _};
pub use ed25519_dalek::{SigningKey, VerifyingKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    codec::MAX_EVENT_BYTES,
    ids::{CommandId, ServerId},
};

pub use operation::{
    Cancel, ContainerAction, ContainerOrder, Follow, Operation, Program, Question, Run,
    SignalOrder, Terminal, UnitAction, UnitOrder, Verb,
};

/// Signed before the order itself, so that a signature means nothing anywhere else.
const CONTEXT: &[u8] = b"chatops order v1\0";
/// An order that is valid for longer than this from now is refused: no signature is good for ever.
pub const LONGEST_VALIDITY_MS: u64 = 7 * 24 * 3_600_000;
/// How far the clocks of server and host may be apart, in milliseconds.
pub const SKEW_MS: u64 = 60_000;

/// Something that one host is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Names it for ever: the same id is never carried out twice.
    pub id: CommandId,
    /// The only host that may do it.
    pub server: ServerId,
    /// Not to be begun after this moment.
    pub not_after: Timestamp,
    /// Who asked: `user:<id>` or `system`.
    pub actor: String,
    /// What.
    pub operation: Operation,
}

/// An order as it travels: the encoded order and the signature over exactly these bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedOrder {
    /// Which key signed: the first eight bytes of the SHA-256 of its public half, in hexadecimal digits.
    pub key: String,
    /// The encoded [`Order`].
    #[serde(with = "serde_bytes")]
    #[schemars(with = "Vec<u8>")]
    pub order: Vec<u8>,
    /// Ed25519, 64 bytes.
    #[serde(with = "serde_bytes")]
    #[schemars(with = "Vec<u8>")]
    pub signature: Vec<u8>,
}

/// Why bytes are not an order of this installation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Longer than an event may be.
    #[error("the order has {0} bytes, at most {MAX_EVENT_BYTES} are accepted")]
    TooLarge(usize),
    /// Not MessagePack, or something in it that this build does not know.
    #[error("the order cannot be read: {0}")]
    Malformed(String),
    /// Signed by somebody else, or changed on its way.
    #[error("the order is not signed by the server that this host was enrolled with")]
    Signature,
}

impl SignedOrder {
    /// Encodes and signs.
    pub fn sign(order: &Order, key_id: &str, key: &SigningKey) -> Result<Self, OrderError> {
        let order =
            rmp_serde::to_vec_named(order).map_err(|e| OrderError::Malformed(e.to_string()))?;
        let signature = key.sign(&[CONTEXT, &order].concat()).to_bytes().to_vec();
        Ok(Self {
            key: key_id.to_owned(),
            order,
            signature,
        })
    }

    /// The order, if the holder of this key signed it. Time, host and permission are the caller's to check.
    pub fn open(&self, key: &VerifyingKey) -> Result<Order, OrderError> {
        let signature =
            <[u8; 64]>::try_from(self.signature.as_slice()).map_err(|_| OrderError::Signature)?;
        key.verify_strict(
            &[CONTEXT, &self.order].concat(),
            &Signature::from_bytes(&signature),
        )
        .map_err(|_| OrderError::Signature)?;
        rmp_serde::from_slice(&self.order).map_err(|e| OrderError::Malformed(e.to_string()))
    }

    /// As a message.
    pub fn encode(&self) -> Result<Vec<u8>, OrderError> {
        let bytes =
            rmp_serde::to_vec_named(self).map_err(|e| OrderError::Malformed(e.to_string()))?;
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(OrderError::TooLarge(bytes.len()));
        }
        Ok(bytes)
    }

    /// From a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, OrderError> {
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(OrderError::TooLarge(bytes.len()));
        }
        rmp_serde::from_slice(bytes).map_err(|e| OrderError::Malformed(e.to_string()))
    }
}

/// What a host answers to an order, as MessagePack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is in the journal; how it goes is told by events.
    Accepted {
        /// What the journal knows of this id.
        progress: Progress,
    },
    /// The answer to a question, encoded as the question says; for a session, nothing.
    Done {
        /// MessagePack.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        answer: Vec<u8>,
    },
    /// It was not and will not be done.
    Refused(Refusal),
}

/// How far a host is with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// This was the first time: it begins now.
    Begun,
    /// It has begun before and is not over.
    Running,
    /// It is over; its result has been published or waits to be.
    Over,
}

/// Why a host does not do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable name.
    pub code: RefusalCode,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// Stable names of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Not signed by the pinned key, unreadable, or for another host.
    NotOurs,
    /// Too late, or the clocks are too far apart.
    Expired,
    /// This host's settings do not allow it.
    NotAllowed,
    /// The agent is too old for it.
    Unsupported,
    /// There is no container engine, or it does not answer.
    NoEngine,
    /// The container, process, unit or session does not exist (any more).
    NotFound,
    /// Too many at the same time.
    Busy,
    /// It was tried and failed; the message holds the words of whatever refused.
    Failed,
    /// A reason this build does not know.
    #[serde(other)]
    Unknown,
}

impl Refusal {
    /// With these words.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests;
