//! `GET /auth/status`: what the sign-in page needs to know before anybody is signed in.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{config::Registration, problem::Problem, routes::settings, state::Api};

/// What a visitor may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthStatus {
    /// There is no account yet: the first one becomes the owner and needs the set-up token.
    setup_required: bool,
    /// Whether visitors may make accounts.
    registration: Registration,
    /// What the button for the identity provider says (`GET /auth/oidc/start`); `null`: there is none.
    #[schema(required, example = "Company account")]
    identity_provider: Option<String>,
    /// Version of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// What a visitor may do
#[utoipa::path(get, path = "/auth/status", tag = "Auth", operation_id = "auth_status", security(()),
    responses((status = 200, description = "what a visitor may do", body = AuthStatus)))]
pub async fn handle(State(api): State<Api>) -> Result<Json<AuthStatus>, Problem> {
    Ok(Json(AuthStatus {
        setup_required: api.setup_required().await?,
        registration: settings::registration(&api).await?.into(),
        identity_provider: api.oidc().ok().map(|known| known.settings().name.clone()),
        version: crate::VERSION,
    }))
}
