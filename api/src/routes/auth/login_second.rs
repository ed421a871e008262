//! `POST /auth/login/second`: the second step of a sign-in that asks for one.

use axum::{extract::State, response::Response};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{
        second_factor::{self, Shown},
        session::Opening,
    },
    body::session::Session,
    extract::Body,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// The ticket of the first step, and one of the two codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStepRequest {
    /// From the answer to `POST /auth/login`.
    #[schema(value_type = String)]
    ticket: SecretString,
    /// Of the authenticator app.
    #[schema(value_type = Option<String>, example = "287082")]
    code: Option<SecretString>,
    /// One of those that were shown when the second factor was turned on.
    #[schema(value_type = Option<String>, example = "abcd-efgh-ijkl-mnop")]
    recovery_code: Option<SecretString>,
}

/// Sign in: second step
#[utoipa::path(post, path = "/auth/login/second", tag = "Auth", operation_id = "auth_login_second", security(()),
    request_body = SecondStepRequest,
    responses(
        (status = 200, description = "signed in, the way that the first step asked for", body = Session),
        (status = 401, description = "CO1012: start again", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1011 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 429, description = "CO1005, see Retry-After", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    Body(request): Body<SecondStepRequest>,
) -> Result<Response, Problem> {
    let shown = match (request.code, request.recovery_code) {
        (Some(code), None) => Shown::Code(code),
        (None, Some(code)) => Shown::Recovery(code),
        _ => {
            return Err(Problem::field(
                "code",
                "give this or recovery_code, not both",
            ));
        }
    };
    second_factor::after_ticket(&api, &peer, &request.ticket, shown, &opening).await
}
