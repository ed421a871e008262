//! A program of the user's own. What it gets is described in docs/notifications.md, and only grows: whatever changes the
//! meaning of a field is a new `version`.

use chatops_schemas::clock::Timestamp;
use data_encoding::HEXLOWER;
use ring::hmac;
use serde::Serialize;
use url::Url;

use super::Outgoing;
use crate::notify::{Message, Secret, template::Words};

const VERSION: u8 = 1;

#[derive(Serialize)]
struct Body<'a> {
    version: u8,
    title: &'a str,
    text: &'a str,
    #[serde(flatten)]
    message: &'a Message,
}

pub(super) fn request(
    url: Url,
    secret: Option<&Secret>,
    message: &Message,
    words: &Words,
    now: Timestamp,
) -> Outgoing {
    let body = Body {
        version: VERSION,
        title: &words.title,
        text: &words.text,
        message,
    };
    // Nothing in a message can fail to become JSON: no maps with odd keys, and numbers that are none become null.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut headers = vec![("idempotency-key", message.id.clone())];
    if let Some(secret) = secret {
        headers.push(("x-chatops-signature", signature(secret, now, &body)));
    }
    Outgoing {
        url,
        headers,
        body,
        // The key stays here; what the line shows is the message.
        confidential: false,
    }
}

/// `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">`: the time is signed, too, so that an old message cannot be
/// played again.
fn signature(secret: &Secret, now: Timestamp, body: &[u8]) -> String {
    let seconds = now.millis().div_euclid(1000);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    format!(
        "t={seconds},v1={}",
        HEXLOWER.encode(context.sign().as_ref())
    )
}
