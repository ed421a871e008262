//! Chats: what arrives, and that nothing foreign in it means anything there.

use std::time::Duration;

use chatops_alerting::notify::{Secret, message::Kind, outcome::Retry, template};
use chatops_schemas::{
    channel::{Target, Templates},
    rule::Severity,
};
use serde_json::json;

use super::{channel, message, open, receiver::Receiver};

const LINK: &str = "https://chatops.example.org/alerts/7?a=1&b=2";

#[tokio::test]
async fn slack_gets_an_attachment_with_its_own_escapes() {
    let receiver = Receiver::start().await;
    let secret = Secret::new(receiver.url("/services/T0/B0/x4"));
    let sent = open()
        .send(
            &channel(Target::Slack {}),
            Some(&secret),
            &message(Kind::Raised),
        )
        .await;
    sent.unwrap();
    let arrived = receiver.only();
    assert_eq!(arrived.path, "/services/T0/B0/x4");
    assert_eq!(
        arrived.json(),
        json!({ "attachments": [{
            "color": "#d32f2f",
            "fallback": "Critical: Disk &lt;b&gt;full&lt;/b&gt; on db_1 (/var)",
            "title": "Critical: Disk &lt;b&gt;full&lt;/b&gt; on db_1 (/var)",
            "title_link": LINK,
            "text": "fs:*:share &gt; 95 for 5m\nfs:/var:share = 97.5\nsince 2023-11-14 22:03 UTC\nAsk \"Größe &amp; Co\" *now*",
            "mrkdwn_in": ["text"],
            "ts": 1_700_000_000,
        }] })
    );
}

#[tokio::test]
async fn discord_gets_an_embed_that_calls_nobody() {
    let receiver = Receiver::start().await;
    receiver.answer(204, None, "");
    let secret = Secret::new(receiver.url("/api/webhooks/1/x?thread_id=5"));
    let answer = open()
        .send(
            &channel(Target::Discord {}),
            Some(&secret),
            &message(Kind::Resolved),
        )
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let arrived = receiver.only();
    assert_eq!(arrived.path, "/api/webhooks/1/x?thread_id=5");
    assert_eq!(
        arrived.json(),
        json!({
            "embeds": [{
                "title": "Resolved: Disk \\<b\\>full\\</b\\> on db\\_1 (/var)",
                "url": LINK,
                "description": "fs:\\*:share \\> 95 for 5m\nfs:/var:share = 97.5\nfrom 2023-11-14 22:03 UTC to 2023-11-14 22:13 UTC (10 min)\nAsk \"Größe & Co\" \\*now\\*",
                "color": 0x16a34a,
                "timestamp": "2023-11-14T22:13:20Z",
            }],
            "allowed_mentions": { "parse": [] },
        })
    );
}

#[tokio::test]
async fn teams_gets_a_card_without_markdown() {
    let receiver = Receiver::start().await;
    receiver.answer(202, None, "");
    let secret = Secret::new(receiver.url("/workflows/1/triggers/manual/paths/invoke?sig=x"));
    let sent = open()
        .send(
            &channel(Target::Teams {}),
            Some(&secret),
            &message(Kind::Raised),
        )
        .await;
    assert_eq!(sent.unwrap().status, 202);
    let line = |text: &str| {
        json!({
            "type": "RichTextBlock",
            "spacing": "small",
            "inlines": [{ "type": "TextRun", "text": text }],
        })
    };
    assert_eq!(
        receiver.only().json(),
        json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": { "width": "Full" },
                    "body": [
                        {
                            "type": "RichTextBlock",
                            "inlines": [{
                                "type": "TextRun",
                                "text": "Critical: Disk <b>full</b> on db_1 (/var)",
                                "weight": "bolder",
                                "size": "medium",
                                "color": "attention",
                            }],
                        },
                        line("fs:*:share > 95 for 5m"),
                        line("fs:/var:share = 97.5"),
                        line("since 2023-11-14 22:03 UTC"),
                        line("Ask \"Größe & Co\" *now*"),
                    ],
                    "actions": [{ "type": "Action.OpenUrl", "title": "Open", "url": LINK }],
                },
            }],
        })
    );
}

#[tokio::test]
async fn telegram_gets_html_in_which_only_ours_is_a_tag() {
    let receiver = Receiver::start().await;
    let target = || Target::Telegram {
        chat_id: "-100123".to_owned(),
        server: Some(receiver.url("/")),
    };
    let token = Secret::new("123456:ABC-def_ghi");
    let sender = open();
    let sent = sender
        .send(&channel(target()), Some(&token), &message(Kind::Raised))
        .await;
    sent.unwrap();
    let arrived = receiver.only();
    assert_eq!(arrived.path, "/bot123456:ABC-def_ghi/sendMessage");
    assert_eq!(
        arrived.json(),
        json!({
            "chat_id": "-100123",
            "text": "<b>Critical: Disk &lt;b&gt;full&lt;/b&gt; on db_1 (/var)</b>\nfs:*:share &gt; 95 for 5m\nfs:/var:share = 97.5\nsince 2023-11-14 22:03 UTC\nAsk &quot;Größe &amp; Co&quot; *now*\n<a href=\"https://chatops.example.org/alerts/7?a=1&amp;b=2\">Open</a>",
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        })
    );

    // Telegram says in the body how long to wait.
    receiver.answer(
        429,
        None,
        r#"{"ok":false,"error_code":429,"parameters":{"retry_after":31}}"#,
    );
    let error = sender
        .send(&channel(target()), Some(&token), &message(Kind::Raised))
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::After(Duration::from_secs(31)));
}

#[tokio::test]
async fn ntfy_gets_priority_tags_and_the_link() {
    let receiver = Receiver::start().await;
    let channel = channel(Target::Ntfy {
        server: receiver.url(""),
        topic: "ops-1".to_owned(),
    });
    let sender = open();
    let sent = sender
        .send(
            &channel,
            Some(&Secret::new("tk_0123456789")),
            &message(Kind::Raised),
        )
        .await;
    sent.unwrap();
    let arrived = receiver.only();
    assert_eq!(arrived.path, "/");
    assert_eq!(
        arrived.header("authorization"),
        Some("Bearer tk_0123456789")
    );
    assert_eq!(
        arrived.json(),
        json!({
            "topic": "ops-1",
            "title": "Critical: Disk <b>full</b> on db_1 (/var)",
            "message": "fs:*:share > 95 for 5m\nfs:/var:share = 97.5\nsince 2023-11-14 22:03 UTC\nAsk \"Größe & Co\" *now*",
            "priority": 5,
            "tags": ["rotating_light", "critical"],
            "click": LINK,
        })
    );
    for (kind, severity, priority) in [
        (Kind::Raised, Severity::Warning, 4),
        (Kind::Raised, Severity::Info, 3),
        (Kind::Acknowledged, Severity::Critical, 2),
        (Kind::Resolved, Severity::Critical, 3),
        (Kind::Test, Severity::Critical, 3),
    ] {
        let mut message = message(kind);
        message.severity = severity;
        sender.send(&channel, None, &message).await.unwrap();
        let arrived = receiver.arrived();
        let last = arrived.last().unwrap();
        assert_eq!(last.json()["priority"], priority);
        assert_eq!(last.header("authorization"), None);
    }
}

#[tokio::test]
async fn own_words_may_hold_markup_and_a_failing_template_is_told() {
    let receiver = Receiver::start().await;
    let secret = Secret::new(receiver.url("/services/T0/B0/x4"));
    let mut channel = channel(Target::Slack {});
    channel.templates = Templates {
        title: Some("{{ severity|upper }} {{ rule }}".to_owned()),
        text: Some("<!here> *{{ server }}* {{ note }}".to_owned()),
    };
    let preview = template::preview(&channel.templates, &channel.target).unwrap();
    assert_eq!(preview.title, "CRITICAL Disk almost full");
    assert!(
        preview.text.starts_with("<!here> *web-01* Delete"),
        "{preview:?}"
    );
    let answer = open()
        .send(&channel, Some(&secret), &message(Kind::Raised))
        .await;
    assert_eq!(answer.unwrap().template, None);
    let attachment = receiver.only().json()["attachments"][0].clone();
    assert_eq!(attachment["title"], "CRITICAL Disk &lt;b&gt;full&lt;/b&gt;");
    assert_eq!(
        attachment["text"],
        "<!here> *db_1* Ask \"Größe &amp; Co\" *now*"
    );

    channel.templates.title = Some("{{ nothing }}".to_owned());
    let answer = open()
        .send(&channel, Some(&secret), &message(Kind::Raised))
        .await;
    let problem = answer.unwrap().template.unwrap();
    assert_eq!(problem.to_string(), "line 1: there is no such field");
    let title = receiver.arrived()[1].json()["attachments"][0]["title"].clone();
    assert_eq!(
        title,
        "Critical: Disk &lt;b&gt;full&lt;/b&gt; on db_1 (/var)"
    );
}
