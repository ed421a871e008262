//! Rules about what is not a number.

use chatops_bus::Bus;
use chatops_schemas::{
    catalogue::Payload,
    clock::{IdSource, System},
    envelope::Envelope,
    event::{
        Event,
        alert::Cause,
        container::{Change, ContainerChanged},
        fact::{AgentConnected, AgentDisconnected, AgentHello, Transport},
        metric::Sample,
    },
    ids::{EventId, KeyId},
    subject,
};
use chatops_testkit::until;

use super::{
    by_hand::rule,
    ground::{self, Kept, SOON, Told, alerts, host, send, start},
};

async fn tell<T: Event>(bus: &Bus, kind: &str, data: T) {
    let event = Envelope::new(EventId(System.next()), ground::now(), data).about(host(0));
    let subject = subject::fact(&host(0), kind);
    bus.publish(&subject, &event).await.unwrap();
}

async fn came(bus: &Bus, session: &str) {
    let connected = AgentConnected {
        session: session.to_owned(),
        key: KeyId::parse("k").unwrap(),
        transport: Transport::Nats,
        address: None,
        orders: false,
    };
    tell(bus, subject::PRESENCE, connected).await;
}

async fn went(bus: &Bus, session: &str, remaining: u32) {
    let disconnected = AgentDisconnected {
        session: session.to_owned(),
        transport: Transport::Nats,
        address: None,
        reason: None,
        remaining,
    };
    tell(bus, subject::PRESENCE, disconnected).await;
}

async fn container(bus: &Bus, change: Change, lines: &[&str]) {
    let changed = ContainerChanged {
        container: "c0ffee".to_owned(),
        name: "web-1".to_owned(),
        image: None,
        project: None,
        change,
        exit_code: None,
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
        left_out: 0,
    };
    tell(bus, subject::CONTAINER, changed).await;
}

/// Waits for the event with this number, and nothing behind it.
async fn nth(bus: &Bus, number: usize) -> Payload {
    until(&format!("event {number}"), SOON, async || {
        let all = alerts(bus).await;
        assert!(all.len() <= number, "{all:?}");
        all.into_iter().nth(number - 1)
    })
    .await
    .data
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_down_without_its_last_session_also_across_a_death() {
    let (_server, bus) = ground::server().await;
    let (told, kept) = (Told::everywhere(2, &[rule("down")]), Kept::default());
    let first = start(&bus, &told, &kept);
    came(&bus, "a").await;
    came(&bus, "b").await;
    went(&bus, "a", 1).await;
    went(&bus, "b", 0).await;
    let Payload::AlertRaised(raised) = nth(&bus, 1).await else {
        panic!("it begins")
    };
    assert_eq!(raised.head.wording, "down");
    assert_eq!(raised.head.source, "OPS_FACT");
    first.kill();
    let second = start(&bus, &told, &kept);
    told.in_force().await;
    came(&bus, "c").await;
    let Payload::AlertResolved(over) = nth(&bus, 2).await else {
        panic!("it ends")
    };
    assert_eq!(over.head.alert, raised.head.alert);
    went(&bus, "c", 0).await;
    let Payload::AlertRaised(again) = nth(&bus, 3).await else {
        panic!("it begins again")
    };
    assert_ne!(again.head.alert, raised.head.alert);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_container_shows_what_it_wrote_last() {
    let (_server, bus) = ground::server().await;
    let rules = [rule("container \"web-*\" died")];
    let (told, kept) = (Told::everywhere(1, &rules), Kept::default());
    let running = start(&bus, &told, &kept);
    container(&bus, Change::Started, &[]).await;
    container(&bus, Change::Died, &["out of cheese"]).await;
    let Payload::AlertRaised(raised) = nth(&bus, 1).await else {
        panic!("it begins")
    };
    assert_eq!(raised.head.device, "web-1");
    assert_eq!(raised.lines, ["out of cheese"]);
    container(&bus, Change::Started, &[]).await;
    let Payload::AlertResolved(over) = nth(&bus, 2).await else {
        panic!("it ends")
    };
    assert_eq!(over.cause, Cause::Condition);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alert_of_a_dead_container_ends_when_it_is_removed() {
    let (_server, bus) = ground::server().await;
    let rules = [rule("container \"web-*\" died")];
    let (told, kept) = (Told::everywhere(1, &rules), Kept::default());
    let running = start(&bus, &told, &kept);
    container(&bus, Change::Died, &[]).await;
    assert!(matches!(nth(&bus, 1).await, Payload::AlertRaised(_)));
    container(&bus, Change::Removed, &[]).await;
    let Payload::AlertResolved(over) = nth(&bus, 2).await else {
        panic!("it ends")
    };
    assert_eq!(over.cause, Cause::DeviceGone);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_ends_again_and_again_is_told_of_although_it_is_started_again() {
    let (_server, bus) = ground::server().await;
    let rules = [rule("container \"web-*\" died 3 times in 10m")];
    let (told, kept) = (Told::everywhere(1, &rules), Kept::default());
    let running = start(&bus, &told, &kept);
    for _ in 0..3 {
        assert!(alerts(&bus).await.is_empty(), "not before the third time");
        container(&bus, Change::Died, &["out of cheese"]).await;
        container(&bus, Change::Started, &[]).await;
    }
    let Payload::AlertRaised(raised) = nth(&bus, 1).await else {
        panic!("it begins")
    };
    assert_eq!(raised.head.device, "web-1");
    assert_eq!(
        raised.head.wording,
        "container \"web-*\" died 3 times in 10m"
    );
    container(&bus, Change::Removed, &[]).await;
    assert!(matches!(nth(&bus, 2).await, Payload::AlertResolved(_)));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_older_than_the_hub_is_told_of_until_it_is_replaced() {
    let (_server, bus) = ground::server().await;
    let (told, kept) = (
        Told::everywhere(1, &[rule("agent outdated")]),
        Kept::default(),
    );
    let running = start(&bus, &told, &kept);
    let hello = |version: &str| AgentHello {
        version: version.to_owned(),
        hostname: "web".to_owned(),
        ..AgentHello::default()
    };
    tell(&bus, subject::HELLO, hello("0.0.1")).await;
    let Payload::AlertRaised(raised) = nth(&bus, 1).await else {
        panic!("it begins")
    };
    assert!(raised.lines[0].starts_with("agent 0.0.1"), "{raised:?}");
    tell(&bus, subject::HELLO, hello(env!("CARGO_PKG_VERSION"))).await;
    assert!(matches!(nth(&bus, 2).await, Payload::AlertResolved(_)));
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_does_not_get_to_the_readings_calls_nobody_silent() {
    let (_server, bus) = ground::server().await;
    let told = Told::everywhere(1, &[rule("silent")]);
    // Nothing of what hosts measure is ever read.
    let kept = Kept::stuck();
    let running = start(&bus, &told, &kept);
    came(&bus, "a").await;
    // Long enough for it to be called silent three times over.
    let mut beat = tokio::time::interval(ground::QUIET / 25);
    for _ in 0..75 {
        beat.tick().await;
        send(&bus, &host(0), ground::now(), &Sample::default()).await;
        assert_eq!(alerts(&bus).await.len(), 0);
    }
    // Now it really is.
    let Payload::AlertRaised(raised) = nth(&bus, 1).await else {
        panic!("it begins")
    };
    let quiet = i64::try_from(ground::QUIET.as_micros()).unwrap();
    assert!(raised.head.raised.micros_since(raised.head.since) >= quiet);
    went(&bus, "a", 0).await;
    assert!(
        matches!(nth(&bus, 2).await, Payload::AlertResolved(_)),
        "it is down, not silent"
    );
    running.end().await;
}
