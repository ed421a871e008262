//! Channels over REST: whose they are, and where their secrets go.

use chatops_projections::Store;
use chatops_schemas::{
    clock::{IdSource, System},
    envelope::Envelope,
    event::alert::{Delivery, Occasion, ToldAlert},
    ids::{AlertId, ChannelId, RuleId},
    subject,
};
use chatops_testkit::until;
use serde_json::{Value, json};

use crate::{
    alerts::{Instance, there},
    app::{App, SOON, now},
};

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

    let restore = format!("{mine}/restore");
    assert_eq!(ada.post(&restore, &json!({})).await.0, 409, "not removed");
    assert_eq!(ada.delete(&mine).await.0, 204);
    assert_eq!(ada.get(path).await.1["channels"], json!([]));
    assert_eq!(ada.put(&mine, &whole).await.0, 404);

    // It comes back whole, as long as its secret is kept.
    assert_eq!(bob.post(&restore, &json!({})).await.0, 404);
    let (status, back) = ada.post(&restore, &json!({})).await;
    assert_eq!((status, &back["has_secret"]), (200, &json!(true)), "{back}");
    assert_eq!(back["name"], "operations");
    assert_eq!(ada.delete(&mine).await.0, 204);
    let id: ChannelId = made["id"].as_str().unwrap().parse().unwrap();
    let store = Store::connect(app.database.url(), 1).await.unwrap();
    store.erase_channel_secret_in(id, 0).await.unwrap();
    assert_eq!(store.erase_channel_secrets().await.unwrap(), 1);
    let (status, refused) = ada.post(&restore, &json!({})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("CO1604")));
    assert_eq!(ada.get(path).await.1["channels"], json!([]));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_shows_what_it_told_of_servers_that_its_reader_may_see() {
    let app = App::start().await;
    app.owner().await;
    let (ada, bob) = (app.operator("ada").await, app.operator("bob").await);
    let path = "/api/v1/alerts/channels";
    let body = json!({"name": "ops", "target": {"kind": "webhook", "url": "https://example.org"}});
    let (status, made) = ada.post(path, &body).await;
    assert_eq!((status, &made["last"]), (201, &Value::Null), "{made}");
    let channel: ChannelId = made["id"].as_str().unwrap().parse().unwrap();
    let told = format!("{path}/{channel}/told");
    assert_eq!(bob.get(&told).await.0, 404, "not theirs");

    let mut alerts = Vec::new();
    for (person, name) in [(&ada, "web-1"), (&bob, "web-2")] {
        let server = person
            .post("/api/v1/servers", &json!({"name": name}))
            .await
            .1;
        let server = server["id"].as_str().unwrap().to_owned();
        let instance = Instance::new(&server, RuleId(System.next()), "/var");
        let alert = instance.raise(&app).await;
        there(person, alert, "open").await;
        alerts.push((instance, alert));
    }
    let tell = async |alert: AlertId, number: u32, delivery: Delivery| {
        let event = ToldAlert {
            alert,
            rule: RuleId(System.next()),
            channel,
            channel_name: "ops".to_owned(),
            occasion: Occasion::Reminder,
            number,
            of: System.event_id(),
            attempts: 2,
            delivery,
        };
        let event = Envelope::new(System.event_id(), now(), event);
        app.bus
            .publish(&subject::told(channel, alert), &event)
            .await
            .unwrap();
    };
    let [(_, mine), (_, other)] = [&alerts[0], &alerts[1]];
    let answer = "taken".to_owned();
    tell(*mine, 1, Delivery::Sent { answer, took_ms: 7 }).await;
    tell(
        *other,
        1,
        Delivery::Failed {
            reason: "gone".to_owned(),
        },
    )
    .await;
    let why = chatops_schemas::event::alert::Held::Over;
    tell(*mine, 2, Delivery::Held { why }).await;

    let list = until("all of it is written down", SOON, async || {
        let list = ada.get(&told).await.1;
        (list["items"].as_array()?.len() == 2).then_some(list)
    })
    .await;
    let of = |at: usize| &list["items"][at];
    assert_eq!(
        of(0)["delivery"],
        json!({"held": {"why": "over"}}),
        "{list}"
    );
    assert_eq!(of(1)["delivery"]["sent"]["took_ms"], 7, "{list}");
    assert_eq!(of(1)["server_name"], "web-1");
    assert_eq!(
        (&of(1)["occasion"], &of(1)["attempts"]),
        (&json!("reminder"), &json!(2))
    );

    let (status, first) = ada.get(&format!("{told}?limit=1")).await;
    assert_eq!((status, &first["items"][0]), (200, of(0)));
    let rest = format!("{told}?limit=1&cursor={}", first["next"].as_str().unwrap());
    assert_eq!(ada.get(&rest).await.1["items"], json!([of(1)]));
    for wrong in ["limit=0", "limit=201", "cursor=there"] {
        assert_eq!(ada.get(&format!("{told}?{wrong}")).await.0, 422, "{wrong}");
    }

    // What was kept back says nothing of the channel; that a message could not be sent does.
    let last = &ada.get(path).await.1["channels"][0]["last"];
    assert_eq!(
        last["delivery"],
        json!({"failed": {"reason": "gone"}}),
        "{last}"
    );
}
