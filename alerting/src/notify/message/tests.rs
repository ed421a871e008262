use super::*;

fn part(server: &str, severity: Severity) -> Part {
    Part {
        kind: Kind::Raised,
        severity,
        rule: "Disk full".to_owned(),
        server: server.to_owned(),
        device: Some("/var".to_owned()),
        values: vec![Value {
            series: "fs:/var:share".to_owned(),
            number: 97.5,
        }],
        since: Timestamp::from_millis(0),
        link: None,
    }
}

fn message(kind: Kind) -> Message {
    Message {
        id: "0192-raised".to_owned(),
        first: None,
        kind,
        severity: Severity::Critical,
        rule: "Disk full".to_owned(),
        wording: "fs:*:share > 95 for 5m".to_owned(),
        server: "db-1".to_owned(),
        device: Some("/var".to_owned()),
        values: vec![
            Value {
                series: "fs:/var:share".to_owned(),
                number: 97.125_49,
            },
            Value {
                series: "load1".to_owned(),
                number: f64::NAN,
            },
        ],
        since: Timestamp::from_millis(1_700_000_000_000),
        at: Timestamp::from_millis(1_700_003_900_000),
        note: "Delete old dumps.\n".to_owned(),
        link: None,
        grouped: Vec::new(),
    }
}

#[test]
fn one_alert_says_what_where_and_since_when() {
    let raised = message(Kind::Raised);
    assert_eq!(raised.title(), "Critical: Disk full on db-1 (/var)");
    assert_eq!(
        raised.text(),
        "fs:*:share > 95 for 5m\nfs:/var:share = 97.125, load1 = unknown\nsince 2023-11-14 22:13 UTC\nDelete old dumps."
    );
    // Whoever reads only the title knows that it is not a new one.
    let mut again = message(Kind::Reminder);
    assert_eq!(again.title(), "Still critical: Disk full on db-1 (/var)");
    assert_eq!(again.text(), raised.text());
    again.severity = Severity::Warning;
    assert!(again.title().starts_with("Still a warning: "));
    let resolved = message(Kind::Resolved);
    assert_eq!(resolved.title(), "Resolved: Disk full on db-1 (/var)");
    assert!(
        resolved
            .text()
            .contains("from 2023-11-14 22:13 UTC to 2023-11-14 23:18 UTC (1 h 5 min)")
    );
    assert_eq!(message(Kind::Test).title(), "Test message from ChatOps");
}

#[test]
fn several_alerts_are_counted_and_listed_up_to_a_limit() {
    let mut several = message(Kind::Raised);
    several.grouped = vec![
        part("web-2", Severity::Warning),
        part("db-1", Severity::Critical),
    ];
    assert_eq!(
        several.title(),
        "Critical: 2 alerts, 1 of them critical, on db-1 and 1 more"
    );
    assert_eq!(
        several.text().lines().next(),
        Some("Warning: Disk full on web-2 (/var) (fs:/var:share = 97.5)")
    );
    several.grouped = vec![part("db-1", Severity::Info); MAX_GROUPED + 7];
    assert_eq!(several.title(), "Critical: 27 alerts on db-1");
    let text = several.text();
    assert_eq!(text.lines().count(), MAX_GROUPED + 2);
    assert!(text.contains("\nand 7 more\n"));
}

#[test]
fn numbers_and_spans_are_short() {
    for (value, text) in [
        (90.0, "90"),
        (-0.000_1, "0"),
        (1.5, "1.5"),
        (1234567.0, "1234567"),
        (f64::INFINITY, "unknown"),
    ] {
        assert_eq!(number(value), text);
    }
    for (seconds, text) in [
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ] {
        assert_eq!(span(seconds * 1_000_000), text);
    }
}
