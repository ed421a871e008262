//! What somebody with a shell on the server does for a person who cannot get in, or for one whose browser was stolen
//! (`chatops admin`): a new password, no second factor, no sessions.
//!
//! Runs beside the servers, in a process that ends at once: what was seen is stored before it says that it is done.

use chatops_projections::view;
use chatops_schemas::{
    event::{access::SessionEnded, credential, ctl::UserPasswordChanged},
    ids::UserId,
};
use secrecy::SecretString;

use super::{second_factor, secret};
use crate::{
    problem::Problem,
    state::Api,
    witness,
    written::{self, By},
};

/// Replaces the password by a random one and ends all sessions; `None` when nobody has this name or address.
pub async fn password(api: &Api, login: &str) -> Result<Option<SecretString>, Problem> {
    let Some(user) = api.store().user_by_login(login).await? else {
        return Ok(None);
    };
    let fresh = secret::token()?;
    let phc = api.passwords().hash(fresh.clone()).await?;
    let now = api.clock().now();
    api.store().set_password(user.id, &phc.into(), now).await?;
    end_all(api, &user, "password_changed").await?;
    changed(api, &By::system(), user.id).await?;
    Ok(Some(fresh))
}

/// Tells everybody that a password is another one now: it is in the vault already.
pub async fn changed(api: &Api, by: &By, user: UserId) -> Result<(), Problem> {
    written::to_user(api, by, user, UserPasswordChanged { user }).await
}

/// Ends all sessions of a person; how many, `None` when nobody has this name or address.
pub async fn sessions(api: &Api, login: &str) -> Result<Option<usize>, Problem> {
    let Some(user) = api.store().user_by_login(login).await? else {
        return Ok(None);
    };
    let ended = end_all(api, &user, "revoked").await?;
    told(api, &By::system(), user.id).await?;
    Ok(Some(ended))
}

/// Tells everybody that sessions of a person have ended: the vault knows which.
pub async fn told(api: &Api, by: &By, user: UserId) -> Result<(), Problem> {
    written::to_user(api, by, user, credential::SessionsEnded { user }).await
}

/// Sign-ins of a person ask for no code any more; whether they did, `None` when nobody has this name or address.
pub async fn second_factor(api: &Api, login: &str) -> Result<Option<bool>, Problem> {
    match api.store().user_by_login(login).await? {
        Some(user) => Ok(Some(
            second_factor::remove(api, &By::system(), user.id).await?,
        )),
        None => Ok(None),
    }
}

async fn end_all(api: &Api, user: &view::User, reason: &'static str) -> Result<usize, Problem> {
    let ended = api.sessions().end_all(user.id, None).await?;
    for session in &ended {
        let seen = SessionEnded {
            user: user.id,
            session: *session,
            reason: reason.to_owned(),
        };
        witness::must(api, &By::system(), seen).await?;
    }
    Ok(ended.len())
}
