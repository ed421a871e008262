//! Access tokens: JWT, HS256, 30 minutes. The key lies in the vault and has an id, so that it can be replaced while tokens
//! of the old one still work.

use chatops_schemas::{clock::Timestamp, ids::UserId};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::Problem;

const ISSUER: &str = "chatops";
const AUDIENCE: &str = "chatops-api";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who.
    pub sub: UserId,
    /// The session it belongs to; when that ends, the token ends.
    pub sid: Uuid,
    /// Seconds since 1970 when it was made.
    pub iat: i64,
    /// Seconds since 1970 when it ends.
    pub exp: i64,
    iss: String,
    aud: String,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, not ours, or changed.
    #[error("the token is not valid")]
    Invalid,
    /// It was ours, but has ended.
    #[error("the token has expired")]
    Expired,
}

struct Key {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Makes and checks access tokens.
pub struct Tokens {
    /// The first one signs, all of them verify.
    keys: Vec<Key>,
    ttl_s: i64,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// With `(id, secret)` pairs, the one to sign with first.
    pub fn new<'a>(
        keys: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        ttl: std::time::Duration,
    ) -> Self {
        let keys = keys.into_iter().map(|(id, secret)| Key {
            id: id.to_owned(),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        });
        Self {
            keys: keys.collect(),
            ttl_s: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX / 2),
        }
    }

    /// Seconds that a token works.
    pub fn ttl_s(&self) -> u64 {
        self.ttl_s.unsigned_abs()
    }

    /// A token for a session of a person.
    pub fn issue(&self, user: UserId, session: Uuid, now: Timestamp) -> Result<String, Problem> {
        let Some(key) = self.keys.first() else {
            return Err(Problem::internal(&TokenError::Invalid));
        };
        let iat = now.millis().div_euclid(1000);
        let claims = Claims {
            sub: user,
            sid: session,
            iat,
            exp: iat.saturating_add(self.ttl_s),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        };
        let header = Header {
            kid: Some(key.id.clone()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &claims, &key.encoding).map_err(|error| Problem::internal(&error))
    }

    /// What a token says, if it is ours and has not ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        let kid = header.kid.as_deref().ok_or(TokenError::Invalid)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == kid)
            .ok_or(TokenError::Invalid)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        // The end is checked against our own clock, below.
        rules.validate_exp = false;
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Claims>(token, &key.decoding, &rules)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.exp <= now.millis().div_euclid(1000) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn tokens(keys: &[(&str, &[u8])]) -> Tokens {
        Tokens::new(keys.iter().copied(), Duration::from_secs(1800))
    }

    #[test]
    fn a_token_ends_after_its_time() {
        let tokens = tokens(&[("k1", &[7; 32])]);
        let user = UserId(Uuid::from_u128(1));
        let token = tokens.issue(user, Uuid::from_u128(2), NOW).unwrap();
        let claims = tokens.verify(&token, NOW.plus_millis(1_799_000)).unwrap();
        assert_eq!((claims.sub, claims.sid), (user, Uuid::from_u128(2)));
        assert_eq!(
            tokens.verify(&token, NOW.plus_millis(1_800_000)),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_replaced_key_still_verifies_and_a_foreign_one_does_not() {
        let user = UserId(Uuid::from_u128(1));
        let old = tokens(&[("k1", &[7; 32])])
            .issue(user, Uuid::nil(), NOW)
            .unwrap();
        tokens(&[("k2", &[8; 32]), ("k1", &[7; 32])])
            .verify(&old, NOW)
            .unwrap();
        assert_eq!(
            tokens(&[("k1", &[9; 32])]).verify(&old, NOW),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            tokens(&[("k2", &[7; 32])]).verify(&old, NOW),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn changed_unsigned_and_shapeless_ones_are_refused() {
        let tokens = tokens(&[("k1", &[7; 32])]);
        let token = tokens
            .issue(UserId(Uuid::from_u128(1)), Uuid::nil(), NOW)
            .unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let none =
            data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT","kid":"k1"}"#);
        let unsigned = format!("{none}.{}.", parts[1]);
        let flipped = format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            parts[2].chars().rev().collect::<String>()
        );
        for bad in [
            "",
            "a",
            "a.b.c",
            unsigned.as_str(),
            flipped.as_str(),
            &token[..token.len() - 2],
        ] {
            assert_eq!(tokens.verify(bad, NOW), Err(TokenError::Invalid), "{bad}");
        }
    }
}
