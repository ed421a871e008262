//! What people decide about an alert and its rule, while the readings go on.

use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, IdSource, System, Timestamp},
    codec,
    envelope::Envelope,
    event::{
        alert::{AlertResolved, Cause, Head},
        metric::{Cpu, Sample},
    },
    ids::EventId,
    rule::{Rule, Scope, Severity, Wording},
    subject,
};
use chatops_testkit::until;

use super::ground::{self, Kept, Running, SOON, Told, alerts, evaluated, host, send, start};

struct World {
    _server: chatops_testkit::NatsServer,
    bus: Bus,
    told: Told,
    kept: Kept,
    running: Running,
    /// The host's clock.
    at: Timestamp,
}

pub(super) fn rule(wording: &str) -> Rule {
    let Wording {
        when,
        for_ms,
        keep_ms,
    } = Wording::parse(wording).unwrap();
    Rule {
        name: "busy".to_owned(),
        note: "look at the jobs".to_owned(),
        enabled: true,
        severity: Severity::Critical,
        scope: Scope::All,
        when,
        for_ms,
        keep_ms,
    }
}

impl World {
    async fn with(wording: &str) -> Self {
        let (server, bus) = ground::server().await;
        let (told, kept) = (Told::everywhere(1, &[rule(wording)]), Kept::default());
        Self {
            running: start(&bus, &told, &kept),
            at: ground::now().plus_millis(-3_600_000),
            _server: server,
            bus,
            told,
            kept,
        }
    }

    /// Five seconds later the host says so; returns once that was evaluated.
    async fn cpu(&mut self, percent: f32) {
        self.at = self.at.plus_millis(5000);
        let sample = Sample {
            cpu: Some(Cpu {
                total: Some(percent),
                ..Cpu::default()
            }),
            ..Sample::default()
        };
        send(&self.bus, &host(0), self.at, &sample).await;
        evaluated(&self.bus, &self.kept).await;
    }

    /// Types of the events so far, with the reason of an end.
    async fn story(&self) -> Vec<String> {
        let events = alerts(&self.bus).await.into_iter();
        events
            .map(|event| match event.data {
                Payload::AlertResolved(over) => format!("over: {}", over.cause.as_str()),
                _ => event.kind.trim_start_matches("alert.").to_owned(),
            })
            .collect()
    }

    async fn story_is(&self, expected: &[&str]) {
        until(&format!("{expected:?}"), SOON, async || {
            (self.story().await == expected).then_some(())
        })
        .await;
    }

    async fn head(&self) -> Head {
        let events = alerts(&self.bus).await.into_iter();
        let head = |event: Envelope<Payload>| match event.data {
            Payload::AlertRaised(raised) => Some(raised.head),
            _ => None,
        };
        events.filter_map(head).next_back().unwrap()
    }

    /// A person says that it is over, as the API does.
    async fn call_over(&self) {
        let head = self.head().await;
        let subject = subject::alert(&host(0), head.rule, &head.device);
        let last = self.bus.last(StreamName::Alert, &subject).await.unwrap();
        let over = AlertResolved {
            head,
            at: System.now(),
            cause: Cause::ByHand,
            values: Vec::new(),
            note: "known".to_owned(),
        };
        let event = Envelope::new(EventId(System.next()), System.now(), over)
            .about(host(0))
            .by("user:ada");
        let last = last.unwrap();
        codec::decode_any(&last.payload).unwrap();
        self.bus
            .append(StreamName::Alert, &subject, last.seq, &event)
            .await
            .unwrap();
    }

    /// The rule says something else now.
    async fn rewrite(&self, version: u32, wording: &str) {
        self.told.change(|fleet| {
            fleet.rules[0].version = version;
            fleet.rules[0].definition = rule(wording);
        });
        self.told.in_force().await;
    }

    fn restart(&mut self) {
        let next = start(&self.bus, &self.told, &self.kept);
        std::mem::replace(&mut self.running, next).kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_called_over_does_not_fire_again_before_it_was_false() {
    let mut world = World::with("cpu > 90").await;
    world.cpu(95.0).await;
    world.story_is(&["raised"]).await;
    world.call_over().await;
    world.cpu(96.0).await;
    world.restart();
    world.cpu(97.0).await;
    world.story_is(&["raised", "over: by_hand"]).await;
    world.cpu(50.0).await;
    world
        .story_is(&["raised", "over: by_hand", "cleared"])
        .await;
    world.restart();
    world.cpu(98.0).await;
    world
        .story_is(&["raised", "over: by_hand", "cleared", "raised"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_goes_on_under_a_new_version_of_its_rule_or_ends_with_the_old_one() {
    let mut world = World::with("cpu > 90").await;
    world.cpu(95.0).await;
    world.rewrite(2, "cpu > 80").await;
    world.cpu(85.0).await;
    world.story_is(&["raised"]).await;
    world.rewrite(3, "cpu > 99").await;
    world.cpu(95.0).await;
    world.story_is(&["raised", "over: rule_changed"]).await;
    assert_eq!(world.head().await.rule_version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_ends_with_its_rule_and_with_its_server() {
    let mut world = World::with("cpu > 90").await;
    world.cpu(95.0).await;
    world.story_is(&["raised"]).await;
    let rules = world.told.rules();
    world.told.change(|fleet| fleet.rules.clear());
    world.story_is(&["raised", "over: rule_gone"]).await;
    world.told.change(|fleet| fleet.rules = rules);
    world.told.in_force().await;
    world.cpu(95.0).await;
    world
        .story_is(&["raised", "over: rule_gone", "raised"])
        .await;
    // Nobody evaluates while the server goes.
    world.told.change(|fleet| {
        fleet.servers.clear();
        fleet.rules.clear();
    });
    world.restart();
    world
        .story_is(&["raised", "over: rule_gone", "raised", "over: server_gone"])
        .await;
}
