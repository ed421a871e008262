//! Live evaluation, a trial, an evaluator that is killed over and over, and two at once: the same alerts.

use std::collections::{BTreeMap, BTreeSet};

use chatops_alerting::trial::{Episode, Trial};
use chatops_bus::Bus;
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    envelope::Envelope,
    event::metric::Sample,
    ids::{RuleId, ServerId},
    rule::Rule,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::ground::{self, Kept, Told, alerts, evaluated, host, send, start};
use crate::reference::{rules, streams};

/// Alerts of each rule on each server, in order.
type Found = BTreeMap<(ServerId, RuleId), Vec<Episode>>;

struct World {
    told: Told,
    /// What is stored, in order.
    readings: Vec<(ServerId, Timestamp, Sample)>,
}

impl World {
    /// Random rules and random readings, late, doubled, out of order and with gaps; of several servers, mixed.
    fn random(servers: usize, rule_count: usize, rounds: usize) -> Self {
        let mut runner = TestRunner::deterministic();
        let mut draw = || rules().new_tree(&mut runner).unwrap().current();
        let rules: Vec<Rule> = (0..rule_count).map(|_| draw()).collect();
        // The readings span hours; the last of them lie before now.
        let start = ground::now().plus_millis(-20 * 3_600_000);
        let mut of_each: Vec<std::vec::IntoIter<_>> = Vec::new();
        for server in 0..servers {
            let (mut all, mut begin) = (Vec::new(), start);
            for _ in 0..rounds {
                let stream = streams().new_tree(&mut runner).unwrap().current();
                let mut newest = begin;
                for (at, sample) in stream {
                    let at = begin.plus_micros(at.micros());
                    newest = newest.max(at);
                    all.push((host(server), at, sample));
                }
                begin = newest.plus_millis(-900_000);
            }
            all.retain(|(_, at, _)| *at < ground::now());
            of_each.push(all.into_iter());
        }
        let mut readings = Vec::new();
        while of_each.iter().any(|left| left.len() > 0) {
            readings.extend(of_each.iter_mut().filter_map(Iterator::next));
        }
        Self {
            told: Told::everywhere(servers, &rules),
            readings,
        }
    }

    /// What a trial of each rule on the readings of each server tells.
    fn tried(&self) -> Found {
        let mut found = Found::new();
        for rule in self.told.rules() {
            for server in &rule.servers {
                let mut trial = Trial::new(&rule.definition).unwrap();
                let own = self.readings.iter().filter(|(of, ..)| of == server);
                own.for_each(|(_, at, sample)| trial.see(*at, sample));
                let episodes = trial.report().episodes;
                if !episodes.is_empty() {
                    found.insert((server.clone(), rule.id), sorted(episodes));
                }
            }
        }
        found
    }

    async fn store(&self, bus: &Bus) {
        for (server, at, sample) in &self.readings {
            send(bus, server, *at, sample).await;
        }
    }
}

fn sorted(mut episodes: Vec<Episode>) -> Vec<Episode> {
    episodes.sort_by(|a, b| (a.raised, &a.device).cmp(&(b.raised, &b.device)));
    episodes
}

/// What the events say. Fails when an alert begins or ends twice.
fn told(events: &[Envelope<Payload>]) -> Found {
    let mut found: BTreeMap<_, BTreeMap<_, Episode>> = BTreeMap::new();
    let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), events.len(), "no event twice");
    for event in events {
        let server = event.server.clone().unwrap();
        match &event.data {
            Payload::AlertRaised(raised) => {
                let head = &raised.head;
                let episode = Episode {
                    device: head.device.clone(),
                    since: head.since,
                    raised: head.raised,
                    resolved: None,
                    values: raised.values.iter().map(|value| value.value).collect(),
                };
                let last = raised.evidence.last().unwrap();
                assert_eq!((last.at, &last.values), (head.raised, &episode.values));
                let all = found.entry((server, head.rule)).or_default();
                assert!(all.insert(head.alert, episode).is_none(), "raised twice");
            }
            Payload::AlertResolved(over) => {
                let all = found.get_mut(&(server, over.head.rule)).unwrap();
                let episode = all.get_mut(&over.head.alert).unwrap();
                assert!(episode.resolved.replace(over.at).is_none(), "over twice");
            }
            other => panic!("{other:?}"),
        }
    }
    let all = found.into_iter();
    all.map(|(key, episodes)| (key, sorted(episodes.into_values().collect())))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_evaluation_tells_what_a_trial_of_the_same_readings_tells() {
    let world = World::random(6, 8, 3);
    let (_server, bus) = ground::server().await;
    let kept = Kept::default();
    let running = start(&bus, &world.told, &kept);
    world.store(&bus).await;
    evaluated(&bus, &kept).await;
    running.end().await;
    let (live, tried) = (told(&alerts(&bus).await), world.tried());
    println!(
        "{} readings, {} rules: {} alerts",
        world.readings.len(),
        world.told.rules().len(),
        live.values().map(Vec::len).sum::<usize>()
    );
    assert!(tried.len() > 6, "{tried:?}");
    assert_eq!(live, tried);
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluators_that_are_killed_over_and_over_leave_each_alert_once() {
    let world = World::random(6, 8, 6);
    let (server, bus) = ground::server().await;
    let kept = Kept::default();
    let storing = async {
        world.store(&bus).await;
        evaluated(&bus, &kept).await;
    };
    let mut kills = 0_u64;
    let killing = async {
        loop {
            let bus = ground::bus(&server).await;
            // Each lives until so many more alerts are written, so that each dies elsewhere; some die in pairs.
            let enough = 1 + kills * 7 % 5;
            let before = written(&bus).await;
            let lives: Vec<_> = (0..=kills % 2)
                .map(|_| start(&bus, &world.told, &kept))
                .collect();
            let long_enough = async { while written(&bus).await < before + enough {} };
            let _ = tokio::time::timeout(std::time::Duration::from_millis(700), long_enough).await;
            kills += lives.len() as u64;
            lives.into_iter().for_each(ground::Running::kill);
        }
    };
    tokio::select! {
        () = storing => {}
        () = killing => {}
    }
    // A last one finds nothing left to do.
    let last = start(&bus, &world.told, &kept);
    evaluated(&bus, &kept).await;
    last.end().await;
    let (live, tried) = (told(&alerts(&bus).await), world.tried());
    println!(
        "{} readings, evaluators killed: {kills}, alerts: {}",
        world.readings.len(),
        live.values().map(Vec::len).sum::<usize>()
    );
    assert!(kills > 3, "{kills}");
    assert_eq!(live, tried);
}

async fn written(bus: &Bus) -> u64 {
    let info = bus.stream_info(chatops_bus::StreamName::Alert).await;
    info.unwrap().messages
}
