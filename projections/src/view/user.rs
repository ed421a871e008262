//! People and their sign-ins.

use chatops_schemas::{clock::Timestamp, event::ctl::Role, ids::UserId};
use serde::Serialize;
use uuid::Uuid;

/// An account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Sign-in name.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Name for people.
    pub full_name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Whether the account is switched on.
    pub active: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Newest event of this account in `OPS_CTL`: what the next decision about it must expect.
    #[serde(skip)]
    pub ctl_seq: u64,
}

/// A refresh token to be remembered.
#[derive(Clone)]
pub struct Refresh {
    /// SHA-256 of the token.
    pub token_sha256: [u8; 32],
    /// The sign-in it belongs to.
    pub family: Uuid,
    /// Whose.
    pub user: UserId,
    /// Now.
    pub issued_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// Browser or program, as it names itself.
    pub user_agent: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
    /// How the person signed in.
    pub method: String,
}

impl std::fmt::Debug for Refresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refresh")
            .field("family", &self.family)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What became of a refresh token that somebody presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// It was good and is now replaced by the new one.
    Rotated {
        /// Whose.
        user: UserId,
        /// Of which sign-in.
        family: Uuid,
    },
    /// It had been replaced before: somebody has a copy. The family is ended, nobody may use it any more.
    Reused {
        /// Whose.
        user: UserId,
        /// Of which sign-in.
        family: Uuid,
    },
    /// Unknown, expired, or of a sign-in that has ended.
    Refused,
}

/// A sign-in that is still good.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Session {
    /// Family of its tokens.
    pub family: Uuid,
    /// When it began.
    pub since: Timestamp,
    /// Its last refresh.
    pub refreshed_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Browser or program at the last refresh.
    pub user_agent: Option<String>,
    /// Address at the last refresh.
    pub address: Option<String>,
    /// How the person signed in.
    pub method: String,
}
