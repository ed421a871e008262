//! `/auth/totp`: codes of an authenticator app as a second factor of one's own sign-in.

use axum::{Json, extract::State, http::StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{actor::InPerson, confirm, guess::Guess, second_factor, totp},
    code::Code,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// Proof that it is you.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// Your password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// Six digits.
    #[schema(value_type = String, example = "287082")]
    code: SecretString,
}

/// What the authenticator app needs to know.
#[derive(Serialize, ToSchema)]
pub struct Authenticator {
    /// To type into the app: base32.
    secret: String,
    /// To show as a QR code.
    #[schema(example = "otpauth://totp/ChatOps%20ops.example%3Aada?secret=…")]
    uri: String,
}

/// Codes for the day the authenticator is lost.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each signs in once, in place of a code of the app. Copy them now: they cannot be shown again.
    #[schema(example = json!(["abcd-efgh-ijkl-mnop"]))]
    recovery_codes: Vec<String>,
}

/// Begin a second factor
///
/// Nothing changes until a first code is confirmed.
#[utoipa::path(post, path = "/auth/totp", tag = "Auth", operation_id = "auth_totp_begin",
    request_body = ConfirmRequest,
    responses(
        (status = 200, description = "for the authenticator app", body = Authenticator),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1013 or CO1015", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1016", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn begin(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<ConfirmRequest>,
) -> Result<Json<Authenticator>, Problem> {
    let user = confirm::password(&api, &actor, &peer, "password", request.password).await?;
    let seed = second_factor::begin(&api, user.id).await?;
    let host = peer.host.as_deref().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    Ok(Json(Authenticator {
        uri: totp::uri(seed.expose_secret(), host, &user.username),
        secret: totp::text(seed.expose_secret()),
    }))
}

/// Turn the second factor on
#[utoipa::path(post, path = "/auth/totp/confirm", tag = "Auth", operation_id = "auth_totp_confirm",
    request_body = CodeRequest,
    responses(
        (status = 200, description = "on; these codes are shown once", body = RecoveryCodes),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1011, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1013 or CO1014", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn confirm(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<CodeRequest>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let user = api
        .store()
        .user(actor.user)
        .await?
        .ok_or(Problem::new(Code::NotSignedIn))?;
    let guess = Guess::charge_code(&api, &peer, &user).await?;
    let recovery_codes = second_factor::confirm(&api, &actor.by(), user.id, &request.code).await?;
    guess.was_right(&api);
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Turn the second factor off
#[utoipa::path(delete, path = "/auth/totp", tag = "Auth", operation_id = "auth_totp_remove",
    request_body = ConfirmRequest,
    responses(
        (status = 204, description = "off"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1014 or CO1015", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn remove(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<ConfirmRequest>,
) -> Result<StatusCode, Problem> {
    let user = confirm::password(&api, &actor, &peer, "password", request.password).await?;
    match second_factor::remove(&api, &actor.by(), user.id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Code::NoSecondFactor)),
    }
}

/// Make fresh recovery codes
///
/// Earlier ones stop working.
#[utoipa::path(post, path = "/auth/totp/recovery-codes", tag = "Auth", operation_id = "auth_totp_recovery_codes",
    request_body = ConfirmRequest,
    responses(
        (status = 200, description = "shown once", body = RecoveryCodes),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1008, CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1014 or CO1015", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn renew_codes(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    peer: Peer,
    Body(request): Body<ConfirmRequest>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let user = confirm::password(&api, &actor, &peer, "password", request.password).await?;
    let recovery_codes = second_factor::renew_codes(&api, &actor.by(), user.id).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}
