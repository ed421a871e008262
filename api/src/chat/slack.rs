//! Slack's signature, version `v0`, and what takes the same requests.
//!
//! The chat signs `v0:<seconds since 1970>:<body>` with HMAC-SHA256 and a secret that it shares with us. A request that is older
//! than five minutes, or that came before, is refused: who has overheard one must not say it again. Which ones came is kept in
//! the database until they are too old anyway, so that several copies of the API know it of each other.

use axum::http::HeaderMap;
use chatops_schemas::{clock::Timestamp, ids::ChannelId};
use data_encoding::HEXLOWER_PERMISSIVE;
use ring::hmac;
use secrecy::{ExposeSecret, SecretSlice};

use crate::{auth::secret::Digest, code::Code, problem::Problem, state::Api};

/// How far the chat's clock may be from ours, and for how long a request can be said.
const WINDOW_S: i64 = 300;
const SIGNATURE: &str = "x-slack-signature";
const TIME: &str = "x-slack-request-timestamp";

/// Where the secret of a channel lies in the vault, and what it is sealed for.
pub fn place(channel: ChannelId) -> String {
    format!("chat:{channel}")
}

/// Keeps the secret that requests of a chat are signed with.
pub async fn keep(api: &Api, channel: ChannelId, secret: &str) -> Result<(), Problem> {
    let place = place(channel);
    let sealed = api.seal()?.close(&place, secret.as_bytes())?;
    Ok(api.store().put_secret(&place, &sealed.into()).await?)
}

/// Lets a request through that this channel's chat has just made for the first time.
pub async fn check(
    api: &Api,
    channel: ChannelId,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    let place = place(channel);
    // A channel that does not exist answers as one whose secret is another.
    let sealed = api.store().secret(&place).await?.ok_or(refused())?;
    let secret = api.seal()?.open(&place, sealed.expose_secret())?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(signature), Some(time)) = (text(SIGNATURE), text(TIME)) else {
        return Err(refused());
    };
    let now = api.clock().now();
    if !fresh(time, now) || !signed(&secret, signature, time, body) {
        return Err(refused());
    }
    let until = now.plus_millis(2 * WINDOW_S * 1000);
    let ticket = Digest::of(&format!("{place} {signature}"));
    match api.store().once(ticket.bytes(), until).await? {
        true => Ok(()),
        false => Err(refused()),
    }
}

fn refused() -> Problem {
    Problem::new(Code::ChatSignature)
}

fn fresh(time: &str, now: Timestamp) -> bool {
    let Ok(seconds) = time.parse::<i64>() else {
        return false;
    };
    let now = now.millis().div_euclid(1000);
    seconds.abs_diff(now) <= WINDOW_S.unsigned_abs()
}

fn signed(secret: &SecretSlice<u8>, signature: &str, time: &str, body: &[u8]) -> bool {
    let Some(hex) = signature.strip_prefix("v0=") else {
        return false;
    };
    let Ok(given) = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
    let said = [b"v0:", time.as_bytes(), b":", body].concat();
    hmac::verify(&key, &said, &given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn secret(text: &str) -> SecretSlice<u8> {
        text.as_bytes().to_vec().into()
    }

    #[test]
    fn slacks_own_example_is_signed_and_nothing_else_is() {
        let secret_of_theirs = secret(SECRET);
        let ok = |signature: &str, time: &str, body: &str| {
            signed(&secret_of_theirs, signature, time, body.as_bytes())
        };
        assert!(ok(SIGNATURE, TIME, BODY));
        assert!(!ok(SIGNATURE, "1531420619", BODY));
        assert!(!ok(SIGNATURE, TIME, &BODY.replace("text=", "text=x")));
        assert!(!ok(&SIGNATURE.replace("v0=", ""), TIME, BODY));
        assert!(!ok("v0=", TIME, BODY));
        assert!(!ok("v0=zz", TIME, BODY));
        assert!(!signed(&secret("other"), SIGNATURE, TIME, BODY.as_bytes()));
    }

    #[test]
    fn what_is_old_or_from_the_future_is_not_fresh() {
        let now = Timestamp::from_millis(1_531_420_618_000);
        for (time, is) in [
            ("1531420618", true),
            ("1531420318", true),
            ("1531420317", false),
            ("1531420918", true),
            ("1531420919", false),
            ("-9223372036854775808", false),
            ("", false),
            ("now", false),
        ] {
            assert_eq!(fresh(time, now), is, "{time}");
        }
    }
}
