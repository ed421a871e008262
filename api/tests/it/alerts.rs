//! Alerts, rules, thresholds and silences over REST, with the evaluator's events on the real bus.

mod rules;
mod trial;

use chatops_schemas::{
    clock::{IdSource, System},
    envelope::Envelope,
    event::{Event, alert::*},
    ids::{AlertId, RuleId, ServerId},
    rule::Severity,
    subject,
};
use chatops_testkit::eventually;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    app::{App, SOON, now},
    browser::Client,
    sharing::share,
};

/// What the evaluator would say about a rule on a device of a server.
pub(crate) struct Instance {
    pub(crate) server: ServerId,
    rule: RuleId,
    device: &'static str,
}

impl Instance {
    pub(crate) fn new(server: &str, rule: RuleId, device: &'static str) -> Self {
        Self {
            server: ServerId::parse(server).unwrap(),
            rule,
            device,
        }
    }

    fn head(&self, alert: AlertId) -> Head {
        Head {
            alert,
            rule: self.rule,
            rule_version: 1,
            name: "Disk full".to_owned(),
            wording: "fs:*:share >= 95 for 1m".to_owned(),
            device: self.device.to_owned(),
            severity: Severity::Critical,
            since: now().plus_millis(-60_000),
            raised: now(),
            source: "OPS_METRICS".to_owned(),
            through: 1,
        }
    }

    pub(crate) async fn tell<T: Event>(&self, app: &App, data: T) {
        let subject = subject::alert(&self.server, self.rule, self.device);
        let event = Envelope::new(System.event_id(), now(), data).about(self.server.clone());
        app.bus.publish(&subject, &event).await.unwrap();
    }

    pub(crate) async fn raise(&self, app: &App) -> AlertId {
        let alert = AlertId(System.next());
        let raised = AlertRaised {
            head: self.head(alert),
            values: vec![Value {
                series: "fs:*:share".to_owned(),
                value: Some(97.5),
            }],
            evidence: vec![Evidence {
                at: now(),
                values: vec![Some(97.5)],
            }],
            processes: Vec::new(),
            note: "Make room.".to_owned(),
            lines: Vec::new(),
        };
        self.tell(app, raised).await;
        alert
    }

    async fn resolve(&self, app: &App, alert: AlertId) {
        let resolved = AlertResolved {
            head: self.head(alert),
            at: now(),
            cause: Cause::Condition,
            values: Vec::new(),
            note: String::new(),
        };
        self.tell(app, resolved).await;
    }
}

fn path(alert: AlertId) -> String {
    format!("/api/v1/alerts/{alert}")
}

/// Waits until an alert can be read in this state.
pub(crate) async fn there(client: &Client, alert: AlertId, state: &str) {
    let path = path(alert);
    eventually(&format!("the alert is {state}"), SOON, || async {
        client.get(&path).await.1["state"] == state
    })
    .await;
}

fn ids(list: &Json) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|alert| alert["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn rule(by: &Client, scope: Json, wording: &str) -> (RuleId, Json) {
    let body =
        json!({"name": "Disk full", "severity": "critical", "scope": scope, "wording": wording});
    let (status, made) = by.post("/api/v1/alerts/rules", &body).await;
    assert_eq!(status, 201, "{made}");
    let id: Uuid = made["id"].as_str().unwrap().parse().unwrap();
    (RuleId(id), made)
}

fn code(answer: &(u16, Json)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_seen_taken_and_ended_by_those_who_may() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let (viewer, ada, bob) = (
        app.operator("viewer").await,
        app.operator("ada").await,
        app.operator("bob").await,
    );
    let stranger = app.operator("stranger").await;
    for (name, level) in [("viewer", "view"), ("ada", "operate"), ("bob", "operate")] {
        share(
            &owner,
            &json!({"username": name, "server_id": server, "level": level}),
        )
        .await;
    }
    let (id, _) = rule(&owner, json!("all"), "fs:*:share >= 95 for 1m").await;
    let instance = Instance::new(&server, id, "/var");
    let alert = instance.raise(&app).await;
    there(&owner, alert, "open").await;
    let acknowledge = format!("{}/acknowledge", path(alert));
    let resolve = format!("{}/resolve", path(alert));

    // Who sees it.
    let (_, list) = viewer.get("/api/v1/alerts").await;
    assert_eq!(ids(&list), [alert.to_string()], "{list}");
    assert_eq!(
        list["counts"],
        json!({"open": 1, "unacknowledged": 1, "critical": 1, "warning": 0, "info": 0})
    );
    let (_, list) = stranger.get("/api/v1/alerts?state=all").await;
    assert_eq!(
        (&list["items"], &list["counts"]["open"]),
        (&json!([]), &json!(0))
    );
    assert_eq!(code(&stranger.get(&path(alert)).await), (404, "CO1701"));
    let elsewhere = format!("/api/v1/alerts?server_id={server}");
    assert_eq!(code(&stranger.get(&elsewhere).await), (404, "CO1201"));
    let about = format!("/api/v1/servers/{server}");
    for (at, critical) in [
        (&*about, "/alerts/critical"),
        ("/api/v1/servers", "/servers/0/alerts/critical"),
    ] {
        let (_, shown) = viewer.get(at).await;
        assert_eq!(shown.pointer(critical), Some(&json!(1)), "{shown}");
    }
    let (status, shown) = viewer.get(&path(alert)).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(
        shown["values"][0],
        json!({"series": "fs:*:share", "value": 97.5})
    );
    assert_eq!(shown["note"], "Make room.");
    assert_eq!(shown["device"], "/var");
    assert_eq!(shown["rule"]["wording"], "fs:*:share >= 95 for 1m");
    assert_eq!(shown["rule"]["saved_by_name"], "root");
    assert_eq!(shown["rule"]["current_version"], 1);

    // Who handles it.
    let note = json!({"note": "on it"});
    for path in [&acknowledge, &resolve] {
        assert_eq!(code(&viewer.post(path, &note).await), (403, "CO1204"));
        assert_eq!(code(&stranger.post(path, &note).await), (404, "CO1701"));
    }
    let nothing = path(AlertId(Uuid::from_u128(7)));
    let answer = ada.post(&format!("{nothing}/acknowledge"), &note).await;
    assert_eq!(code(&answer), (404, "CO1701"));
    let long = json!({"note": "x".repeat(2001)});
    assert_eq!(code(&ada.post(&acknowledge, &long).await), (422, "CO1101"));
    let (status, taken) = ada.post(&acknowledge, &note).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(
        (&taken["acknowledged_by_name"], &taken["ack_note"]),
        (&json!("ada"), &json!("on it"))
    );
    let (status, again) = ada.post(&acknowledge, &json!({})).await;
    assert_eq!(
        (status, &again["seq"]),
        (200, &taken["seq"]),
        "changes nothing"
    );
    let refused = bob.post(&acknowledge, &note).await;
    assert_eq!(code(&refused), (409, "CO1705"));
    assert_eq!(refused.1["detail"], "ada takes care of it.");
    let (_, list) = bob.get("/api/v1/alerts?acknowledged=false").await;
    assert_eq!(ids(&list), [""; 0]);
    assert_eq!(code(&viewer.delete(&acknowledge).await), (403, "CO1204"));
    let (status, free) = bob.delete(&acknowledge).await;
    assert_eq!(
        (status, &free["acknowledged_by"]),
        (200, &json!(null)),
        "{free}"
    );
    assert_eq!(bob.delete(&acknowledge).await.0, 200, "changes nothing");

    // Of two at once, one does.
    let (one, two) = tokio::join!(ada.post(&acknowledge, &note), bob.post(&acknowledge, &note));
    let mut both = [code(&one), code(&two)];
    both.sort_unstable();
    assert_eq!(both, [(200, ""), (409, "CO1705")], "{one:?} {two:?}");

    // By hand, once.
    let (status, over) = bob.post(&resolve, &json!({"note": "removed logs"})).await;
    assert_eq!(status, 200, "{over}");
    assert_eq!(
        [
            &over["state"],
            &over["resolved_cause"],
            &over["resolved_by_name"]
        ],
        [&json!("resolved"), &json!("by_hand"), &json!("bob")]
    );
    for path in [&acknowledge, &resolve] {
        assert_eq!(code(&bob.post(path, &note).await), (409, "CO1704"));
    }
    assert_eq!(code(&bob.delete(&acknowledge).await), (409, "CO1704"));
    let (_, shown) = viewer.get(&path(alert)).await;
    let log: Vec<_> = shown["log"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = log.iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(
        json!(kinds),
        json!([
            "raised",
            "acknowledged",
            "unacknowledged",
            "acknowledged",
            "resolved"
        ])
    );
    assert_eq!(log[0]["actor"], json!(null));
    assert_eq!(log[1]["actor_name"], "ada");
    assert_eq!(log[4]["data"]["note"], "removed logs");

    // The next one is another alert; what is said of the one before does not touch it.
    let next = instance.raise(&app).await;
    there(&owner, next, "open").await;
    assert_eq!(code(&bob.post(&acknowledge, &note).await), (409, "CO1704"));
    instance.resolve(&app, next).await;
    there(&owner, next, "resolved").await;
    let answer = bob
        .post(&format!("{}/acknowledge", path(next)), &note)
        .await;
    assert_eq!(code(&answer), (409, "CO1704"));

    // Rights that are gone are gone at once.
    let third = instance.raise(&app).await;
    there(&bob, third, "open").await;
    share(
        &owner,
        &json!({"username": "bob", "server_id": server, "level": "view"}),
    )
    .await;
    let answer = bob
        .post(&format!("{}/acknowledge", path(third)), &note)
        .await;
    assert_eq!(code(&answer), (403, "CO1204"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_alerts_are_acknowledged_each_by_itself() {
    let app = App::start().await;
    let owner = app.owner().await;
    let (mine, other) = (owner.add_server("a").await, owner.add_server("b").await);
    let ada = app.operator("ada").await;
    share(
        &owner,
        &json!({"username": "ada", "server_id": mine, "level": "operate"}),
    )
    .await;
    let rule = RuleId(Uuid::from_u128(1));
    let first = Instance::new(&mine, rule, "/").raise(&app).await;
    let second = Instance::new(&mine, rule, "/var").raise(&app).await;
    let hidden = Instance::new(&other, rule, "/").raise(&app).await;
    there(&owner, hidden, "open").await;
    let (status, _) = owner
        .post(&format!("{}/acknowledge", path(second)), &json!({}))
        .await;
    assert_eq!(status, 200);

    let bulk = "/api/v1/alerts/acknowledge";
    for wrong in [json!([]), json!(vec![first; 201])] {
        let answer = ada.post(bulk, &json!({"ids": wrong})).await;
        assert_eq!(code(&answer), (422, "CO1101"));
    }
    let body = json!({"ids": [first, second, hidden], "note": "all mine"});
    let (status, answer) = ada.post(bulk, &body).await;
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap();
    let codes: Vec<_> = results
        .iter()
        .map(|one| (one["ok"].as_bool().unwrap(), one["code"].clone()))
        .collect();
    assert_eq!(
        codes,
        [
            (true, json!(null)),
            (false, json!("CO1705")),
            (false, json!("CO1701"))
        ]
    );
    let (_, list) = ada.get("/api/v1/alerts?acknowledged=true&text=/").await;
    assert_eq!(ids(&list), [second.to_string(), first.to_string()]);

    // Pages hang together while alerts come.
    let (_, page) = owner.get("/api/v1/alerts?limit=2").await;
    assert_eq!(ids(&page), [hidden.to_string(), second.to_string()]);
    let late = Instance::new(&mine, rule, "/srv").raise(&app).await;
    there(&owner, late, "open").await;
    let next = page["next"].as_str().unwrap();
    let (_, page) = owner
        .get(&format!("/api/v1/alerts?limit=2&cursor={next}"))
        .await;
    assert_eq!(
        (ids(&page), &page["next"]),
        (vec![first.to_string()], &json!(null))
    );
    for wrong in [
        "cursor=x",
        "state=odd",
        "severity=bad",
        "limit=0",
        "from=x",
        "server_id=a.b",
    ] {
        let answer = owner.get(&format!("/api/v1/alerts?{wrong}")).await;
        assert_eq!(code(&answer), (422, "CO1101"), "{wrong}");
    }
    let (_, list) = owner.get("/api/v1/alerts?severity=warning,info").await;
    assert_eq!(list["items"], json!([]));
}
