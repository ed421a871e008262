//! People are told of alerts, once each: over a real HTTP receiver, with the notifier killed while a message is on its way.

mod receiver;

use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock as _, IdSource as _, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        alert::{AlertRaised, AlertResolved, Cause, Delivery, Head, Held, Occasion, ToldAlert},
        silence::{SilenceSaved, Times},
    },
    ids::{AlertId, ChannelId, RuleId, ServerId, SilenceId},
    rule::{Scope, Severity},
    subject::{self, Entity},
};
use chatops_testkit::{eventually, until};
use futures::StreamExt as _;
use serde_json::json;

use self::receiver::{Answer, Receiver};
use crate::{agent::post, apart::Apart, installation::PATIENCE};

const SECRET: &str = "the-key-that-signs-messages";

struct World {
    apart: Apart,
    bus: Bus,
    server: ServerId,
    rule: RuleId,
    channel: ChannelId,
    user: String,
    receiver: Receiver,
}

impl World {
    async fn new() -> (Self, Vec<crate::installation::Supervisor>) {
        let apart = Apart::start().await;
        apart.set("[alerting]\ninternal_addresses = true\n");
        let roles = vec![
            apart.serve("gate,projections").await,
            apart.serve("api").await,
        ];
        let mut client = apart.client();
        apart.register(&mut client, "ada").await;
        let server = post(&client, "/api/v1/servers", json!({"name": "web-1"})).await;
        let server = server.1["id"].as_str().unwrap().to_owned();
        let receiver = Receiver::start().await;
        let body = json!({
            "name": "operations",
            "target": {"kind": "webhook", "url": receiver.url()},
            "secret": SECRET,
        });
        chatops_testkit::evidence::secret("channel", SECRET);
        let (status, made) = post(&client, "/api/v1/alerts/channels", body).await;
        assert_eq!(status, 201, "{made}");
        assert!(!made.to_string().contains(SECRET));
        let tested = format!(
            "/api/v1/alerts/channels/{}/test",
            made["id"].as_str().unwrap()
        );
        let (status, tested) = post(&client, &tested, json!({})).await;
        assert_eq!((status, &tested["sent"]), (200, &json!(true)), "{tested}");
        assert_eq!(receiver.arrived().len(), 1, "the test message");
        let me = client.get("/api/v1/auth/me").await;
        let world = Self {
            bus: apart.bus().await,
            apart,
            server: ServerId::parse(server).unwrap(),
            rule: RuleId(System.next()),
            channel: made["id"].as_str().unwrap().parse().unwrap(),
            user: me["id"].as_str().unwrap().to_owned(),
            receiver,
        };
        (world, roles)
    }

    fn head(&self, alert: AlertId, device: &str) -> Head {
        Head {
            alert,
            rule: self.rule,
            rule_version: 1,
            name: "Disk full".to_owned(),
            wording: "fs:*:share > 95".to_owned(),
            device: device.to_owned(),
            severity: Severity::Critical,
            since: System.now(),
            raised: System.now(),
            source: "OPS_METRICS".to_owned(),
            through: 1,
        }
    }

    async fn tell<T: Event>(&self, subject: &str, data: T, actor: &str) {
        let event = Envelope::new(System.event_id(), System.now(), data);
        let event = event.about(self.server.clone()).by(actor);
        self.bus.publish(subject, &event).await.unwrap();
    }

    async fn raise(&self, device: &str) -> AlertId {
        let alert = AlertId(System.next());
        let raised = AlertRaised {
            head: self.head(alert, device),
            values: Vec::new(),
            evidence: Vec::new(),
            processes: Vec::new(),
            note: "Make room.".to_owned(),
            lines: Vec::new(),
        };
        let subject = subject::alert(&self.server, self.rule, device);
        self.tell(&subject, raised, "system").await;
        alert
    }

    /// What was written down about telling of an alert.
    async fn told(&self, alert: AlertId) -> Vec<ToldAlert> {
        let subject = subject::told(self.channel, alert);
        let events = self.bus.read_to_end(StreamName::Alert, &subject, 1).await;
        let mut told = Vec::new();
        let mut events = events.unwrap();
        while let Some(Ok(event)) = events.next().await {
            if let Payload::ToldAlert(data) = codec::decode_any(&event.payload).unwrap().data {
                told.push(data);
            }
        }
        told
    }

    async fn last_told(&self, alert: AlertId, count: usize) -> ToldAlert {
        until("somebody was told", PATIENCE, async || {
            let told = self.told(alert).await;
            (told.len() == count)
                .then(|| told.last().cloned())
                .flatten()
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alert_is_told_once_and_under_one_id_whatever_dies() {
    let (world, _roles) = World::new().await;
    let notifier = world.apart.serve("notifier").await;

    // It begins.
    let first = world.raise("").await;
    let told = world.last_told(first, 1).await;
    assert!(matches!(told.delivery, Delivery::Sent { .. }), "{told:?}");
    let message = world.receiver.last();
    assert_eq!(message.body["kind"], "raised", "{}", message.body);
    assert!(message.signed_with(SECRET));
    let first_id = message.id;

    // The other side is busy: it is tried again, under the same id.
    world.receiver.then([Answer::Status(503)]);
    let busy = world.raise("/busy").await;
    let told = world.last_told(busy, 1).await;
    assert_eq!(told.attempts, 2);
    let twice = world.receiver.arrived();
    let twice: Vec<_> = twice.iter().rev().take(2).map(|m| m.id.clone()).collect();
    assert_eq!(twice[0], twice[1]);
    assert_ne!(twice[0], first_id);

    // The notifier dies while the message is on its way.
    world.receiver.then([Answer::Hang]);
    let before = world.receiver.arrived().len();
    let third = world.raise("/third").await;
    eventually("the message arrived", PATIENCE, async || {
        world.receiver.arrived().len() > before
    })
    .await;
    notifier.kill();
    assert_eq!(
        world.told(third).await,
        [],
        "nobody knows what became of it"
    );
    let lost = world.receiver.last().id;
    let notifier = world.apart.serve("notifier").await;
    let told = world.last_told(third, 1).await;
    assert!(matches!(told.delivery, Delivery::Sent { .. }), "{told:?}");
    assert_eq!(world.receiver.last().id, lost, "the same message again");

    // Nobody is told of the others once more.
    assert_eq!(world.told(first).await.len(), 1);
    assert_eq!(world.told(busy).await.len(), 1);
    assert_eq!(world.receiver.arrived().len(), before + 2);

    // It is over.
    let resolved = AlertResolved {
        head: world.head(first, ""),
        at: System.now(),
        cause: Cause::Condition,
        values: Vec::new(),
        note: String::new(),
    };
    let subject = subject::alert(&world.server, world.rule, "");
    world.tell(&subject, resolved, "system").await;
    let told = world.last_told(first, 2).await;
    assert_eq!(told.occasion, Occasion::Resolved);
    let message = world.receiver.last();
    assert_eq!(message.body["kind"], "resolved");
    notifier.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_holds_back_and_says_so() {
    let (world, _roles) = World::new().await;
    let silence = SilenceId(System.next());
    let now = System.now();
    let saved = SilenceSaved {
        silence,
        reason: "upgrade".to_owned(),
        scope: Scope::Servers(vec![world.server.clone()]),
        rules: Vec::new(),
        times: Times::Once {
            from: now.plus_millis(-1000),
            until: now.plus_millis(3_600_000),
        },
    };
    let subject = subject::ctl(Entity::Silence, &silence.to_string());
    let actor = format!("user:{}", world.user);
    world.tell(&subject, saved, &actor).await;
    let _notifier = world.apart.serve("notifier").await;
    // Until it has read what people decided, it may know of no channel yet; it never forgets the silence of a channel.
    let held = world.raise("").await;
    let told = world.last_told(held, 1).await;
    assert_eq!(
        told.delivery,
        Delivery::Held {
            why: Held::Silence(silence)
        }
    );
    assert_eq!(world.receiver.arrived().len(), 1, "the test message alone");
}
