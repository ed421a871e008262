//! Alert rules, silences and alerts: from events to what people ask.

use chatops_bus::{
    Recorded,
    projector::{Outcome, Sink},
};
use chatops_projections::{
    Store, StoreError, Visible, project,
    view::{Alert, AlertCounts, AlertQuery},
};
use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::{Event, alert::*, metric::Process, rule::*, silence::*},
    ids::{AlertId, ChannelId, EventId, RuleId, ServerId, SilenceId},
    rule::{Rule, Scope, Severity, Wording},
    subject::{self, Entity},
};
use uuid::Uuid;

use crate::ground::{
    self, Ground, Hand, clock, envelope, fleet, recorded, recorded_bytes, server_id, shared,
    user_id,
};

const RULE: RuleId = RuleId(Uuid::from_u128(0x21));
const SILENCE: SilenceId = SilenceId(Uuid::from_u128(0x22));
const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(0x23));

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros((1_770_000_000 + second) * 1_000_000)
}

fn alert_id(n: u128) -> AlertId {
    AlertId(Uuid::from_u128(0x4000 + n))
}

fn rule(name: &str, text: &str) -> Rule {
    let said = Wording::parse(text).unwrap();
    Rule {
        name: name.to_owned(),
        // Nothing forbids NUL in a note; the database does. The second looks like its escape and is none.
        note: "look\0 at it\nand \\u0000".to_owned(),
        enabled: true,
        severity: Severity::Warning,
        scope: Scope::All,
        when: said.when,
        for_ms: said.for_ms,
        keep_ms: said.keep_ms,
    }
}

fn head(n: u128, device: &str, severity: Severity) -> Head {
    Head {
        alert: alert_id(n),
        rule: RULE,
        rule_version: 1,
        name: "Disk full".to_owned(),
        wording: "fs:*:share >= 95".to_owned(),
        device: device.to_owned(),
        severity,
        since: at(0),
        raised: at(60),
        source: "OPS_METRICS".to_owned(),
        through: 10,
    }
}

fn raised(head: Head) -> AlertRaised {
    AlertRaised {
        head,
        values: vec![Value {
            series: "fs:*:share".to_owned(),
            value: Some(97.5),
        }],
        evidence: vec![Evidence {
            at: at(60),
            values: vec![Some(97.5)],
        }],
        processes: Vec::<Process>::new(),
        note: "make\0 room".to_owned(),
        lines: Vec::new(),
    }
}

/// Events of one server as the stream would hold them.
struct Told {
    server: ServerId,
    events: Vec<Recorded>,
    seq: u64,
}

impl Told {
    fn of(n: usize) -> Self {
        Self {
            server: server_id(n),
            events: Vec::new(),
            seq: 0,
        }
    }

    fn tell<T: Event>(&mut self, head: &Head, by: Option<&str>, event: T) {
        self.seq += 1;
        let mut event =
            chatops_schemas::envelope::Envelope::new(ground::fresh_id(), ground::now(), event)
                .about(self.server.clone());
        if let Some(by) = by {
            event = event.by(by);
        }
        let subject = subject::alert(&self.server, head.rule, &head.device);
        self.events.push(recorded(self.seq, &subject, &event));
    }

    fn raise(&mut self, n: u128, device: &str, severity: Severity) -> Head {
        let head = head(n, device, severity);
        self.tell(&head, None, raised(head.clone()));
        head
    }

    fn resolve(&mut self, head: &Head, by: Option<&str>, cause: Cause) {
        let event = AlertResolved {
            head: head.clone(),
            at: at(120),
            cause,
            values: Vec::new(),
            note: "cleaned up".to_owned(),
        };
        self.tell(head, by, event);
    }

    fn acknowledge(&mut self, head: &Head, by: &str) {
        let event = AlertAcknowledged {
            head: head.clone(),
            note: "mine".to_owned(),
        };
        self.tell(head, Some(by), event);
    }

    fn told(&mut self, alert: AlertId, delivery: Delivery) {
        self.seq += 1;
        let event = ToldAlert {
            alert,
            rule: RULE,
            channel: CHANNEL,
            channel_name: "ops".to_owned(),
            occasion: Occasion::Raised,
            number: 1,
            of: EventId(Uuid::from_u128(9)),
            attempts: 1,
            delivery,
        };
        let subject = subject::told(CHANNEL, alert);
        self.events
            .push(recorded(self.seq, &subject, &envelope(event)));
    }
}

async fn alerts(store: &Store) -> Hand<impl Sink<Error = StoreError> + use<>> {
    Hand::claim(project::alerts(store, clock(), shared())).await
}

async fn listed(store: &Store, visible: Visible, query: AlertQuery) -> Vec<Alert> {
    let query = AlertQuery { limit: 50, ..query };
    let page = store.alerts(visible, &query).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

async fn ids(store: &Store, query: AlertQuery) -> Vec<AlertId> {
    let alerts = listed(store, Visible::All, query).await;
    alerts.into_iter().map(|alert| alert.id).collect()
}

#[tokio::test]
async fn the_life_of_an_alert_is_kept_and_the_same_after_a_rebuild() {
    let ground = Ground::with_fleet(2).await;
    let store = &ground.store;
    let ada = format!("user:{}", user_id(1));
    let mut told = Told::of(0);
    let var = told.raise(1, "/var", Severity::Critical);
    let root = told.raise(2, "/", Severity::Warning);
    told.told(
        var.alert,
        Delivery::Held {
            why: Held::Silence(SILENCE),
        },
    );
    told.acknowledge(&var, &ada);
    told.resolve(&root, None, Cause::Condition);
    let again = told.raise(3, "/", Severity::Warning);
    told.resolve(&again, Some(&ada), Cause::ByHand);
    let cleared = AlertCleared {
        head: again.clone(),
    };
    told.tell(&again, None, cleared);
    // Says it once more, later: the first end counts.
    told.resolve(&again, None, Cause::Condition);

    let mut hand = alerts(store).await;
    assert_eq!(hand.apply(told.events.clone()).await, Outcome::Applied);

    let all = listed(store, Visible::All, AlertQuery::default()).await;
    assert_eq!(
        all.iter().map(|alert| alert.id).collect::<Vec<_>>(),
        [again.alert, root.alert, var.alert],
        "newest first"
    );
    let [last, over, open] = <[Alert; 3]>::try_from(all.clone()).unwrap();
    assert_eq!(open.device, "/var");
    assert_eq!(open.server_name, "Host 0");
    assert_eq!(open.end, None);
    assert_eq!(open.acknowledged.as_ref().unwrap().0, ada);
    assert_eq!(open.acknowledged_by_name.as_deref(), Some("Ada"));
    assert_eq!(open.ack_note, "mine");
    assert_eq!(over.end.as_ref().unwrap().cause, Cause::Condition);
    assert_eq!(over.end.as_ref().unwrap().at, at(120));
    assert_eq!(over.end.as_ref().unwrap().by, None);
    let end = last.end.as_ref().unwrap();
    assert_eq!((end.cause, end.by.as_deref()), (Cause::ByHand, Some(&*ada)));
    assert_eq!(end.note, "cleaned up");

    let seen = store.alert_seen(var.alert).await.unwrap();
    let expected = AlertRaised {
        note: "make room".to_owned(),
        ..raised(var.clone())
    };
    assert_eq!(seen.raised(var.clone()), Some(expected));
    let kinds = |log: Vec<chatops_projections::view::AlertEntry>| {
        log.into_iter().map(|entry| entry.kind).collect::<Vec<_>>()
    };
    let log = store.alert_log(var.alert).await.unwrap();
    assert_eq!(log[1].data["channel_name"], "ops");
    assert_eq!(log[2].actor_name.as_deref(), Some("Ada"));
    assert_eq!(kinds(log), ["raised", "told", "acknowledged"]);
    let log = store.alert_log(again.alert).await.unwrap();
    assert_eq!(kinds(log), ["raised", "resolved", "cleared", "resolved"]);

    // From the beginning, one by one: the same rows.
    let dump = "SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) FROM (SELECT a::text AS t FROM alerts a UNION ALL SELECT l::text FROM alert_log l) t";
    let before = ground.database.psql(dump).await.unwrap();
    drop(hand);
    for statement in [
        "TRUNCATE alerts, alert_log",
        "UPDATE projection_checkpoint SET seq = 0 WHERE name = 'alerts'",
    ] {
        ground.database.psql(statement).await.unwrap();
    }
    let mut hand = alerts(store).await;
    assert_eq!(hand.position.seq, 0);
    for event in told.events {
        assert_eq!(hand.apply(vec![event]).await, Outcome::Applied);
    }
    assert_eq!(ground.database.psql(dump).await.unwrap(), before);
}

#[tokio::test]
async fn an_alert_that_is_over_goes_in_time_and_an_open_one_never() {
    let ground = Ground::with_fleet(1).await;
    let store = &ground.store;
    let mut told = Told::of(0);
    let open = told.raise(1, "/var", Severity::Critical);
    let old = told.raise(2, "/", Severity::Warning);
    told.resolve(&old, None, Cause::Condition);
    let young = told.raise(3, "/home", Severity::Warning);
    told.resolve(&young, None, Cause::Condition);
    let mut hand = alerts(store).await;
    assert_eq!(hand.apply(told.events).await, Outcome::Applied);
    for (alert, days) in [(&open, 900), (&old, 401), (&young, 399)] {
        let id = alert.alert;
        let age = format!(
            "UPDATE alerts SET raised_at = now() - interval '{days} days',
                 resolved_at = CASE WHEN state = 'resolved' THEN now() - interval '{days} days' END WHERE alert_id = '{id}';
             UPDATE alert_log SET at = now() - interval '{days} days' WHERE alert_id = '{id}'"
        );
        ground.database.psql(&age).await.unwrap();
    }
    store.remove_old().await.unwrap().unwrap();
    assert_eq!(
        ids(store, AlertQuery::default()).await,
        [young.alert, open.alert]
    );
    for (alert, entries) in [(&open, 1), (&old, 0), (&young, 2)] {
        assert_eq!(store.alert_log(alert.alert).await.unwrap().len(), entries);
    }
}

#[tokio::test]
async fn questions_about_alerts_are_answered_to_whom_they_belong() {
    let ground = Ground::with_fleet(2).await;
    let store = &ground.store;
    let mut hand = alerts(store).await;
    let mut told = Told::of(0);
    let a = told.raise(1, "/a", Severity::Critical);
    let b = told.raise(2, "/b", Severity::Warning);
    told.server = server_id(1);
    let c = told.raise(3, "/c", Severity::Info);
    told.resolve(&c, None, Cause::Condition);
    let d = told.raise(4, "/d_d", Severity::Critical);
    told.acknowledge(&d, "user:nobody");
    hand.apply(told.events).await;

    let q = AlertQuery::default;
    let open = |open| AlertQuery { open, ..q() };
    assert_eq!(
        ids(store, open(Some(true))).await,
        [d.alert, b.alert, a.alert]
    );
    assert_eq!(ids(store, open(Some(false))).await, [c.alert]);
    let severity = vec![Severity::Warning, Severity::Info];
    assert_eq!(
        ids(store, AlertQuery { severity, ..q() }).await,
        [c.alert, b.alert]
    );
    let server = Some(server_id(1));
    assert_eq!(
        ids(store, AlertQuery { server, ..q() }).await,
        [d.alert, c.alert]
    );
    let rule = Some(RuleId(Uuid::from_u128(7)));
    assert_eq!(ids(store, AlertQuery { rule, ..q() }).await, []);
    let tag = Some("even".to_owned());
    assert_eq!(
        ids(store, AlertQuery { tag, ..q() }).await,
        [b.alert, a.alert]
    );
    // `_` is no wildcard.
    let text = Some("D_D".to_owned());
    assert_eq!(ids(store, AlertQuery { text, ..q() }).await, [d.alert]);
    let text = Some("host 1".to_owned());
    assert_eq!(
        ids(store, AlertQuery { text, ..q() }).await,
        [d.alert, c.alert]
    );
    let acknowledged = Some(true);
    assert_eq!(
        ids(
            store,
            AlertQuery {
                acknowledged,
                ..q()
            }
        )
        .await,
        [d.alert]
    );
    let (from, to) = (Some(at(60)), Some(at(60)));
    assert_eq!(ids(store, AlertQuery { from, ..q() }).await.len(), 4);
    assert_eq!(ids(store, AlertQuery { to, ..q() }).await.len(), 0);

    let counts = AlertCounts {
        unacknowledged: 2,
        critical: 2,
        warning: 1,
        info: 0,
    };
    assert_eq!(store.alert_counts(Visible::All).await.unwrap(), counts);
    assert_eq!(counts.open(), 3);
    let of = store
        .alert_counts_of(&[server_id(0), server_id(1), server_id(9)])
        .await
        .unwrap();
    assert_eq!(of.len(), 2);
    assert_eq!(of[&server_id(1)].critical, 1);
    assert_eq!(of[&server_id(1)].unacknowledged, 0);

    // The owner sees them, a stranger does not even learn how many there are.
    let owner = Visible::To(user_id(1), Level::View);
    assert_eq!(listed(store, owner, q()).await.len(), 4);
    let stranger = Visible::To(user_id(2), Level::View);
    assert_eq!(listed(store, stranger, q()).await, []);
    assert_eq!(store.alert(stranger, a.alert).await.unwrap(), None);
    assert_eq!(
        store.alert_counts(stranger).await.unwrap(),
        AlertCounts::default()
    );

    // Pages hang together while alerts begin and end.
    let page = |after| AlertQuery {
        after,
        limit: 2,
        ..q()
    };
    let first = store.alerts(Visible::All, &page(None)).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let mut more = Told::of(0);
    more.seq = told.seq;
    more.raise(9, "/new", Severity::Info);
    more.resolve(&a, None, Cause::Condition);
    hand.apply(more.events).await;
    let second = store.alerts(Visible::All, &page(first.next)).await.unwrap();
    let second: Vec<_> = second.items.iter().map(|alert| alert.id).collect();
    assert_eq!(second, [b.alert, a.alert]);
}

#[tokio::test]
async fn what_does_not_belong_on_a_subject_is_parked_and_the_rest_goes_on() {
    let ground = Ground::with_fleet(2).await;
    let mut told = Told::of(0);
    let good = told.raise(1, "/var", Severity::Critical);
    let bytes = told.events[0].payload.to_vec();
    let now = ground::now();
    let (server, other) = (server_id(0), server_id(1));
    let wrong = [
        // Another server, another device, another rule, a subject of messages, no event at all.
        subject::alert(&other, RULE, "/var"),
        subject::alert(&server, RULE, "/"),
        subject::alert(&server, RuleId(Uuid::from_u128(5)), "/var"),
        subject::told(CHANNEL, good.alert),
    ];
    let mut events = told.events.clone();
    for subject in wrong {
        let seq = events.len() as u64 + 1;
        events.push(recorded_bytes(seq, &subject, now, bytes.clone()));
    }
    let subject = subject::alert(&server, RULE, "/var");
    events.push(recorded_bytes(6, &subject, now, vec![0xc1]));
    // An end whose beginning was never read is an alert all the same.
    told.events.clear();
    told.seq = 6;
    let unseen = head(2, "/srv", Severity::Info);
    told.resolve(&unseen, None, Cause::Condition);
    events.append(&mut told.events);

    let mut hand = alerts(&ground.store).await;
    assert_eq!(hand.apply(events).await, Outcome::Applied);
    assert_eq!(ground.count("dlq").await, 5);
    let all = listed(&ground.store, Visible::All, AlertQuery::default()).await;
    assert_eq!(
        all.iter().map(|alert| alert.id).collect::<Vec<_>>(),
        [unseen.alert, good.alert]
    );
    let seen = ground.store.alert_seen(unseen.alert).await.unwrap();
    assert_eq!(seen.raised(unseen), None);
}

#[tokio::test]
async fn rules_have_versions_and_can_come_back() {
    let ground = Ground::with_fleet(1).await;
    let store = &ground.store;
    let mut inventory = ground::inventory(store).await;
    let mut seq = fleet(1).len() as u64;
    let by = format!("user:{}", user_id(1));
    let mut tell = |payload: Recorded| {
        seq += 1;
        Recorded { seq, ..payload }
    };
    let subject = subject::ctl(Entity::Rule, &RULE.to_string());
    let saved = |version, definition| {
        let event = RuleSaved {
            rule: RULE,
            version,
            definition,
        };
        recorded(0, &subject, &envelope(event).by(&by))
    };
    let deleted = || recorded(0, &subject, &envelope(RuleDeleted { rule: RULE }));

    let first = rule("Disk full", "fs:*:share >= 95 for 5m");
    inventory.apply(vec![tell(saved(1, first.clone()))]).await;
    let kept = Rule {
        note: "look at it\nand \\u0000".to_owned(),
        ..first.clone()
    };
    let row = store.alert_rule(RULE).await.unwrap().unwrap();
    assert_eq!(row.definition, kept, "all but NUL");
    assert_eq!((row.version, row.saved_by), (1, Some(user_id(1))));
    assert_eq!(row.saved_by_name.as_deref(), Some("Ada"));
    let in_force = store.rules_in_force().await.unwrap();
    assert_eq!(in_force.len(), 1);
    assert_eq!(in_force[0].definition, kept);
    assert_eq!((in_force[0].version, in_force[0].author), (1, row.saved_by));

    // Off: known, not in force.
    let off = Rule {
        enabled: false,
        ..first.clone()
    };
    inventory.apply(vec![tell(saved(2, off))]).await;
    assert_eq!(store.rules_in_force().await.unwrap(), []);
    assert_eq!(store.alert_rules(None).await.unwrap().len(), 1);
    assert_eq!(store.alert_rules(Some(user_id(2))).await.unwrap(), []);

    // Gone, and back.
    inventory.apply(vec![tell(deleted())]).await;
    assert_eq!(store.alert_rules(None).await.unwrap(), []);
    let gone = store.alert_rule(RULE).await.unwrap().unwrap();
    assert!(gone.deleted_at.is_some());
    inventory.apply(vec![tell(saved(3, first))]).await;
    assert_eq!(store.rules_in_force().await.unwrap().len(), 1);
    let back = store.alert_rule(RULE).await.unwrap().unwrap();
    assert_eq!((back.deleted_at, back.version), (None, 3));
    assert!(back.ctl_seq > gone.ctl_seq);
    let versions = store.alert_rule_versions(RULE, None, 10).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [3, 2, 1]);
    let second = store.alert_rule_versions(RULE, Some(2), 10).await.unwrap();
    assert!(!second[0].definition.enabled);
}

#[tokio::test]
async fn silences_are_listed_with_what_they_held_back() {
    let ground = Ground::with_fleet(1).await;
    let store = &ground.store;
    let mut inventory = ground::inventory(store).await;
    let seq = fleet(1).len() as u64;
    let subject = subject::ctl(Entity::Silence, &SILENCE.to_string());
    let saved = SilenceSaved {
        silence: SILENCE,
        reason: "moving house".to_owned(),
        scope: Scope::All,
        rules: vec![RULE],
        times: Times::Once {
            from: at(0),
            until: at(60),
        },
    };
    let by = format!("user:{}", user_id(1));
    let event = recorded(seq + 1, &subject, &envelope(saved.clone()).by(&by));
    inventory.apply(vec![event]).await;

    let mut told = Told::of(0);
    let why = || Delivery::Held {
        why: Held::Silence(SILENCE),
    };
    let head = told.raise(1, "/", Severity::Info);
    told.told(head.alert, why());
    told.told(head.alert, why());
    told.told(head.alert, Delivery::Held { why: Held::Over });
    alerts(store).await.apply(told.events).await;

    let listed = store.silences(None, None, false).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].saved, saved);
    assert_eq!((listed[0].held, listed[0].ended_at), (2, None));
    assert_eq!(listed[0].saved_by, Some(user_id(1)));
    assert_eq!(
        store.silences(Some(user_id(2)), None, true).await.unwrap(),
        []
    );

    let ended = SilenceEnded { silence: SILENCE };
    let event = recorded(seq + 2, &subject, &envelope(ended).by("user:test"));
    inventory.apply(vec![event]).await;
    assert_eq!(store.silences(None, None, false).await.unwrap(), []);
    let one = store.silences(None, Some(SILENCE), true).await.unwrap();
    assert_eq!(one[0].ended_by.as_deref(), Some("user:test"));
    assert_eq!(one[0].ctl_seq, seq + 2);
}
