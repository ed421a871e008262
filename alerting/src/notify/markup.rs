//! What a foreign text has to look like so that a channel shows it and does nothing else: no markup, no links, nobody
//! called who should not be. Called for everything that is not written in this crate.

use std::borrow::Cow;

/// What a channel reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Shown as it is.
    Plain,
    /// Tags, as in mails and in Telegram.
    Html,
    /// Slack's.
    Slack,
    /// Discord's kind of Markdown.
    Discord,
}

impl Dialect {
    /// The text, without meaning in this dialect.
    pub(super) fn escape(self, text: &str) -> Cow<'_, str> {
        let special: fn(char) -> Option<&'static str> = match self {
            Self::Plain => return Cow::Borrowed(text),
            Self::Html => html,
            Self::Slack => slack,
            Self::Discord => return discord(text),
        };
        if !text.chars().any(|c| special(c).is_some()) {
            return Cow::Borrowed(text);
        }
        let mut safe = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            match special(c) {
                Some(instead) => safe.push_str(instead),
                None => safe.push(c),
            }
        }
        Cow::Owned(safe)
    }
}

fn html(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => slack(c),
    }
}

fn slack(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn discord(text: &str) -> Cow<'_, str> {
    let special = |c| {
        matches!(
            c,
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '#' | '[' | ']' | '<' | '-'
        )
    };
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut begins = true;
    for c in text.chars() {
        // These two mean something at the beginning of a line only.
        let means = special(c) && (!matches!(c, '#' | '-') || begins);
        if means {
            safe.push('\\');
        }
        safe.push(c);
        begins = c == '\n';
    }
    Cow::Owned(safe)
}

/// At most so many characters; a cut is shown.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(kept + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_means_anything() {
        for (dialect, text, safe) in [
            (Dialect::Plain, "<b>", "<b>"),
            (
                Dialect::Html,
                "<a href='x'>&\"",
                "&lt;a href=&#39;x&#39;&gt;&amp;&quot;",
            ),
            (Dialect::Slack, "<!channel> /var", "&lt;!channel&gt; /var"),
            (
                Dialect::Discord,
                "web_01 **x** a-b",
                "web\\_01 \\*\\*x\\*\\* a-b",
            ),
            (Dialect::Discord, "- a\n# b <@1>", "\\- a\n\\# b \\<@1\\>"),
        ] {
            assert_eq!(dialect.escape(text), safe);
        }
    }

    #[test]
    fn a_cut_falls_between_characters_and_is_shown() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
    }
}
