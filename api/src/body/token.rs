//! A personal API token, without its secret.

use chatops_projections::view;
use chatops_schemas::{ids::TokenId, scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moment::Moment;

/// What an API token may be used for; each stands for itself, and nothing goes beyond what its person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at things.
    Read,
    /// Run commands, open terminals, control containers.
    Operate,
    /// Add, change, share and remove servers; make and revoke their keys.
    Manage,
    /// Accounts, roles, teams, invitations, settings.
    Admin,
    /// Read and export the audit log.
    Audit,
}

impl From<Scope> for scope::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Operate => Self::Operate,
            Scope::Manage => Self::Manage,
            Scope::Admin => Self::Admin,
            Scope::Audit => Self::Audit,
        }
    }
}

impl From<scope::Scope> for Scope {
    fn from(scope: scope::Scope) -> Self {
        match scope {
            scope::Scope::Read => Self::Read,
            scope::Scope::Operate => Self::Operate,
            scope::Scope::Manage => Self::Manage,
            scope::Scope::Admin => Self::Admin,
            scope::Scope::Audit => Self::Audit,
        }
    }
}

/// A personal API token, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiToken {
    /// Its id.
    #[schema(value_type = String, example = "k7q2mzv5xw3tbn4h")]
    pub id: TokenId,
    /// Name for people.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends by itself.
    pub expires_at: Moment,
    /// It has ended by itself.
    pub expired: bool,
    /// When it was last used, to the minute.
    #[schema(required)]
    pub last_used_at: Option<Moment>,
    /// Address of that use.
    #[schema(required)]
    pub last_used_from: Option<String>,
}

impl ApiToken {
    /// As it is at a moment.
    pub fn at(now: chatops_schemas::clock::Timestamp, token: view::Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            scopes: token.scopes.iter().map(Scope::from).collect(),
            created_at: token.created_at.into(),
            expires_at: token.expires_at.into(),
            expired: token.expires_at <= now,
            last_used_at: token.last_used_at.map(Moment),
            last_used_from: token.last_used_from,
        }
    }
}
