//! `POST /auth/change-password`: a new password. Ends every other session of the person, and their live sockets.

use axum::{extract::State, http::StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{actor::InPerson, confirm, door, reset, strength},
    code::Code,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// The old and the new password.
#[derive(Deserialize, ToSchema)]
pub struct ChangePasswordRequest {
    /// Proves that it is you.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
    /// When given, must equal `new_password`.
    #[schema(value_type = Option<String>, format = Password)]
    new_password_confirm: Option<SecretString>,
}

/// Change my password
#[utoipa::path(post, path = "/auth/change-password", tag = "Auth", operation_id = "auth_change_password",
    request_body = ChangePasswordRequest,
    responses(
        (status = 204, description = "changed; all other sessions have ended"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008: the current password is wrong; CO1010: an API token cannot do this", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1015: there is no password to change", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    InPerson { actor, session }: InPerson,
    peer: Peer,
    Body(request): Body<ChangePasswordRequest>,
) -> Result<StatusCode, Problem> {
    let user = api
        .store()
        .user(actor.user)
        .await?
        .ok_or(Problem::new(Code::NotSignedIn))?;
    check(&request, &user.username, user.email.as_deref())?;
    let user = confirm::password(
        &api,
        &actor,
        &peer,
        "current_password",
        request.current_password,
    )
    .await?;
    let phc = api.passwords().hash(request.new_password).await?;
    api.store()
        .set_password(user.id, &phc.into(), api.clock().now())
        .await?;
    let ended = api.sessions().end_all(user.id, Some(session)).await?;
    door::ended(&api, &actor.by(), user.id, ended, "password_changed").await;
    reset::changed(&api, &actor.by(), actor.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(
    request: &ChangePasswordRequest,
    username: &str,
    email: Option<&str>,
) -> Result<(), Problem> {
    let new = request.new_password.expose_secret();
    if let Some(objection) = strength::objection(new, username, email) {
        return Err(Problem::field("new_password", objection));
    }
    if request
        .new_password_confirm
        .as_ref()
        .is_some_and(|again| again.expose_secret() != new)
    {
        return Err(Problem::field(
            "new_password_confirm",
            "differs from the new password",
        ));
    }
    Ok(())
}
