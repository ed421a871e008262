//! Mails, as a real mail server gets them.

use chatops_alerting::notify::{Secret, Sender, message::Kind, outcome::Retry, sender::Options};
use chatops_schemas::channel::{Channel, MailTls, Target, Templates};
use chatops_testkit::{MailLine, MailServer};

use super::{channel, message, sender};

/// The certificate of a mail server called `localhost`, and one that its owner trusts beside it.
struct Papers {
    key: String,
    certificate: String,
}

fn papers() -> Papers {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Papers {
        key: made.signing_key.serialize_pem(),
        certificate: made.cert.pem(),
    }
}

/// Trusts this certificate.
fn trusting(papers: &Papers) -> Sender {
    sender(&Options {
        internal: true,
        roots: vec![papers.certificate.clone()],
    })
}

fn target(server: &MailServer, tls: MailTls) -> Target {
    Target::Email {
        host: "localhost".to_owned(),
        port: server.port(),
        tls,
        from: "ChatOps Größe <ops@example.org>".to_owned(),
        to: vec!["a@example.org".to_owned(), "Bea <b@example.org>".to_owned()],
        user: (tls != MailTls::None).then(|| MailServer::USER.to_owned()),
    }
}

fn to(channel: &Channel, address: &str) -> Channel {
    let mut channel = channel.clone();
    if let Target::Email { to, .. } = &mut channel.target {
        *to = vec![address.to_owned()];
    }
    channel
}

fn password() -> Secret {
    Secret::new(MailServer::PASSWORD)
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html_over_each_kind_of_line() {
    for (line, tls) in [
        (MailLine::Starttls, MailTls::Starttls),
        (MailLine::Implicit, MailTls::Implicit),
        (MailLine::Plain, MailTls::None),
    ] {
        let papers = papers();
        let server = MailServer::start(line, &papers.key, &papers.certificate)
            .await
            .unwrap();
        let answer = trusting(&papers)
            .send(
                &channel(target(&server, tls)),
                Some(&password()),
                &message(Kind::Raised),
            )
            .await
            .unwrap();
        assert_eq!(answer.status, 250);
        assert!(answer.body.contains("it is in the box"), "{answer:?}");

        let mails = server.mails().unwrap();
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        assert_eq!(mail.from, "ops@example.org");
        assert_eq!(mail.to, ["a@example.org", "b@example.org"]);
        assert_eq!(mail.encrypted, tls != MailTls::None);
        let user = (tls != MailTls::None).then(|| MailServer::USER.to_owned());
        assert_eq!(mail.user, user);
        let header = |name| mail.header(name).unwrap_or_default();
        assert_eq!(
            header("Subject"),
            "Critical: Disk <b>full</b> on db_1 (/var)"
        );
        assert_eq!(header("To"), "a@example.org, Bea <b@example.org>");
        assert_eq!(header("Date"), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(
            header("Message-ID"),
            "<chatops.0192f7c0-raised@example.org>"
        );
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.header("In-Reply-To"), None);
        assert!(header("Content-Type").starts_with("multipart/alternative"));
        let body = mail.text.replace("=\r\n", "").replace("=3D", "=");
        assert!(
            body.contains("Ask \"Gr=C3=B6=C3=9Fe & Co\" *now*"),
            "{body}"
        );
        assert!(
            body.contains("Ask &quot;Gr=C3=B6=C3=9Fe &amp; Co&quot; *now*"),
            "{body}"
        );
        assert!(body.contains("on db_1 (/var)</h2>"), "{body}");
        assert!(
            body.contains("<a href=\"https://chatops.example.org/alerts/7?a=1&amp;b=2\">"),
            "{body}"
        );
        assert!(!body.contains("<b>full</b> on db_1 (/var)</h2>"), "{body}");
    }
}

#[tokio::test]
async fn later_mails_about_an_alert_answer_the_first() {
    let papers = papers();
    let server = MailServer::start(MailLine::Starttls, &papers.key, &papers.certificate)
        .await
        .unwrap();
    let channel = channel(target(&server, MailTls::Starttls));
    let raised = message(Kind::Raised);
    let mut resolved = message(Kind::Resolved);
    resolved.id = "0192f7c0-resolved".to_owned();
    resolved.first = Some(raised.id.clone());
    let sender = trusting(&papers);
    // Twice: nobody knew whether the first had arrived.
    for message in [&raised, &raised, &resolved] {
        sender
            .send(&channel, Some(&password()), message)
            .await
            .unwrap();
    }
    let mails = server.mails().unwrap();
    assert_eq!(mails.len(), 3);
    let first = mails[0].header("Message-ID");
    assert!(first.is_some());
    assert_eq!(mails[1].header("Message-ID"), first);
    assert_eq!(
        mails[2].header("Message-ID").unwrap(),
        "<chatops.0192f7c0-resolved@example.org>"
    );
    assert_eq!(mails[2].header("In-Reply-To"), first);
    assert_eq!(mails[2].header("References"), first);
}

#[tokio::test]
async fn what_the_mail_server_says_decides_whether_to_try_again() {
    let papers = papers();
    let server = MailServer::start(MailLine::Starttls, &papers.key, &papers.certificate)
        .await
        .unwrap();
    let channel = channel(target(&server, MailTls::Starttls));
    let sender = trusting(&papers);
    for (address, status, retry, part) in [
        ("unknown@example.org", 550, Retry::Never, "no such mailbox"),
        ("later@example.org", 451, Retry::Later, "greylisted"),
    ] {
        let error = sender
            .send(
                &to(&channel, address),
                Some(&password()),
                &message(Kind::Raised),
            )
            .await
            .unwrap_err();
        assert_eq!(
            (error.status, error.retry),
            (Some(status), retry),
            "{error}"
        );
        assert!(error.text.contains(part), "{error}");
    }
    let wrong = Secret::new("a wrong password, wrong as can be");
    let error = sender
        .send(&channel, Some(&wrong), &message(Kind::Raised))
        .await
        .unwrap_err();
    assert_eq!((error.status, error.retry), (Some(535), Retry::Never));
    assert!(
        !format!("{error:?}").contains("wrong as can be"),
        "{error:?}"
    );
    let error = sender
        .send(&channel, None, &message(Kind::Raised))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the channel's secret is missing");
    let error = sender
        .send(
            &to(&channel, "nobody"),
            Some(&password()),
            &message(Kind::Raised),
        )
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "\"nobody\" is not an e-mail address");
    assert!(server.mails().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_cannot_prove_who_it_is() {
    let (mine, others) = (papers(), papers());
    for (line, tls) in [
        (MailLine::Starttls, MailTls::Starttls),
        (MailLine::Implicit, MailTls::Implicit),
    ] {
        let server = MailServer::start(line, &others.key, &others.certificate)
            .await
            .unwrap();
        let error = trusting(&mine)
            .send(
                &channel(target(&server, tls)),
                Some(&password()),
                &message(Kind::Raised),
            )
            .await
            .unwrap_err();
        assert_eq!((error.status, error.retry), (None, Retry::Later), "{error}");
        assert!(server.mails().unwrap().is_empty());
    }
    // One that cannot protect the line.
    let server = MailServer::start(MailLine::Plain, &mine.key, &mine.certificate)
        .await
        .unwrap();
    let error = trusting(&mine)
        .send(
            &channel(target(&server, MailTls::Starttls)),
            Some(&password()),
            &message(Kind::Raised),
        )
        .await
        .unwrap_err();
    assert!(error.is_final(), "{error}");
    assert!(server.mails().unwrap().is_empty());
}

#[tokio::test]
async fn a_template_cannot_add_headers() {
    let papers = papers();
    let server = MailServer::start(MailLine::Plain, &papers.key, &papers.certificate)
        .await
        .unwrap();
    let mut channel = channel(target(&server, MailTls::None));
    channel.templates = Templates {
        title: Some("{{ rule }}\r\nBcc: c@example.org\r\n\r\nx".to_owned()),
        text: Some("<i>{{ note }}</i>\r\n.\r\nMAIL FROM:<x@example.org>".to_owned()),
    };
    let mut message = message(Kind::Raised);
    message.rule = "a\r\nBcc: d@example.org".to_owned();
    message.id = "a>\r\nX: <b".to_owned();
    trusting(&papers)
        .send(&channel, None, &message)
        .await
        .unwrap();
    let mails = server.mails().unwrap();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail.to, ["a@example.org", "b@example.org"]);
    assert_eq!(mail.header("Bcc"), None);
    assert_eq!(mail.header("X"), None);
    assert_eq!(
        mail.header("Subject").unwrap(),
        "a Bcc: d@example.org Bcc: c@example.org x"
    );
    assert_eq!(
        mail.header("Message-ID").unwrap(),
        "<chatops.aXb@example.org>"
    );
    channel.templates = Templates::default();
    trusting(&papers)
        .send(&channel, None, &message)
        .await
        .unwrap();
    assert_eq!(
        server.mails().unwrap()[1].header("Subject").unwrap(),
        "Critical: a Bcc: d@example.org on db_1 (/var)"
    );
    assert!(
        mail.text.contains("&lt;i&gt;"),
        "own words are text, in HTML too"
    );
}
