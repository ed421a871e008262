//! A Telegram bot.

use serde_json::json;

use super::{Outgoing, address};
use crate::notify::{Message, Secret, SendError, markup::Dialect, template::Words};

const SERVER: &str = "https://api.telegram.org";

pub(super) fn request(
    server: Option<&str>,
    chat_id: &str,
    token: &Secret,
    message: &Message,
    words: &Words,
) -> Result<Outgoing, SendError> {
    let mut url = address(server.unwrap_or(SERVER))?;
    let token = token.expose().trim();
    // It becomes part of the path, and may lead nowhere else.
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
    if token.is_empty() || !token.chars().all(fits) {
        return Err(SendError::lasting("the bot's token is none"));
    }
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/bot{token}/sendMessage"));
    let mut text = format!("<b>{}</b>\n{}", words.title, words.text);
    if let Some(link) = &message.link {
        let link = Dialect::Html.escape(link);
        text.push_str(&format!("\n<a href=\"{link}\">Open</a>"));
    }
    let body = json!({
        "chat_id": chat_id,
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
    });
    Ok(Outgoing::new(url, &body))
}
