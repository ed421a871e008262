//! What signing in answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::user::User;

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
