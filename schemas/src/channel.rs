//! Where people are told about alerts: a channel, as it stands in events.
//!
//! Nothing here is secret. What opens a door (a signing key, the address of a chat's hook, a token, a password) is one text
//! per channel that lies in the vault; [`Target::needs_secret`] says whether there has to be one.

mod receives;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use receives::{Hours, Receives};

use crate::event::{Invalid, check_text};

/// Most characters in a channel's name.
pub const MAX_NAME: usize = 128;
/// Most characters in an address.
pub const MAX_ADDRESS: usize = 2000;
/// Most people that one e-mail goes to.
pub const MAX_RECIPIENTS: usize = 50;
/// Most bytes in a template.
pub const MAX_TEMPLATE: usize = 8 * 1024;

/// A channel, as its author described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Channel {
    /// For people.
    pub name: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Where it leads.
    pub target: Target,
    /// Which alerts it tells of, and when.
    pub receives: Receives,
    /// Own words; without them the usual ones.
    #[serde(default, skip_serializing_if = "Templates::is_empty")]
    pub templates: Templates,
}

/// Own words for the title and the text of a message. What they may say is decided by whoever fills them in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Templates {
    /// One line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Templates {
    /// Whether the usual words are used.
    pub fn is_empty(&self) -> bool {
        self.title.is_none() && self.text.is_none()
    }
}

/// Where a channel leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// A program of one's own. Secret: the key that signs, if any.
    Webhook {
        /// Where it listens. Everyone who may see the channel can read it.
        url: String,
    },
    /// Slack, or what takes the same messages (Mattermost, Rocket.Chat). Secret: the hook's address.
    Slack {},
    /// Discord. Secret: the hook's address.
    Discord {},
    /// Microsoft Teams, through a workflow. Secret: the workflow's address.
    Teams {},
    /// A Telegram bot. Secret: its token.
    Telegram {
        /// The chat's number, or the `@name` of a public one.
        chat_id: String,
        /// A Bot API server of one's own instead of Telegram's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
    },
    /// An ntfy topic. Secret: the access token, if the topic needs one.
    Ntfy {
        /// Which server.
        server: String,
        /// Which topic.
        topic: String,
    },
    /// E-mail. Secret: the password, if there is a user.
    Email {
        /// The mail server.
        host: String,
        /// Its port.
        port: u16,
        /// How the line to it is protected.
        tls: MailTls,
        /// Who it is from: `ops@example.org`, or `Ops <ops@example.org>`.
        from: String,
        /// Who gets it.
        to: Vec<String>,
        /// Whom the mail server knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
}

/// How the line to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// From the first byte (port 465).
    Implicit,
    /// STARTTLS, and nothing is said without it (port 587).
    Starttls,
    /// Not at all: only where the owner has allowed internal addresses, and never with a password.
    None,
}

impl Target {
    /// As in events and answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack {} => "slack",
            Self::Discord {} => "discord",
            Self::Teams {} => "teams",
            Self::Telegram { .. } => "telegram",
            Self::Ntfy { .. } => "ntfy",
            Self::Email { .. } => "email",
        }
    }

    /// Whether nothing can be sent without a secret.
    pub const fn needs_secret(&self) -> bool {
        match self {
            Self::Webhook { .. } | Self::Ntfy { .. } => false,
            Self::Slack {} | Self::Discord {} | Self::Teams {} | Self::Telegram { .. } => true,
            Self::Email { user, .. } => user.is_some(),
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Slack {} | Self::Discord {} | Self::Teams {} => Ok(()),
            Self::Webhook { url } => check_web_address("target.url", url),
            Self::Telegram { chat_id, server } => {
                let name = chat_id.strip_prefix('@');
                let fits = match name {
                    Some(name) => is_word(name),
                    None => chat_id.parse::<i64>().is_ok(),
                };
                if !fits {
                    return Err(Invalid::new(
                        "target.chat_id",
                        "is neither a chat's number nor a public chat's @name",
                    ));
                }
                server
                    .as_ref()
                    .map_or(Ok(()), |server| check_web_address("target.server", server))
            }
            Self::Ntfy { server, topic } => {
                check_web_address("target.server", server)?;
                if !is_word(topic) {
                    return Err(Invalid::new(
                        "target.topic",
                        "is not 1 to 64 letters, digits, - and _",
                    ));
                }
                Ok(())
            }
            Self::Email {
                host,
                port,
                tls,
                from,
                to,
                user,
            } => {
                check_filled("target.host", host, 253)?;
                if host.contains(['/', '@', ' ']) {
                    return Err(Invalid::new("target.host", "is not the name of a machine"));
                }
                if *port == 0 {
                    return Err(Invalid::new("target.port", "is zero"));
                }
                check_filled("target.from", from, 320)?;
                if to.is_empty() || to.len() > MAX_RECIPIENTS {
                    return Err(Invalid::new(
                        "target.to",
                        format!("names nobody, or more than {MAX_RECIPIENTS}"),
                    ));
                }
                for address in to {
                    check_filled("target.to", address, 320)?;
                }
                if let Some(user) = user {
                    check_filled("target.user", user, 320)?;
                    if *tls == MailTls::None {
                        return Err(Invalid::new(
                            "target.tls",
                            "is `none`: a password is only sent over a protected line",
                        ));
                    }
                }
                Ok(())
            }
        }
    }
}

impl Channel {
    /// Whether this can be a channel. Whoever sends has the last word on addresses and templates.
    ///
    /// # Errors
    /// The field, and what is wrong with it.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.name.trim().is_empty() {
            return Err(Invalid::new("name", "is empty"));
        }
        check_text("name", &self.name, MAX_NAME)?;
        let templates = [
            ("templates.title", &self.templates.title),
            ("templates.text", &self.templates.text),
        ];
        for (field, template) in templates {
            if template
                .as_ref()
                .is_some_and(|text| text.len() > MAX_TEMPLATE)
            {
                return Err(Invalid::new(
                    field,
                    format!("has more than {MAX_TEMPLATE} bytes"),
                ));
            }
        }
        self.receives.validate()?;
        self.target.validate()
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn check_filled(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new(field, "is empty"));
    }
    check_text(field, text, max)
}

fn check_web_address(field: &str, url: &str) -> Result<(), Invalid> {
    check_text(field, url, MAX_ADDRESS)?;
    let Some((_, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
    else {
        return Err(Invalid::new(
            field,
            "does not begin with https:// or http://",
        ));
    };
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if host.is_empty() {
        return Err(Invalid::new(field, "names no machine"));
    }
    // A password in an address would stand in events.
    if host.contains('@') {
        return Err(Invalid::new(field, "holds a user name or a password"));
    }
    if url.contains(char::is_whitespace) {
        return Err(Invalid::new(field, "holds a blank"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(target: &str) -> Channel {
        let target = serde_json::from_str(target).unwrap();
        Channel {
            name: "on call".to_owned(),
            enabled: true,
            target,
            receives: Receives::everything(),
            templates: Templates::default(),
        }
    }

    #[test]
    fn what_people_write_is_read_and_written_alike() {
        for target in [
            r#"{"kind":"webhook","url":"https://hooks.example.org/a?b=c"}"#,
            r#"{"kind":"slack"}"#,
            r#"{"kind":"discord"}"#,
            r#"{"kind":"teams"}"#,
            r#"{"kind":"telegram","chat_id":"-1001234"}"#,
            r#"{"kind":"telegram","chat_id":"@ops_room","server":"http://10.0.0.2:8081"}"#,
            r#"{"kind":"ntfy","server":"https://ntfy.example.org","topic":"ops-1"}"#,
            r#"{"kind":"email","host":"mail.example.org","port":587,"tls":"starttls","from":"ops@example.org","to":["a@example.org"],"user":"ops"}"#,
        ] {
            let channel = channel(target);
            assert_eq!(channel.validate(), Ok(()), "{target}");
            assert_eq!(serde_json::to_string(&channel.target).unwrap(), target);
            assert!(target.contains(channel.target.kind()));
        }
    }

    #[test]
    fn what_cannot_be_sent_to_is_refused_with_its_field() {
        let mail = |tls, from, to: &str, user| {
            format!(
                r#"{{"kind":"email","host":"mail","port":25,"tls":"{tls}","from":"{from}","to":[{to}]{user}}}"#
            )
        };
        for (target, field) in [
            (
                r#"{"kind":"webhook","url":"ftp://example.org"}"#.to_owned(),
                "target.url",
            ),
            (
                r#"{"kind":"webhook","url":"https://"}"#.to_owned(),
                "target.url",
            ),
            (
                r#"{"kind":"webhook","url":"https://me:secret@example.org"}"#.to_owned(),
                "target.url",
            ),
            (
                r#"{"kind":"webhook","url":"https://example.org/\r\nX: y"}"#.to_owned(),
                "target.url",
            ),
            (
                r#"{"kind":"telegram","chat_id":"ops"}"#.to_owned(),
                "target.chat_id",
            ),
            (
                r#"{"kind":"ntfy","server":"https://ntfy.sh","topic":"a/b"}"#.to_owned(),
                "target.topic",
            ),
            (mail("starttls", "ops@example.org", "", ""), "target.to"),
            (
                mail("starttls", " ", r#""a@example.org""#, ""),
                "target.from",
            ),
            (
                mail(
                    "none",
                    "ops@example.org",
                    r#""a@example.org""#,
                    r#","user":"ops""#,
                ),
                "target.tls",
            ),
        ] {
            let refused = channel(&target).validate().unwrap_err();
            assert_eq!(refused.field, field, "{target}");
        }
        let mut wordy = channel(r#"{"kind":"slack"}"#);
        wordy.templates.text = Some("x".repeat(MAX_TEMPLATE + 1));
        assert_eq!(wordy.validate().unwrap_err().field, "templates.text");
    }

    #[test]
    fn a_secret_is_asked_for_where_nothing_works_without() {
        let needs = |target: &str| channel(target).target.needs_secret();
        assert!(needs(r#"{"kind":"slack"}"#));
        assert!(!needs(r#"{"kind":"webhook","url":"https://example.org"}"#));
        let mail = r#"{"kind":"email","host":"mail","port":25,"tls":"starttls","from":"a@b.org","to":["a@b.org"]"#;
        assert!(!needs(&format!("{mail}}}")));
        assert!(needs(&format!(r#"{mail},"user":"a"}}"#)));
    }
}
