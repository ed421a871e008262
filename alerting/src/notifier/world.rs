//! What the notifier asks of the rest of the system. The composition answers from the read models and the vault.

use std::{collections::HashMap, error::Error, future::Future, sync::Arc};

use chatops_schemas::{
    channel::Channel,
    clock::Timestamp,
    event::silence::SilenceSaved,
    ids::{ChannelId, ServerId, UserId},
};

use crate::notify::Secret;

/// The answer could not be found out: the database does not answer, say.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WorldError(#[source] Box<dyn Error + Send + Sync>);

impl WorldError {
    /// From whatever went wrong.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// A channel that is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Which.
    pub id: ChannelId,
    /// When its first version was saved.
    pub made: Timestamp,
    /// With whose rights it is told.
    pub author: UserId,
    /// As it is now.
    pub channel: Channel,
}

/// A silence that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// With whose rights it is quiet.
    pub author: UserId,
    /// What it says.
    pub saved: SilenceSaved,
}

/// What people decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decided {
    /// Channels that are on.
    pub channels: Vec<Arc<Standing>>,
    /// Silences that are not over.
    pub silences: Vec<Silence>,
}

/// What there is to know about a server, and who may what there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub tags: Vec<String>,
    /// Of those who were asked about: whether they may see it, and whether they may handle its alerts.
    pub rights: HashMap<UserId, Rights>,
}

/// See [`About`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// May see the server.
    pub see: bool,
    /// May acknowledge and silence its alerts.
    pub handle: bool,
}

/// See the module.
pub trait World: Send + Sync + 'static {
    /// Channels and silences as they are now.
    fn decided(&self) -> impl Future<Output = Result<Decided, WorldError>> + Send;

    /// A server, and the rights of these people now. None: it was deleted.
    fn about(
        &self,
        server: &ServerId,
        people: &[UserId],
    ) -> impl Future<Output = Result<Option<About>, WorldError>> + Send;

    /// What opens the door of a channel.
    fn secret(
        &self,
        channel: ChannelId,
    ) -> impl Future<Output = Result<Option<Secret>, WorldError>> + Send;
}
