//! Control events: what people decided. One aggregate is one subject `ops.v1.ctl.<entity>.<id>`.
//!
//! Secrets are never here: password and key hashes live in the vault tables of PostgreSQL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{
    clock::Timestamp,
    ids::{KeyId, ServerId, UserId},
};

/// What a user may do everywhere, before grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person who set the system up: everything.
    Owner,
    /// Everything but removing owners.
    Admin,
    /// Own servers and what was shared.
    Operator,
    /// Reads what was shared.
    Viewer,
    /// A role this build does not know: may do nothing.
    #[serde(other)]
    Unknown,
}

impl Role {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Unknown => "unknown",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Self {
        match text {
            "owner" => Self::Owner,
            "admin" => Self::Admin,
            "operator" => Self::Operator,
            "viewer" => Self::Viewer,
            _ => Self::Unknown,
        }
    }
}

/// A sign-in name was taken, on the subject of that name: the stream refuses the second claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NameClaimed {
    /// Who holds it.
    pub user: UserId,
}

impl Event for NameClaimed {
    const TYPE: &'static str = "name.claimed";
    const VERSION: u16 = 1;
}

/// A sign-in name is free again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NameReleased {
    /// Who held it.
    pub user: UserId,
}

impl Event for NameReleased {
    const TYPE: &'static str = "name.released";
    const VERSION: u16 = 1;
}

/// A person got an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The account.
    pub user: UserId,
    /// Sign-in name, as typed.
    pub username: String,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Name for people.
    #[serde(default)]
    pub full_name: Option<String>,
    /// What they may do.
    pub role: Role,
}

impl Event for UserRegistered {
    const TYPE: &'static str = "user.registered";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("username", &self.username, 64)?;
        check_text("email", self.email.as_deref().unwrap_or_default(), 254)?;
        check_text(
            "full_name",
            self.full_name.as_deref().unwrap_or_default(),
            128,
        )
    }
}

/// A profile was edited: the new values of all editable fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserProfileChanged {
    /// The account.
    pub user: UserId,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Name for people.
    #[serde(default)]
    pub full_name: Option<String>,
}

impl Event for UserProfileChanged {
    const TYPE: &'static str = "user.profile_changed";
    const VERSION: u16 = 1;
}

/// A password was changed; the password itself is in the vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserPasswordChanged {
    /// The account.
    pub user: UserId,
}

impl Event for UserPasswordChanged {
    const TYPE: &'static str = "user.password_changed";
    const VERSION: u16 = 1;
}

/// A server was added to the fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerRegistered {
    /// The server.
    pub server: ServerId,
    /// Name for people.
    pub name: String,
    /// Who owns it.
    pub owner: UserId,
    /// Labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Milliseconds between samples that the agent should use.
    #[serde(default)]
    pub interval_ms: Option<u32>,
}

impl Event for ServerRegistered {
    const TYPE: &'static str = "server.registered";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, 128)?;
        self.tags
            .iter()
            .try_for_each(|tag| check_text("tags", tag, 64))
    }
}

/// A server's settings were edited: the new values of all editable fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerChanged {
    /// The server.
    pub server: ServerId,
    /// Name for people.
    pub name: String,
    /// Labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Milliseconds between samples that the agent should use.
    #[serde(default)]
    pub interval_ms: Option<u32>,
    /// Whether another person has to approve what is run on it; absent: as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_approval: Option<bool>,
}

impl Event for ServerChanged {
    const TYPE: &'static str = "server.changed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, 128)?;
        self.tags
            .iter()
            .try_for_each(|tag| check_text("tags", tag, 64))
    }
}

/// A server left the fleet. Its keys stop working; its history stays until retention removes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerDeleted {
    /// The server.
    pub server: ServerId,
}

impl Event for ServerDeleted {
    const TYPE: &'static str = "server.deleted";
    const VERSION: u16 = 1;
}

/// An API key was made; its hash is in the vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyIssued {
    /// The key.
    pub key: KeyId,
    /// The server it speaks for.
    pub server: ServerId,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// When it stops working by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Event for KeyIssued {
    const TYPE: &'static str = "key.issued";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", self.name.as_deref().unwrap_or_default(), 128)
    }
}

/// An API key was revoked, for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRevoked {
    /// The key.
    pub key: KeyId,
    /// The server it spoke for.
    pub server: ServerId,
}

impl Event for KeyRevoked {
    const TYPE: &'static str = "key.revoked";
    const VERSION: u16 = 1;
}

/// Another key takes this one's place: it works on until `expires_at`, so that the host can be given the new one without
/// a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyRetired {
    /// The key that ends.
    pub key: KeyId,
    /// The server it speaks for.
    pub server: ServerId,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The key that was made in its place.
    pub successor: KeyId,
}

impl Event for KeyRetired {
    const TYPE: &'static str = "key.retired";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.key == self.successor {
            return Err(Invalid::new("successor", "is the key itself"));
        }
        Ok(())
    }
}

/// A one-time code was made, with which a host becomes this server. The code itself is in the vault, as a digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnrolmentOffered {
    /// Names the offer; the key that comes of it says in its actor that it was made by it.
    pub enrolment: KeyId,
    /// The server that the host becomes.
    pub server: ServerId,
    /// When the code stops working.
    pub expires_at: Timestamp,
}

impl Event for EnrolmentOffered {
    const TYPE: &'static str = "enrolment.offered";
    const VERSION: u16 = 1;
}
