//! A person's account.

use chatops_projections::view;
use chatops_schemas::{event::ctl, ids::UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moment::Moment;

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Set the system up: everything.
    Owner,
    /// Everything but removing owners.
    Admin,
    /// Own servers, and what was shared.
    Operator,
    /// Reads what was shared.
    Viewer,
}

impl From<ctl::Role> for Role {
    fn from(role: ctl::Role) -> Self {
        match role {
            ctl::Role::Owner => Self::Owner,
            ctl::Role::Admin => Self::Admin,
            ctl::Role::Operator => Self::Operator,
            // A role of a newer version may do nothing here, like a viewer without shares.
            ctl::Role::Viewer | ctl::Role::Unknown => Self::Viewer,
        }
    }
}

impl From<Role> for ctl::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Viewer => Self::Viewer,
        }
    }
}

/// A person's account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: UserId,
    /// Sign-in name.
    #[schema(example = "ada")]
    pub username: String,
    /// Also good for signing in.
    #[schema(required)]
    pub email: Option<String>,
    /// Name for people.
    #[schema(required)]
    pub full_name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether it is switched on.
    pub active: bool,
    /// When the account was made.
    pub created_at: Moment,
}

impl From<view::User> for User {
    fn from(user: view::User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            email: user.email,
            full_name: user.full_name,
            role: user.role.into(),
            active: user.active,
            created_at: user.created_at.into(),
        }
    }
}
