//! Control events about how a person proves who they are, besides the password: second factor, passkeys, accounts of an
//! identity provider, personal API tokens. All are on the aggregate of the person but tokens, which have one each.
//!
//! What proves it (seeds, public keys, digests) lies in the vault tables of PostgreSQL, never here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};
use crate::{
    clock::Timestamp,
    ids::{TokenId, UserId},
    scope::ScopeSet,
};

/// Longest name of a token or passkey.
pub const NAME: usize = 64;
/// Longest id of a passkey, as text: base64url of the 1023 bytes that the standard allows.
pub const PASSKEY_ID: usize = 1364;

/// A person made an API token for themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenIssued {
    /// The token.
    pub token: TokenId,
    /// Whom it speaks for.
    pub user: UserId,
    /// Name for people.
    pub name: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// When it stops working by itself.
    pub expires_at: Timestamp,
}

impl Event for TokenIssued {
    const TYPE: &'static str = "token.issued";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, NAME)
    }
}

/// An API token was revoked, for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenRevoked {
    /// The token.
    pub token: TokenId,
    /// Whom it spoke for.
    pub user: UserId,
}

impl Event for TokenRevoked {
    const TYPE: &'static str = "token.revoked";
    const VERSION: u16 = 1;
}

/// A person's sign-in asks for a code of an authenticator app from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorEnabled {
    /// The account.
    pub user: UserId,
}

impl Event for SecondFactorEnabled {
    const TYPE: &'static str = "user.second_factor_enabled";
    const VERSION: u16 = 1;
}

/// A person's sign-in asks for no code any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondFactorDisabled {
    /// The account.
    pub user: UserId,
}

impl Event for SecondFactorDisabled {
    const TYPE: &'static str = "user.second_factor_disabled";
    const VERSION: u16 = 1;
}

/// A person's recovery codes were replaced by fresh ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryCodesMade {
    /// The account.
    pub user: UserId,
}

impl Event for RecoveryCodesMade {
    const TYPE: &'static str = "user.recovery_codes_made";
    const VERSION: u16 = 1;
}

/// Sessions of a person were ended by somebody who did not sign out with them. Which ones the vault knows; whoever holds
/// connections of this person asks again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsEnded {
    /// The account.
    pub user: UserId,
}

impl Event for SessionsEnded {
    const TYPE: &'static str = "user.sessions_ended";
    const VERSION: u16 = 1;
}

/// A person can sign in with a passkey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyAdded {
    /// The account.
    pub user: UserId,
    /// Id of the credential, base64url.
    pub passkey: String,
    /// Name for people.
    pub name: String,
}

impl Event for PasskeyAdded {
    const TYPE: &'static str = "passkey.added";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("passkey", &self.passkey, PASSKEY_ID)?;
        check_text("name", &self.name, NAME)
    }
}

/// A passkey does not sign its person in any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyRemoved {
    /// The account.
    pub user: UserId,
    /// Id of the credential, base64url.
    pub passkey: String,
}

impl Event for PasskeyRemoved {
    const TYPE: &'static str = "passkey.removed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("passkey", &self.passkey, PASSKEY_ID)
    }
}

/// A person can sign in through an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityLinked {
    /// The account.
    pub user: UserId,
    /// Address of the provider.
    pub issuer: String,
    /// What the provider calls the person: stable, not a name.
    pub subject: String,
}

impl Event for IdentityLinked {
    const TYPE: &'static str = "user.identity_linked";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("issuer", &self.issuer, 512)?;
        check_text("subject", &self.subject, 255)
    }
}

/// A person does not sign in through an identity provider any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityUnlinked {
    /// The account.
    pub user: UserId,
    /// Address of the provider.
    pub issuer: String,
    /// What the provider calls the person.
    pub subject: String,
}

impl Event for IdentityUnlinked {
    const TYPE: &'static str = "user.identity_unlinked";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("issuer", &self.issuer, 512)?;
        check_text("subject", &self.subject, 255)
    }
}
