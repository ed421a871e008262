//! Microsoft Teams, through a workflow that posts a card. Rich text blocks show what they hold as it is; the plainer text
//! block would read Markdown into names.

use serde_json::{Value, json};
use url::Url;

use super::{Mood, Outgoing};
use crate::notify::{Message, template::Words};

pub(super) fn request(hook: Url, message: &Message, words: &Words) -> Outgoing {
    let colour = match Mood::of(message) {
        Mood::Critical => "attention",
        Mood::Warning => "warning",
        Mood::Info => "accent",
        Mood::Taken => "default",
        Mood::Over => "good",
    };
    let title = json!({
        "type": "RichTextBlock",
        "inlines": [{
            "type": "TextRun",
            "text": words.title,
            "weight": "bolder",
            "size": "medium",
            "color": colour,
        }],
    });
    let lines = words.text.lines().filter(|line| !line.trim().is_empty());
    let lines = lines.map(|line| {
        json!({
            "type": "RichTextBlock",
            "spacing": "small",
            "inlines": [{ "type": "TextRun", "text": line }],
        })
    });
    let body: Vec<Value> = std::iter::once(title).chain(lines).collect();
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": body,
    });
    if let Some(link) = &message.link {
        card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Open", "url": link }]);
    }
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    });
    Outgoing::new(hook, &body)
}
