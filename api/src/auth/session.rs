//! Sessions: a refresh token that works once, exchanged for the next one, and access tokens that live as long as the
//! session does.
//!
//! The vault keeps digests only. Using a refresh token a second time means that two parties hold it: the whole session
//! ends for both (tabs of one browser, which share a cookie, may ask at the same moment). Whether a session still lives
//! is remembered for a second, so that a page full of charts does not ask the database each time; ending a session takes
//! effect at once in this process, in others within that second. Open sockets are closed in all of them by the event of the
//! end ([`super::door`]).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chatops_projections::{Store, view};
use chatops_schemas::{
    clock::{Clock, Timestamp},
    ids::UserId,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{
    actor::{Actor, Credential},
    cookie,
    secret::{self, Digest},
    token::Tokens,
};
use crate::{
    body::session::{Keep, Method, Session},
    code::Code,
    peer::Peer,
    problem::Problem,
    state::Api,
};

/// Tabs of a browser share a cookie and find at the same moment that it has to be renewed. For so long the second one
/// is not a thief. Programs keep their tokens to themselves: for them a second use always ends the session.
const TABS: Duration = Duration::from_secs(2);
/// How long a session is believed to live without asking, in microseconds.
const BELIEVED: i64 = 1_000_000;
const MAX_REMEMBERED: usize = 20_000;

/// What a session is opened or renewed from.
#[derive(Debug, Clone)]
pub struct Opening {
    peer: Peer,
    user_agent: Option<String>,
}

impl FromRequestParts<Api> for Opening {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            peer: Peer::of(api, parts),
            user_agent: agent.map(str::to_owned),
        })
    }
}

impl Opening {
    /// Where it comes from.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// What became of a refresh token.
#[derive(Debug)]
pub enum Renewal {
    /// It was exchanged; this is the answer.
    Renewed(Box<Response>),
    /// Two parties hold it: the session has ended for both.
    Reused {
        /// Whose.
        user: UserId,
        /// Which.
        session: Uuid,
    },
}

/// Opens, renews, ends and looks up sessions.
#[derive(Debug)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
    tokens: Tokens,
    refresh_ttl: Duration,
    /// Session → the person and when that was looked up.
    alive: Mutex<HashMap<Uuid, (view::User, Timestamp)>>,
}

impl Sessions {
    /// With these.
    pub fn new(store: Store, clock: Arc<dyn Clock>, tokens: Tokens, refresh_ttl: Duration) -> Self {
        Self {
            store,
            clock,
            tokens,
            refresh_ttl,
            alive: Mutex::default(),
        }
    }

    /// Signs a person in.
    pub async fn open(
        &self,
        user: view::User,
        family: Uuid,
        method: Method,
        opening: &Opening,
        keep: Keep,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let token = secret::token()?;
        let refresh = view::Refresh {
            method: method.as_str().to_owned(),
            ..self.refresh(&token, family, user.id, opening)
        };
        self.store.put_refresh(&refresh).await?;
        self.answer(user, family, &token, opening, keep, status)
    }

    /// Exchanges a refresh token that came in this way.
    pub async fn renew(
        &self,
        old: &SecretString,
        from: Keep,
        opening: &Opening,
        keep: Keep,
    ) -> Result<Renewal, Problem> {
        let token = secret::token()?;
        // Family, person and method are those of the old token.
        let new = self.refresh(&token, Uuid::nil(), UserId(Uuid::nil()), opening);
        let old = Digest::of(old.expose_secret());
        let grace = match from {
            Keep::Cookie => TABS,
            Keep::Token => Duration::ZERO,
        };
        let (user, family) = match self.store.rotate_refresh(old.bytes(), &new, grace).await? {
            view::Rotation::Rotated { user, family } => (user, family),
            view::Rotation::Reused { user, family } => {
                self.forget(family);
                metrics::counter!("chatops_api_refresh_reuse_total").increment(1);
                tracing::warn!(user.id = %user, "a refresh token was used twice: its session is ended");
                return Ok(Renewal::Reused {
                    user,
                    session: family,
                });
            }
            view::Rotation::Refused => return Err(Problem::new(Code::SessionEnded)),
        };
        let user = self
            .store
            .user(user)
            .await?
            .filter(|user| user.active)
            .ok_or(Problem::new(Code::SessionEnded))?;
        let response = self.answer(user, family, &token, opening, keep, StatusCode::OK)?;
        Ok(Renewal::Renewed(Box::new(response)))
    }

    fn refresh(
        &self,
        token: &SecretString,
        family: Uuid,
        user: UserId,
        opening: &Opening,
    ) -> view::Refresh {
        let now = self.clock.now();
        let ttl = i64::try_from(self.refresh_ttl.as_micros()).unwrap_or(i64::MAX);
        view::Refresh {
            token_sha256: Digest::of(token.expose_secret()).bytes(),
            family,
            user,
            issued_at: now,
            expires_at: now.plus_micros(ttl),
            user_agent: opening.user_agent.clone(),
            address: Some(opening.peer.address.to_canonical().to_string()),
            method: String::new(),
        }
    }

    fn answer(
        &self,
        user: view::User,
        family: Uuid,
        refresh: &SecretString,
        opening: &Opening,
        keep: Keep,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let access = self.tokens.issue(user.id, family, self.clock.now())?;
        let (in_body, cookies) = match keep {
            Keep::Token => (
                Some((access, refresh.expose_secret().to_owned())),
                Vec::new(),
            ),
            Keep::Cookie => {
                let (access_s, refresh_s) = (self.tokens.ttl_s(), self.refresh_ttl.as_secs());
                (
                    None,
                    cookie::set(
                        &access,
                        refresh.expose_secret(),
                        access_s,
                        refresh_s,
                        opening.peer.https,
                    ),
                )
            }
        };
        let (access_token, refresh_token) = in_body.unzip();
        let session = Session {
            user: user.into(),
            access_token,
            refresh_token,
            token_type: "bearer",
            expires_in: self.tokens.ttl_s(),
        };
        let mut response = (status, Json(session)).into_response();
        cookie::attach(response.headers_mut(), cookies);
        Ok(response)
    }

    /// Who an access token speaks for, when it comes from this address.
    pub async fn actor(&self, token: &str, address: IpAddr) -> Result<Actor, Problem> {
        let now = self.clock.now();
        let claims = self
            .tokens
            .verify(token, now)
            .map_err(|_| Problem::new(Code::NotSignedIn))?;
        let user = self
            .living(claims.sid, claims.sub, now)
            .await?
            .ok_or(Problem::new(Code::NotSignedIn))?;
        let expires_at = Timestamp::from_millis(claims.exp.saturating_mul(1000));
        Ok(Actor {
            user: user.id,
            role: user.role,
            credential: Credential::Session(claims.sid),
            scopes: None,
            expires_at,
            address,
        })
    }

    /// The same person as they are now; `None` when their session has ended.
    pub async fn still(&self, actor: &Actor) -> Result<Option<Actor>, Problem> {
        let Some(session) = actor.session() else {
            return Ok(None);
        };
        self.forget(session);
        let user = self.living(session, actor.user, self.clock.now()).await?;
        Ok(user.map(|user| Actor {
            role: user.role,
            ..actor.clone()
        }))
    }

    async fn living(
        &self,
        session: Uuid,
        user: UserId,
        now: Timestamp,
    ) -> Result<Option<view::User>, Problem> {
        if let Some(known) = self.remembered(session, now) {
            return Ok(Some(known).filter(|known| known.id == user));
        }
        if !self.store.session_alive(session, now).await? {
            return Ok(None);
        }
        let found = self.store.user(user).await?.filter(|user| user.active);
        if let Some(found) = &found {
            let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
            if alive.len() >= MAX_REMEMBERED {
                alive.retain(|_, (_, at)| now.micros_since(*at) < BELIEVED);
            }
            if alive.len() < MAX_REMEMBERED {
                alive.insert(session, (found.clone(), now));
            }
        }
        Ok(found)
    }

    fn remembered(&self, session: Uuid, now: Timestamp) -> Option<view::User> {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let (user, at) = alive.get(&session)?;
        (0..BELIEVED)
            .contains(&now.micros_since(*at))
            .then(|| user.clone())
    }

    fn forget(&self, session: Uuid) {
        self.alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&session);
    }

    /// Sessions of a person that are still good.
    pub async fn of(&self, user: UserId) -> Result<Vec<view::Session>, Problem> {
        Ok(self.store.sessions(user, self.clock.now()).await?)
    }

    /// Ends one session of a person; whether there was one.
    pub async fn end(&self, user: UserId, session: Uuid) -> Result<bool, Problem> {
        let ended = self
            .store
            .end_sessions(user, Some(session), None, self.clock.now())
            .await?;
        self.forget(session);
        Ok(!ended.is_empty())
    }

    /// Ends the session of a refresh token; whose and which, if it was going on.
    pub async fn end_of(&self, refresh: &SecretString) -> Result<Option<(UserId, Uuid)>, Problem> {
        let digest = Digest::of(refresh.expose_secret());
        let ended = self
            .store
            .end_session_of(digest.bytes(), self.clock.now())
            .await?;
        if let Some((_, session)) = ended {
            self.forget(session);
        }
        Ok(ended)
    }

    /// Ends all sessions of a person, but not `except`; which ones.
    pub async fn end_all(&self, user: UserId, except: Option<Uuid>) -> Result<Vec<Uuid>, Problem> {
        let ended = self
            .store
            .end_sessions(user, None, except, self.clock.now())
            .await?;
        self.forget_all_of(user);
        Ok(ended)
    }

    /// Forgets what is remembered of a person: their account changed.
    pub fn forget_all_of(&self, user: UserId) {
        self.alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, (known, _)| known.id != user);
    }
}
