//! The signed-in person behind a request.
//!
//! A handler that takes an [`Actor`] cannot run without one: that is the whole guard against strangers, and the test
//! `every_route_is_guarded` walks all routes to see that it is there.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use chatops_schemas::{clock::Timestamp, event::ctl::Role, ids::UserId};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    cookie,
    csrf::{self, Origin},
};
use crate::{
    access::Subject,
    code::Code,
    live::{close::Close, wire::End},
    peer::Peer,
    problem::Problem,
    state::Api,
    witness::Known,
    written::By,
};

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// What their account allows.
    pub role: Role,
    /// Their session.
    pub session: Uuid,
    /// When their access token ends.
    pub expires_at: Timestamp,
    /// Where this request came from.
    pub address: IpAddr,
}

impl Actor {
    /// As the authorisation sees them.
    pub fn subject(&self) -> Subject {
        Subject {
            user: self.user,
            role: self.role,
        }
    }

    /// As events name them.
    pub fn by(&self) -> By {
        By::user(self.user, self.address)
    }
}

impl FromRequestParts<Api> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let peer = Peer::of(api, parts);
        let actor = match bearer(&parts.headers) {
            Bearer::Token(token) => api.sessions().actor(token, peer.address).await?,
            Bearer::Other => return Err(Problem::new(Code::NotSignedIn)),
            Bearer::Absent => {
                let token = cookie::read(&parts.headers, cookie::ACCESS)
                    .ok_or(Problem::new(Code::NotSignedIn))?;
                let actor = api.sessions().actor(&token, peer.address).await?;
                if !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
                    peer.must_be_own_pages()?;
                }
                actor
            }
        };
        if let Some(known) = parts.extensions.get::<Known>() {
            known.is(actor.by());
        }
        tracing::Span::current().record("user.id", tracing::field::display(actor.user));
        Ok(actor)
    }
}

enum Bearer<'a> {
    Token(&'a str),
    Other,
    Absent,
}

fn bearer(headers: &HeaderMap) -> Bearer<'_> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Bearer::Absent;
    };
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Bearer::Token(token.trim())
        }
        _ => Bearer::Other,
    }
}

/// What a WebSocket request brought along; who it is may only be known after its first message.
#[derive(Debug)]
pub struct Arrival {
    cookie: Option<SecretString>,
    origin: Origin,
    address: IpAddr,
}

impl FromRequestParts<Api> for Arrival {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let peer = Peer::of(api, parts);
        Ok(Self {
            cookie: cookie::read(&parts.headers, cookie::ACCESS).map(SecretString::from),
            origin: csrf::origin(&parts.headers, peer.host.as_deref()),
            address: peer.address,
        })
    }
}

impl Arrival {
    /// Who it is: by the token of the first message, else by the cookie. A cookie counts only from our own pages:
    /// browsers let any page open a WebSocket to us and send the cookies along.
    pub async fn actor(self, api: &Api, token: Option<&SecretString>) -> Result<Actor, End> {
        let token = match (token, &self.cookie) {
            (Some(token), _) => token,
            (None, Some(_)) if self.origin != Origin::Own => return Err(Close::Forbidden.into()),
            (None, Some(cookie)) => cookie,
            (None, None) => return Err(Close::Unauthenticated.into()),
        };
        api.sessions()
            .actor(token.expose_secret(), self.address)
            .await
            .map_err(|problem| match problem.code() {
                Code::NotSignedIn => Close::Unauthenticated.into(),
                _ => Close::TryLater.into(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_scheme_is_not_an_absent_one() {
        let with =
            |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert!(matches!(bearer(&HeaderMap::new()), Bearer::Absent));
        assert!(matches!(
            bearer(&with("Bearer a.b.c")),
            Bearer::Token("a.b.c")
        ));
        assert!(matches!(
            bearer(&with("bearer  a.b.c ")),
            Bearer::Token("a.b.c")
        ));
        for other in ["Basic YTpi", "Bearer", "a.b.c"] {
            assert!(matches!(bearer(&with(other)), Bearer::Other), "{other}");
        }
    }
}
