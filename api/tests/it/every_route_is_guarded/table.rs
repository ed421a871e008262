//! The committed table of who gets what answer from every route and every live topic: `expectations.tsv`.
//!
//! One line is one route or topic; the columns are people. A route that the document has and the table has not fails, and
//! so does a line without a route. `CHATOPS_BLESS=1` writes what is observed: read the difference like a decision, because
//! it is one. What must hold for every route is asserted while blessing, too: strangers, ended credentials and accounts
//! that are switched off get nothing, and a token does only what one of its scopes is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use chatops_api::live::{viewer::Topic, watched::Watched};
use chatops_schemas::ids::RuleId;
use reqwest::Method;
use serde_json::{Value, json};

use super::{OPEN, Operation, call, host_is_away, operations};
use crate::{
    alerts,
    app::{App, SOON, now},
    browser::Client,
    live::socket::Socket,
    sharing::{id_of, share},
};

/// The people, in the order of the columns. `view`, `operate` and `manage` are operators with whom the server is shared at
/// that level; `capped` is a viewer with whom it is shared at the highest.
const PEOPLE: [&str; 7] = [
    "viewer", "operator", "view", "operate", "manage", "capped", "owner",
];
const SCOPES: [&str; 5] = ["read", "operate", "manage", "admin", "audit"];
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/every_route_is_guarded/expectations.tsv")
}

/// What is walked over; made anew when something of it was removed.
struct Things {
    server: String,
    key: String,
    team: String,
    target: String,
    grant: String,
    invitation: String,
    command: String,
    job: String,
    alert: String,
    script: String,
    schedule: String,
    rule: String,
    threshold: String,
    silence: String,
    channel: String,
}

struct World {
    app: App,
    people: BTreeMap<&'static str, Client>,
    /// Tokens of the owner with one scope each.
    tokens: Vec<(&'static str, Client)>,
    /// Credentials that were good once, by what happened to them.
    ended: Vec<(&'static str, Client)>,
    things: Things,
    names: usize,
    /// Answers that the document does not know.
    undescribed: BTreeSet<String>,
}

impl World {
    async fn build() -> Self {
        let app = App::start().await;
        let owner = app.owner().await;
        let mut people = BTreeMap::new();
        for name in PEOPLE.into_iter().filter(|name| *name != "owner") {
            let client = app.operator(name).await;
            if matches!(name, "viewer" | "capped") {
                set(&owner, &client, &json!({"role": "viewer"})).await;
            }
            people.insert(name, client);
        }
        people["operator"].add_server("another").await;
        let mut tokens = Vec::new();
        for scope in SCOPES {
            tokens.push((scope, token(&owner, &[scope], 3_600_000).await));
        }
        let expired = token(&owner, &SCOPES, 1_000).await;
        chatops_testkit::eventually("the token has expired", SOON, || async {
            expired.get("/api/v1/auth/me").await.0 == 401
        })
        .await;
        let off = app.operator("deactivated").await;
        let program = token(&off, &SCOPES, 3_600_000).await;
        set(&owner, &off, &json!({"active": false})).await;
        let things = things(&app, &owner, 0).await;
        people.insert("owner", owner);
        let mut world = Self {
            app,
            people,
            tokens,
            ended: vec![
                ("expired", expired),
                ("deactivated", off),
                ("a token of somebody deactivated", program),
            ],
            things,
            names: 1,
            undescribed: BTreeSet::new(),
        };
        world.share_with_people().await;
        world
    }

    async fn share_with_people(&mut self) {
        for (name, level) in [
            ("view", "view"),
            ("operate", "operate"),
            ("manage", "manage"),
            ("capped", "manage"),
        ] {
            let grant = json!({"username": name, "server_id": self.things.server, "level": level});
            share(&self.people["owner"], &grant).await;
        }
    }

    /// After something was removed.
    async fn restore(&mut self) {
        self.names += 1;
        self.things = things(&self.app, &self.people["owner"], self.names).await;
        self.share_with_people().await;
    }

    fn path(&self, template: &str) -> String {
        let things = &self.things;
        let id = [
            ("/servers/{", &things.server),
            ("/api-keys/{", &things.key),
            ("/users/{", &things.target),
            ("/teams/{", &things.team),
            ("/grants/{", &things.grant),
            ("/invitations/{", &things.invitation),
            ("/commands/{", &things.command),
            ("/jobs/{", &things.job),
            ("/scripts/{", &things.script),
            ("/schedules/{", &things.schedule),
            ("/alerts/rules/{", &things.rule),
            ("/alerts/thresholds/{", &things.threshold),
            ("/alerts/silences/{", &things.silence),
            ("/alerts/channels/{", &things.channel),
            ("/alerts/{", &things.alert),
        ]
        .into_iter()
        .find(|(part, _)| template.contains(part))
        .map_or(NOBODY, |(_, id)| id);
        template
            .replace("{id}", id)
            .replace("{server_id}", &things.server)
            .replace("{user}", &things.target)
            .replace("{container}", "web")
            .replace("{unit}", "web.service")
            .replace("{pid}", "4242")
            .replace("{action}", "restart")
            .replace("{session}", NOBODY)
            .replace("{code}", "CO1002")
    }

    /// A body with which the route does what it is for, where that harms nobody who walks.
    fn body(&mut self, name: &str) -> Value {
        self.names += 1;
        let (server, fresh) = (&self.things.server, format!("fresh-{}", self.names));
        match name {
            "POST /api/v1/servers" | "PATCH /api/v1/servers/{id}" => json!({"name": "web-1"}),
            "POST /api/v1/api-keys" => json!({"server_id": server}),
            "POST /api/v1/teams" | "PATCH /api/v1/teams/{id}" => json!({"name": "team"}),
            "POST /api/v1/users" => json!({"username": fresh, "role": "viewer"}),
            "PATCH /api/v1/users/{id}" => json!({"role": "operator"}),
            "POST /api/v1/grants" => {
                json!({"user_id": self.things.target, "server_id": server, "level": "view"})
            }
            "POST /api/v1/commands" => json!({"server_id": server, "command": "true"}),
            "POST /api/v1/servers/{id}/processes/{pid}/signal" => {
                json!({"signal": "TERM", "start_ticks": "7"})
            }
            "POST /api/v1/invitations" => json!({"role": "viewer"}),
            "PUT /api/v1/settings/terminal" => json!({"recorded": false}),
            "PUT /api/v1/servers/{id}/terminal-policy" => json!({"own": null}),
            "PUT /api/v1/settings/registration" => json!({"registration": "open"}),
            "POST /api/v1/jobs/preview" => json!({"targets": {"servers": [server]}}),
            "POST /api/v1/jobs" => job(server),
            "POST /api/v1/scripts" | "PUT /api/v1/scripts/{id}" => script(&fresh),
            "POST /api/v1/alerts/acknowledge" => json!({"ids": [self.things.alert]}),
            "POST /api/v1/alerts/rules/check" => json!({"wording": "cpu > 1"}),
            "POST /api/v1/alerts/rules/trial" => {
                json!({"wording": "cpu > 1", "server_ids": [server]})
            }
            "POST /api/v1/alerts/rules" | "PUT /api/v1/alerts/rules/{id}" => rule(server, &fresh),
            "POST /api/v1/alerts/rules/{id}/restore" => json!({"version": 1}),
            "POST /api/v1/alerts/thresholds" | "PUT /api/v1/alerts/thresholds/{id}" => {
                threshold(server)
            }
            "POST /api/v1/alerts/silences" => silence(server, &fresh),
            "POST /api/v1/alerts/channels" | "PUT /api/v1/alerts/channels/{id}" => channel(&fresh),
            "PUT /api/v1/alerts/channels/{id}/chat" => json!({"secret": "0123456789abcdef"}),
            "POST /api/v1/chat/say" => json!({"text": "help"}),
            "POST /api/v1/alerts/channels/preview" => json!({"target": {"kind": "slack"}}),
            "POST /api/v1/schedules/preview" => json!({"cron": "0 3 * * *", "zone": "UTC"}),
            "POST /api/v1/schedules" | "PUT /api/v1/schedules/{id}" => schedule(server, &fresh),
            _ => json!({}),
        }
    }

    async fn ask(&mut self, client: &Client, operation: &Operation) -> (u16, Value) {
        let name = name(operation);
        let (path, body) = (self.path(&operation.path), self.body(&name));
        let (status, answer) = call(client, operation, &path, Some(&body)).await;
        assert!(
            status < 500 || host_is_away(status, &answer),
            "{name}: {answer}"
        );
        if !operation.described.contains(&status) {
            self.undescribed.insert(format!("{name}: {status}"));
        }
        let removes = operation.method == Method::DELETE
            || name.ends_with("/revoke")
            || name.ends_with("{id}/acknowledge")
            || name.ends_with("/resolve")
            || name.ends_with("/rotate");
        if removes && (200..300).contains(&status) {
            self.restore().await;
        }
        (status, answer)
    }
}

fn job(server: &str) -> Value {
    json!({"targets": {"servers": [server]}, "run": {"command": "true"}})
}

fn script(name: &str) -> Value {
    json!({"name": name, "command": "true"})
}

fn schedule(server: &str, name: &str) -> Value {
    json!({
        "name": name, "cron": "0 3 * * *", "zone": "UTC",
        "targets": {"servers": [server]}, "run": {"command": "true"},
    })
}

fn rule(server: &str, name: &str) -> Value {
    json!({"name": name, "severity": "info", "scope": {"servers": [server]}, "wording": "cpu > 1"})
}

fn threshold(server: &str) -> Value {
    json!({"metric": "cpu", "operator": ">", "value": 1, "server_id": server})
}

fn silence(server: &str, reason: &str) -> Value {
    json!({
        "reason": reason, "scope": {"servers": [server]},
        "times": {"once": {"until": "2999-01-01T00:00:00Z"}},
    })
}

/// The address is one that no name server knows: what is sent there stays here.
fn channel(name: &str) -> Value {
    json!({"name": name, "target": {"kind": "webhook", "url": "https://chatops.invalid"}})
}

fn name(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

async fn set(owner: &Client, client: &Client, change: &Value) {
    let path = format!("/api/v1/users/{}", id_of(client).await);
    let (status, answer) = owner.patch(&path, change).await;
    assert_eq!(status, 200, "{answer}");
}

async fn token(of: &Client, scopes: &[&str], millis: i64) -> Client {
    let ends = now().plus_millis(millis).rfc3339();
    let body = json!({"name": "walk", "scopes": scopes, "expires_at": ends});
    let (status, issued) = of.post("/api/v1/auth/tokens", &body).await;
    assert_eq!(status, 201, "{issued}");
    of.with_token(issued["token"].as_str().unwrap())
}

async fn made(owner: &Client, path: &str, body: Value) -> Value {
    let (status, made) = owner.post(path, &body).await;
    assert!(matches!(status, 200..=202), "{path}: {status} {made}");
    made
}

async fn things(app: &App, owner: &Client, n: usize) -> Things {
    let server = owner.add_server("web-1").await;
    app.sample(&server, 1.0).await;
    let body = json!({"username": format!("target-{n}"), "role": "operator"});
    let target = made(owner, "/api/v1/users", body).await;
    let target = target["user"]["id"].as_str().unwrap().to_owned();
    let body = json!({"user_id": target, "server_id": server, "level": "view"});
    let grant = share(owner, &body).await;
    let fresh = format!("walked-{n}");
    // All of this is made anew whenever something was removed, so it is made at once.
    let (key, team, invitation, command) = tokio::join!(
        made(owner, "/api/v1/api-keys", json!({"server_id": server})),
        made(owner, "/api/v1/teams", json!({"name": "team"})),
        made(owner, "/api/v1/invitations", json!({"role": "viewer"})),
        made(
            owner,
            "/api/v1/commands",
            json!({"server_id": server, "command": "true"})
        ),
    );
    let (job, script, schedule) = tokio::join!(
        made(owner, "/api/v1/jobs", job(&server)),
        made(owner, "/api/v1/scripts", script(&fresh)),
        made(owner, "/api/v1/schedules", schedule(&server, &fresh)),
    );
    let (rule, threshold, silence, channel) = tokio::join!(
        made(owner, "/api/v1/alerts/rules", rule(&server, &fresh)),
        made(owner, "/api/v1/alerts/thresholds", threshold(&server)),
        made(owner, "/api/v1/alerts/silences", silence(&server, &fresh)),
        made(owner, "/api/v1/alerts/channels", channel(&fresh)),
    );
    let instance = alerts::Instance::new(&server, RuleId(uuid::Uuid::from_u128(1)), "");
    let alert = instance.raise(app).await;
    alerts::there(owner, alert, "open").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Things {
        alert: alert.to_string(),
        job: text(&job["id"]),
        script: text(&script["id"]),
        schedule: text(&schedule["id"]),
        rule: text(&rule["id"]),
        threshold: text(&threshold["id"]),
        silence: text(&silence["id"]),
        channel: text(&channel["id"]),
        server,
        key: text(&key["id"]),
        team: text(&team["id"]),
        target,
        grant,
        command: text(&command["id"]),
        invitation: text(&invitation["invitation"]["id"]),
    }
}

/// Routes below something that this walk has none of. Of every other route with an id the owner must get more than "there
/// is no such thing": a line in which nobody gets anything shows no guard.
const WITHOUT_A_THING: [&str; 9] = [
    // A person's own, of whoever asks: of others there is none, which `sessions`, `tokens`, `passkeys` and `oidc` show.
    "DELETE /api/v1/auth/sessions/{id}",
    "DELETE /api/v1/auth/tokens/{id}",
    "DELETE /api/v1/auth/passkeys/{id}",
    "DELETE /api/v1/auth/oidc/identities/{id}",
    // Only a host makes these: `chatops/tests/it/terminal.rs`, `logs.rs`.
    "DELETE /api/v1/servers/{id}/terminals/{session}",
    "DELETE /api/v1/servers/{id}/terminals/{session}/recording",
    "GET /api/v1/servers/{id}/terminals/{session}/recording",
    "GET /api/v1/logs/entries/{id}",
    // No appender runs here: `audit.rs`.
    "GET /api/v1/audit/{seq}",
];

/// Which scope a token needs: found by trying each alone.
async fn scope(world: &mut World, operation: &Operation) -> String {
    let (mut good, mut codes) = (Vec::new(), Vec::new());
    for (scope, client) in world.tokens.clone() {
        let (status, answer) = world.ask(&client, operation).await;
        match status {
            401 | 403 => codes.push(answer["code"].as_str().unwrap_or_default().to_owned()),
            _ => good.push(scope),
        }
    }
    match good.as_slice() {
        [] if codes.iter().all(|code| code == "CO1010") => "person".to_owned(),
        // A key of an agent, not of a person.
        [] if codes.iter().all(|code| code == "CO1009") => "key".to_owned(),
        [] => panic!("{}: no single scope is enough: {codes:?}", name(operation)),
        all if all.len() == SCOPES.len() => "any".to_owned(),
        some => some.join("+"),
    }
}

async fn line_of(world: &mut World, operation: &Operation) -> Vec<String> {
    let name = name(operation);
    if operation.open {
        assert!(OPEN.contains(&name.as_str()), "{name}: is it open?");
        return vec!["open".to_owned(); PEOPLE.len() + 2];
    }
    let stranger = world.app.stranger();
    let (status, answer) = world.ask(&stranger, operation).await;
    assert_eq!(status, 401, "{name} as nobody: {answer}");
    for (how, client) in world.ended.clone() {
        let (status, answer) = world.ask(&client, operation).await;
        assert_eq!(
            status, 401,
            "{name} with a credential that is {how}: {answer}"
        );
    }
    let mut line = vec![scope(world, operation).await, "401".to_owned()];
    for who in PEOPLE {
        let client = world.people[who].clone();
        line.push(world.ask(&client, operation).await.0.to_string());
    }
    line
}

/// A live conversation of the AsyncAPI document: a socket, or one topic of a socket that has some.
struct Conversation {
    name: String,
    path: String,
    first: Value,
    topic: Option<String>,
}

/// All that people may have; agents come in elsewhere, and `ingest` tests that door.
fn conversations() -> Vec<Conversation> {
    let document = chatops_api::asyncapi::document();
    let mut found = Vec::new();
    for channel in document["channels"].as_object().unwrap().values() {
        let path = channel["address"].as_str().unwrap_or_default();
        match channel["x-door"].as_str() {
            Some("person") => {}
            Some("agent") => {
                assert_eq!(path, "/api/v1/agents/ws");
                continue;
            }
            _ => continue,
        }
        let one = |name: String, topic: Option<String>| Conversation {
            name,
            path: path.to_owned(),
            first: channel["x-first-frame"].clone(),
            topic,
        };
        match channel["x-topics"].as_array() {
            None => found.push(one(format!("WS {path}"), None)),
            Some(topics) => found.extend(topics.iter().map(|topic| {
                let topic = topic.as_str().unwrap();
                one(format!("TOPIC {topic}"), Some(topic.to_owned()))
            })),
        }
    }
    found
}

/// What a live conversation answers: `ok`, the code of the refusal, or the code of the close.
async fn topic(world: &World, client: &Client, conversation: &Conversation) -> String {
    let server = &world.things.server;
    let mut hello = conversation.first.clone();
    hello["token"] = json!(client.token);
    let path = world.path(&conversation.path);
    let mut socket = Socket::open(&world.app, &path, &[]).await.unwrap();
    socket.send(&hello).await;
    let first = match socket.frame_or_end().await {
        Ok(frame) => frame,
        Err(close) => return close.to_string(),
    };
    // Whoever may open a terminal is told that the host is away.
    if first["code"] == "CO1401" {
        return "ok".to_owned();
    }
    if let (Some("error"), Some(code)) = (first["type"].as_str(), first["code"].as_str()) {
        return code.to_owned();
    }
    let Some(topic) = &conversation.topic else {
        return "ok".to_owned();
    };
    let id = match topic.split(':').next() {
        Some("command") => &world.things.command,
        Some("job") => &world.things.job,
        _ => server,
    };
    let topic = topic.replace("{id}", id);
    let answer = socket
        .ask(&json!({"type": "subscribe", "topics": [topic]}))
        .await;
    match answer["refused"][0]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => "ok".to_owned(),
    }
}

async fn line_of_topic(world: &World, conversation: &Conversation) -> Vec<String> {
    let shape = &conversation.name;
    let mut nobody = world.app.stranger();
    nobody.token = Some("forged".to_owned());
    let refused = topic(world, &nobody, conversation).await;
    assert_eq!(refused, "4401", "{shape} as nobody");
    for (how, client) in &world.ended {
        let close = topic(world, client, conversation).await;
        assert_eq!(close, "4401", "{shape} with a credential that is {how}");
    }
    let mut good = Vec::new();
    for (scope, client) in &world.tokens {
        match topic(world, client, conversation).await.as_str() {
            "ok" => good.push(*scope),
            close => assert_eq!(close, "4403", "{shape} with the scope {scope}"),
        }
    }
    let mut line = vec![good.join("+"), refused];
    for who in PEOPLE {
        line.push(topic(world, &world.people[who], conversation).await);
    }
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_what_the_table_says_from_every_route_and_topic() {
    let mut world = World::build().await;
    let mut found = BTreeMap::new();
    for operation in operations() {
        let line = line_of(&mut world, &operation).await;
        found.insert(name(&operation), line);
    }
    let conversations = conversations();
    assert!(conversations.len() >= 3, "the document lost sockets");
    for conversation in conversations {
        let line = line_of_topic(&world, &conversation).await;
        found.insert(conversation.name, line);
    }
    let mut text = format!("route\tscope\tnobody\t{}\n", PEOPLE.join("\t"));
    for (name, line) in &found {
        text.push_str(&format!("{name}\t{}\n", line.join("\t")));
    }
    for (name, line) in &found {
        let vacuous = name.contains('{') && line.last().is_some_and(|owner| owner == "404");
        assert!(
            !vacuous || WITHOUT_A_THING.contains(&name.as_str()),
            "{name}: the owner finds nothing there, so the line shows no guard"
        );
    }
    if std::env::var_os("CHATOPS_BLESS").is_some() {
        fs::write(file(), &text).unwrap();
    }
    let committed = fs::read_to_string(file()).unwrap_or_default();
    let differences: Vec<_> = {
        let (then, now): (Vec<_>, Vec<_>) = (committed.lines().collect(), text.lines().collect());
        let gone = then.iter().filter(|line| !now.contains(line));
        let new = now.iter().filter(|line| !then.contains(line));
        gone.map(|line| format!("expected {line}"))
            .chain(new.map(|line| format!("found    {line}")))
            .collect()
    };
    assert!(
        differences.is_empty(),
        "{}\nIf this is meant, run with CHATOPS_BLESS=1 and review the difference.",
        differences.join("\n")
    );
    assert!(
        world.undescribed.is_empty(),
        "not in the document: {:#?}",
        world.undescribed
    );
}

#[test]
fn the_list_of_topics_is_that_of_the_code() {
    for shape in conversations().into_iter().filter_map(|one| one.topic) {
        let topic = shape.replace("{id}", NOBODY);
        let shapes = [
            Topic::parse(&topic).map(|topic| topic.shape()),
            Watched::parse(&topic).map(|topic| topic.shape()),
        ];
        let shapes: Vec<_> = shapes.into_iter().flatten().collect();
        assert_eq!(shapes, [shape]);
    }
}
