//! ntfy, by its JSON form: unlike its headers it carries every letter.

use serde_json::json;
use url::Url;

use super::{Mood, Outgoing};
use crate::notify::{Message, Secret, template::Words};

pub(super) fn request(
    mut server: Url,
    topic: &str,
    token: Option<&Secret>,
    message: &Message,
    words: &Words,
) -> Outgoing {
    // This form goes to the root of the server; the topic is in the body.
    if !server.path().ends_with('/') {
        server.set_path(&format!("{}/", server.path()));
    }
    let (priority, tag) = match Mood::of(message) {
        Mood::Critical => (5, "rotating_light"),
        Mood::Warning => (4, "warning"),
        Mood::Info => (3, "information_source"),
        Mood::Taken => (2, "eyes"),
        Mood::Over => (3, "white_check_mark"),
    };
    let mut body = json!({
        "topic": topic,
        "title": words.title,
        "message": words.text,
        "priority": priority,
        "tags": [tag, message.severity.as_str()],
    });
    if let Some(link) = &message.link {
        body["click"] = json!(link);
    }
    let mut outgoing = Outgoing::new(server, &body);
    outgoing.confidential = token.is_some();
    if let Some(token) = token {
        let bearer = format!("Bearer {}", token.expose().trim());
        outgoing.headers.push(("authorization", bearer));
    }
    outgoing
}
