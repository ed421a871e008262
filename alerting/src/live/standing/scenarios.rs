//! The files of `tests/scenarios/facts`: what a host tells when, and what is so then.

use std::{fs, path::Path};

use chatops_bus::Recorded;
use chatops_schemas::{
    clock::Timestamp,
    event::container::{Change, ContainerChanged},
    rule::{Condition, Fact, Wording},
};

use super::{Host, Truth};

#[test]
fn every_scenario_of_facts_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/facts");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for scenario in text.split("\nScenario: ").skip(1) {
            let (title, steps) = scenario.split_once('\n').unwrap();
            assert_eq!(
                play(steps),
                lines(steps, "then "),
                "{}: {title}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} scenarios were found");
}

fn lines(steps: &str, prefix: &str) -> Vec<String> {
    let lines = steps
        .lines()
        .filter_map(|line| line.trim().strip_prefix(prefix));
    lines.map(str::to_owned).collect()
}

/// What is so after each step.
fn play(steps: &str) -> Vec<String> {
    let rule = lines(steps, "rule ").pop().unwrap();
    let Condition::Fact(fact) = Wording::parse(&rule).unwrap().when else {
        panic!("{rule} is about no fact");
    };
    let (mut host, mut told) = (Host::default(), Vec::new());
    let mut before: Vec<String> = Vec::new();
    for (seq, line) in (1..).zip(steps.lines().map(str::trim)) {
        let Some((time, what)) = line.split_once(' ').filter(|(time, _)| time.contains(':')) else {
            continue;
        };
        let (minutes, seconds) = time.split_once(':').unwrap();
        let seconds = minutes.parse::<i64>().unwrap() * 60 + seconds.parse::<i64>().unwrap();
        let now = Timestamp::from_micros(seconds * 1_000_000);
        happens(&mut host, seq, now, what);
        let so: Vec<String> = truths(&host, &fact, now)
            .into_iter()
            .map(|(device, _)| device)
            .collect();
        let gone = before
            .iter()
            .find(|device| !so.contains(device) && host.is_gone(device));
        let name = |device: &str| {
            if device.is_empty() {
                "host".to_owned()
            } else {
                device.to_owned()
            }
        };
        told.push(match (so.first(), gone) {
            (Some(device), _) => format!("{time} {} in trouble", name(device)),
            (None, Some(device)) => format!("{time} {device} gone"),
            (None, None) => format!("{time} all is well"),
        });
        before = so;
    }
    told
}

fn happens(host: &mut Host, seq: u64, now: Timestamp, what: &str) {
    let recorded = Recorded {
        seq,
        subject: String::new(),
        stored_at: now,
        id: None,
        payload: Vec::new().into(),
        pending: 0,
    };
    let (name, what) = what.split_once(' ').unwrap_or((what, ""));
    let change = match what {
        "started" => Change::Started,
        "died" => Change::Died,
        "out_of_memory" => Change::OutOfMemory,
        "healthy" => Change::Healthy,
        "unhealthy" => Change::Unhealthy,
        "removed" => Change::Removed,
        "" => return,
        version if name == "agent" => {
            let version = version.replace("current", env!("CARGO_PKG_VERSION"));
            return host.hello(&recorded, version);
        }
        other => panic!("{other:?} is not something that happens"),
    };
    let told = ContainerChanged {
        container: "c".to_owned(),
        name: name.to_owned(),
        image: None,
        project: None,
        change,
        exit_code: None,
        lines: Vec::new(),
        left_out: 0,
    };
    host.container(&recorded, now, told);
}

fn truths(host: &Host, fact: &Fact, now: Timestamp) -> Vec<(String, Truth)> {
    match fact {
        Fact::Container { name, trouble } => host.containers(name, *trouble),
        Fact::CrashLoop {
            name,
            deaths,
            within_ms,
        } => host.crash_loops(name, *deaths, *within_ms, now),
        Fact::AgentOutdated => host.agent_outdated().into_iter().collect(),
        Fact::Down | Fact::Silent => panic!("what a scenario tells does not show it"),
    }
}
