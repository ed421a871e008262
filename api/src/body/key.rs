//! An agent's API key, without its secret.

use chatops_projections::view;
use chatops_schemas::ids::{KeyId, ServerId};
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Works.
    Active,
    /// Was switched off, for ever.
    Revoked,
    /// Ended by itself.
    Expired,
    /// Its server was removed.
    ServerDeleted,
}

/// An agent's API key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKey {
    /// Also the agent's user name on the bus.
    #[schema(value_type = String, example = "k7q2mzv5xw3tbn4h")]
    pub id: KeyId,
    /// The server it speaks for.
    #[schema(value_type = String)]
    pub server_id: ServerId,
    /// Name for people.
    #[schema(required)]
    pub name: Option<String>,
    /// Whether it works.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Moment,
    /// When it stops working by itself.
    #[schema(required)]
    pub expires_at: Option<Moment>,
    /// The key that was made in its place; this one ends at `expires_at`.
    #[schema(required, value_type = Option<String>)]
    pub successor: Option<KeyId>,
    /// When an agent last used it; now, while one is connected with it.
    #[schema(required)]
    pub last_used: Option<Moment>,
}

impl From<view::KeyState> for KeyState {
    fn from(state: view::KeyState) -> Self {
        match state {
            view::KeyState::Active => Self::Active,
            view::KeyState::Revoked => Self::Revoked,
            view::KeyState::Expired => Self::Expired,
            view::KeyState::ServerDeleted => Self::ServerDeleted,
        }
    }
}

impl From<view::Key> for ApiKey {
    fn from(key: view::Key) -> Self {
        Self {
            id: key.id,
            server_id: key.server_id,
            name: key.name,
            state: key.state.into(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Moment),
            successor: key.successor,
            last_used: key.last_used.map(Moment),
        }
    }
}
