//! Channels over REST: whose they are, and where their secrets go.

use serde_json::{Value, json};

use crate::app::App;

const HOOK: &str = "https://hooks.example.org/services/T000/B000/x7Kp2mQ9vR4t";

fn field(answer: &(u16, Value)) -> (u16, &str) {
    (
        answer.0,
        answer.1["errors"][0]["field"].as_str().unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_its_persons_own_and_its_secret_is_in_no_answer() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (ada, bob) = (app.operator("ada").await, app.operator("bob").await);
    let path = "/api/v1/alerts/channels";
    chatops_testkit::evidence::secret("channel", HOOK);

    let slack = json!({"name": "ops", "target": {"kind": "slack"}});
    let refused = ada.post(path, &slack).await;
    assert_eq!(field(&refused), (422, "secret"), "{}", refused.1);
    let mut whole = slack.clone();
    whole["secret"] = json!(HOOK);
    let (status, made) = ada.post(path, &whole).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["has_secret"], true);
    let mine = format!("{path}/{}", made["id"].as_str().unwrap());

    let listed = ada.get(path).await.1;
    assert_eq!(listed["channels"][0]["id"], made["id"]);
    for answer in [&made, &listed] {
        assert!(!answer.to_string().contains("x7Kp2mQ9vR4t"), "{answer}");
    }
    assert_eq!(bob.get(path).await.1["channels"], json!([]));
    assert_eq!(bob.put(&mine, &whole).await.0, 404);
    assert_eq!(bob.delete(&mine).await.0, 404);
    assert_eq!(bob.post(&format!("{mine}/test"), &json!({})).await.0, 404);
    assert_eq!(owner.get(path).await.1["channels"][0]["id"], made["id"]);

    // Other words need no secret; another place does.
    let mut renamed = slack.clone();
    renamed["name"] = json!("operations");
    let (status, changed) = ada.put(&mine, &renamed).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    assert_eq!(changed["has_secret"], true);
    let elsewhere = json!({"name": "ops", "target": {"kind": "telegram", "chat_id": "7", "server": "https://evil.example.org"}});
    let refused = owner.put(&mine, &elsewhere).await;
    assert_eq!(field(&refused), (422, "secret"), "{}", refused.1);

    assert_eq!(ada.delete(&mine).await.0, 204);
    assert_eq!(ada.get(path).await.1["channels"], json!([]));
    assert_eq!(ada.put(&mine, &whole).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_channel_names_its_field_and_a_preview_shows_what_would_be_said() {
    let app = App::start().await;
    let owner = app.owner().await;
    let path = "/api/v1/alerts/channels";
    for (body, expected) in [
        (
            json!({"name": "", "target": {"kind": "webhook", "url": "https://example.org"}}),
            "name",
        ),
        (json!({"name": "a", "target": {"kind": "pigeon"}}), "target"),
        (
            json!({"name": "a", "target": {"kind": "webhook", "url": "ftp://x"}}),
            "target.url",
        ),
        (
            json!({"name": "a", "target": {"kind": "webhook", "url": "https://example.org"}, "templates": {"title": "{{ nothing.such"}}),
            "templates.title",
        ),
        (
            json!({"name": "a", "target": {"kind": "webhook", "url": "https://example.org"}, "receives": {
                "severity": "info", "scope": "all", "resolved": true, "repeat_ms": 5,
            }}),
            "receives.repeat_ms",
        ),
    ] {
        let refused = owner.post(path, &body).await;
        assert_eq!(field(&refused), (422, expected), "{body}: {}", refused.1);
    }
    let asked = json!({"target": {"kind": "slack"}, "templates": {"title": "Look: {{ rule }}"}});
    let (status, shown) = owner.post(&format!("{path}/preview"), &asked).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["title"], "Look: Disk almost full");
}
