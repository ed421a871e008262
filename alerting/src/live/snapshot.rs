//! What a reader knows, as bytes.

use chatops_schemas::{
    clock::Timestamp,
    ids::{RuleId, ServerId},
};
use serde::{Deserialize, Serialize};

use crate::watch::Saved;

/// Raised whenever what follows changes its shape.
const FORMAT: u8 = 1;

/// One server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Host {
    pub(super) server: ServerId,
    /// The newest reading, by the host's clock.
    pub(super) newest: Option<Timestamp>,
    /// The newest reading that came, by the stream's clock.
    pub(super) came: Timestamp,
    /// Milliseconds between its readings.
    pub(super) interval_ms: u32,
    /// What watches know that know anything, with the version of their rule.
    pub(super) watches: Vec<(RuleId, u32, Saved)>,
}

/// Why bytes are no snapshot of this build.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it has format {0}, this build reads {FORMAT}")]
    Format(u8),
    #[error("it is empty")]
    Empty,
    #[error("it is damaged")]
    Damaged(#[from] rmp_serde::decode::Error),
}

/// Why something cannot be written.
pub(super) type Encode = rmp_serde::encode::Error;

pub(super) fn encode<T: Serialize>(what: &T) -> Result<Vec<u8>, Encode> {
    let mut bytes = vec![FORMAT];
    rmp_serde::encode::write(&mut bytes, what)?;
    Ok(bytes)
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Unfit> {
    match bytes.split_first() {
        None => Err(Unfit::Empty),
        Some((&FORMAT, rest)) => Ok(rmp_serde::from_slice(rest)?),
        Some((&other, _)) => Err(Unfit::Format(other)),
    }
}
