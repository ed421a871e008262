//! The second step of a sign-in: a code of the person's authenticator app, or one of the recovery codes for the day it is
//! lost. A code works once, a recovery code too.
//!
//! Between the two steps the vault remembers, under the digest of a ticket, whose password was right. A ticket is good for
//! five minutes and five tries. Tries are counted apart from guesses at the password: whoever knows the password must not be
//! able to reset them.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chatops_projections::view::{self, Ceremony};
use chatops_schemas::{
    event::credential::{RecoveryCodesMade, SecondFactorDisabled, SecondFactorEnabled},
    ids::UserId,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    door,
    guess::Guess,
    secret::{self, Digest},
    session::Opening,
    totp,
};
use crate::{
    body::session::{Keep, Method, SecondFactor, SecondFactorMethod, SecondFactorNeeded},
    code::Code,
    peer::Peer,
    problem::Problem,
    state::Api,
    written::{self, By},
};

const KIND: &str = "second_factor";
const LIFE_MS: i64 = 5 * 60_000;
const TRIES: u32 = 5;
/// Recovery codes of a person.
const CODES: usize = 10;

#[derive(Serialize, Deserialize)]
struct State {
    cookie: bool,
}

/// What a person shows as their second factor.
#[derive(Debug)]
pub enum Shown {
    /// Of the authenticator app.
    Code(SecretString),
    /// One of the recovery codes.
    Recovery(SecretString),
}

/// The answer to a right password: signed in, or asked for the second factor.
pub async fn after_password(
    api: &Api,
    user: view::User,
    opening: &Opening,
    keep: Keep,
) -> Result<Response, Problem> {
    let asked = api.store().totp(user.id).await?;
    if !asked.is_some_and(|totp| totp.confirmed) {
        return door::open(api, user, Method::Password, opening, keep, StatusCode::OK).await;
    }
    let ticket = secret::token()?;
    let state = State {
        cookie: keep == Keep::Cookie,
    };
    let ceremony = Ceremony {
        kind: KIND,
        user: Some(user.id),
        state: serde_json::to_vec(&state).map_err(|error| Problem::internal(&error))?,
        expires_at: api.clock().now().plus_millis(LIFE_MS),
    };
    let digest = Digest::of(ticket.expose_secret());
    api.store().put_ceremony(digest.bytes(), &ceremony).await?;
    let mut methods = vec![SecondFactorMethod::Totp];
    if api.store().recovery_left(user.id).await? > 0 {
        methods.push(SecondFactorMethod::RecoveryCode);
    }
    if !api.store().passkey_ids(user.id).await?.is_empty() {
        methods.push(SecondFactorMethod::Passkey);
    }
    let needed = SecondFactorNeeded {
        second_factor: SecondFactor {
            ticket: ticket.expose_secret().to_owned(),
            methods,
            expires_in: LIFE_MS.unsigned_abs() / 1000,
        },
    };
    Ok(axum::Json(needed).into_response())
}

/// The second step.
pub async fn after_ticket(
    api: &Api,
    peer: &Peer,
    ticket: &SecretString,
    shown: Shown,
    opening: &Opening,
) -> Result<Response, Problem> {
    let ended = || Problem::new(Code::StartAgain);
    let now = api.clock().now();
    let digest = Digest::of(ticket.expose_secret()).bytes();
    let ceremony = api
        .store()
        .try_ceremony(digest, KIND, TRIES, now)
        .await?
        .ok_or_else(ended)?;
    let state: State = serde_json::from_slice(&ceremony.state).map_err(|_| ended())?;
    let keep = match state.cookie {
        true => Keep::Cookie,
        false => Keep::Token,
    };
    peer.may_receive_cookies(keep)?;
    let user = match ceremony.user {
        Some(user) => api.store().user(user).await?,
        None => None,
    };
    let user = user.ok_or_else(ended)?;
    let method = match shown {
        Shown::Code(_) => Method::PasswordTotp,
        Shown::Recovery(_) => Method::RecoveryCode,
    };
    let failed = |reason| door::failed(api, peer, Some(user.id), None, method, reason);
    let guess = Guess::charge_code(api, peer, &user)
        .await
        .inspect_err(|_| failed("throttled"))?;
    if !is_right(api, user.id, &shown).await? {
        failed("wrong_code");
        return Err(Problem::new(Code::WrongCode));
    }
    guess.was_right(api);
    if !api.store().end_ceremony(digest).await? {
        return Err(ended());
    }
    door::open(api, user, method, opening, keep, StatusCode::OK).await
}

/// Whether the person has this, using it up.
async fn is_right(api: &Api, user: UserId, shown: &Shown) -> Result<bool, Problem> {
    match shown {
        Shown::Code(code) => use_code(api, user, code, true).await,
        Shown::Recovery(code) => {
            let code = Digest::of(&bare(code.expose_secret()));
            Ok(api.store().use_recovery(user, code.bytes()).await?)
        }
    }
}

/// A recovery code without what people put between its letters.
fn bare(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether this is a code of the person's authenticator that was not used before; it is used up then.
async fn use_code(
    api: &Api,
    user: UserId,
    code: &SecretString,
    confirmed: bool,
) -> Result<bool, Problem> {
    let Some(stored) = api.store().totp(user).await? else {
        return Ok(false);
    };
    if stored.confirmed != confirmed {
        return Ok(false);
    }
    let seed = api.seal()?.open(&place(user), &stored.sealed_seed)?;
    match totp::step_of(
        seed.expose_secret(),
        code.expose_secret(),
        api.clock().now(),
    ) {
        Some(step) => Ok(api.store().use_totp_step(user, step).await?),
        None => Ok(false),
    }
}

fn place(user: UserId) -> String {
    format!("totp {user}")
}

/// A fresh seed that is not asked for until [`confirm`]; replaces an earlier one that was never confirmed.
pub async fn begin(api: &Api, user: UserId) -> Result<SecretSlice<u8>, Problem> {
    let seed = secret::random::<{ totp::SEED }>()?;
    let sealed = api.seal()?.close(&place(user), seed.as_slice())?;
    let now = api.clock().now();
    if !api.store().put_totp(user, &sealed, now).await? {
        return Err(Problem::new(Code::SecondFactorOn));
    }
    Ok(SecretSlice::from(seed.to_vec()))
}

/// The person has shown a first code: sign-ins ask for one from now on. The recovery codes, for the only time.
pub async fn confirm(
    api: &Api,
    by: &By,
    user: UserId,
    code: &SecretString,
) -> Result<Vec<String>, Problem> {
    match api.store().totp(user).await? {
        None => return Err(Problem::new(Code::NoSecondFactor)),
        Some(stored) if stored.confirmed => return Err(Problem::new(Code::SecondFactorOn)),
        Some(_) => {}
    }
    if !use_code(api, user, code, false).await? {
        return Err(Problem::new(Code::WrongCode).and_field("code", "is wrong"));
    }
    let codes = recovery_codes()?;
    store(api, user, &codes).await?;
    let told = written::to_user(api, by, user, SecondFactorEnabled { user }).await;
    if let Err(problem) = told {
        // The person did not get the codes: as if it had not been.
        api.store().forget_totp(user).await?;
        return Err(problem);
    }
    Ok(codes)
}

/// Fresh recovery codes; earlier ones stop working.
pub async fn renew_codes(api: &Api, by: &By, user: UserId) -> Result<Vec<String>, Problem> {
    let on = api.store().totp(user).await?;
    if !on.is_some_and(|totp| totp.confirmed) {
        return Err(Problem::new(Code::NoSecondFactor));
    }
    let codes = recovery_codes()?;
    written::to_user(api, by, user, RecoveryCodesMade { user }).await?;
    store(api, user, &codes).await?;
    Ok(codes)
}

async fn store(api: &Api, user: UserId, codes: &[String]) -> Result<(), Problem> {
    let digests: Vec<[u8; 32]> = codes
        .iter()
        .map(|code| Digest::of(&bare(code)).bytes())
        .collect();
    let now = api.clock().now();
    Ok(api.store().confirm_totp(user, &digests, now).await?)
}

/// Sign-ins ask for no code any more. False: they did not before.
pub async fn remove(api: &Api, by: &By, user: UserId) -> Result<bool, Problem> {
    let ways = api.store().sign_in_ways(user).await?;
    let told = ways.iter().any(|way| way.kind == view::WayKind::Totp);
    let was_on = api.store().forget_totp(user).await?;
    if was_on || told {
        written::to_user(api, by, user, SecondFactorDisabled { user }).await?;
    }
    Ok(was_on || told)
}

/// `xxxx-xxxx-xxxx-xxxx`: 80 random bits each.
fn recovery_codes() -> Result<Vec<String>, Problem> {
    (0..CODES)
        .map(|_| {
            let id = secret::key_id()?;
            let parts: Vec<&str> = [0, 4, 8, 12]
                .into_iter()
                .filter_map(|at| id.as_str().get(at..at + 4))
                .collect();
            Ok(parts.join("-"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_differ_and_are_read_however_they_are_typed() {
        let codes = recovery_codes().unwrap();
        let distinct: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!((codes.len(), distinct.len()), (CODES, CODES));
        for code in &codes {
            assert_eq!(code.len(), 19, "{code}");
            assert_eq!(bare(code).len(), 16, "{code}");
            assert_eq!(bare(&format!(" {} ", code.to_uppercase())), bare(code));
        }
    }
}
