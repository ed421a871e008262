//! The first owner.
//!
//! While there is no account, the first one to register becomes the owner, but only with a one-time token that the server
//! printed in its terminal: a stranger who is faster does not have it. The vault keeps its digest. That there is only one
//! first owner is decided by the stream: "the founder" is a name that can be claimed once.

use chatops_schemas::ids::UserId;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::{
    name,
    secret::{self, Digest},
};
use crate::{problem::Problem, state::Api, written::By};

/// Name in the vault.
const SECRET: &str = "setup_token";
/// Under which guesses of the token are counted.
pub const ACCOUNT: &str = "set-up token";

/// Makes a fresh token that replaces the one before; `None` when there is an account already.
pub async fn fresh_token(api: &Api) -> Result<Option<SecretString>, Problem> {
    if !api.setup_required().await? {
        return Ok(None);
    }
    let token = secret::token()?;
    let digest = Digest::of(token.expose_secret());
    api.store()
        .put_secret(SECRET, &SecretSlice::from(digest.bytes().to_vec()))
        .await?;
    Ok(Some(token))
}

/// Whether this is the token. Takes the same time for every wrong one.
pub async fn token_matches(api: &Api, token: Option<&SecretString>) -> Result<bool, Problem> {
    let Some(stored) = api.store().secret(SECRET).await? else {
        return Ok(false);
    };
    Ok(token.is_some_and(|token| {
        Digest::of(token.expose_secret().trim()).matches(stored.expose_secret())
    }))
}

/// Claims to be the first. False: somebody else was.
pub async fn claim(api: &Api, by: &By, user: UserId) -> Result<bool, Problem> {
    name::claim(api, by, name::FOUNDER, user).await
}

/// Gives the claim back when the account could not be made.
pub async fn release(api: &Api, by: &By, user: UserId) {
    name::release(api, by, name::FOUNDER, user).await;
}

/// The owner is there: the token is of no use any more.
pub async fn done(api: &Api) -> Result<(), Problem> {
    api.store().forget_secret(SECRET).await?;
    Ok(())
}
