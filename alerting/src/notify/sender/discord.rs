//! Discord. Nobody is called by what a message says: mentions are switched off.

use serde_json::json;
use url::Url;

use super::{Mood, Outgoing};
use crate::notify::{Message, template::Words};

pub(super) fn request(hook: Url, message: &Message, words: &Words) -> Outgoing {
    let mut embed = json!({
        "title": words.title,
        "description": words.text,
        "color": Mood::of(message).colour(),
        "timestamp": message.at.rfc3339(),
    });
    if let Some(link) = &message.link {
        embed["url"] = json!(link);
    }
    let body = json!({
        "embeds": [embed],
        "allowed_mentions": { "parse": [] },
    });
    Outgoing::new(hook, &body)
}
