//! The scenario files beside this folder: what is measured when, and what somebody is told. Their form is explained in
//! `tests/scenarios/README.md`.

use std::{collections::BTreeMap, fs, path::Path};

use chatops_alerting::{
    phase::Step,
    watch::{Change, Kind, Watch},
};
use chatops_schemas::{
    clock::Timestamp,
    event::metric::{Cpu, Filesystem, Host, Interface, Load, Memory, Sample},
    rule::{Rule, Scope, Severity, Wording},
};

#[test]
fn every_scenario_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a scenario");
        for scenario in text.split("\nScenario: ").skip(1) {
            let (title, steps) = scenario.split_once('\n').expect("steps");
            let told = play(steps);
            let expected = lines(steps, "then ");
            assert_eq!(told, expected, "{}: {title}", path.display());
            count += 1;
        }
    }
    assert!(count >= 12, "only {count} scenarios were found");
}

/// What somebody is told.
fn play(steps: &str) -> Vec<String> {
    let wording = lines(steps, "rule ").pop().expect("a rule");
    let wording = Wording::parse(&wording).expect("a wording");
    let mut watch = Watch::new(Rule {
        name: "scenario".to_owned(),
        note: String::new(),
        enabled: true,
        severity: Severity::Warning,
        scope: Scope::All,
        when: wording.when,
        for_ms: wording.for_ms,
        keep_ms: wording.keep_ms,
    })
    .expect("a rule");
    let mut told = Vec::new();
    for line in steps.lines().map(str::trim) {
        if let Some(device) = line.strip_prefix("by hand ") {
            assert!(
                watch.settle(if device == "host" { "" } else { device }),
                "{line}: nothing is open"
            );
        } else if let Some((at, values)) = moment(line) {
            told.extend(watch.see(at, &sample(values)).into_iter().filter_map(tell));
        }
    }
    told
}

fn lines(steps: &str, prefix: &str) -> Vec<String> {
    steps
        .lines()
        .filter_map(|line| line.trim().strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}

/// `mm:ss`, and what is measured.
fn moment(line: &str) -> Option<(Timestamp, &str)> {
    let (time, values) = line.split_once(' ').unwrap_or((line, ""));
    let (minutes, seconds) = time.split_once(':')?;
    let seconds = minutes.parse::<i64>().ok()? * 60 + seconds.parse::<i64>().ok()?;
    Some((Timestamp::from_micros(seconds * 1_000_000), values))
}

fn clock(at: Timestamp) -> String {
    let seconds = at.micros() / 1_000_000;
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn tell(change: Change) -> Option<String> {
    let device = if change.device.is_empty() {
        "host"
    } else {
        &change.device
    };
    let at = clock(change.at);
    Some(match change.kind {
        Kind::Step(Step::Raised { since }) => {
            format!("{at} {device} alert, true since {}", clock(since))
        }
        Kind::Step(Step::Resolved) => format!("{at} {device} over"),
        Kind::Gone => format!("{at} {device} over, it is gone"),
        Kind::Step(Step::Waits | Step::Passed | Step::Cleared) => return None,
    })
}

/// `cpu 95, disk / 40, net eth0 5, load 3, mem 50, uptime 600, failed nginx.service`: percent of a file system in use, bytes a
/// second received, seconds since the host was started, a systemd unit that has failed.
fn sample(values: &str) -> Sample {
    let mut sample = Sample {
        interval_ms: Some(5000),
        ..Sample::default()
    };
    let mut seen = BTreeMap::new();
    for value in values
        .split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
    {
        let words: Vec<&str> = value.split_whitespace().collect();
        if let ["failed", unit] = words[..] {
            sample.failed_units.push(unit.to_owned());
            continue;
        }
        let number: f32 = words
            .last()
            .and_then(|word| word.parse().ok())
            .expect("a number");
        assert!(
            seen.insert(words[..words.len() - 1].to_vec(), ()).is_none(),
            "{value} twice"
        );
        match words[..] {
            ["cpu", _] => {
                sample.cpu = Some(Cpu {
                    total: Some(number),
                    ..Cpu::default()
                })
            }
            ["load", _] => {
                sample.load = Some(Load {
                    one: Some(number),
                    ..Load::default()
                })
            }
            ["mem", _] => {
                sample.mem = Some(Memory {
                    total: Some(100),
                    used: Some(number as u64),
                    ..Memory::default()
                })
            }
            ["uptime", _] => {
                sample.host = Some(Host {
                    uptime_s: Some(number as u64),
                    ..Host::default()
                })
            }
            ["disk", mount, _] => sample.fs.push(Filesystem {
                mount: mount.to_owned(),
                used: Some(number as u64),
                available: Some(100 - number as u64),
                ..Filesystem::default()
            }),
            ["net", name, _] => sample.net.push(Interface {
                name: name.to_owned(),
                rx: Some(number),
                ..Interface::default()
            }),
            _ => panic!("{value:?} is not something that a scenario can measure"),
        }
    }
    sample
}
