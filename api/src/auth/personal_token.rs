//! Personal API tokens: `chatops_pat_<id>_<secret>`, for programs that act for a person.
//!
//! The vault keeps a digest of the secret; what a token may be used for and when it ends is in its event. A token never
//! outlives its person's account, and is asked for at each request, so that a revoked one is refused by the next.

use std::net::IpAddr;

use chatops_projections::view;
use chatops_schemas::{clock::Timestamp, ids::TokenId};
use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};

use super::{
    actor::{Actor, Credential},
    secret::{self, Digest},
};
use crate::{code::Code, problem::Problem, state::Api};

/// How every token begins, so that people and secret scanners recognise one.
pub const PREFIX: &str = "chatops_pat_";
/// How exactly the last use is remembered, in microseconds: not every request may cost a write.
const SEEN: i64 = 60 * 1_000_000;

/// A fresh token: its id, the digest of its secret, and what the person copies.
pub fn fresh() -> Result<(TokenId, Digest, SecretString), Problem> {
    let id =
        TokenId::parse(secret::key_id()?.as_str()).map_err(|error| Problem::internal(&error))?;
    let secret = secret::token()?;
    let text = format!("{PREFIX}{id}_{}", secret.expose_secret()).into();
    Ok((id, Digest::of(secret.expose_secret()), text))
}

/// Takes a token apart. The id has no `_`; the secret may.
fn parse(text: &str) -> Option<(TokenId, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let well_formed = secret.len() == 43 && BASE64URL_NOPAD.decode(secret.as_bytes()).is_ok();
    well_formed
        .then(|| TokenId::parse(id).ok())
        .flatten()
        .map(|id| (id, secret))
}

/// Who a token speaks for.
pub async fn actor(api: &Api, text: &str, address: IpAddr) -> Result<Actor, Problem> {
    let refused = || Problem::new(Code::NotSignedIn);
    let (id, secret) = parse(text).ok_or_else(refused)?;
    let now = api.clock().now();
    // Without a stored digest the comparison still takes place, with the digest of nothing.
    let found = api.store().token_bearer(&id, now).await?;
    let stored = found.as_ref().map_or([0; 32], |found| found.secret_sha256);
    let matches = Digest::of(secret).matches(&stored);
    let found = found.filter(|_| matches).ok_or_else(refused)?;
    let seen = found.last_used_at;
    let actor = speaks_for(api, &id, found, address)
        .await?
        .ok_or_else(refused)?;
    if seen.is_none_or(|seen| now.micros_since(seen) >= SEEN) {
        let address = address.to_canonical().to_string();
        api.store().token_used(&id, &address, now).await?;
    }
    Ok(actor)
}

/// The same person as they are now; `None` when the token has ended.
pub async fn still(api: &Api, actor: &Actor, token: &TokenId) -> Result<Option<Actor>, Problem> {
    let now: Timestamp = api.clock().now();
    match api.store().token_bearer(token, now).await? {
        Some(found) if found.user == actor.user => {
            speaks_for(api, token, found, actor.address).await
        }
        _ => Ok(None),
    }
}

async fn speaks_for(
    api: &Api,
    token: &TokenId,
    found: view::TokenBearer,
    address: IpAddr,
) -> Result<Option<Actor>, Problem> {
    let user = api.store().user(found.user).await?;
    Ok(user.filter(|user| user.active).map(|user| Actor {
        user: user.id,
        role: user.role,
        credential: Credential::Token(token.clone()),
        scopes: Some(found.scopes),
        expires_at: found.expires_at,
        address,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_apart_as_it_was_put_together_and_is_no_agents_key() {
        let (id, digest, text) = fresh().unwrap();
        let text = text.expose_secret();
        let (parsed, secret) = parse(text).unwrap();
        assert_eq!(parsed, id);
        assert!(digest.matches(&Digest::of(secret).bytes()));
        assert_eq!(secret::parse_api_key(text), None);
        for bad in [
            "",
            PREFIX,
            "chatops_pat_a_b",
            &text[..text.len() - 1],
            &text[4..],
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
