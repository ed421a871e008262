//! Ways to tell people of alerts. One aggregate per channel, `ops.v1.ctl.channel.<channel>` in OPS_CTL.
//!
//! It tells of alerts on servers that its author, whoever saved it last, may see at that moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid};
use crate::{channel::Channel, ids::ChannelId};

/// A channel was made or changed: all of it, but for its secret, which lies in the vault. The author is the event's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelSaved {
    /// The channel.
    pub channel: ChannelId,
    /// Counts its versions, from 1.
    pub version: u32,
    /// What it is.
    pub definition: Channel,
    /// Whether a new secret was given with this version.
    #[serde(default)]
    pub new_secret: bool,
}

impl Event for ChannelSaved {
    const TYPE: &'static str = "channel.saved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        self.definition.validate()
    }
}

/// It is gone, and its secret with it; what it told stays in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelDeleted {
    /// The channel.
    pub channel: ChannelId,
}

impl Event for ChannelDeleted {
    const TYPE: &'static str = "channel.deleted";
    const VERSION: u16 = 1;
}
