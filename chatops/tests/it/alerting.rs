//! Alert rules at work on a whole installation, each part in a process of its own: from a person's rule and a host's
//! readings to the alert, whatever is killed on the way.

use std::{collections::BTreeMap, time::Duration};

use chatops_alerting::trial::{Episode, Trial};
use chatops_bus::{Bus, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::{Clock, IdSource, System, Timestamp},
    codec,
    envelope::Envelope,
    event::{
        Event,
        alert::Cause,
        metric::{Cpu, Filesystem, Sample},
        rule::RuleSaved,
    },
    ids::{EventId, RuleId, ServerId},
    rule::{Rule, Scope, Severity, Wording},
    subject::{self, Entity},
};
use chatops_testkit::{eventually, until};
use futures::StreamExt as _;
use rustix::process::Signal;
use serde_json::json;

use crate::{
    agent::{Agent, post},
    apart::Apart,
    http::Client,
    installation::{PATIENCE, Supervisor},
};

mod agree;
mod by_shell;

/// Longer than the evaluator takes between two savings, many times over.
const LONG: Duration = Duration::from_secs(180);

struct World {
    apart: Apart,
    _others: Supervisor,
    _api: Supervisor,
    evaluator: Option<Supervisor>,
    client: Client,
    bus: Bus,
}

impl World {
    async fn new() -> Self {
        let apart = Apart::start().await;
        let others = apart.serve("gate,presence,projections").await;
        let api = apart.serve("api").await;
        let mut client = apart.client();
        apart.register(&mut client, "ada").await;
        Self {
            bus: apart.bus().await,
            evaluator: Some(apart.serve("alerting").await),
            _others: others,
            _api: api,
            apart,
            client,
        }
    }

    async fn server(&self, name: &str) -> ServerId {
        let made = post(&self.client, "/api/v1/servers", json!({"name": name})).await;
        ServerId::parse(made.1["id"].as_str().unwrap()).unwrap()
    }

    /// The person saves a rule for all servers.
    async fn rule(&self, wording: &str) -> (RuleId, Rule) {
        let Wording {
            when,
            for_ms,
            keep_ms,
        } = Wording::parse(wording).unwrap();
        let rule = Rule {
            name: wording.to_owned(),
            note: String::new(),
            enabled: true,
            severity: Severity::Warning,
            scope: Scope::All,
            when,
            for_ms,
            keep_ms,
        };
        let me = self.client.get("/api/v1/auth/me").await;
        let me = me["id"].as_str().unwrap().to_owned();
        let id = RuleId(System.next());
        let saved = RuleSaved {
            rule: id,
            version: 1,
            definition: rule.clone(),
        };
        let event = envelope(System.now(), saved).by(format!("user:{me}"));
        let subject = subject::ctl(Entity::Rule, &id.to_string());
        let appended = self.bus.append(StreamName::Ctl, &subject, 0, &event).await;
        let position = appended.unwrap();
        eventually("the rule is a row", PATIENCE, async || {
            let asked = "SELECT seq FROM projection_checkpoint WHERE name = 'inventory'";
            self.apart.sql(asked).await.trim().parse::<u64>().unwrap() >= position
        })
        .await;
        (id, rule)
    }

    async fn kill(&mut self) {
        self.evaluator.take().unwrap().kill();
        self.evaluator = Some(self.apart.serve("alerting").await);
    }

    /// Events of alerts so far, in order.
    async fn alerts(&self) -> Vec<Envelope<Payload>> {
        let events = self
            .bus
            .read_to_end(StreamName::Alert, subject::ALERTS, 1)
            .await
            .unwrap();
        let decoded = events.map(|event| codec::decode_any(&event.unwrap().payload).unwrap());
        decoded.collect().await
    }

    /// How many of them there are.
    async fn written(&self) -> u64 {
        let info = self.bus.stream_info(StreamName::Alert).await;
        info.unwrap().messages
    }

    /// Waits until the evaluator has noted that it is through with everything.
    async fn evaluated(&self) {
        for spec in chatops_alerting::live::specs() {
            let last = self.bus.last(spec.stream, &spec.filter).await.unwrap();
            let Some(last) = last else { continue };
            let asked = format!(
                "SELECT coalesce(max(seq), 0) FROM projection_checkpoint WHERE name = '{}' AND part = {}",
                spec.name, spec.part
            );
            eventually("all is evaluated", LONG, async || {
                let seq = self.apart.sql(&asked).await;
                seq.trim().parse::<u64>().unwrap() >= last.seq
            })
            .await;
        }
    }
}

fn envelope<T: Event>(at: Timestamp, data: T) -> Envelope<T> {
    Envelope::new(EventId(System.next()), at, data)
}

fn sample(cpu: f32, used: u64) -> Sample {
    Sample {
        interval_ms: Some(5000),
        cpu: Some(Cpu {
            total: Some(cpu),
            ..Cpu::default()
        }),
        fs: vec![Filesystem {
            mount: "/var".to_owned(),
            used: Some(used),
            available: Some(100 - used),
            total: Some(100),
            ..Filesystem::default()
        }],
        ..Sample::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_raises_an_alert_that_ends_with_its_cause() {
    let world = World::new().await;
    let server = world.server("web").await;
    let (rule, _) = world.rule("cpu > 90 for 10s").await;
    let subject = subject::metrics(&server);
    let begin = System.now().plus_millis(-60_000);
    // The evaluator looks at its rules about every second; readings before that are nobody's.
    let raised = until("the alert is raised", PATIENCE, async || {
        for step in 0..3 {
            let at = System.now().plus_millis(step * 5000);
            let event = envelope(at, sample(95.0, 10)).about(server.clone());
            world.bus.publish(&subject, &event).await.unwrap();
        }
        world.alerts().await.into_iter().next()
    })
    .await;
    let Payload::AlertRaised(raised) = raised.data else {
        panic!("{raised:?}")
    };
    let head = &raised.head;
    assert_eq!((head.rule, head.rule_version), (rule, 1));
    assert_eq!(head.name, "cpu > 90 for 10s");
    assert!(head.since > begin && head.raised.micros_since(head.since) >= 10_000_000);
    assert!(raised.evidence.len() >= 2, "{raised:?}");
    let at = head.raised.plus_millis(30_000);
    let event = envelope(at, sample(5.0, 10)).about(server.clone());
    world.bus.publish(&subject, &event).await.unwrap();
    let over = until("it is over", PATIENCE, async || {
        let all = world.alerts().await.into_iter();
        all.filter_map(|event| match event.data {
            Payload::AlertResolved(over) => Some(over),
            _ => None,
        })
        .next()
    })
    .await;
    assert_eq!((over.head.alert, over.at), (head.alert, at));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_agent_is_killed_is_down_after_the_grace_and_up_again_with_it() {
    let world = World::new().await;
    let server = world.server("web").await;
    world.rule("down for 2s").await;
    let (folder, url) = (world.apart.folder("agent"), world.apart.nats_url());
    let mut agent = Agent::enrol(&world.client, server.as_str(), &folder, &url, "").await;
    eventually("the agent measures", PATIENCE, async || {
        let stored = subject::metrics_stored(&server);
        let last = world.bus.last(StreamName::Metrics, &stored).await;
        last.unwrap().is_some()
    })
    .await;
    agent.signal(Signal::KILL);
    let raised = until("it is down", PATIENCE, async || {
        world.alerts().await.into_iter().next()
    })
    .await;
    let Payload::AlertRaised(raised) = raised.data else {
        panic!("{raised:?}")
    };
    assert_eq!(raised.head.wording, "down for 2s");
    assert!(raised.head.raised.micros_since(raised.head.since) >= 2_000_000);
    agent.kill_and_start_again();
    let over = until("it is up again", PATIENCE, async || {
        world.alerts().await.into_iter().nth(1)
    })
    .await;
    let Payload::AlertResolved(over) = over.data else {
        panic!("{over:?}")
    };
    assert_eq!(
        (over.head.alert, over.cause),
        (raised.head.alert, Cause::Condition)
    );
}

/// The same numbers in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluator_that_is_killed_over_and_over_raises_each_alert_once() {
    const SERVERS: u64 = 8;
    const OF_EACH: u64 = 1_500;
    let mut world = World::new().await;
    let mut servers = Vec::new();
    for n in 0..SERVERS {
        servers.push(world.server(&format!("web-{n}")).await);
    }
    let mut rules = Vec::new();
    for wording in [
        "cpu > 90 for 15s",
        "avg(cpu, 1m) > 60",
        "fs:*:share >= 80 clear 70",
        "cpu < 2 and fs:/var:used > 20",
    ] {
        rules.push(world.rule(wording).await);
    }
    // Nothing is sent before the rules are in force: what comes before them is nobody's.
    world.kill().await;

    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let begin = System.now().plus_millis(-18 * 3_600_000);
    let mut trials = BTreeMap::new();
    let mut readings = Vec::new();
    let mut levels = vec![(50_u64, 50_u64); servers.len()];
    for n in 0..OF_EACH {
        for (server, level) in servers.iter().zip(&mut levels) {
            level.0 = (level.0 + chance.next(41)).saturating_sub(20).min(100);
            level.1 = (level.1 + chance.next(3)).saturating_sub(1).clamp(1, 99);
            // Now and then one comes late.
            let late = if chance.next(50) == 0 { 17_000 } else { 0 };
            let at = begin.plus_millis(i64::try_from(n).unwrap() * 5000 - late);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let sample = sample(level.0 as f32, level.1);
            for (id, rule) in &rules {
                let key = (server.clone(), *id);
                let trial = trials
                    .entry(key)
                    .or_insert_with(|| Trial::new(rule).unwrap());
                trial.see(at, &sample);
            }
            readings.push((server.clone(), at, sample));
        }
    }

    let bus = world.bus.clone();
    let count = readings.len();
    let storing = tokio::spawn(async move {
        let mut on_their_way = std::collections::VecDeque::new();
        for (server, at, sample) in readings {
            let event = envelope(at, sample).about(server.clone());
            let bytes = codec::encode(&event).unwrap().into();
            let subject = subject::metrics(&server);
            let sent = bus
                .enqueue(&subject, event.id, Sample::TYPE, Sample::VERSION, bytes)
                .await;
            on_their_way.push_back(sent.unwrap());
            if on_their_way.len() >= 64 {
                on_their_way.pop_front().unwrap().await.unwrap();
            }
        }
        for sent in on_their_way {
            sent.await.unwrap();
        }
    });
    let mut kills = 0;
    loop {
        // Killed when so many more alerts are written: each time elsewhere in its work.
        let wanted = world.written().await + 1 + chance.next(500);
        let further = async { while world.written().await < wanted {} };
        let stuck = tokio::time::timeout(Duration::from_secs(5), further).await;
        if storing.is_finished() && stuck.is_err() {
            break;
        }
        world.kill().await;
        kills += 1;
    }
    storing.await.unwrap();
    world.evaluated().await;

    let tried: BTreeMap<_, Vec<Episode>> = trials
        .into_iter()
        .map(|(key, trial)| (key, trial.report().episodes))
        .filter(|(_, episodes)| !episodes.is_empty())
        .collect();
    let events = world.alerts().await;
    let mut ids = std::collections::BTreeSet::new();
    let mut live: BTreeMap<_, Vec<Episode>> = BTreeMap::new();
    for event in events {
        assert!(ids.insert(event.id), "{} twice", event.id);
        let server = event.server.unwrap();
        match event.data {
            Payload::AlertRaised(raised) => {
                let of = live.entry((server, raised.head.rule)).or_default();
                of.push(Episode {
                    device: raised.head.device,
                    since: raised.head.since,
                    raised: raised.head.raised,
                    resolved: None,
                    values: raised.values.iter().map(|value| value.value).collect(),
                });
            }
            Payload::AlertResolved(over) => {
                let of = live.get_mut(&(server, over.head.rule)).unwrap();
                let open = of.last_mut().unwrap();
                assert_eq!(open.raised, over.head.raised);
                assert!(open.resolved.replace(over.at).is_none(), "over twice");
            }
            other => panic!("{other:?}"),
        }
    }
    let alerts: usize = tried.values().map(Vec::len).sum();
    println!(
        "{count} readings, evaluator killed {kills} times: {alerts} alerts expected, {} found, {} events",
        live.values().map(Vec::len).sum::<usize>(),
        ids.len()
    );
    assert!(kills > 2 && alerts > 100, "{kills} kills, {alerts} alerts");
    assert!(live == tried, "live {live:#?}\ntried {tried:#?}");
}
