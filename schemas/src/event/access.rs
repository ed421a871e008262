//! What was seen at the door: who came in, who was turned away, who took data out. Stream OPS_ACCESS.
//!
//! Nothing is decided by these events; they exist so that the audit chain can tell. The envelope's `actor` and `address`
//! say who and from where. What a stranger typed is never here as text: a name that belongs to nobody is a digest, because
//! people type their password into the wrong field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Invalid, check_text};
use crate::ids::UserId;

/// An event of OPS_ACCESS.
pub trait Witnessed: Event {
    /// Last token of its subject.
    const KIND: &'static str;
}

/// How a person proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A password.
    Password,
    /// A password and a code of an authenticator.
    PasswordTotp,
    /// A password and one of the codes for the day the authenticator is lost.
    RecoveryCode,
    /// A passkey.
    Passkey,
    /// An account of somebody else's identity provider.
    Oidc,
    /// A personal token.
    Token,
    /// A code said in a chat, to be known there.
    Chat,
    /// A method this build does not know.
    #[serde(other)]
    Unknown,
}

impl Method {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordTotp => "password_totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::Oidc => "oidc",
            Self::Token => "token",
            Self::Chat => "chat",
            Self::Unknown => "unknown",
        }
    }
}

/// A person signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// The session that began.
    pub session: Uuid,
    /// How they proved it.
    pub method: Method,
}

impl Event for SignedIn {
    const TYPE: &'static str = "access.signed_in";
    const VERSION: u16 = 1;
}

impl Witnessed for SignedIn {
    const KIND: &'static str = "signed_in";
}

/// Somebody failed to sign in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignInFailed {
    /// The account they named, when there is one.
    #[serde(default)]
    pub user: Option<UserId>,
    /// SHA-256 of the folded name they gave, in hexadecimal; tells attempts on one name from attempts on many.
    #[serde(default)]
    pub name_digest: Option<String>,
    /// How they tried.
    pub method: Method,
    /// `wrong_credentials`, `wrong_code`, `deactivated`, `throttled`, …
    pub reason: String,
}

impl Event for SignInFailed {
    const TYPE: &'static str = "access.sign_in_failed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_digest(
            "name_digest",
            self.name_digest.as_deref().unwrap_or_default(),
        )?;
        check_word("reason", &self.reason)
    }
}

impl Witnessed for SignInFailed {
    const KIND: &'static str = "sign_in_failed";
}

/// A person signed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedOut {
    /// Who.
    pub user: UserId,
    /// The session that ended.
    pub session: Uuid,
}

impl Event for SignedOut {
    const TYPE: &'static str = "access.signed_out";
    const VERSION: u16 = 1;
}

impl Witnessed for SignedOut {
    const KIND: &'static str = "signed_out";
}

/// A session was ended by something else than its owner signing out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEnded {
    /// Whose.
    pub user: UserId,
    /// The session.
    pub session: Uuid,
    /// `reuse`, `revoked`, `password_changed`, `deactivated`, …
    pub reason: String,
}

impl Event for SessionEnded {
    const TYPE: &'static str = "access.session_ended";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_word("reason", &self.reason)
    }
}

impl Witnessed for SessionEnded {
    const KIND: &'static str = "session_ended";
}

/// Somebody who is known was not allowed to do something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccessDenied {
    /// What they wanted, by the wire name of the action.
    pub action: String,
    /// `server`, `key`, `user`, `fleet`, …
    pub target_kind: String,
    /// The id of what they wanted it with; empty for the fleet as a whole.
    #[serde(default)]
    pub target: String,
    /// The authorisation's reason, by its wire name.
    pub reason: String,
}

impl Event for AccessDenied {
    const TYPE: &'static str = "access.denied";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_word("action", &self.action)?;
        check_word("target_kind", &self.target_kind)?;
        check_text("target", &self.target, 128)?;
        check_word("reason", &self.reason)
    }
}

impl Witnessed for AccessDenied {
    const KIND: &'static str = "denied";
}

/// Somebody took a set of data out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// `audit`, …
    pub what: String,
    /// The filters, as they were asked for.
    #[serde(default)]
    pub query: String,
    /// Entries that were promised.
    pub entries: u64,
}

impl Event for Exported {
    const TYPE: &'static str = "access.exported";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_word("what", &self.what)?;
        check_text("query", &self.query, 2048)
    }
}

impl Witnessed for Exported {
    const KIND: &'static str = "exported";
}

/// A wire name: short, lower case, one word.
fn check_word(field: &str, text: &str) -> Result<(), Invalid> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
        return Err(Invalid::new(
            field,
            "must be 1 to 64 lower-case letters, digits, '_' and '.'",
        ));
    }
    Ok(())
}

/// Nothing, or 64 hexadecimal digits.
fn check_digest(field: &str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() || (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(());
    }
    Err(Invalid::new(
        field,
        "must be a SHA-256 in hexadecimal digits",
    ))
}
