//! `POST /auth/refresh`: exchanges a refresh token for a fresh pair. Each token works once; using one twice ends the session.

use axum::{extract::State, http::HeaderMap, response::Response};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{cookie, door, session::Opening},
    body::session::{Keep, Session},
    code::Code,
    extract::OptionalBody,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
};

/// What to exchange; nothing for the cookie.
#[derive(Deserialize, ToSchema)]
pub struct RefreshRequest {
    /// The token of the last answer; the cookie is used without one.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    /// Where the tokens go; where the old one came from when absent.
    #[schema(inline)]
    session: Option<Keep>,
}

/// Renew the session
#[utoipa::path(post, path = "/auth/refresh", tag = "Auth", operation_id = "auth_refresh", security(()),
    request_body = Option<RefreshRequest>,
    responses(
        (status = 200, description = "signed in", body = Session),
        (status = 401, description = "CO1003: sign in again", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1004", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    peer: Peer,
    opening: Opening,
    headers: HeaderMap,
    OptionalBody(request): OptionalBody<RefreshRequest>,
) -> Result<Response, Problem> {
    let (given, keep) = request.map_or((None, None), |request| {
        (request.refresh_token, request.session)
    });
    let (token, from) = match given {
        Some(token) => (token, Keep::Token),
        None => {
            let cookie =
                cookie::read(&headers, cookie::REFRESH).ok_or(Problem::new(Code::SessionEnded))?;
            (SecretString::from(cookie), Keep::Cookie)
        }
    };
    let keep = keep.unwrap_or(from);
    // Also when only the old one is a cookie: another site must not be able to use it up.
    peer.may_receive_cookies(from)?;
    peer.may_receive_cookies(keep)?;
    if from == Keep::Cookie && keep == Keep::Token {
        return Err(Problem::field(
            "session",
            "a session in cookies stays in cookies: scripts must not get its tokens",
        ));
    }
    door::renew(&api, &token, from, &opening, keep).await
}
