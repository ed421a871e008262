//! Coming in and going out, with a witness: every way to sign in ends here, and so does every session.
//!
//! A sign-in is only answered once its event is stored; failures are noted in the background. The end of a session is
//! stored at once when that is possible: from its event every API process learns that live sockets have to close.

use axum::{http::StatusCode, response::Response};
use chatops_projections::view;
use chatops_schemas::{
    event::access::{SessionEnded, SignInFailed, SignedIn, SignedOut},
    ids::UserId,
};
use data_encoding::HEXLOWER;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    secret::Digest,
    session::{Opening, Renewal},
};
use crate::{
    body::session::{Keep, Method},
    code::Code,
    peer::Peer,
    problem::Problem,
    state::Api,
    witness,
    written::By,
};

/// Signs a person in.
pub async fn open(
    api: &Api,
    user: view::User,
    method: Method,
    opening: &Opening,
    keep: Keep,
    status: StatusCode,
) -> Result<Response, Problem> {
    if !user.active {
        failed(
            api,
            opening.peer(),
            Some(user.id),
            None,
            method,
            "deactivated",
        );
        return Err(Problem::new(Code::Deactivated));
    }
    let session = api.ids().next();
    let by = By::user(user.id, opening.peer().address);
    let seen = SignedIn {
        user: user.id,
        session,
        method: method.into(),
    };
    witness::must(api, &by, seen).await?;
    api.sessions()
        .open(user, session, method, opening, keep, status)
        .await
}

/// Exchanges a refresh token; the second use of one ends its session.
pub async fn renew(
    api: &Api,
    old: &SecretString,
    from: Keep,
    opening: &Opening,
    keep: Keep,
) -> Result<Response, Problem> {
    match api.sessions().renew(old, from, opening, keep).await? {
        Renewal::Renewed(response) => Ok(*response),
        Renewal::Reused { user, session } => {
            let by = By::stranger(opening.peer().address);
            ended(api, &by, user, [session], "reuse").await;
            Err(Problem::new(Code::SessionEnded)
                .detail("The token was used before; the session is ended."))
        }
    }
}

/// Somebody did not get in. `name`: what they gave, where that is a name.
pub fn failed(
    api: &Api,
    peer: &Peer,
    user: Option<UserId>,
    name: Option<&str>,
    method: Method,
    reason: &'static str,
) {
    metrics::counter!("chatops_api_failed_logins_total").increment(1);
    let seen = SignInFailed {
        user,
        name_digest: name.map(|name| HEXLOWER.encode(&Digest::of(name).bytes())),
        method: method.into(),
        reason: reason.to_owned(),
    };
    witness::note(api, &By::stranger(peer.address), seen);
}

/// Somebody signed out of a session. Its live sockets close, in every process.
pub async fn left(api: &Api, by: &By, user: UserId, session: Uuid) {
    api.hub().recheck(user);
    witness::soon(api, by, SignedOut { user, session }).await;
}

/// Sessions were ended by something else than signing out. Their live sockets close, in every process.
pub async fn ended(
    api: &Api,
    by: &By,
    user: UserId,
    sessions: impl IntoIterator<Item = Uuid>,
    reason: &'static str,
) {
    api.hub().recheck(user);
    for session in sessions {
        let seen = SessionEnded {
            user,
            session,
            reason: reason.to_owned(),
        };
        witness::soon(api, by, seen).await;
    }
}
