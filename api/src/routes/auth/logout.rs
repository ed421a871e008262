//! `POST /auth/logout`: ends the session. Works with whatever is left of it, and always succeeds: who is signed out
//! already is signed out.

use std::net::IpAddr;

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{actor::Actor, cookie, door},
    code::Code,
    extract::OptionalBody,
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
    written::By,
};

/// Nothing is needed when the access token still works.
#[derive(Deserialize, ToSchema)]
pub struct LogoutRequest {
    /// Ends the session of this token.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// What a request to leave brings along.
pub struct Leaving {
    actor: Option<Actor>,
    refresh: Option<SecretString>,
    address: IpAddr,
    https: bool,
}

impl FromRequestParts<Api> for Leaving {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let actor = match Actor::from_request_parts(parts, api).await {
            Ok(actor) => Some(actor),
            Err(problem) if problem.code() == Code::NotSignedIn => None,
            Err(problem) => return Err(problem),
        };
        let peer = Peer::of(api, parts);
        let refresh = cookie::read(&parts.headers, cookie::REFRESH).map(SecretString::from);
        if refresh.is_some() {
            peer.must_be_own_pages()?;
        }
        Ok(Self {
            actor,
            refresh,
            address: peer.address,
            https: peer.https,
        })
    }
}

/// Sign out
#[utoipa::path(post, path = "/auth/logout", tag = "Auth", operation_id = "auth_logout",
    security((), ("bearer" = []), ("cookie" = [])),
    request_body = Option<LogoutRequest>,
    responses(
        (status = 204, description = "the session has ended"),
        (status = 403, description = "CO1004", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    leaving: Leaving,
    OptionalBody(request): OptionalBody<LogoutRequest>,
) -> Result<Response, Problem> {
    if let Some(actor) = &leaving.actor
        && let Some(session) = actor.session()
        && api.sessions().end(actor.user, session).await?
    {
        door::left(&api, &actor.by(), actor.user, session).await;
    }
    for token in request
        .and_then(|request| request.refresh_token)
        .iter()
        .chain(&leaving.refresh)
    {
        if let Some((user, session)) = api.sessions().end_of(token).await? {
            let by = By::user(user, leaving.address);
            door::left(&api, &by, user, session).await;
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie::attach(response.headers_mut(), cookie::clear(leaving.https));
    Ok(response)
}
