//! What travels while a session is open: a terminal, or logs as they are written. Not stored by any stream.
//!
//! The host sends [`Out`] on `ops.v1.io.<server>.<session>.out`; the API sends [`Control`] on `….ctl` and what a person
//! types, as it is, on `….in`. Messages may be lost: the offset in [`Out::Data`] shows it, and [`Control::From`] asks for
//! the missing bytes again, which the host keeps in a ring.
//!
//! A host sends at most [`WINDOW`] bytes beyond what was acknowledged. Then it stops reading from the program, and the
//! kernel stops the program: nothing piles up anywhere, however fast the program writes.

use serde::{Deserialize, Serialize};

/// Most bytes in one message.
pub const MAX_DATA: usize = 16 * 1024;
/// Most bytes that are sent and not acknowledged.
pub const WINDOW: u64 = 256 * 1024;
/// Bytes that a host keeps for those who missed some.
pub const RING: usize = 1024 * 1024;

/// From the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Out {
    /// Output.
    Data {
        /// How many bytes came before it in this session.
        off: u64,
        /// Which of the streams of a container wrote it; absent in a terminal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<Stream>,
        /// The bytes.
        #[serde(with = "serde_bytes")]
        #[schemars(with = "Vec<u8>")]
        data: Vec<u8>,
    },
    /// Output up to this offset is gone for good: the ring has moved on, or a limit was reached.
    Lost {
        /// Offset of the next byte that can be had.
        up_to: u64,
        /// Lines that were never sent, where lines are what is counted.
        #[serde(default)]
        lines: u64,
    },
    /// The end, and the last message.
    Ended {
        /// All bytes of the session.
        off: u64,
        /// Why.
        reason: Ended,
        /// Exit code of the program, if it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// For people, where there is more to say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The program ended by itself, or there are no more logs.
    Exited,
    /// Somebody closed it.
    Closed,
    /// Nobody typed for too long.
    Idle,
    /// Nobody renewed it for too long.
    Abandoned,
    /// The agent is stopping.
    AgentStopped,
    /// It could not go on.
    Failed,
    /// A reason this build does not know.
    #[serde(other)]
    Unknown,
}

/// From the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Everything before this offset has been shown; also renews.
    Ack {
        /// The offset.
        off: u64,
    },
    /// Send again from this offset on; also renews.
    From {
        /// The offset.
        off: u64,
    },
    /// The window has another size.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// Somebody is still there.
    Renew,
    /// End it.
    Close,
}

macro_rules! message {
    ($($name:ident),*) => {$(
        impl $name {
            /// As a message.
            pub fn encode(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
                rmp_serde::to_vec_named(self)
            }

            /// From a message; `None` for what this build does not understand.
            pub fn decode(bytes: &[u8]) -> Option<Self> {
                rmp_serde::from_slice(bytes).ok()
            }
        }
    )*};
}

message!(Out, Control);
