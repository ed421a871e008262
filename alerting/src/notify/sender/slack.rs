//! Slack, and what takes the same messages. The older form of attachments, because Mattermost and Rocket.Chat know no
//! other.

use serde_json::json;
use url::Url;

use super::{Mood, Outgoing};
use crate::notify::{Message, template::Words};

pub(super) fn request(hook: Url, message: &Message, words: &Words) -> Outgoing {
    let mut attachment = json!({
        "color": format!("#{:06x}", Mood::of(message).colour()),
        "fallback": words.title,
        "title": words.title,
        "text": words.text,
        "mrkdwn_in": ["text"],
        "ts": message.at.millis().div_euclid(1000),
    });
    if let Some(link) = &message.link {
        attachment["title_link"] = json!(link);
    }
    Outgoing::new(hook, &json!({ "attachments": [attachment] }))
}
