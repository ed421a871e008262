//! Sends one message to one channel, once. Called by whoever keeps the list of what is to be told, and by people who try
//! out a channel.
//!
//! Guarantees: at most ten seconds pass, five of them for the connection; only addresses that the [guard](super::guard) has
//! found fit are connected to, past any proxy of the environment; redirects are not followed; of an answer only the
//! beginning is read. What comes back, good or bad, holds no secret. Several messages may be on their way at once; nothing
//! is queued here.

mod discord;
mod mail;
mod ntfy;
mod slack;
mod teams;
mod telegram;
mod webhook;

use std::{error::Error, sync::Arc, time::Duration};

use chatops_schemas::{
    channel::{Channel, Target},
    clock::Clock,
    rule::Severity,
};
use lettre::transport::smtp::client::Certificate;
use reqwest::{Client, Response, redirect::Policy};
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;

use super::{
    Answer, Message, Secret, SendError,
    guard::Guard,
    message::Kind,
    outcome::excerpt,
    template::{self, Words},
};
use mail::Parcel;

/// For the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For all of it.
const TOTAL: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read: more than are kept, so that a secret at the end of those is seen whole.
const READ: usize = 8 * 1024;

/// Why there is no sender.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// A certificate cannot be read.
    #[error("a certificate for outgoing connections cannot be read: {0}")]
    Certificate(String),
    /// The HTTP client cannot be made.
    #[error("the client for outgoing connections cannot be made")]
    Client(#[source] reqwest::Error),
}

/// What the owner has decided.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether messages may go to internal addresses.
    pub internal: bool,
    /// Certificates that are trusted beside the machine's own, each as PEM.
    pub roots: Vec<String>,
}

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    http: Client,
    guard: Guard,
    /// For mail servers; the HTTP client has its own.
    roots: Vec<Certificate>,
    clock: Arc<dyn Clock>,
}

/// Certificates that are trusted beside the machine's own, for both kinds of client.
#[derive(Default)]
struct Roots {
    of_http: Vec<reqwest::Certificate>,
    of_mail: Vec<Certificate>,
}

impl Roots {
    fn add_pem(&mut self, pem: &str) -> Result<(), SenderError> {
        let refused = |error: &dyn Error| SenderError::Certificate(error.to_string());
        let of_http = reqwest::Certificate::from_pem(pem.as_bytes());
        self.of_http.push(of_http.map_err(|error| refused(&error))?);
        let of_mail = Certificate::from_pem(pem.as_bytes());
        self.of_mail.push(of_mail.map_err(|error| refused(&error))?);
        Ok(())
    }

    fn add_mozillas(&mut self) -> Result<(), SenderError> {
        let refused = |error: &dyn Error| SenderError::Certificate(error.to_string());
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let of_http = reqwest::Certificate::from_der(der);
            self.of_http.push(of_http.map_err(|error| refused(&error))?);
            let of_mail = Certificate::from_der(der.to_vec());
            self.of_mail.push(of_mail.map_err(|error| refused(&error))?);
        }
        Ok(())
    }
}

/// A message as HTTP carries it.
struct Outgoing {
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Whether who reads the line learns a secret.
    confidential: bool,
}

/// A message, ready to go.
enum Packed<'a> {
    Http(Outgoing),
    Mail(Box<Parcel<'a>>),
}

impl Outgoing {
    fn new(url: Url, body: &serde_json::Value) -> Self {
        Self {
            url,
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
            confidential: true,
        }
    }
}

impl Sender {
    /// Gets ready.
    ///
    /// # Errors
    /// When a certificate is none.
    pub fn new(options: &Options, clock: Arc<dyn Clock>) -> Result<Self, SenderError> {
        // Fails when another part has chosen already, and they choose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = Guard {
            internal: options.internal,
        };
        let mut roots = Roots::default();
        for pem in &options.roots {
            roots.add_pem(pem)?;
        }
        // A machine without certificates of its own, as slim containers are, would make no client at all.
        if Client::builder().build().is_err() {
            roots.add_mozillas()?;
        }
        let http = Client::builder()
            .dns_resolver(Arc::new(guard))
            .tls_certs_merge(roots.of_http)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(2)
            .user_agent(concat!("ChatOps/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SenderError::Client)?;
        Ok(Self {
            http,
            guard,
            roots: roots.of_mail,
            clock,
        })
    }

    /// Sends a message to a channel, whether it is on or not.
    ///
    /// # Errors
    /// Why it has not arrived, and whether trying again can help.
    pub async fn send(
        &self,
        channel: &Channel,
        secret: Option<&Secret>,
        message: &Message,
    ) -> Result<Answer, SendError> {
        let target = &channel.target;
        let secret = given(secret);
        let (words, template) = template::words(
            message,
            &channel.templates,
            template::dialect(target),
            template::most(target),
        );
        let begun = Instant::now();
        let (status, body) = self.deliver(target, secret, message, &words).await?;
        Ok(Answer {
            status,
            body,
            took: begun.elapsed(),
            template,
        })
    }

    /// Whether a channel can be sent to, as far as can be known without asking anybody: its address, its templates and the
    /// form of its secret. What a name leads to is judged with each message.
    ///
    /// # Errors
    /// What has to be changed, for a person.
    pub fn check(&self, channel: &Channel, secret: Option<&Secret>) -> Result<(), SendError> {
        let templates = [
            ("title", &channel.templates.title),
            ("text", &channel.templates.text),
        ];
        for (name, template) in templates {
            if let Some(template) = template {
                template::validate(template).map_err(|error| {
                    SendError::lasting(format!("the template of the {name}: {error}"))
                })?;
            }
        }
        let words = Words {
            title: String::new(),
            text: String::new(),
        };
        let message = template::example(Kind::Test);
        match self.pack(&channel.target, given(secret), &message, &words)? {
            Packed::Http(outgoing) => self.fit(&outgoing),
            Packed::Mail(parcel) => self.fit_for_mail(&parcel),
        }
    }

    async fn deliver(
        &self,
        target: &Target,
        secret: Option<&Secret>,
        message: &Message,
        words: &Words,
    ) -> Result<(u16, String), SendError> {
        match self.pack(target, secret, message, words)? {
            Packed::Http(outgoing) => self.post(outgoing, secret).await,
            Packed::Mail(parcel) => self.mail(&parcel).await,
        }
    }

    fn pack<'a>(
        &self,
        target: &'a Target,
        secret: Option<&'a Secret>,
        message: &Message,
        words: &Words,
    ) -> Result<Packed<'a>, SendError> {
        let outgoing = match target {
            Target::Webhook { url } => {
                let url = address(url)?;
                webhook::request(url, secret, message, words, self.clock.now())
            }
            Target::Slack {} => slack::request(hook(secret)?, message, words),
            Target::Discord {} => discord::request(hook(secret)?, message, words),
            Target::Teams {} => teams::request(hook(secret)?, message, words),
            Target::Telegram { chat_id, server } => {
                telegram::request(server.as_deref(), chat_id, needed(secret)?, message, words)?
            }
            Target::Ntfy { server, topic } => {
                ntfy::request(address(server)?, topic, secret, message, words)
            }
            Target::Email {
                host,
                port,
                tls,
                from,
                to,
                user,
            } => {
                let (mail, domain) = mail::compose(from, to, message, words, self.clock.now())?;
                let password = user.as_ref().map(|_| needed(secret)).transpose()?;
                return Ok(Packed::Mail(Box::new(Parcel {
                    host,
                    port: *port,
                    tls: *tls,
                    hello: domain,
                    login: user.as_deref().zip(password),
                    mail,
                })));
            }
        };
        Ok(Packed::Http(outgoing))
    }

    /// Whether it may leave, as far as its address says.
    fn fit(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        self.guard.check_url(&outgoing.url)?;
        if outgoing.confidential && outgoing.url.scheme() == "http" && !self.guard.internal {
            return Err(SendError::lasting(
                "the address has to begin with https://: it would show a secret to everybody on the way",
            ));
        }
        Ok(())
    }

    async fn post(
        &self,
        outgoing: Outgoing,
        secret: Option<&Secret>,
    ) -> Result<(u16, String), SendError> {
        self.fit(&outgoing)?;
        let mut request = self
            .http
            .post(outgoing.url)
            .header("content-type", "application/json")
            .body(outgoing.body);
        for (name, value) in outgoing.headers {
            request = request.header(name, value);
        }
        let response = request
            .send()
            .await
            .map_err(|error| failed(error, secret))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = excerpt(&beginning(response).await, secret);
        if status.is_success() {
            return Ok((status.as_u16(), body));
        }
        let now = self.clock.now().to_datetime();
        let now = now.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Err(SendError::refused(status, &headers, body, now))
    }
}

/// What was read when the answer ended, was long enough or took too long: its status has been heard.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < READ {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = READ - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) | Err(_) => break,
        }
    }
    body
}

/// There was no answer. The client's own words would name the address.
fn failed(error: reqwest::Error, secret: Option<&Secret>) -> SendError {
    if let Some(cause) = Guard::cause(&error) {
        return cause.into();
    }
    if error.is_builder() {
        return SendError::lasting(
            "the message cannot be put into a request: check the address and the secret",
        );
    }
    if error.is_timeout() {
        return SendError::passing(format!(
            "no answer: {} s for the connection or {} s in all were not enough",
            CONNECT.as_secs(),
            TOTAL.as_secs()
        ));
    }
    let mut cause: &dyn Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = if error.source().is_none() {
        String::new()
    } else {
        format!(": {}", excerpt(cause.to_string().as_bytes(), secret))
    };
    SendError::passing(if error.is_connect() {
        format!("no connection{cause}")
    } else {
        format!("the connection broke before there was an answer{cause}")
    })
}

fn address(text: &str) -> Result<Url, SendError> {
    let url = Url::parse(text).map_err(|_| SendError::lasting("the address is none"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SendError::lasting(
            "the address has to begin with https:// or http://",
        ));
    }
    Ok(url)
}

fn given(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.expose().is_empty())
}

fn needed(secret: Option<&Secret>) -> Result<&Secret, SendError> {
    secret.ok_or_else(|| SendError::lasting("the channel's secret is missing"))
}

/// A hook's address is its secret.
fn hook(secret: Option<&Secret>) -> Result<Url, SendError> {
    address(needed(secret)?.expose().trim())
}

/// What a message looks like, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Critical,
    Warning,
    Info,
    Taken,
    Over,
}

impl Mood {
    fn of(message: &Message) -> Self {
        match (message.kind, message.severity) {
            (Kind::Resolved, _) => Self::Over,
            (Kind::Acknowledged, _) => Self::Taken,
            (Kind::Test, _) | (Kind::Raised | Kind::Reminder, Severity::Info) => Self::Info,
            (Kind::Raised | Kind::Reminder, Severity::Warning) => Self::Warning,
            (Kind::Raised | Kind::Reminder, Severity::Critical) => Self::Critical,
        }
    }

    const fn colour(self) -> u32 {
        match self {
            Self::Critical => 0xd3_2f_2f,
            Self::Warning => 0xf5_9e_0b,
            Self::Info => 0x3b_82_f6,
            Self::Taken => 0x6b_72_80,
            Self::Over => 0x16_a3_4a,
        }
    }
}
