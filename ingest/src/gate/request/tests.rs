use nkeys::KeyPair;
use serde_json::{Value, json};

use super::*;
use crate::jwt::Claims;

const NOW: i64 = 1_700_000_000;

struct Server {
    identity: KeyPair,
    xkey: XKey,
    gate: GateKeys,
}

impl Server {
    fn new() -> Self {
        let (issuer, xkey) = GateKeys::generate().expect("keys");
        Self {
            identity: KeyPair::new_server(),
            xkey: XKey::new(),
            gate: GateKeys::from_seeds(&issuer, &xkey).expect("keys"),
        }
    }

    fn question(&self, connect_opts: Value) -> Claims<Value> {
        Claims {
            aud: AUDIENCE.into(),
            exp: Some(NOW + 2),
            iat: NOW,
            iss: String::new(),
            jti: String::new(),
            name: String::new(),
            sub: self.gate.issuer_public(),
            nats: json!({
                "server_id": {"name": "n", "host": "0.0.0.0", "id": self.identity.public_key(),
                    "version": "2.15.1", "xkey": self.xkey.public_key()},
                "user_nkey": KeyPair::new_user().public_key(),
                "client_info": {"host": "192.0.2.7", "id": 5, "kind": "Client", "type": "nats"},
                "connect_opts": connect_opts,
                "type": "authorization_request", "version": 2,
            }),
        }
    }

    fn ask(&self, claims: Claims<Value>) -> Result<Request, RequestError> {
        self.ask_at(claims, NOW)
    }

    fn ask_at(&self, claims: Claims<Value>, now: i64) -> Result<Request, RequestError> {
        let token = jwt::sign(claims, &self.identity).expect("signed");
        self.deliver(token.as_bytes(), now)
    }

    fn deliver(&self, token: &[u8], now: i64) -> Result<Request, RequestError> {
        let to = XKey::from_public_key(&self.gate.xkey_public()).expect("key");
        let sealed = self.xkey.seal(token, &to).expect("sealed");
        let from = self.xkey.public_key();
        open(
            &sealed,
            Some(&from),
            &self.gate,
            Timestamp::from_millis(now * 1000),
        )
    }
}

#[test]
fn a_question_with_user_and_password_is_read() {
    let server = Server::new();
    let claims = server.question(json!({"user": "k1", "pass": "secret", "lang": "rust"}));
    let request = server.ask(claims).expect("a request");
    assert_eq!(request.server_id, server.identity.public_key());
    assert_eq!(request.address.as_deref(), Some("192.0.2.7"));
    let key = request.key.expect("a key");
    assert_eq!(key.id.as_str(), "k1");
    assert!(key.opens(&crate::api_key::digest("secret")));
}

#[test]
fn a_whole_key_as_token_is_read() {
    let server = Server::new();
    let claims = server.question(json!({"auth_token": "chatops_abcdefghij234567_secret"}));
    let key = server.ask(claims).expect("a request").key.expect("a key");
    assert_eq!(key.id.as_str(), "abcdefghij234567");
}

#[test]
fn a_client_that_shows_nothing_is_still_a_question() {
    let server = Server::new();
    for shown in [
        json!({}),
        json!({"user": "k1"}),
        json!({"pass": "x"}),
        json!({"user": "a.b", "pass": "x"}),
        json!({"auth_token": "guess"}),
    ] {
        assert!(
            server
                .ask(server.question(shown.clone()))
                .expect("a request")
                .key
                .is_err(),
            "{shown}"
        );
    }
    // All optional parts left out, as servers do.
    let mut claims = server.question(json!({}));
    let nats = claims.nats.as_object_mut().expect("a map");
    nats.remove("client_info");
    nats.remove("connect_opts");
    assert_eq!(server.ask(claims).expect("a request").address, None);
}

#[test]
fn only_a_server_that_signs_for_itself_is_heard() {
    let server = Server::new();
    let good = json!({"user": "k1", "pass": "secret"});
    for (path, value) in [
        ("/server_id/id", json!(KeyPair::new_server().public_key())),
        ("/server_id/xkey", json!(XKey::new().public_key())),
        ("/user_nkey", json!("A")),
        ("/type", json!("user")),
    ] {
        let mut claims = server.question(good.clone());
        *claims.nats.pointer_mut(path).expect(path) = value;
        assert!(
            matches!(server.ask(claims), Err(RequestError::Foreign(_))),
            "{path}"
        );
    }
    let mut claims = server.question(good.clone());
    claims.aud = "OPS".into();
    assert!(matches!(server.ask(claims), Err(RequestError::Foreign(_))));

    // An account key cannot pose as a server.
    let mut server = Server::new();
    server.identity = KeyPair::new_account();
    let claims = server.question(good);
    assert!(matches!(server.ask(claims), Err(RequestError::Foreign(_))));
}

#[test]
fn an_old_question_is_not_answered() {
    let server = Server::new();
    let claims = server.question(json!({}));
    assert!(server.ask_at(claims.clone(), NOW + LEEWAY).is_ok());
    assert!(matches!(
        server.ask_at(claims, NOW + LEEWAY + 3),
        Err(RequestError::Over)
    ));
}

#[test]
fn unsealed_and_damaged_bytes_are_refused() {
    let server = Server::new();
    let claims = server.question(json!({"user": "k1", "pass": "hunter2"}));
    let token = jwt::sign(claims, &server.identity).expect("signed");
    let now = Timestamp::from_millis(NOW * 1000);
    assert!(matches!(
        open(token.as_bytes(), None, &server.gate, now),
        Err(RequestError::Open)
    ));
    let from = server.xkey.public_key();
    for bytes in [token.as_bytes(), b"", b"xkv1", &[0xff; 200]] {
        assert!(matches!(
            open(bytes, Some(&from), &server.gate, now),
            Err(RequestError::Seal)
        ));
    }
    assert!(open(token.as_bytes(), Some("nonsense"), &server.gate, now).is_err());
    for text in [&b"hunter2"[..], &[0xff, 0xfe]] {
        let error = server.deliver(text, NOW).err().expect("refused");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
