//! The server's question: sealed bytes in, checked request out. Pure.
//!
//! A server leaves out every empty field, so every field has a default. The opened question carries the client's
//! secret in clear: nothing here derives `Debug` over it, and no error repeats the input.

use chatops_schemas::clock::Timestamp;
use nkeys::XKey;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::GateKeys;
use crate::{
    api_key::{ApiKey, NotAnApiKey},
    jwt::{self, JwtError},
};

/// Header in which the server sends the public half of the key it sealed with.
pub(crate) const XKEY_HEADER: &str = "Nats-Server-Xkey";
const AUDIENCE: &str = "nats-authorization-request";
/// How far the clocks of server and gate may be apart, in seconds.
const LEEWAY: i64 = 60;

/// A checked question.
pub(crate) struct Request {
    /// Ephemeral nkey the answer is about.
    pub(crate) user_nkey: String,
    /// Id of the asking server: audience of the answer.
    pub(crate) server_id: String,
    /// Key to seal the answer for.
    pub(crate) seal_for: XKey,
    /// Address of the client.
    pub(crate) address: Option<String>,
    /// What the client showed.
    pub(crate) key: Result<ApiKey, NotAnApiKey>,
}

/// Why a question is not answered at all: nobody to answer to, or nobody entitled to one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Sealed for another gate, or damaged.
    #[error("open a sealed authorization request")]
    Seal,
    /// Not in clear text although this gate has a sealing key: not from our server.
    #[error("an authorization request came unsealed")]
    Open,
    /// Not a valid token.
    #[error("read an authorization request")]
    Token(#[from] JwtError),
    /// Valid, but something else or from somebody else.
    #[error("not an authorization request of a server: {0}")]
    Foreign(&'static str),
    /// The client it is about was turned away long ago.
    #[error("the authorization request is over")]
    Over,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Question {
    server_id: ServerIdentity,
    user_nkey: String,
    client_info: ClientInfo,
    connect_opts: ConnectOptions,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ServerIdentity {
    id: String,
    xkey: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClientInfo {
    host: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ConnectOptions {
    user: String,
    pass: Option<SecretString>,
    auth_token: Option<SecretString>,
}

impl ConnectOptions {
    /// User and password, or the whole key as a token.
    fn key(&self) -> Result<ApiKey, NotAnApiKey> {
        match (&self.pass, &self.auth_token) {
            (Some(secret), _) if !self.user.is_empty() => {
                ApiKey::from_parts(&self.user, secret.expose_secret())
            }
            (_, Some(token)) => ApiKey::parse(token.expose_secret()),
            _ => Err(NotAnApiKey),
        }
    }
}

/// Opens, verifies and reads a question. `xkey` is the value of [`XKEY_HEADER`].
pub(crate) fn open(
    payload: &[u8],
    xkey: Option<&str>,
    keys: &GateKeys,
    now: Timestamp,
) -> Result<Request, RequestError> {
    let sender = match xkey {
        Some(xkey) => XKey::from_public_key(xkey).map_err(|_| RequestError::Seal)?,
        None => return Err(RequestError::Open),
    };
    let opened = keys
        .xkey
        .open(payload, &sender)
        .map_err(|_| RequestError::Seal)?;
    let opened = std::str::from_utf8(&opened).map_err(|_| JwtError::Malformed("not UTF-8 text"))?;
    let claims = jwt::verify::<Question>(opened)?;
    let question = claims.nats;
    if claims.aud != AUDIENCE || question.kind != "authorization_request" {
        return Err(RequestError::Foreign("audience or type"));
    }
    if claims.iss != question.server_id.id || !claims.iss.starts_with('N') {
        return Err(RequestError::Foreign("issuer"));
    }
    if Some(question.server_id.xkey.as_str()) != xkey {
        return Err(RequestError::Foreign("sealing key"));
    }
    if !question.user_nkey.starts_with('U') {
        return Err(RequestError::Foreign("user key"));
    }
    if claims
        .exp
        .is_some_and(|exp| exp.saturating_add(LEEWAY) < now.millis().div_euclid(1000))
    {
        return Err(RequestError::Over);
    }
    Ok(Request {
        key: question.connect_opts.key(),
        user_nkey: question.user_nkey,
        server_id: question.server_id.id,
        seal_for: sender,
        address: Some(question.client_info.host).filter(|host| !host.is_empty()),
    })
}

/// What follows the opening: the token, and its claims as if the signature were good.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = jwt::verify::<Question>(text);
    if let Ok(claims) = serde_json::from_str::<jwt::Claims<Question>>(text) {
        let _ = claims.nats.connect_opts.key();
    }
}

#[cfg(test)]
mod tests;
