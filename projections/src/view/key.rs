//! API keys.

use chatops_schemas::{
    clock::Timestamp,
    ids::{KeyId, ServerId},
};
use serde::Serialize;

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It does.
    Active,
    /// Somebody ended it.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its server has left the fleet.
    ServerDeleted,
}

impl KeyState {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::ServerDeleted => "server_deleted",
        }
    }
}

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Key {
    /// Id.
    pub id: KeyId,
    /// The server it speaks for.
    pub server_id: ServerId,
    /// Name for people.
    pub name: Option<String>,
    /// Whether it works.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// The key that was made in its place; this one ends at `expires_at`.
    pub successor: Option<KeyId>,
    /// Last use of it; now, while a connection with it is open.
    pub last_used: Option<Timestamp>,
    /// Newest event of this key in `OPS_CTL`: what the next decision about it must expect.
    #[serde(skip)]
    pub ctl_seq: u64,
}

/// What the gate needs to let an agent in.
#[derive(Clone)]
pub struct KeyForGate {
    /// The server it speaks for.
    pub server: ServerId,
    /// Name of the server, for people.
    pub server_name: String,
    /// Milliseconds between samples asked of the agent.
    pub interval_ms: Option<u32>,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// Whether it works.
    pub state: KeyState,
    /// When it stops working by itself; `state` has taken it into account.
    pub expires_at: Option<Timestamp>,
    /// Name of the key, for people.
    pub name: Option<String>,
}

impl std::fmt::Debug for KeyForGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyForGate")
            .field("server", &self.server)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
