//! Where readers keep their position and what they know. The composing binary keeps both in the database: the middle
//! crates never import each other.

use std::{error::Error, future::Future};

use chatops_bus::projector::{Position, Spec};
use chatops_schemas::clock::Timestamp;

/// One reader's place. A new one is made for each reader.
pub trait StateStore: Send + 'static {
    /// What can go wrong with it.
    type Error: Error + Send + Sync + 'static;

    /// Waits until no other living copy holds the reader, raises its epoch, and returns the position with what was saved
    /// with it.
    fn claim(
        &mut self,
        spec: &Spec,
        stream_created: Timestamp,
    ) -> impl Future<Output = Result<(Position, Option<Vec<u8>>), Self::Error>> + Send;

    /// Saves what is known at `to`, and moves the position there, in one transaction. False: somebody else has claimed the
    /// reader since, or the position is not `position` any more; nothing was saved.
    fn save(
        &mut self,
        spec: &Spec,
        position: &Position,
        to: u64,
        state: &[u8],
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;
}
