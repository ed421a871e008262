//! The topic `alerts`: what happens is told to those who may see it, when it can be read, with how many are open.

use chatops_schemas::{
    clock::{IdSource, System},
    envelope::Envelope,
    event::alert::{Delivery, Occasion, ToldAlert},
    ids::{ChannelId, RuleId},
    subject,
};
use serde_json::{Value, json};

use super::socket::Socket;
use crate::{
    alerts::Instance,
    app::{App, now},
    sharing::share,
};

/// The counts, once so many are open and so many of them are not acknowledged.
async fn counted(socket: &mut Socket, open: u64, unacknowledged: u64) {
    let wanted = (Some(open), Some(unacknowledged));
    loop {
        let told = socket.frame("alerts").await;
        assert_eq!(told["topic"], "alerts");
        let counts = &told["counts"];
        if (counts["open"].as_u64(), counts["unacknowledged"].as_u64()) == wanted {
            return;
        }
    }
}

fn instance(server: &str) -> Instance {
    Instance::new(server, RuleId(System.next()), "/var")
}

fn subscribe(topics: &[&str]) -> Value {
    json!({"type": "subscribe", "topics": topics})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_alerts_is_told_to_those_who_may_see_them() {
    let app = App::start().await;
    let owner = app.owner().await;
    let ada = app.operator("ada").await;
    let (own, other) = (ada.add_server("own").await, owner.add_server("other").await);
    let mut socket = Socket::live(&app, &ada, None).await;
    let subscribed = socket.ask(&subscribe(&["alerts"])).await;
    assert_eq!(subscribed["topics"], json!(["alerts"]));
    counted(&mut socket, 0, 0).await;
    // Sees everything, and has not asked for alerts.
    let mut fleet = Socket::live(&app, &owner, None).await;
    fleet.ask(&subscribe(&["fleet"])).await;

    instance(&other).raise(&app).await;
    let raising = instance(&own);
    let alert = raising.raise(&app).await;
    let news = socket.item("alert").await;
    assert_eq!(
        (&news["op"], &news["server"]),
        (&json!("raised"), &json!(own))
    );
    assert_eq!(news["alert"], json!(alert.to_string()), "{news}");
    assert_eq!(news["open"]["critical"], 1, "{news}");
    // It is not told before it can be read.
    let path = format!("/api/v1/alerts/{alert}");
    assert_eq!(ada.get(&path).await.1["state"], "open");
    counted(&mut socket, 1, 1).await;

    let (status, _) = ada.post(&format!("{path}/acknowledge"), &json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(socket.item("alert").await["op"], "acknowledged");
    counted(&mut socket, 1, 0).await;
    let channel = ChannelId(System.next());
    let told = ToldAlert {
        alert,
        rule: RuleId(System.next()),
        channel,
        channel_name: "ops".to_owned(),
        occasion: Occasion::Raised,
        number: 1,
        of: System.event_id(),
        attempts: 1,
        delivery: Delivery::Failed {
            reason: "gone".to_owned(),
        },
    };
    let told = Envelope::new(System.event_id(), now(), told).about(raising.server.clone());
    app.bus
        .publish(&subject::told(channel, alert), &told)
        .await
        .unwrap();
    let news = socket.item("alert").await;
    assert_eq!(
        (&news["op"], &news["alert"]),
        (&json!("told"), &json!(alert.to_string()))
    );

    app.sample(&own, 1.0).await;
    assert_eq!(
        fleet.any_item().await["k"],
        "row",
        "alerts were not asked for"
    );

    // What is shared counts from then on, and no longer than that.
    let grant = json!({"username": "ada", "server_id": other, "level": "view"});
    let grant = share(&owner, &grant).await;
    socket.frame("gap").await;
    counted(&mut socket, 2, 1).await;
    let revoked = owner.delete(&format!("/api/v1/grants/{grant}")).await;
    assert_eq!(revoked.0, 204);
    socket.frame("gap").await;
    counted(&mut socket, 1, 0).await;
    instance(&other).raise(&app).await;
    instance(&own).raise(&app).await;
    assert_eq!(socket.item("alert").await["server"], json!(own));
    counted(&mut socket, 2, 1).await;

    socket
        .ask(&json!({"type": "unsubscribe", "topics": ["alerts"]}))
        .await;
    socket.ask(&subscribe(&["fleet"])).await;
    instance(&own).raise(&app).await;
    app.sample(&own, 2.0).await;
    assert_eq!(socket.any_item().await["k"], "row");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_is_told_how_many_are_open_and_loads_the_rest() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("one").await;
    let mut socket = Socket::live(&app, &owner, None).await;
    socket.ask(&subscribe(&["alerts"])).await;
    counted(&mut socket, 0, 0).await;
    let seq = app.sample(&server, 1.0).await;
    drop(socket);

    let missed = instance(&server).raise(&app).await;
    let path = format!("/api/v1/alerts/{missed}");
    chatops_testkit::eventually("the alert can be read", crate::app::SOON, async || {
        owner.get(&path).await.0 == 200
    })
    .await;
    let mut socket = Socket::live(&app, &owner, Some(seq)).await;
    socket.ask(&subscribe(&["alerts"])).await;
    counted(&mut socket, 1, 1).await;
    let next = instance(&server).raise(&app).await;
    let news = socket.item("alert").await;
    assert_eq!(news["alert"], json!(next.to_string()), "{news}");
    counted(&mut socket, 2, 2).await;
}
