//! One rule, judged live, tried on the stream, and tried on the database: the same alerts. And what is left when the readings
//! themselves are gone.

use std::collections::BTreeMap;

use chatops_alerting::history::{Attempt, Bounds, Detail, Found, Span};
use chatops_api::trial::on_server;
use chatops_projections::Store;

use super::*;

const READINGS: i64 = 400;

/// Tries on the tables, and on the stream for what they have not got.
async fn tried(world: &World, store: &Store, rule: &Rule, server: &ServerId, span: Span) -> Found {
    let bounds = (span, Bounds::default());
    let told = &mut |_| {};
    let found = on_server(&mut store.past(), &world.bus, rule, server, bounds, told).await;
    found.unwrap()
}

async fn live(world: &World) -> BTreeMap<(ServerId, RuleId), Vec<Episode>> {
    let mut live: BTreeMap<_, Vec<Episode>> = BTreeMap::new();
    for event in world.alerts().await {
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
                of.last_mut().unwrap().resolved = Some(over.at);
            }
            other => panic!("{other:?}"),
        }
    }
    live
}

#[tokio::test(flavor = "multi_thread")]
async fn live_evaluation_and_trials_on_the_stream_and_on_the_tables_agree() {
    let mut world = World::new().await;
    let _minutes = world.apart.serve("rollups").await;
    let servers = [world.server("web").await, world.server("db").await];
    let mut rules = Vec::new();
    for wording in [
        "cpu > 90 for 15s",
        "avg(cpu, 1m) > 60 keep 20s",
        "fs:*:share >= 80 clear 70",
        "fs:/var:used changed",
    ] {
        rules.push(world.rule(wording).await);
    }
    // Nothing is sent before the rules are in force: what comes before them is nobody's.
    world.kill().await;
    let mut chance = Chance(0x1234_5678_9ABC_DEF1);
    let begin = System.now().plus_millis(-6 * 3_600_000);
    let at = |n: i64| {
        // Somewhere in the middle the host was away for a while.
        let away = if n > READINGS / 2 { 120_000 } else { 0 };
        begin.plus_millis(n * 5000 + away)
    };
    for n in 0..READINGS {
        for server in &servers {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let cpu = chance.next(16) as f32 * 8.0;
            let sample = sample(cpu.min(100.0), 60 + chance.next(4) * 9);
            let event = envelope(at(n), sample).about(server.clone());
            let subject = subject::metrics(server);
            world.bus.publish(&subject, &event).await.unwrap();
        }
    }
    world.evaluated().await;
    let live = live(&world).await;
    let alerts: usize = live.values().map(Vec::len).sum();
    assert!(alerts > 20, "{alerts}");
    let rows = async |table: &str| -> i64 {
        let asked = format!("SELECT count(*) FROM {table}");
        world.apart.sql(&asked).await.trim().parse().unwrap()
    };
    eventually("all are rows", LONG, async || {
        rows("metrics_raw").await == 2 * READINGS
    })
    .await;

    let store = world.apart.store().await;
    let all = Span {
        from: begin,
        to: None,
    };
    let compare = async |what: &str| {
        for (server, (id, rule)) in servers
            .iter()
            .flat_map(|s| rules.iter().map(move |r| (s, r)))
        {
            let found = tried(&world, &store, rule, server, all).await;
            let wanted = live
                .get(&(server.clone(), *id))
                .cloned()
                .unwrap_or_default();
            assert!(found.complete && found.unread == 0, "{what}: {found:?}");
            assert_eq!(found.report.readings, READINGS.unsigned_abs(), "{what}");
            assert_eq!(found.report.episodes, wanted, "{what}: {}", rule.name);
            if what == "tables" {
                let mut stream = Attempt::new(rule, all, Bounds::default()).unwrap();
                stream.stream(&world.bus, server, None).await.unwrap();
                assert_eq!(stream.found(), found, "{}", rule.name);
            }
        }
    };
    compare("tables").await;
    // The tables are behind: the rest comes from the stream.
    let middle = at(READINGS / 3);
    let cut = format!("DELETE FROM metrics_raw WHERE ts > '{middle}' RETURNING 1");
    world.apart.sql(&cut).await;
    compare("the rest from the stream").await;

    // Readings are gone, minutes are left: it is tried on these, and says so.
    let kept = at(60);
    let closed = format!("metrics_1m WHERE bucket < '{}'", kept.plus_millis(-60_000));
    eventually("minutes are added up", LONG, async || {
        rows(&closed).await >= 2 * 4
    })
    .await;
    let cut = format!("DELETE FROM metrics_raw WHERE ts < '{kept}' RETURNING 1");
    world.apart.sql(&cut).await;
    let part = Span {
        from: begin,
        to: Some(middle),
    };
    let found = tried(&world, &store, &rules[0].1, &servers[0], part).await;
    let details: Vec<_> = found.parts.iter().map(|part| part.detail).collect();
    assert_eq!(details, [Detail::Minutes, Detail::Each], "{found:?}");
    assert!(!found.complete && found.parts[0].to < kept && found.parts[1].from == kept);
}
