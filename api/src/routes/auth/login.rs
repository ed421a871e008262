//! `POST /auth/login`: signs a person in, by name or e-mail address.
//!
//! An unknown name costs the same time as a wrong password and gets the same answer. Failures are counted per address and
//! account, so nobody is locked out from elsewhere.

use axum::{extract::State, http::StatusCode, response::Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{api_key::too_many, session::Opening, strength},
    body::session::{Keep, Session},
    code::Code,
    extract::BodyOrForm,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// Name and password.
#[derive(Deserialize, ToSchema)]
pub struct LoginRequest {
    /// Sign-in name or e-mail address.
    #[schema(example = "ada")]
    username: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Where the tokens go.
    #[serde(default)]
    session: Keep,
}

/// Sign in
#[utoipa::path(post, path = "/auth/login", tag = "Auth", operation_id = "auth_login", security(()),
    request_body(content((LoginRequest = "application/json"), (LoginRequest = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "signed in", body = Session),
        (status = 401, description = "CO1001", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1004", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    BodyOrForm(request): BodyOrForm<LoginRequest>,
) -> Result<Response, Problem> {
    peer.may_receive_cookies(request.session)?;
    let login = chatops_projections::fold(&request.username);
    let wrong = || Problem::new(Code::WrongCredentials);
    // Neither can belong to an account, and neither may cost a hash.
    if login.is_empty()
        || login.chars().count() > 254
        || request.password.expose_secret().len() > strength::MAX_BYTES
    {
        return Err(wrong());
    }
    api.throttle()
        .attempt(peer.address, &login, api.clock().now())
        .map_err(too_many)?;
    let user = api.store().user_by_login(&login.replace('\0', "")).await?;
    let phc = match &user {
        Some(user) => api.store().password(user.id).await?,
        None => None,
    };
    let phc = phc.map(|phc| phc.expose_secret().to_owned());
    let matches = api.passwords().verify(phc, request.password).await?;
    let Some(user) = user.filter(|_| matches) else {
        metrics::counter!("chatops_api_failed_logins_total").increment(1);
        return Err(wrong());
    };
    api.throttle().succeeded(peer.address, &login);
    api.sessions()
        .open(user, &opening, request.session, StatusCode::OK)
        .await
}
