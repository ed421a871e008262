//! What signing in answers.

use chatops_projections::view;
use chatops_schemas::event::access;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{moment::Moment, user::User};

/// How the client keeps its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Tokens in the body, for programs: `Authorization: Bearer`.
    #[default]
    Token,
    /// Tokens in HttpOnly cookies, for browsers; none in the body.
    Cookie,
}

/// How a person signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A password.
    Password,
    /// A password and a code of an authenticator app.
    PasswordTotp,
    /// A password and a recovery code.
    RecoveryCode,
    /// A passkey.
    Passkey,
    /// An account of an identity provider.
    Oidc,
}

impl Method {
    const ALL: [Self; 5] = [
        Self::Password,
        Self::PasswordTotp,
        Self::RecoveryCode,
        Self::Passkey,
        Self::Oidc,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordTotp => "password_totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::Oidc => "oidc",
        }
    }

    /// From the wire name; what an older build wrote was a password.
    pub fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .unwrap_or(Self::Password)
    }
}

impl From<Method> for access::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Password => Self::Password,
            Method::PasswordTotp => Self::PasswordTotp,
            Method::RecoveryCode => Self::RecoveryCode,
            Method::Passkey => Self::Passkey,
            Method::Oidc => Self::Oidc,
        }
    }
}

/// A session that is still good.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpenSession {
    /// Its id.
    pub id: Uuid,
    /// It is the one of this request.
    pub current: bool,
    /// How it began.
    pub method: Method,
    /// When it began.
    pub since: Moment,
    /// When its tokens were last renewed: within 30 minutes of its last use.
    pub renewed_at: Moment,
    /// When it ends by itself, unless it is renewed.
    pub expires_at: Moment,
    /// Browser or program, as it named itself at the last renewal.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// Address at the last renewal.
    #[schema(required)]
    pub address: Option<String>,
}

impl OpenSession {
    /// As one session of a person sees the others.
    pub fn seen_by(session: Uuid, other: view::Session) -> Self {
        Self {
            id: other.family,
            current: other.family == session,
            method: Method::parse(&other.method),
            since: other.since.into(),
            renewed_at: other.refreshed_at.into(),
            expires_at: other.expires_at.into(),
            user_agent: other.user_agent,
            address: other.address,
        }
    }
}

/// What may be shown as a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorMethod {
    /// A code of the authenticator app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey: sign in with that instead (`POST /auth/passkeys/login/start`).
    Passkey,
}

/// A sign-in that needs another step.
#[derive(Serialize, ToSchema)]
pub struct SecondFactor {
    /// For `POST /auth/login/second`; good for five tries.
    pub ticket: String,
    /// What this person may show.
    pub methods: Vec<SecondFactorMethod>,
    /// Seconds that the ticket works.
    #[schema(example = 300)]
    pub expires_in: u64,
}

/// The password was right; a second factor is needed.
#[derive(Serialize, ToSchema)]
pub struct SecondFactorNeeded {
    /// How to go on.
    pub second_factor: SecondFactor,
}

/// What a right password is answered with.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum LoginAnswer {
    /// Signed in.
    SignedIn(Session),
    /// Go on with the second factor.
    SecondFactor(SecondFactorNeeded),
}

/// A signed-in person.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Who signed in.
    pub user: User,
    /// For `Authorization: Bearer` and the first message of WebSockets; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// Good for one `POST /auth/refresh` within 7 days; absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 1800)]
    pub expires_in: u64,
}
