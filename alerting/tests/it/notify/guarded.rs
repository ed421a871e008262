//! What messages cannot be aimed at, and what never comes out.

use chatops_alerting::notify::{Secret, message::Kind, sender::Options};
use chatops_schemas::channel::{Channel, MailTls, Receives, Target, Templates};

use super::{channel, message, open, receiver::Receiver, sender, webhook};

#[tokio::test]
async fn internal_addresses_get_nothing_in_any_spelling() {
    let receiver = Receiver::start().await;
    let port = receiver.port();
    let strict = sender(&Options::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.1.2.3",
    ] {
        let error = strict
            .send(
                &webhook(format!("http://{host}:{port}/")),
                None,
                &message(Kind::Raised),
            )
            .await
            .unwrap_err();
        assert!(error.is_final(), "{host}: {error}");
        assert!(
            error.text.contains("internal") || error.text.contains("never sent"),
            "{host}: {error}"
        );
    }
    assert!(receiver.arrived().is_empty());
}

#[tokio::test]
async fn with_the_owners_leave_they_are_reached_but_never_the_metadata() {
    let receiver = Receiver::start().await;
    let port = receiver.port();
    for host in ["127.0.0.1", "localhost", "127.1"] {
        open()
            .send(
                &webhook(format!("http://{host}:{port}/")),
                None,
                &message(Kind::Raised),
            )
            .await
            .unwrap();
    }
    assert_eq!(receiver.arrived().len(), 3);
    for host in ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"] {
        let sent = open()
            .send(
                &webhook(format!("http://{host}:{port}/")),
                None,
                &message(Kind::Raised),
            )
            .await;
        assert!(sent.unwrap_err().is_final(), "{host}");
    }
    assert_eq!(receiver.arrived().len(), 3);
}

#[tokio::test]
async fn mail_servers_are_guarded_alike() {
    for host in ["localhost", "127.0.0.1", "0x7f.1", "169.254.169.254"] {
        let channel = channel(Target::Email {
            host: host.to_owned(),
            port: 25,
            tls: MailTls::Starttls,
            from: "ops@example.org".to_owned(),
            to: vec!["a@example.org".to_owned()],
            user: None,
        });
        let error = sender(&Options::default())
            .send(&channel, None, &message(Kind::Raised))
            .await
            .unwrap_err();
        assert!(error.is_final(), "{host}: {error}");
    }
}

#[tokio::test]
async fn secrets_travel_only_over_https_unless_all_is_internal() {
    let strict = sender(&Options::default());
    for (target, secret) in [
        (Target::Slack {}, "http://hooks.example.org/services/secret"),
        (Target::Discord {}, "http://discord.example.org/api/secret"),
        (Target::Teams {}, "http://teams.example.org/secret"),
        (
            Target::Telegram {
                chat_id: "1".to_owned(),
                server: Some("http://bots.example.org".to_owned()),
            },
            "1:secret",
        ),
        (
            Target::Ntfy {
                server: "http://ntfy.example.org".to_owned(),
                topic: "ops".to_owned(),
            },
            "tk_secret",
        ),
    ] {
        let error = strict
            .send(
                &channel(target),
                Some(&Secret::new(secret)),
                &message(Kind::Raised),
            )
            .await
            .unwrap_err();
        assert!(error.is_final());
        assert!(error.text.contains("https://"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_or_impossible_secret_is_told_without_it() {
    let telegram = || Target::Telegram {
        chat_id: "1".to_owned(),
        server: None,
    };
    for (target, secret) in [
        (Target::Slack {}, None),
        (Target::Slack {}, Some("")),
        (Target::Discord {}, Some("hunter2-hunter2")),
        (Target::Teams {}, Some("file:///hunter2-hunter2")),
        (telegram(), None),
        (telegram(), Some("1:a/../../hunter2-hunter2")),
        (
            Target::Ntfy {
                server: "https://ntfy.example.org".to_owned(),
                topic: "ops".to_owned(),
            },
            Some("hunter2\r\n-hunter2"),
        ),
    ] {
        let secret = secret.map(Secret::new);
        let error = open()
            .send(&channel(target), secret.as_ref(), &message(Kind::Raised))
            .await
            .unwrap_err();
        assert!(error.is_final(), "{error:?}");
        assert!(
            !format!("{error:?} {error}").contains("hunter2"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn no_error_and_no_answer_holds_the_secret() {
    const PATH: &str = "/services/T0SECRETS/B0SECRETS/x4SECRETSECRET";
    let receiver = Receiver::start().await;
    let echo = format!("Cannot POST {PATH}");
    let slack = channel(Target::Slack {});
    let secret = Secret::new(receiver.url(PATH));
    for status in [200, 404, 503] {
        receiver.answer(status, None, echo.clone());
        let outcome = open()
            .send(&slack, Some(&secret), &message(Kind::Raised))
            .await;
        let told = format!("{outcome:?}");
        assert!(told.contains("Cannot POST"), "{told}");
        assert!(!told.contains("SECRET"), "{told}");
    }
    let (_held, free) = super::nobody_listens();
    let gone = Secret::new(format!("http://127.0.0.1:{free}{PATH}"));
    let unknown = Secret::new(format!("http://{}{PATH}", "x".repeat(64)));
    for secret in [gone, unknown] {
        let error = open()
            .send(&slack, Some(&secret), &message(Kind::Raised))
            .await
            .unwrap_err();
        assert!(!error.is_final());
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}

#[tokio::test]
async fn a_channel_is_checked_before_it_is_stored() {
    let strict = sender(&Options::default());
    let slack = |url: &str| (Target::Slack {}, Some(Secret::new(url)));
    let hook = |url: &str| {
        let url = url.to_owned();
        (Target::Webhook { url }, None)
    };
    let mail = |host: &str, tls, from: &str| {
        let target = Target::Email {
            host: host.to_owned(),
            port: 587,
            tls,
            from: from.to_owned(),
            to: vec!["a@example.org".to_owned()],
            user: None,
        };
        (target, None)
    };
    for (target, secret) in [
        slack("https://hooks.example.org/services/a/b/c"),
        hook("https://hooks.example.org/"),
        hook("http://hooks.example.org/"),
        mail(
            "mail.example.org",
            MailTls::Starttls,
            "Ops <ops@example.org>",
        ),
    ] {
        assert_eq!(strict.check(&channel(target), secret.as_ref()), Ok(()));
    }
    for ((target, secret), part) in [
        ((Target::Slack {}, None), "secret is missing"),
        (slack("http://hooks.example.org/services/a/b/c"), "https://"),
        (slack("https://10.0.0.1/services/a/b/c"), "internal"),
        (hook("http://0x7f.1/"), "internal"),
        (hook("http://a b/"), "address"),
        (
            mail("127.1", MailTls::Starttls, "ops@example.org"),
            "internal",
        ),
        (
            mail("mail.example.org", MailTls::None, "ops@example.org"),
            "protected",
        ),
        (
            mail("mail.example.org", MailTls::Implicit, "ops"),
            "e-mail address",
        ),
    ] {
        let channel = Channel {
            name: "on call".to_owned(),
            enabled: true,
            target,
            receives: Receives::everything(),
            templates: Templates::default(),
        };
        let error = strict.check(&channel, secret.as_ref()).unwrap_err();
        assert!(error.is_final());
        assert!(error.text.contains(part), "{error}");
    }
    let (target, secret) = slack("https://hooks.example.org/services/a/b/c");
    let mut channel = channel(target);
    channel.templates.text = Some("fine\n{{ servr }}".to_owned());
    let error = strict.check(&channel, secret.as_ref()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the template of the text: line 2: there is no such field"
    );
}
