//! A mail server of one's own: `testkit/smtp`, somebody else's implementation. Called by tests of e-mail.
//!
//! Guarantees: `start` returns once it listens. A mail that the server has taken is in [`MailServer::mails`]. It refuses
//! recipients called `unknown`, and for a while (451) those called `later`. On Drop the process is killed.

use anyhow::Context;
use serde_json::{Value, json};

use crate::{Scratch, evidence, node::NodeProgram, scratch_dir};

/// How the line to it is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailLine {
    /// Not at all, and it cannot be.
    Plain,
    /// After STARTTLS.
    Starttls,
    /// From the first byte.
    Implicit,
}

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Who had signed in.
    pub user: Option<String>,
    /// Whether the line was protected.
    pub encrypted: bool,
    /// Headers and body, as they came.
    pub text: String,
}

impl Mail {
    /// A header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }
}

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    scratch: Scratch,
    _program: NodeProgram,
}

impl MailServer {
    /// The only user that it knows.
    pub const USER: &str = "ops";
    /// The password.
    pub const PASSWORD: &str = "a password between hub and mail server";

    /// Starts one, with this key and certificate (PEM). Where they are protected, lines have to sign in.
    pub async fn start(line: MailLine, key: &str, certificate: &str) -> anyhow::Result<Self> {
        evidence::secret("password of the mail server", Self::PASSWORD);
        let scratch = scratch_dir()?;
        let settings = json!({
            "line": match line {
                MailLine::Plain => "plain",
                MailLine::Starttls => "starttls",
                MailLine::Implicit => "implicit",
            },
            "key": key,
            "cert": certificate,
            "user": Self::USER,
            "password": Self::PASSWORD,
            "mails": scratch.join("mails"),
        });
        let (program, port) =
            NodeProgram::start("smtp", "server.mjs", &settings.to_string(), "PORT ").await?;
        Ok(Self {
            port: port.parse().context("read the mail server's port")?,
            scratch,
            _program: program,
        })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has taken, the oldest first.
    pub fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        let file = self.scratch.join("mails");
        if !file.exists() {
            return Ok(Vec::new());
        }
        let lines = std::fs::read_to_string(file).context("read the mails")?;
        lines.lines().map(parse).collect()
    }
}

fn parse(line: &str) -> anyhow::Result<Mail> {
    let mail: Value = serde_json::from_str(line).context("read a mail")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Mail {
        from: text(&mail["from"]),
        to: mail["to"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect(),
        user: mail["user"].as_str().map(str::to_owned),
        encrypted: mail["encrypted"] == true,
        text: text(&mail["text"]),
    })
}
