//! JWTs in the dialect of NATS: header `{"typ":"JWT","alg":"ed25519-nkey"}`, signed with an nkey, issuer and subject
//! are public nkeys. Used by the gate to read the server's questions and to write its answers.
//!
//! Guarantee: [`verify`] returns claims only when the signature is that of the claims' own `iss`. Whether that issuer
//! is the expected one, and every time and audience check, is the caller's.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use nkeys::KeyPair;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha512_256};

/// Longer tokens are not looked at. A question carries a client's TLS chain at most.
const MAX_BYTES: usize = 256 * 1024;
const ALGORITHM: &str = "ed25519-nkey";

/// Why a token cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwtError {
    /// Not three base64url parts of JSON.
    #[error("not a JWT: {0}")]
    Malformed(&'static str),
    /// Another algorithm than `ed25519-nkey`.
    #[error("unsupported JWT algorithm")]
    Algorithm,
    /// The issuer is not a public nkey, or the signature is not its own.
    #[error("verify the signature of a JWT")]
    Signature(#[source] nkeys::error::Error),
    /// The claims cannot be written.
    #[error("encode JWT claims")]
    Encode(#[source] serde_json::Error),
    /// The key cannot sign.
    #[error("sign a JWT")]
    Sign(#[source] nkeys::error::Error),
}

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(default)]
    typ: String,
    #[serde(default)]
    alg: String,
}

/// The claims around the part that NATS defines. Servers leave out what is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims<N> {
    /// For whom the token is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) aud: String,
    /// Unix second after which it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
    /// Unix second it was made.
    #[serde(default)]
    pub(crate) iat: i64,
    /// Public nkey of who signed.
    #[serde(default)]
    pub(crate) iss: String,
    /// Digest of the claims; set by [`sign`].
    #[serde(default)]
    pub(crate) jti: String,
    /// Name of the subject.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// Whom it is about: a public nkey.
    #[serde(default)]
    pub(crate) sub: String,
    /// What it says.
    pub(crate) nats: N,
}

/// Writes claims; `iss` and `jti` are set here.
pub(crate) fn sign<N: Serialize>(
    mut claims: Claims<N>,
    issuer: &KeyPair,
) -> Result<String, JwtError> {
    claims.iss = issuer.public_key();
    claims.jti.clear();
    let unnamed = serde_json::to_vec(&claims).map_err(JwtError::Encode)?;
    claims.jti = BASE32_NOPAD.encode(&Sha512_256::digest(&unnamed));
    let header = Header {
        typ: "JWT".into(),
        alg: ALGORITHM.into(),
    };
    let encode = |json: Result<Vec<u8>, serde_json::Error>| {
        json.map(|json| BASE64URL_NOPAD.encode(&json))
            .map_err(JwtError::Encode)
    };
    let mut token = encode(serde_json::to_vec(&header))?;
    token.push('.');
    token.push_str(&encode(serde_json::to_vec(&claims))?);
    let signature = issuer.sign(token.as_bytes()).map_err(JwtError::Sign)?;
    token.push('.');
    token.push_str(&BASE64URL_NOPAD.encode(&signature));
    Ok(token)
}

/// Reads claims and checks that `iss` signed them.
pub(crate) fn verify<N: DeserializeOwned>(token: &str) -> Result<Claims<N>, JwtError> {
    if token.len() > MAX_BYTES {
        return Err(JwtError::Malformed("too long"));
    }
    let (signed, signature) = token
        .rsplit_once('.')
        .ok_or(JwtError::Malformed("no signature"))?;
    let (header, claims) = signed
        .split_once('.')
        .ok_or(JwtError::Malformed("no claims"))?;
    let header: Header = part(header, "header")?;
    if header.alg != ALGORITHM || !header.typ.eq_ignore_ascii_case("jwt") {
        return Err(JwtError::Algorithm);
    }
    let claims: Claims<N> = part(claims, "claims")?;
    let signature = decode(signature, "signature")?;
    KeyPair::from_public_key(&claims.iss)
        .and_then(|issuer| issuer.verify(signed.as_bytes(), &signature))
        .map_err(JwtError::Signature)?;
    Ok(claims)
}

fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, JwtError> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .map_err(|_| JwtError::Malformed(what))
}

fn part<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, JwtError> {
    // The parser's message may quote the text, and the text may hold a password.
    serde_json::from_slice(&decode(text, what)?).map_err(|_| JwtError::Malformed(what))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(nats: Value) -> Claims<Value> {
        Claims {
            aud: "OPS".into(),
            exp: Some(2_000_000_000),
            iat: 1_000_000_000,
            iss: String::new(),
            jti: String::new(),
            name: "agent".into(),
            sub: "U".into(),
            nats,
        }
    }

    #[test]
    fn what_was_signed_is_read_back() {
        let issuer = KeyPair::new_account();
        let token = sign(claims(json!({"type": "user"})), &issuer).expect("signed");
        let read: Claims<Value> = verify(&token).expect("verified");
        assert_eq!(read.iss, issuer.public_key());
        assert_eq!(read.nats["type"], "user");
        // SHA-512/256 is 32 bytes: 52 base32 characters.
        assert_eq!(read.jti.len(), 52);
        assert!(!token.contains('='));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let issuer = KeyPair::new_account();
        let token = sign(claims(json!({"who": "h1"})), &issuer).expect("signed");
        let other = sign(claims(json!({"who": "h2"})), &issuer).expect("signed");
        let parts: Vec<_> = token.split('.').collect();
        let others: Vec<_> = other.split('.').collect();
        let mixed = format!("{}.{}.{}", parts[0], others[1], parts[2]);
        assert!(matches!(
            verify::<Value>(&mixed),
            Err(JwtError::Signature(_))
        ));

        // A stranger's signature under somebody else's name.
        let mut forged = claims(json!({}));
        forged.iss = issuer.public_key();
        let body = BASE64URL_NOPAD.encode(&serde_json::to_vec(&forged).expect("json"));
        let signed = format!("{}.{body}", parts[0]);
        let signature = KeyPair::new_account()
            .sign(signed.as_bytes())
            .expect("signed");
        let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature));
        assert!(matches!(
            verify::<Value>(&forged),
            Err(JwtError::Signature(_))
        ));
    }

    #[test]
    fn other_algorithms_and_other_texts_are_refused() {
        let claims = BASE64URL_NOPAD.encode(br#"{"iss":"A","nats":{}}"#);
        for header in [r#"{"typ":"JWT","alg":"none"}"#, r#"{"alg":"HS256"}"#, "{}"] {
            let token = format!("{}.{claims}.", BASE64URL_NOPAD.encode(header.as_bytes()));
            assert!(matches!(verify::<Value>(&token), Err(JwtError::Algorithm)));
        }
        for token in ["", ".", "..", "a.b.c", "=.=.=", "e30.e30", "ö.ö.ö"] {
            assert!(verify::<Value>(token).is_err(), "{token}");
        }
        assert!(verify::<Value>(&"e".repeat(MAX_BYTES + 1)).is_err());
    }
}
