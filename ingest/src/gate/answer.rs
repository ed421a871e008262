//! The gate's answer: a user token that permits one server's subjects, or the reason why not. Pure.

use chatops_schemas::{clock::Timestamp, subject};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{GateKeys, request::Request};
use crate::{
    jwt::{self, Claims, JwtError},
    keyring::Admitted,
};

/// How long an admission holds before the server asks again, in seconds: a backstop for revocations that were missed.
const HOLDS: i64 = 12 * 3600;
/// Subscriptions an agent's connection may have.
const MAX_SUBSCRIPTIONS: i64 = 64;
/// Largest message an agent may publish, in bytes: results are larger than samples.
const MAX_PAYLOAD: i64 = 256 * 1024;
/// How long an agent may answer a request it received, in nanoseconds.
const REPLY_WITHIN: i64 = 10_000_000_000;

#[derive(Serialize)]
struct User {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u8,
    subs: i64,
    data: i64,
    payload: i64,
    #[serde(rename = "pub")]
    publish: Permission,
    #[serde(rename = "sub")]
    subscribe: Permission,
    resp: Replies,
    allowed_connection_types: [&'static str; 2],
}

#[derive(Serialize)]
struct Permission {
    allow: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

#[derive(Serialize)]
struct Replies {
    max: u32,
    ttl: i64,
}

#[derive(Serialize)]
struct Response {
    #[serde(rename = "type")]
    kind: &'static str,
    version: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Name under which an agent's connection appears in the server's events: `agent:<server>:<key>`. Neither id can hold
/// a colon, so [`agent_of`](crate::presence::agent_of) reads it back.
pub(crate) fn connection_name(admitted: &Admitted) -> String {
    format!("agent:{}:{}", admitted.server, admitted.key)
}

/// The answer "come in", ready to send.
pub(crate) fn admit(
    request: &Request,
    admitted: &Admitted,
    account: &str,
    keys: &GateKeys,
    now: Timestamp,
) -> Result<Vec<u8>, JwtError> {
    let Admitted { server, key, .. } = admitted;
    let user = User {
        kind: "user",
        version: 2,
        subs: MAX_SUBSCRIPTIONS,
        data: -1,
        payload: MAX_PAYLOAD,
        publish: Permission {
            allow: subject::agent_may_publish(server, key),
            deny: subject::agent_must_not_publish(server),
        },
        subscribe: Permission {
            allow: subject::agent_may_subscribe(server, key),
            deny: Vec::new(),
        },
        resp: Replies {
            max: 1,
            ttl: REPLY_WITHIN,
        },
        allowed_connection_types: ["STANDARD", "WEBSOCKET"],
    };
    let now = now.millis().div_euclid(1000);
    let mut exp = now + HOLDS + spread(&request.user_nkey);
    if let Some(at) = admitted.expires_at {
        // Rounded up: the client comes back at once, and must then be refused.
        exp = exp.min(at.millis().div_euclid(1000) + 1);
    }
    let claims = Claims {
        aud: account.to_owned(),
        exp: Some(exp),
        iat: now,
        iss: String::new(),
        jti: String::new(),
        name: connection_name(admitted),
        sub: request.user_nkey.clone(),
        nats: user,
    };
    let jwt = jwt::sign(claims, &keys.issuer)?;
    respond(request, keys, now, Some(jwt), None)
}

/// The answer "stay out". The server logs the reason; the client only sees a refusal.
pub(crate) fn refuse(
    request: &Request,
    reason: &str,
    keys: &GateKeys,
    now: Timestamp,
) -> Result<Vec<u8>, JwtError> {
    let now = now.millis().div_euclid(1000);
    respond(request, keys, now, None, Some(reason.to_owned()))
}

fn respond(
    request: &Request,
    keys: &GateKeys,
    now: i64,
    jwt: Option<String>,
    error: Option<String>,
) -> Result<Vec<u8>, JwtError> {
    let claims = Claims {
        aud: request.server_id.clone(),
        exp: None,
        iat: now,
        iss: String::new(),
        jti: String::new(),
        name: String::new(),
        sub: request.user_nkey.clone(),
        nats: Response {
            kind: "authorization_response",
            version: 2,
            jwt,
            error,
        },
    };
    let token = jwt::sign(claims, &keys.issuer)?;
    keys.xkey
        .seal(token.as_bytes(), &request.seal_for)
        .map_err(JwtError::Sign)
}

/// Up to a fifth of [`HOLDS`] either way, so that a fleet that came in together does not come back together. Taken
/// from the connection's key, which the server chose at random.
fn spread(user_nkey: &str) -> i64 {
    let digest = Sha256::digest(user_nkey.as_bytes());
    let random = i64::from(u16::from_be_bytes([digest[0], digest[1]]));
    HOLDS / 5 * (2 * random - 65_535) / 65_535
}

#[cfg(test)]
mod tests {
    use chatops_schemas::ids::{KeyId, ServerId};
    use nkeys::{KeyPair, XKey};
    use serde_json::Value;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn given(expires_at: Option<Timestamp>) -> (GateKeys, XKey, Request, Admitted) {
        let (issuer, xkey) = GateKeys::generate().expect("keys");
        let server = XKey::new();
        let request = Request {
            user_nkey: KeyPair::new_user().public_key(),
            server_id: KeyPair::new_server().public_key(),
            seal_for: XKey::from_public_key(&server.public_key()).expect("key"),
            address: None,
            key: Err(crate::api_key::NotAnApiKey),
        };
        let admitted = Admitted {
            key: KeyId::parse("k1").expect("id"),
            server: ServerId::parse("h1").expect("id"),
            name: "one".into(),
            expires_at,
            interval_ms: None,
        };
        let keys = GateKeys::from_seeds(&issuer, &xkey).expect("keys");
        (keys, server, request, admitted)
    }

    fn read(keys: &GateKeys, server: &XKey, sealed: &[u8]) -> Claims<Value> {
        let gate = XKey::from_public_key(&keys.xkey_public()).expect("key");
        let token = server.open(sealed, &gate).expect("opened");
        jwt::verify(std::str::from_utf8(&token).expect("text")).expect("verified")
    }

    #[test]
    fn an_admission_permits_the_subjects_of_one_server() {
        let (keys, server, request, admitted) = given(None);
        let now = Timestamp::from_millis(NOW * 1000);
        let sealed = admit(&request, &admitted, "OPS", &keys, now).expect("an answer");
        let response = read(&keys, &server, &sealed);
        assert_eq!(response.aud, request.server_id);
        assert_eq!(response.sub, request.user_nkey);
        assert_eq!(response.nats["type"], "authorization_response");
        let user: Claims<Value> =
            jwt::verify(response.nats["jwt"].as_str().expect("a token")).expect("verified");
        assert_eq!(
            (user.aud.as_str(), &user.iss),
            ("OPS", &keys.issuer_public())
        );
        assert_eq!(user.name, "agent:h1:k1");
        let exp = user.exp.expect("an end") - NOW;
        assert!((HOLDS * 4 / 5..=HOLDS * 6 / 5).contains(&exp), "{exp}");
        let text = user.nats.to_string();
        assert!(text.contains("ops.v1.metrics.h1") && text.contains("_INBOX_k1.>"));
        assert_eq!(user.nats["pub"]["deny"][0], "ops.v1.fact.h1.presence");
        assert!(!text.contains("$JS") && !text.contains("issuer_account"));
    }

    #[test]
    fn an_admission_ends_with_its_key() {
        let (keys, server, request, admitted) =
            given(Some(Timestamp::from_millis((NOW + 7) * 1000)));
        let now = Timestamp::from_millis(NOW * 1000);
        let sealed = admit(&request, &admitted, "OPS", &keys, now).expect("an answer");
        let response = read(&keys, &server, &sealed);
        let user: Claims<Value> =
            jwt::verify(response.nats["jwt"].as_str().expect("a token")).expect("verified");
        assert_eq!(user.exp, Some(NOW + 8));
    }

    #[test]
    fn a_refusal_has_a_reason_and_no_token() {
        let (keys, server, request, _) = given(None);
        let now = Timestamp::from_millis(NOW * 1000);
        let sealed = refuse(&request, "revoked", &keys, now).expect("an answer");
        let response = read(&keys, &server, &sealed);
        assert_eq!(response.nats["error"], "revoked");
        assert!(response.nats.get("jwt").is_none());
    }

    #[test]
    fn ends_are_spread() {
        let ends: std::collections::HashSet<_> = (0..100)
            .map(|_| spread(&KeyPair::new_user().public_key()))
            .collect();
        assert!(ends.len() > 90);
        assert!(ends.iter().all(|s| s.abs() <= HOLDS / 5));
    }
}
