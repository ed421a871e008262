//! E-mail, as text and as HTML. The id of a mail follows from the id of the message, and a later mail about the same alert
//! names the first: mail readers show them together, and a mail that comes twice is seen to be the same.

use std::time::{Duration, UNIX_EPOCH};

use chatops_schemas::{channel::MailTls, clock::Timestamp};
use lettre::{
    Message as Mail,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use tokio::time::timeout;
use url::Host;

use super::{CONNECT, Mood, Sender, TOTAL};
use crate::notify::{
    Message, Secret, SendError, markup::Dialect, outcome::excerpt, template::Words,
};

/// A mail, and the way to its server.
pub(super) struct Parcel<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) tls: MailTls,
    /// The name by which we introduce ourselves.
    pub(super) hello: String,
    /// User and password.
    pub(super) login: Option<(&'a str, &'a Secret)>,
    pub(super) mail: Mail,
}

/// The mail, and the domain it comes from.
pub(super) fn compose(
    from: &str,
    to: &[String],
    message: &Message,
    words: &Words,
    now: Timestamp,
) -> Result<(Mail, String), SendError> {
    let from = mailbox(from)?;
    let domain = from.email.domain().to_owned();
    let now = u64::try_from(now.millis()).unwrap_or_default();
    let mut builder = Mail::builder()
        .from(from)
        .date(UNIX_EPOCH + Duration::from_millis(now))
        .subject(&words.title)
        .message_id(Some(mail_id(&message.id, &domain)))
        // Nobody's holiday note should answer.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for address in to {
        builder = builder.to(mailbox(address)?);
    }
    if let Some(first) = message.first.as_ref().filter(|first| **first != message.id) {
        let first = mail_id(first, &domain);
        builder = builder.in_reply_to(first.clone()).references(first);
    }
    let (text, html) = (plain(words, message), html(words, message));
    builder
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map(|mail| (mail, domain))
        .map_err(|_| SendError::lasting("the mail cannot be written: check its addresses"))
}

impl Sender {
    pub(super) async fn mail(&self, parcel: &Parcel<'_>) -> Result<(u16, String), SendError> {
        match timeout(TOTAL, self.hand_over(parcel)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::passing(format!(
                "the mail server did not take the message within {} s",
                TOTAL.as_secs()
            ))),
        }
    }

    /// Whether it may leave, as far as its address says.
    pub(super) fn fit_for_mail(&self, parcel: &Parcel<'_>) -> Result<(), SendError> {
        if parcel.tls == MailTls::None && (parcel.login.is_some() || !self.guard.internal) {
            return Err(SendError::lasting(
                "the line to the mail server has to be protected: choose implicit TLS or STARTTLS",
            ));
        }
        match Host::parse(parcel.host) {
            Ok(Host::Ipv4(address)) => Ok(self.guard.check(address.into())?),
            Ok(Host::Ipv6(address)) => Ok(self.guard.check(address.into())?),
            Ok(Host::Domain(_)) => Ok(()),
            Err(_) => Err(SendError::lasting("the mail server's name is none")),
        }
    }

    async fn hand_over(&self, parcel: &Parcel<'_>) -> Result<(u16, String), SendError> {
        self.fit_for_mail(parcel)?;
        let secret = parcel.login.map(|(_, secret)| secret);
        let failed = |error| failed(&error, secret);
        let addresses = self.guard.look_up(parcel.host, parcel.port).await?;
        let (at_once, later) = match parcel.tls {
            MailTls::None => (None, None),
            MailTls::Implicit => (Some(self.parameters(parcel.host)?), None),
            MailTls::Starttls => (None, Some(self.parameters(parcel.host)?)),
        };
        let hello = ClientId::Domain(parcel.hello.clone());
        // The addresses that were checked, not the name: nothing is looked up again.
        let mut smtp = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(CONNECT),
            &hello,
            at_once,
            None,
        )
        .await
        .map_err(failed)?;
        if let Some(parameters) = later {
            smtp.starttls(parameters, &hello).await.map_err(failed)?;
        }
        if let Some((user, password)) = parcel.login {
            let credentials = Credentials::new(user.to_owned(), password.expose().to_owned());
            smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await
                .map_err(failed)?;
        }
        let mail = &parcel.mail;
        let sent = smtp.send(mail.envelope(), &mail.formatted()).await;
        let answer = sent.map_err(failed)?;
        // It has the mail; how it says goodbye does not matter.
        let _ = timeout(Duration::from_secs(1), smtp.quit()).await;
        let said: Vec<&str> = answer.message().collect();
        let said = excerpt(said.join("\n").as_bytes(), secret);
        Ok((answer.code().into(), said))
    }

    fn parameters(&self, host: &str) -> Result<TlsParameters, SendError> {
        let mut parameters = TlsParameters::builder(host.to_owned());
        for root in &self.roots {
            parameters = parameters.add_root_certificate(root.clone());
        }
        parameters
            .build()
            .map_err(|_| SendError::lasting("TLS cannot be set up for this mail server"))
    }
}

fn mailbox(text: &str) -> Result<Mailbox, SendError> {
    text.parse()
        .map_err(|_| SendError::lasting(format!("{text:?} is not an e-mail address")))
}

/// Only what needs no quotes there.
fn mail_id(id: &str, domain: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let id: String = id.chars().filter(fits).collect();
    format!("<chatops.{id}@{domain}>")
}

fn plain(words: &Words, message: &Message) -> String {
    let mut text = words.text.replace("\r\n", "\n");
    if let Some(link) = &message.link {
        text.push_str("\n\n");
        text.push_str(link);
    }
    text.push('\n');
    text
}

fn html(words: &Words, message: &Message) -> String {
    let escape = |text| Dialect::Html.escape(text);
    let colour = Mood::of(message).colour();
    let lines = escape(&words.text).replace('\n', "<br>\n");
    let link = message.link.as_ref().map_or(String::new(), |link| {
        format!("<p><a href=\"{}\">Open</a></p>\n", escape(link))
    });
    format!(
        "<!doctype html>\n<html><body>\n<h2 style=\"border-left:6px solid #{colour:06x};padding-left:10px\">{}</h2>\n<p>{lines}</p>\n{link}</body></html>\n",
        escape(&words.title)
    )
}

fn failed(error: &Error, secret: Option<&Secret>) -> SendError {
    let said = excerpt(error.to_string().as_bytes(), secret);
    let status = error.status().map(u16::from);
    let mut outcome = if error.is_permanent() {
        SendError::lasting(format!("the mail server said no: {said}"))
    } else if error.is_client() {
        SendError::lasting(format!("the mail server cannot be used like this: {said}"))
    } else if error.is_transient() {
        SendError::passing(format!("the mail server said: not yet: {said}"))
    } else if error.is_timeout() {
        SendError::passing("the mail server did not answer in time")
    } else {
        SendError::passing(format!("no mail server to talk to: {said}"))
    };
    outcome.status = status;
    outcome.body = if status.is_some() {
        said
    } else {
        String::new()
    };
    outcome
}
