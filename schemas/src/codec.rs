//! Bytes in, event out. MessagePack maps with named keys, so that a reader of version 1 still reads version 2.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    catalogue::Payload,
    envelope::Envelope,
    event::{Event, Invalid},
    ids::ServerId,
};

/// Largest encoded event, headers not counted. Streams refuse more.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`MAX_EVENT_BYTES`].
    #[error("event has {0} bytes, at most {MAX_EVENT_BYTES} are accepted")]
    TooLarge(usize),
    /// Not MessagePack, or not an envelope, or a field of the wrong kind.
    #[error("not a well-formed event: {0}")]
    Malformed(String),
    /// Bytes behind the end of the event.
    #[error("{0} bytes follow the end of the event")]
    Trailing(usize),
    /// A type that is not in the catalogue (or not the one asked for).
    #[error("unknown event type {0:?}")]
    UnknownType(String),
    /// Written by a newer version of this system. Consumers must stop, not skip: an upgrade is missing.
    #[error("event {kind:?} has version {found}, this build reads up to {known}")]
    NewerVersion {
        /// Event type.
        kind: String,
        /// Version found.
        found: u16,
        /// Newest version this build knows.
        known: u16,
    },
    /// An old version without a path to the current one.
    #[error("event {kind:?} version {found} cannot be brought to version {known}")]
    NoUpcast {
        /// Event type.
        kind: String,
        /// Version found.
        found: u16,
        /// Version wanted.
        known: u16,
    },
    /// Well-formed but impossible.
    #[error("impossible value: {0}")]
    Invalid(#[from] Invalid),
}

impl DecodeError {
    /// Whether a consumer must stop and wait for a newer build instead of parking the event.
    pub const fn needs_upgrade(&self) -> bool {
        matches!(self, Self::NewerVersion { .. })
    }
}

/// Why an event cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The payload cannot be expressed.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// Longer than [`MAX_EVENT_BYTES`].
    #[error("event has {0} bytes, at most {MAX_EVENT_BYTES} fit")]
    TooLarge(usize),
}

/// Encodes an event as a MessagePack map.
pub fn encode<T: Event>(event: &Envelope<T>) -> Result<Vec<u8>, EncodeError> {
    let bytes = rmp_serde::to_vec_named(event)?;
    if bytes.len() > MAX_EVENT_BYTES {
        return Err(EncodeError::TooLarge(bytes.len()));
    }
    Ok(bytes)
}

/// The part of an envelope that says how to read the rest.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Head {
    /// Event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Version of the payload's schema.
    pub ver: u16,
    /// The server it is about.
    #[serde(default)]
    pub server: Option<ServerId>,
}

/// Reads type, version and server without reading the payload.
pub fn head(bytes: &[u8]) -> Result<Head, DecodeError> {
    from_slice(bytes)
}

/// Decodes an event of a known type, brings it to the current version and validates it.
///
/// The current version is read in one pass; only what does not fit is looked at twice, to say why.
pub fn decode<T: Event>(bytes: &[u8]) -> Result<Envelope<T>, DecodeError> {
    let direct = from_slice::<Envelope<T>>(bytes);
    if let Ok(event) = direct
        && event.ver == T::VERSION
        && event.kind == T::TYPE
    {
        event.data.validate()?;
        return Ok(event);
    }
    let head = head(bytes)?;
    if head.kind != T::TYPE {
        return Err(DecodeError::UnknownType(head.kind));
    }
    if head.ver > T::VERSION {
        return Err(DecodeError::NewerVersion {
            kind: head.kind,
            found: head.ver,
            known: T::VERSION,
        });
    }
    if head.ver == T::VERSION {
        // Type and version are right, so the first attempt failed on the payload: its error is the one to show.
        return from_slice(bytes);
    }
    let old: Envelope<Value> = from_slice(bytes)?;
    let event = upcast::<T>(old)?;
    event.data.validate()?;
    Ok(event)
}

/// Decodes an event of any type in the catalogue.
pub fn decode_any(bytes: &[u8]) -> Result<Envelope<Payload>, DecodeError> {
    let head = head(bytes)?;
    Payload::decode(&head.kind, bytes).unwrap_or(Err(DecodeError::UnknownType(head.kind)))
}

fn upcast<T: Event>(old: Envelope<Value>) -> Result<Envelope<T>, DecodeError> {
    let (kind, found) = (old.kind.clone(), old.ver);
    let missing = || DecodeError::NoUpcast {
        kind: kind.clone(),
        found,
        known: T::VERSION,
    };
    let mut data = old.data.clone();
    for version in found..T::VERSION {
        data = T::upcast(version, data).ok_or_else(missing)?;
    }
    let data: T =
        serde_json::from_value(data).map_err(|error| DecodeError::Malformed(error.to_string()))?;
    let mut event = old.map(|_| data);
    event.ver = T::VERSION;
    Ok(event)
}

/// `rmp_serde::from_slice` accepts bytes behind the value; an event with a tail is two things at once and refused.
fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > MAX_EVENT_BYTES {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    let mut rest = bytes;
    let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut rest))
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    match rest.len() {
        0 => Ok(value),
        tail => Err(DecodeError::Trailing(tail)),
    }
}
