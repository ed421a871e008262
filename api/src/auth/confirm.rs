//! A person who is signed in proves again that it is them, before something that a borrowed browser must not be able to do.

use chatops_projections::view;
use secrecy::{ExposeSecret, SecretString};

use super::{actor::Actor, guess::Guess, password::Verdict, strength};
use crate::{code::Code, peer::Peer, problem::Problem, state::Api};

/// Checks the person's password; `field` is what the request calls it.
pub async fn password(
    api: &Api,
    actor: &Actor,
    peer: &Peer,
    field: &'static str,
    password: SecretString,
) -> Result<view::User, Problem> {
    let wrong = || Problem::new(Code::WrongPassword).and_field(field, "is wrong");
    let user = api
        .store()
        .user(actor.user)
        .await?
        .ok_or(Problem::new(Code::NotSignedIn))?;
    if password.expose_secret().len() > strength::MAX_BYTES {
        return Err(wrong());
    }
    let phc = api
        .store()
        .password(user.id)
        .await?
        .ok_or(Problem::new(Code::NoPassword))?;
    let guess = Guess::charge(api, peer, Some(&user), "").await?;
    if api.passwords().verify(Some(phc), password).await? == Verdict::Wrong {
        return Err(wrong());
    }
    guess.was_right(api);
    Ok(user)
}

/// [`password`] for an account that has one. One without has nothing to prove it with but its session.
pub async fn password_if_any(
    api: &Api,
    actor: &Actor,
    peer: &Peer,
    given: Option<SecretString>,
) -> Result<view::User, Problem> {
    if api.store().password(actor.user).await?.is_some() {
        let given = given.ok_or_else(|| Problem::field("password", "is needed"))?;
        return password(api, actor, peer, "password", given).await;
    }
    api.store()
        .user(actor.user)
        .await?
        .ok_or(Problem::new(Code::NotSignedIn))
}
