//! A program of one's own: body, signature, answers.

use std::time::Duration;

use axum::body::Body;
use chatops_alerting::notify::{
    Secret,
    message::{Kind, Part, Value},
    outcome::Retry,
};
use chatops_schemas::{clock::Timestamp, rule::Severity};
use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::{NOW, message, open, receiver::Receiver, webhook};

const KEY: &str = "whsec_a key for signing";

#[tokio::test]
async fn the_body_says_everything_and_is_signed() {
    let receiver = Receiver::start().await;
    let channel = webhook(receiver.url("/hooks/ops?team=a"));
    let mut message = message(Kind::Raised);
    message.grouped = vec![Part {
        kind: Kind::Raised,
        severity: Severity::Warning,
        rule: "Load".to_owned(),
        server: "web".to_owned(),
        device: None,
        values: vec![Value {
            series: "load1".to_owned(),
            number: f64::NAN,
        }],
        since: Timestamp::from_millis(NOW),
        link: None,
    }];
    let answer = open()
        .send(&channel, Some(&Secret::new(KEY)), &message)
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "thank you"));
    assert_eq!(answer.template, None);

    let arrived = receiver.only();
    assert_eq!(
        (arrived.method.as_str(), arrived.path.as_str()),
        ("POST", "/hooks/ops?team=a")
    );
    assert_eq!(arrived.header("content-type"), Some("application/json"));
    assert_eq!(arrived.header("idempotency-key"), Some("0192f7c0-raised"));
    assert!(
        arrived
            .header("user-agent")
            .unwrap()
            .starts_with("ChatOps/")
    );
    assert_eq!(
        arrived.json(),
        json!({
            "version": 1,
            "title": "Critical: Disk <b>full</b> on db_1 (/var)",
            "text": "fs:*:share > 95 for 5m\nfs:/var:share = 97.5\nsince 2023-11-14 22:03 UTC\nAsk \"Größe & Co\" *now*",
            "id": "0192f7c0-raised",
            "first": null,
            "kind": "raised",
            "severity": "critical",
            "rule": "Disk <b>full</b>",
            "wording": "fs:*:share > 95 for 5m",
            "server": "db_1",
            "device": "/var",
            "values": [{"series": "fs:/var:share", "number": 97.5}],
            "since": "2023-11-14T22:03:20Z",
            "at": "2023-11-14T22:13:20Z",
            "note": "Ask \"Größe & Co\" *now*",
            "link": "https://chatops.example.org/alerts/7?a=1&b=2",
            "grouped": [{
                "kind": "raised",
                "severity": "warning",
                "rule": "Load",
                "server": "web",
                "device": null,
                "values": [{"series": "load1", "number": null}],
                "since": "2023-11-14T22:13:20Z",
                "link": null,
            }],
        })
    );

    let signature = arrived.header("x-chatops-signature").unwrap();
    let signed = signature.strip_prefix("t=1700000000,v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let text = [b"1700000000.", arrived.body.as_ref()].concat();
    hmac::verify(&key, &text, &HEXLOWER.decode(signed.as_bytes()).unwrap()).unwrap();
}

#[tokio::test]
async fn without_a_key_nothing_is_signed_and_the_id_stays_the_same() {
    let receiver = Receiver::start().await;
    let channel = webhook(receiver.url("/"));
    for _ in 0..2 {
        let sent = open().send(&channel, None, &message(Kind::Raised)).await;
        sent.unwrap();
    }
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].body, arrived[1].body);
    for one in arrived {
        assert_eq!(one.header("x-chatops-signature"), None);
        assert_eq!(one.header("idempotency-key"), Some("0192f7c0-raised"));
    }
}

#[tokio::test]
async fn what_the_receiver_says_decides_whether_to_try_again() {
    let receiver = Receiver::start().await;
    let (sender, channel) = (open(), webhook(receiver.url("/")));
    for (status, header, retry) in [
        (503, None, Retry::Later),
        (
            429,
            Some(("retry-after", "7")),
            Retry::After(Duration::from_secs(7)),
        ),
        (
            503,
            Some(("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")),
            Retry::After(Duration::from_secs(60)),
        ),
        (410, None, Retry::Never),
    ] {
        receiver.answer(status, header, "because\u{7} of reasons");
        let error = sender
            .send(&channel, None, &message(Kind::Raised))
            .await
            .unwrap_err();
        assert_eq!((error.status, error.retry), (Some(status), retry));
        assert_eq!(error.body, "because  of reasons");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    assert_eq!(
        receiver.arrived().len(),
        4,
        "nothing is sent twice by itself"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let channel = webhook(receiver.url("/"));
    for status in [301, 302, 303, 307, 308] {
        receiver.answer(status, Some(("location", &other.url("/stolen"))), "");
        let error = open()
            .send(&channel, None, &message(Kind::Raised))
            .await
            .unwrap_err();
        assert!(error.is_final());
        assert!(error.text.contains("redirect"), "{error}");
    }
    assert!(other.arrived().is_empty());
}

#[tokio::test]
async fn an_endless_answer_is_read_only_in_part() {
    let receiver = Receiver::start().await;
    let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>("ä".repeat(500)));
    receiver.answer(200, None, Body::from_stream(endless));
    let answer = open()
        .send(&webhook(receiver.url("/")), None, &message(Kind::Raised))
        .await
        .unwrap();
    assert_eq!(answer.body, "ä".repeat(512));
}

#[tokio::test]
async fn who_is_not_there_or_breaks_off_is_tried_again() {
    let (_held, free) = super::nobody_listens();
    let error = open()
        .send(
            &webhook(format!("http://127.0.0.1:{free}/")),
            None,
            &message(Kind::Raised),
        )
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later);
    assert!(error.text.starts_with("no connection"), "{error}");

    // Takes the beginning of the message, and is gone.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let breaks = tokio::spawn(async move {
        let (mut line, _) = listener.accept().await.unwrap();
        line.read_u8().await.unwrap();
    });
    let error = open()
        .send(
            &webhook(format!("http://127.0.0.1:{port}/")),
            None,
            &message(Kind::Raised),
        )
        .await
        .unwrap_err();
    assert_eq!((error.retry, error.status), (Retry::Later, None), "{error}");
    breaks.await.unwrap();
}

#[tokio::test]
async fn who_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = tokio::spawn(async move {
        let (mut line, _) = listener.accept().await.unwrap();
        // Until the other side hangs up.
        line.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let error = open()
        .send(
            &webhook(format!("http://127.0.0.1:{port}/")),
            None,
            &message(Kind::Raised),
        )
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later);
    assert!(error.text.starts_with("no answer"), "{error}");
    silent.await.unwrap();
}
