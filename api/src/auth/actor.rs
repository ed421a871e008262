//! The signed-in person behind a request.
//!
//! A handler that takes an [`Actor`] cannot run without one: that is the whole guard against strangers, and the test
//! `every_route_is_guarded` walks all routes to see that it is there.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use chatops_schemas::{
    clock::Timestamp,
    event::ctl::Role,
    ids::{TokenId, UserId},
    scope::ScopeSet,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    cookie,
    csrf::{self, Origin},
    personal_token,
};
use crate::{
    access::{self, Action, Subject},
    code::Code,
    live::{close::Close, wire::End},
    peer::Peer,
    problem::Problem,
    state::Api,
    witness::{Denial, Known},
    written::By,
};

/// A signed-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// What their account allows.
    pub role: Role,
    /// How they proved it.
    pub credential: Credential,
    /// What the credential may be used for; `None`: for everything that the person may do.
    pub scopes: Option<ScopeSet>,
    /// When their credential ends.
    pub expires_at: Timestamp,
    /// Where this request came from.
    pub address: IpAddr,
}

/// How a request proves who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this session.
    Session(Uuid),
    /// A personal API token.
    Token(TokenId),
    /// Something else vouches for them, for this one request: a chat that is linked to the account, or a person with a shell on
    /// the machine of this program.
    Vouched,
}

impl Actor {
    /// As the authorisation sees them.
    pub fn subject(&self) -> Subject {
        Subject {
            scopes: self.scopes,
            ..Subject::of(self.user, self.role)
        }
    }

    /// Their session, if they have one.
    pub const fn session(&self) -> Option<Uuid> {
        match self.credential {
            Credential::Session(session) => Some(session),
            Credential::Token(_) | Credential::Vouched => None,
        }
    }

    /// The same person as they are now; `None` when their credential has ended.
    pub async fn still(&self, api: &Api) -> Result<Option<Self>, Problem> {
        match &self.credential {
            Credential::Session(_) => api.sessions().still(self).await,
            Credential::Token(token) => personal_token::still(api, self, token).await,
            Credential::Vouched => Ok(None),
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
            Bearer::Token(token) => by_bearer(api, token, peer.address).await?,
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

/// Who a bearer token speaks for, be it of a session or a personal one.
async fn by_bearer(api: &Api, token: &str, address: IpAddr) -> Result<Actor, Problem> {
    match token.starts_with(personal_token::PREFIX) {
        true => personal_token::actor(api, token, address).await,
        false => api.sessions().actor(token, address).await,
    }
}

/// A person with a session of their own: what a personal API token may never do (sign-in, passwords, other tokens).
#[derive(Debug, Clone)]
pub struct InPerson {
    /// Who.
    pub actor: Actor,
    /// Their session.
    pub session: Uuid,
}

impl FromRequestParts<Api> for InPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let actor = Actor::from_request_parts(parts, api).await?;
        match actor.session() {
            Some(session) => Ok(Self { actor, session }),
            None => Err(Problem::new(Code::InPersonOnly).denied(Denial {
                action: "sign_in_settings",
                target_kind: "user",
                target: actor.user.to_string(),
                reason: "token",
            })),
        }
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
        let actor = self.person(api, token).await?;
        access::may(&actor, Action::SeeFleet).map_err(|problem| refused(&problem))?;
        Ok(actor)
    }

    /// The same for a socket of another kind: who it is, whatever they may do, as long as their credential is for this.
    pub async fn actor_for(
        self,
        api: &Api,
        token: Option<&SecretString>,
        action: Action,
    ) -> Result<Actor, End> {
        let actor = self.person(api, token).await?;
        match actor.subject().may_use(action.scope()) {
            true => Ok(actor),
            false => Err(Close::Forbidden.into()),
        }
    }

    async fn person(self, api: &Api, token: Option<&SecretString>) -> Result<Actor, End> {
        let token = match (token, &self.cookie) {
            (Some(token), _) => token,
            (None, Some(_)) if self.origin != Origin::Own => return Err(Close::Forbidden.into()),
            (None, Some(cookie)) => cookie,
            (None, None) => return Err(Close::Unauthenticated.into()),
        };
        by_bearer(api, token.expose_secret(), self.address)
            .await
            .map_err(|problem| refused(&problem))
    }
}

/// How a socket ends for somebody who does not come in.
fn refused(problem: &Problem) -> End {
    match problem.code() {
        Code::NotSignedIn | Code::Deactivated => Close::Unauthenticated.into(),
        Code::Forbidden => Close::Forbidden.into(),
        _ => Close::TryLater.into(),
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
