//! For random rules and random readings, late, doubled, out of order and with gaps: the evaluator says what the naive one
//! says, live and trial agree, and an evaluator that dies anywhere goes on as if nothing had been.

use std::sync::Arc;

use chatops_alerting::{
    phase::Step,
    trial::Trial,
    watch::{Kind, Plan, Watch},
};
use chatops_schemas::{
    clock::Timestamp,
    event::metric::{Cpu, Filesystem, Memory, Sample},
    rule::{Aggregate, Comparison, Condition, Measure, Rule, Scope, Severity, Threshold, Window},
};
use proptest::prelude::*;

use crate::naive::{self, Said};

const DEVICES: [&str; 2] = ["/", "/var"];

fn measures() -> impl Strategy<Value = Measure> {
    let window = prop_oneof![
        Just(Aggregate::Avg),
        Just(Aggregate::Min),
        Just(Aggregate::Max),
        Just(Aggregate::Change),
        Just(Aggregate::Rate),
    ]
    .prop_flat_map(|aggregate| {
        (5_u64..60).prop_map(move |s| Window {
            aggregate,
            over_ms: s * 1000,
        })
    });
    let series = prop_oneof![
        Just("cpu"),
        Just("mem"),
        Just("fs:*:share"),
        Just("fs:/:used"),
        Just("fs:/v*:used")
    ];
    (series, proptest::option::of(window)).prop_map(|(series, window)| Measure {
        series: series.to_owned(),
        window,
    })
}

fn thresholds() -> impl Strategy<Value = Threshold> {
    let comparison = prop_oneof![
        Just(Comparison::Above),
        Just(Comparison::AtLeast),
        Just(Comparison::Below),
        Just(Comparison::AtMost)
    ];
    (comparison, 20..80_i32, proptest::option::of(0..20_i32)).prop_map(
        |(comparison, limit, apart)| {
            let looser = if matches!(comparison, Comparison::Above | Comparison::AtLeast) {
                -1
            } else {
                1
            };
            Threshold {
                comparison,
                limit: f64::from(limit),
                clear: apart.map(|apart| f64::from(limit + looser * apart)),
            }
        },
    )
}

fn conditions() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        6 => (measures(), thresholds()).prop_map(|(measure, threshold)| Condition::Compare { measure, threshold }),
        1 => measures().prop_map(|measure| Condition::Changed { measure }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Condition::All),
            proptest::collection::vec(inner, 1..3).prop_map(Condition::Any),
        ]
    })
}

pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    (conditions(), 0_u64..4, 0_u64..3).prop_map(|(when, wait, keep)| Rule {
        name: "r".to_owned(),
        note: String::new(),
        enabled: true,
        severity: Severity::Warning,
        scope: Scope::All,
        when,
        for_ms: wait * 10_000,
        keep_ms: keep * 10_000,
    })
}

/// Mostly five seconds apart; sometimes late, doubled, or after a gap.
pub(crate) fn streams() -> impl Strategy<Value = Vec<(Timestamp, Sample)>> {
    let value = || proptest::option::weighted(0.9, 0_u8..100);
    let step = prop_oneof![20 => Just(5_i64), 1 => Just(0), 2 => -30_i64..0, 1 => 30_i64..400, 3 => 1_i64..9];
    let reading = (step, value(), value(), value(), value());
    proptest::collection::vec(reading, 1..60).prop_map(|readings| {
        let (mut now, mut front) = (1_000_i64, 1_000_i64);
        readings
            .into_iter()
            .map(|(step, cpu, mem, root, var)| {
                now = front + step;
                front = front.max(now);
                let fs = |mount: &str, used: Option<u8>| {
                    used.map(|used| Filesystem {
                        mount: mount.to_owned(),
                        used: Some(u64::from(used)),
                        available: Some(u64::from(100 - used)),
                        total: Some(100),
                        ..Filesystem::default()
                    })
                };
                let sample = Sample {
                    cpu: cpu.map(|cpu| Cpu {
                        total: Some(f32::from(cpu)),
                        ..Cpu::default()
                    }),
                    mem: mem.map(|mem| Memory {
                        total: Some(100),
                        used: Some(u64::from(mem)),
                        ..Memory::default()
                    }),
                    fs: [fs(DEVICES[0], root), fs(DEVICES[1], var)]
                        .into_iter()
                        .flatten()
                        .collect(),
                    ..Sample::default()
                };
                (Timestamp::from_micros(now * 1_000_000), sample)
            })
            .collect()
    })
}

fn said(watch: &mut Watch, at: Timestamp, sample: &Sample) -> Vec<(String, Timestamp, Said)> {
    let changes = watch.see(at, sample).into_iter();
    changes
        .filter_map(|change| {
            let said = match change.kind {
                Kind::Step(Step::Waits) => Said::Waits,
                Kind::Step(Step::Passed) => Said::Passed,
                Kind::Step(Step::Raised { since }) => Said::Raised(since),
                Kind::Step(Step::Resolved) | Kind::Gone => Said::Resolved,
                // Nobody calls anything over here.
                Kind::Step(Step::Cleared) => return None,
            };
            Some((change.device, change.at, said))
        })
        .collect()
}

/// Devices that the rule looks at each by itself.
fn devices(rule: &Rule) -> Vec<&'static str> {
    if rule
        .when
        .measures()
        .iter()
        .all(|measure| measure.each().is_none())
    {
        return vec![""];
    }
    DEVICES
        .into_iter()
        .filter(|device| {
            rule.when.measures().iter().any(|measure| {
                let pattern = measure
                    .series
                    .strip_prefix("fs:")
                    .and_then(|rest| rest.rsplit_once(':'));
                pattern.is_some_and(|(pattern, _)| {
                    pattern.contains('*') && chatops_schemas::rule::fits(pattern, device)
                })
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_evaluator_means_what_the_naive_one_means((rule, stream) in (rules(), streams())) {
        let mut watch = Watch::new(rule.clone()).unwrap();
        let mut real = Vec::new();
        for (at, sample) in &stream {
            real.extend(said(&mut watch, *at, sample));
        }
        for device in devices(&rule) {
            let of_device: Vec<_> = real.iter().filter(|(d, ..)| d == device).map(|(_, at, said)| (*at, said.clone())).collect();
            prop_assert_eq!(of_device, naive::told(&rule, &stream, device), "device {:?}", device);
        }
    }

    #[test]
    fn a_trial_tells_what_live_evaluation_did((rule, stream) in (rules(), streams())) {
        let (mut watch, mut trial) = (Watch::new(rule.clone()).unwrap(), Trial::new(&rule).unwrap());
        let mut live = Vec::new();
        for (at, sample) in &stream {
            live.extend(said(&mut watch, *at, sample).into_iter().filter_map(|(device, at, said)| match said {
                Said::Raised(since) => Some((device, since, at)),
                _ => None,
            }));
            trial.see(*at, sample);
        }
        let report = trial.report();
        prop_assert_eq!(report.readings, stream.len() as u64);
        let tried: Vec<_> = report.episodes.into_iter().map(|e| (e.device, e.since, e.raised)).collect();
        prop_assert_eq!(tried, live);
    }

    #[test]
    fn one_that_is_saved_and_restored_anywhere_goes_on_as_if_nothing_had_been((rule, stream) in (rules(), streams()), every in 1_usize..9) {
        let plan = Arc::new(Plan::new(rule).unwrap());
        let (mut steady, mut restless) = (Watch::of(Arc::clone(&plan), None), Watch::of(Arc::clone(&plan), None));
        let mut newest = None;
        for (n, (at, sample)) in stream.iter().enumerate() {
            prop_assert_eq!(said(&mut steady, *at, sample), said(&mut restless, *at, sample));
            newest = newest.max(Some(*at));
            if n % every == 0 {
                let plan = Arc::clone(&plan);
                restless = match restless.save() {
                    Some(saved) => {
                        let bytes = rmp_serde::to_vec(&saved).unwrap();
                        Watch::restore(plan, rmp_serde::from_slice(&bytes).unwrap()).unwrap()
                    }
                    None => Watch::of(plan, newest),
                };
            }
        }
    }
}
