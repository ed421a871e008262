//! `POST /auth/login`: signs a person in, by name or e-mail address.
//!
//! An unknown name costs the same time as a wrong password and gets the same answer. Failures are counted per address and
//! account, so nobody is locked out from elsewhere.

use axum::{extract::State, response::Response};
use chatops_schemas::ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{door, guess::Guess, password::Verdict, second_factor, session::Opening, strength},
    body::session::{Keep, LoginAnswer, Method},
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
        (status = 200, description = "signed in, or asked for the second factor", body = LoginAnswer),
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
    let user = api.store().user_by_login(&login.replace('\0', "")).await?;
    let failed = |reason| {
        let id = user.as_ref().map(|user| user.id);
        door::failed(&api, &peer, id, Some(&login), Method::Password, reason);
    };
    let guess = Guess::charge(&api, &peer, user.as_ref(), &login)
        .await
        .inspect_err(|_| failed("throttled"))?;
    // An unknown name asks for the password of nobody, so that both cost the same.
    let account = user.as_ref().map_or(UserId(Uuid::nil()), |user| user.id);
    let phc = api.store().password(account).await?;
    let verdict = api
        .passwords()
        .verify(phc.clone(), request.password.clone())
        .await?;
    if verdict == Verdict::Wrong {
        failed("wrong_credentials");
        return Err(wrong());
    }
    let user = user.ok_or_else(wrong)?;
    guess.was_right(&api);
    if let (Verdict::Outdated, Some(old)) = (verdict, phc) {
        let fresh = api.passwords().hash(request.password).await?;
        api.store()
            .refresh_password(user.id, &old, &fresh.into())
            .await?;
    }
    second_factor::after_password(&api, user, &opening, request.session).await
}
