//! What people do from a chat that signs its requests as Slack does, and from elsewhere with a token.

use chatops_schemas::ids::{AlertId, RuleId};
use ring::hmac;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    alerts::{Instance, there},
    app::{App, now},
    audit::{audited, newest},
    browser::{Client, answer},
    sharing::share,
};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const RULE: RuleId = RuleId(Uuid::from_u128(0x77));

/// A chat, and somebody in it.
struct Chat<'a> {
    app: &'a App,
    channel: String,
    user: &'static str,
}

fn signature(secret: &str, time: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{time}:{body}").as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v0={hex}")
}

fn now_s(shift: i64) -> String {
    (now().millis() / 1000 + shift).to_string()
}

impl Chat<'_> {
    fn body(&self, text: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        // What a chat says besides, new each time.
        form.append_pair("trigger_id", &Uuid::new_v4().to_string());
        form.append_pair("team_id", "T1")
            .append_pair("command", "/chatops");
        form.append_pair("user_id", self.user)
            .append_pair("text", text);
        form.finish()
    }

    async fn send(&self, body: &str, time: &str, signature: Option<&str>) -> (u16, Json) {
        let path = format!("/api/v1/chat/slack/{}", self.channel);
        let mut request = self
            .app
            .stranger()
            .request(reqwest::Method::POST, &path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", time)
            .body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("x-slack-signature", signature);
        }
        answer(request.send().await.unwrap()).await
    }

    /// What the chat shows.
    async fn say(&self, text: &str) -> (String, bool) {
        let (body, time) = (self.body(text), now_s(0));
        let signature = signature(SECRET, &time, &body);
        let (status, shown) = self.send(&body, &time, Some(&signature)).await;
        assert_eq!(status, 200, "{text}: {shown}");
        let aloud = shown["response_type"] == "in_channel";
        (shown["text"].as_str().unwrap().to_owned(), aloud)
    }
}

async fn channel(owner: &Client) -> String {
    let body = json!({
        "name": "ops", "target": {"kind": "slack"}, "enabled": false,
        "secret": "https://hooks.example.org/services/T000/B000/x7Kp2mQ9vR4t",
    });
    let (status, made) = owner.post("/api/v1/alerts/channels", &body).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/alerts/channels/{id}/chat");
    let (status, problem) = owner.put(&path, &json!({"secret": SECRET})).await;
    assert_eq!(status, 204, "{problem}");
    id
}

async fn linked<'a>(app: &'a App, channel: &str, user: &'static str, client: &Client) -> Chat<'a> {
    let chat = Chat {
        app,
        channel: channel.to_owned(),
        user,
    };
    let (status, code) = client.post("/api/v1/chat/link", &json!({})).await;
    assert_eq!(status, 201, "{code}");
    let say = code["say"]
        .as_str()
        .unwrap()
        .trim_start_matches("/chatops ");
    let (text, aloud) = chat.say(say).await;
    assert!(text.starts_with("You are ") && !aloud, "{text}");
    // It holds once.
    assert!(chat.say(say).await.0.starts_with("This code is none"));
    chat
}

fn short(alert: AlertId) -> String {
    let id = alert.0.simple().to_string();
    id[id.len() - 6..].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_chat_signed_just_now_and_for_the_first_time_is_let_in() {
    let app = App::start().await;
    let owner = app.owner().await;
    chatops_testkit::evidence::secret("signing", SECRET);
    let channel = channel(&owner).await;
    let chat = Chat {
        app: &app,
        channel: channel.clone(),
        user: "U1",
    };
    let (body, time) = (chat.body("help"), now_s(0));
    let good = signature(SECRET, &time, &body);
    let refused = |answer: (u16, Json)| {
        assert_eq!(
            (answer.0, answer.1["code"].as_str().unwrap_or_default()),
            (401, "CO1707"),
            "{}",
            answer.1
        );
    };
    refused(chat.send(&body, &time, None).await);
    let other = signature("another secret of theirs", &time, &body);
    refused(chat.send(&body, &time, Some(&other)).await);
    refused(chat.send(&chat.body("alerts"), &time, Some(&good)).await);
    refused(chat.send(&body, &now_s(1), Some(&good)).await);
    for shift in [-301, 400] {
        let time = now_s(shift);
        let good = signature(SECRET, &time, &body);
        refused(chat.send(&body, &time, Some(&good)).await);
    }
    // None of these has used it up.
    let (status, shown) = chat.send(&body, &time, Some(&good)).await;
    assert_eq!(status, 200, "{shown}");
    refused(chat.send(&body, &time, Some(&good)).await);
    // Somebody whom nobody knows can do nothing.
    let (text, _) = chat.say("alerts").await;
    assert!(text.contains("I do not know who you are"), "{text}");
    let (text, _) = chat.say("dance").await;
    assert!(text.contains("do not know \"dance\""), "{text}");

    // A channel that is nobody's, and one whose chat may say nothing any more.
    let nowhere = Chat {
        channel: Uuid::from_u128(9).to_string(),
        ..chat
    };
    refused(nowhere.send(&body, &time, Some(&good)).await);
    let path = format!("/api/v1/alerts/channels/{channel}/chat");
    let stranger = app.operator("stranger").await;
    let secret = json!({"secret": "0123456789abcdef"});
    assert_eq!(stranger.put(&path, &secret).await.0, 404);
    assert_eq!(stranger.delete(&path).await.0, 404);
    assert_eq!(owner.put(&path, &json!({"secret": "short"})).await.0, 422);
    assert_eq!(owner.delete(&path).await.0, 204);
    let chat = Chat { channel, ..nowhere };
    let (body, time) = (chat.body("help"), now_s(0));
    let good = signature(SECRET, &time, &body);
    refused(chat.send(&body, &time, Some(&good)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_says_is_done_with_their_rights_and_in_their_name() {
    let (app, _appender) = audited().await;
    let owner = app.owner().await;
    let (web, other) = (
        owner.add_server("web-01").await,
        owner.add_server("other").await,
    );
    let (ada, eve) = (app.operator("ada").await, app.operator("eve").await);
    for (name, level) in [("ada", "operate"), ("eve", "view")] {
        let grant = json!({"username": name, "server_id": web, "level": level});
        share(&owner, &grant).await;
    }
    let channel = channel(&owner).await;
    let ada = linked(&app, &channel, "UADA", &ada).await;
    let eve = linked(&app, &channel, "UEVE", &eve).await;

    assert_eq!(ada.say("alerts").await.0, "No alert is open.");
    let alert = Instance::new(&web, RULE, "/var").raise(&app).await;
    let hidden = Instance::new(&other, RULE, "/").raise(&app).await;
    there(&owner, alert, "open").await;
    there(&owner, hidden, "open").await;
    let (text, aloud) = ada.say("alerts").await;
    assert!(
        text.contains(&short(alert)) && text.contains("Disk full on web-01 (/var)"),
        "{text}"
    );
    assert!(!text.contains("other") && !aloud, "{text}");
    let (text, _) = eve.say("status WEB-01").await;
    assert!(
        text.starts_with("*web-01* was never here") && text.contains("Disk full"),
        "{text}"
    );
    assert_eq!(
        eve.say("status other").await.0,
        "You see no server \"other\"."
    );

    // Who may only look is refused, and that is on record.
    let (text, aloud) = eve.say(&format!("ack {}", short(alert))).await;
    assert!(
        text.contains("not so that you may do this") && !aloud,
        "{text}"
    );
    let denied = newest(
        &owner,
        &format!("actor=eve&result=denied&target=server:{web}"),
    )
    .await;
    assert_eq!(denied["action"], "access.denied");
    let (text, _) = ada.say(&format!("ack {}", short(hidden))).await;
    assert!(text.contains("no open alert and no server"), "{text}");

    let (text, aloud) = ada.say(&format!("ack {} I am on it", short(alert))).await;
    assert!(text.starts_with("You take care of") && aloud, "{text}");
    there(&owner, alert, "open").await;
    let (_, shown) = owner.get(&format!("/api/v1/alerts/{alert}")).await;
    assert_eq!(shown["acknowledged_by_name"], "ada", "{shown}");
    assert_eq!(
        ada.say("ack web-01").await.0,
        "Nothing there waits for somebody."
    );
    let (text, _) = eve.say("alerts").await;
    assert!(text.contains("ada takes care of it"), "{text}");

    let (text, aloud) = ada.say("silence web-01 2h new disks").await;
    assert!(
        text.starts_with("Nobody is told of web-01 for 2h") && aloud,
        "{text}"
    );
    let (_, silences) = owner.get("/api/v1/alerts/silences").await;
    let silence = &silences["silences"][0];
    assert_eq!(
        (&silence["reason"], &silence["saved_by_name"]),
        (&json!("new disks"), &json!("ada"))
    );
    assert!(!eve.say("silence web-01 2h").await.1, "eve may not");

    let script = json!({"name": "Restart App", "command": "true", "needs_approval": true});
    let (status, script) = owner.post("/api/v1/scripts", &script).await;
    assert_eq!(status, 201, "{script}");
    assert!(
        !eve.say("run \"restart app\" on web-01").await.1,
        "eve may not"
    );
    assert_eq!(
        ada.say("run nothing on web-01").await.0,
        "There is no script \"nothing\"."
    );
    let (text, aloud) = ada.say("run \u{201c}restart app\u{201d} on web-01").await;
    assert!(
        text.contains("waits until another person approves") && aloud,
        "{text}"
    );
    let (_, jobs) = owner.get("/api/v1/jobs").await;
    let job = &jobs["jobs"][0];
    assert_eq!(
        (&job["started_by_name"], &job["state"], &job["hosts"]),
        (&json!("ada"), &json!("waiting"), &json!(1)),
        "{jobs}"
    );

    let (text, aloud) = ada.say(&format!("resolve {} done", short(alert))).await;
    assert!(text.ends_with("is over.") && aloud, "{text}");
    there(&owner, alert, "resolved").await;

    // Whose account is off can say nothing, linked or not.
    let (_, users) = owner.get("/api/v1/users?q=ada").await;
    let id = users["users"][0]["id"].as_str().unwrap();
    let off = owner
        .patch(&format!("/api/v1/users/{id}"), &json!({"active": false}))
        .await;
    assert_eq!(off.0, 200, "{}", off.1);
    assert_eq!(ada.say("alerts").await.0, "Your account is switched off.");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_work_with_a_token_and_a_link_belongs_to_one_person() {
    let app = App::start().await;
    let owner = app.owner().await;
    let web = owner.add_server("web-01").await;
    let alert = Instance::new(&web, RULE, "").raise(&app).await;
    there(&owner, alert, "open").await;
    let say = async |text: &str| owner.post("/api/v1/chat/say", &json!({"text": text})).await;
    let (status, said) = say("ack web-01").await;
    assert_eq!(
        (status, &said["response_type"]),
        (200, &json!("in_channel")),
        "{said}"
    );
    let (status, problem) = say("silence web-01 soon").await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("text")),
        "{problem}"
    );
    // Who you are is not asked here.
    assert!(
        say("link abc").await.1["text"]
            .as_str()
            .unwrap()
            .contains("`alerts`")
    );

    let channel = channel(&owner).await;
    let chat = linked(&app, &channel, "U1", &owner).await;
    // Somebody else cannot take it over.
    let ada = app.operator("ada").await;
    let (_, code) = ada.post("/api/v1/chat/link", &json!({})).await;
    let (text, _) = chat
        .say(&format!("link {}", code["code"].as_str().unwrap()))
        .await;
    assert!(text.starts_with("Somebody else here is linked"), "{text}");

    // It is listed where identities are, and taken away there.
    let (_, security) = owner.get("/api/v1/auth/security").await;
    let identity = &security["identities"][0];
    assert_eq!(identity["issuer"], format!("chat:{channel}"), "{security}");
    let path = format!(
        "/api/v1/auth/oidc/identities/{}",
        identity["id"].as_str().unwrap()
    );
    let (status, problem) = owner.delete(&path).await;
    assert!(matches!(status, 200 | 204), "{problem}");
    assert!(
        chat.say("alerts")
            .await
            .0
            .contains("I do not know who you are")
    );
}
