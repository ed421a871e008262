//! How people prove who they are.

use chatops_schemas::{
    clock::Timestamp,
    ids::{TokenId, UserId},
    scope::ScopeSet,
};

/// Kinds of [`Way`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WayKind {
    /// Codes of an authenticator app, after the password.
    Totp,
    /// A passkey, instead of the password.
    Passkey,
    /// An account at an identity provider, instead of the password.
    Identity,
}

impl WayKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::Identity => "identity",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Totp, Self::Passkey, Self::Identity]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Something a person can sign in with besides a password.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// What it is.
    pub kind: WayKind,
    /// Which one of this kind.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// Since when.
    pub added_at: Timestamp,
    /// When it was last used, where that is known.
    pub last_used_at: Option<Timestamp>,
}

/// A personal API token, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Whom it speaks for.
    pub user: UserId,
    /// Name for people.
    pub name: String,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Address of that use.
    pub last_used_from: Option<String>,
    /// What a decision about it must expect.
    pub ctl_seq: u64,
}

/// Whom a token speaks for.
#[derive(Clone, PartialEq)]
pub struct TokenBearer {
    /// Whom.
    pub user: UserId,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// SHA-256 of its secret.
    pub secret_sha256: [u8; 32],
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl std::fmt::Debug for TokenBearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenBearer")
            .field("user", &self.user)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A seed of an authenticator app.
#[derive(Clone)]
pub struct Totp {
    /// Encrypted by whoever stored it.
    pub sealed_seed: Vec<u8>,
    /// The person has shown a first code.
    pub confirmed: bool,
}

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totp")
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}

/// Public key of a passkey, as whoever stored it wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id, base64url.
    pub credential_id: String,
    /// Whose it is.
    pub user: UserId,
    /// What never changes.
    pub fixed: Vec<u8>,
    /// What changes with use.
    pub moving: Vec<u8>,
}

/// What has to be remembered between the requests of one sign-in.
#[derive(Clone)]
pub struct Ceremony {
    /// What it is for.
    pub kind: &'static str,
    /// Whose sign-in, once that is known.
    pub user: Option<UserId>,
    /// What whoever stored it wrote down.
    pub state: Vec<u8>,
    /// When it is too late.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ceremony")
            .field("kind", &self.kind)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
