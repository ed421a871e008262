use super::*;
use crate::event::metric::{Cpu, Filesystem, Interface, Memory, Sample};

fn measure(series: &str) -> Measure {
    Measure {
        series: series.to_owned(),
        window: None,
    }
}

fn above(series: &str, limit: f64) -> Condition {
    Condition::Compare {
        measure: measure(series),
        threshold: Threshold {
            comparison: Comparison::Above,
            limit,
            clear: None,
        },
    }
}

fn rule(when: Condition) -> Rule {
    Rule {
        name: "Rule".to_owned(),
        note: String::new(),
        enabled: true,
        severity: Severity::Warning,
        scope: Scope::All,
        when,
        for_ms: 0,
        keep_ms: 0,
    }
}

fn read(series: &str, sample: &Sample) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    measure(series)
        .selector()
        .unwrap()
        .read(sample, |device, value| {
            found.push((device.to_owned(), value))
        });
    found
}

fn sample() -> Sample {
    let fs = |mount: &str, used, available| Filesystem {
        mount: mount.to_owned(),
        total: Some(1000),
        used: Some(used),
        available: Some(available),
        ..Filesystem::default()
    };
    Sample {
        cpu: Some(Cpu {
            total: Some(12.0),
            cores: vec![Some(1.0), None, Some(3.0)],
            ..Cpu::default()
        }),
        mem: Some(Memory {
            total: Some(200),
            used: Some(50),
            ..Memory::default()
        }),
        fs: vec![fs("/", 475, 475), fs("/var", 900, 100), fs("/proc", 0, 0)],
        net: vec![Interface {
            name: "eth0".to_owned(),
            rx: Some(f32::NAN),
            ..Interface::default()
        }],
        ..Sample::default()
    }
}

#[test]
fn numbers_are_found_by_name_and_by_pattern() {
    let sample = sample();
    let name = |name: &str| name.to_owned();
    assert_eq!(read("cpu", &sample), [(String::new(), 12.0)]);
    assert_eq!(read("mem", &sample), [(String::new(), 25.0)]);
    assert_eq!(
        read("core:*", &sample),
        [(name("0"), 1.0), (name("2"), 3.0)]
    );
    assert_eq!(
        read("fs:*:share", &sample),
        [(name("/"), 50.0), (name("/var"), 90.0)]
    );
    assert_eq!(read("fs:/v*:used", &sample), [(name("/var"), 900.0)]);
    assert_eq!(
        read("swap", &sample),
        [],
        "a host without swap has no share of it"
    );
    assert_eq!(
        read("net:*:rx", &sample),
        [],
        "what is not a number is not there"
    );
}

#[test]
fn a_pattern_fits_as_people_expect() {
    for (pattern, name) in [
        ("*", ""),
        ("*", "eth0"),
        ("eth*", "eth0"),
        ("*0", "eth0"),
        ("e*h*", "eth0"),
        ("eth0", "eth0"),
        ("*a*a", "aa"),
    ] {
        assert!(fits(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [
        ("eth", "eth0"),
        ("eth*1", "eth0"),
        ("*a*a", "a"),
        ("", "x"),
        ("ab*ba", "aba"),
    ] {
        assert!(!fits(pattern, name), "{pattern} {name}");
    }
}

#[test]
fn rules_that_cannot_work_are_refused_with_the_reason() {
    for (condition, said) in [
        (above("cpu2", 1.0), "series"),
        (above("fs:/", 1.0), "does not end in the name of a number"),
        (above("fs:*:size", 1.0), "share"),
        (above("gpu:0:busy", 1.0), "kind of device"),
        (above("fs::used", 1.0), "names no device"),
        (above("cpu", f64::NAN), "not a number"),
        (Condition::All(vec![]), "names no condition"),
        (
            Condition::Any(vec![above("fs:*:share", 1.0), above("net:*:rx", 1.0)]),
            "two kinds",
        ),
        (Condition::All(vec![above("cpu", 1.0); 9]), "more than 8"),
        (
            Condition::Compare {
                measure: measure("cpu"),
                threshold: Threshold {
                    comparison: Comparison::Above,
                    limit: 90.0,
                    clear: Some(95.0),
                },
            },
            "wrong side",
        ),
        (
            Condition::Compare {
                measure: Measure {
                    series: "cpu".to_owned(),
                    window: Some(Window {
                        aggregate: Aggregate::Avg,
                        over_ms: 0,
                    }),
                },
                threshold: Threshold {
                    comparison: Comparison::Above,
                    limit: 90.0,
                    clear: None,
                },
            },
            "between a millisecond and an hour",
        ),
    ] {
        let error = rule(condition).validate().unwrap_err().to_string();
        assert!(error.contains(said), "{error:?} does not say {said:?}");
    }
    rule(Condition::All(vec![
        above("fs:*:share", 1.0),
        above("fs:*:used", 1.0),
        above("cpu", 1.0),
    ]))
    .validate()
    .unwrap();
}

#[test]
fn it_reads_as_it_was_written() {
    let rule = rule(Condition::Any(vec![
        above("cpu", 90.0),
        Condition::Changed {
            measure: measure("uptime_s"),
        },
    ]));
    let json = serde_json::to_string(&rule).unwrap();
    assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
    let bytes = rmp_serde::to_vec_named(&rule).unwrap();
    assert_eq!(rmp_serde::from_slice::<Rule>(&bytes).unwrap(), rule);
}

#[test]
fn wordings_are_read_and_written() {
    for text in [
        "cpu > 90",
        "cpu > 90 clear 80 for 5m keep 10m",
        "fs:*:share >= 95 or fs:*:available < 1073741824",
        "avg(cpu, 5m) > 90 and (load1 > 8 or load5 > 4.5) for 1h30m",
        "rate(net:eth*:rx_errors, 1m30s) != 0",
        "uptime_s changed",
        "\"fs:/my disk:used\" <= 12 for 1d1h1m1s1ms",
    ] {
        assert_eq!(Wording::parse(text).unwrap().to_string(), text);
    }
    let same = |a, b| assert_eq!(Wording::parse(a), Wording::parse(b), "{a}");
    same("cpu>90%", "  cpu > 90  ");
    same("mem_used > 2Gi", "mem_used > 2147483648");
    same("rx > 1.5M for 90s", "rx > 1500000 for 1m30s");
    same(
        "cpu > 1 or cpu < 2 and mem > 3",
        "cpu > 1 or (cpu < 2 and mem > 3)",
    );
}

#[test]
fn a_wording_that_is_none_says_where_and_what_was_expected() {
    for (text, at, said) in [
        ("", 1, "what to look at"),
        ("cpu", 4, "one of >"),
        ("cpu > ", 7, "a number was expected"),
        ("cpu > ninety", 7, "a number, such as"),
        ("cpu > 90 for", 13, "a time"),
        ("cpu > 90 for 5", 14, "a time"),
        ("cpu > 90 since 5m", 10, "does not belong here"),
        ("cpx > 90", 1, "no series"),
        ("fs:*:size > 1", 1, "inodes_share"),
        ("median(cpu, 5m) > 1", 1, "avg, min"),
        ("(cpu > 1", 9, "\")\""),
        ("cpu > 1 and \"cpu > 2", 13, "never closed"),
        ("ü > 1", 1, "no series"),
        ("cpu ! 1", 5, "means nothing"),
    ] {
        let error = Wording::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.problem.contains(said), "{text}: {error}");
    }
}

#[test]
fn facts_are_written_in_one_line_and_stand_alone() {
    for text in [
        "down for 30s",
        "silent for 2m",
        "container \"web-*\" unhealthy keep 1m",
        "container \"web-*\" died 5 times in 10m",
        "container \"*\" died keep 1m",
        "agent outdated for 1h",
    ] {
        let said = Wording::parse(text).unwrap();
        assert_eq!(said.to_string(), text);
        assert!(rule(said.when).validate().is_ok(), "{text}");
    }
    for (text, expected) in [
        ("container", "the name of a container"),
        ("container web-1", "died, out_of_memory or unhealthy"),
        ("down and cpu > 1", "does not belong here"),
        ("full_in(fs:*:share, 6h) < 90", "a time"),
        ("container web-1 died 5 in 10m", "\"times\" was expected"),
        ("container web-1 died 5 times 10m", "\"in\" was expected"),
        ("container web-1 died 5 times in", "a time"),
        ("agent", "outdated"),
    ] {
        let error = Wording::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    for text in [
        "container * died 1 times in 10m",
        "container * died 51 times in 10m",
        "container * died 5 times in 9s",
        "container * died 5 times in 25h",
        "container \"\" died 5 times in 10m",
    ] {
        let said = Wording::parse(text).unwrap();
        assert!(rule(said.when).validate().is_err(), "{text}");
    }
    let joined = Condition::Any(vec![Condition::Fact(Fact::Down), above("cpu", 1.0)]);
    assert!(rule(joined).validate().is_err());
}

#[test]
fn a_container_that_started_is_in_no_trouble() {
    use crate::event::container::Change;
    for trouble in Trouble::ALL {
        assert_eq!(trouble.told_by(Change::Started), Some(false), "{trouble:?}");
        let begins = [Change::Died, Change::OutOfMemory, Change::Unhealthy]
            .into_iter()
            .filter(|change| trouble.told_by(*change) == Some(true));
        assert_eq!(begins.count(), 1, "{trouble:?}");
    }
}
