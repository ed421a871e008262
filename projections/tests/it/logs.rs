//! Lines of logs: written once whatever comes again, found by whom they concern.

use std::time::Instant;

use chatops_bus::{Recorded, projector::Outcome};
use chatops_projections::{
    Visible, project,
    view::{LogPlace, LogQuery, LogSearchError},
};
use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    codec,
    envelope::Envelope,
    event::log::{DropReason, Dropped, LineId, LogBatch, LogKind, LogLevel, LogLine},
    ids::ServerId,
    subject,
};

use crate::ground::{self, Ground, fresh_id, recorded, server_id, user_id};

fn line(time: Timestamp, level: LogLevel, message: &str) -> LogLine {
    LogLine {
        time,
        level,
        message: message.to_owned(),
        fields: [("status".to_owned(), "504".to_owned())].into(),
        origin: Some("/var/log/a.log".to_owned()),
        cut: None,
    }
}

fn batch(
    seq: u64,
    server: &ServerId,
    source: &str,
    time: Timestamp,
    lines: Vec<LogLine>,
) -> Recorded {
    let data = LogBatch {
        source: source.to_owned(),
        kind: LogKind::File,
        lines,
        dropped: Vec::new(),
    };
    let event = Envelope::new(fresh_id(), time, data).about(server.clone());
    recorded(seq, &subject::log(server, source), &event)
}

fn query(now: Timestamp) -> LogQuery {
    LogQuery {
        servers: Vec::new(),
        sources: Vec::new(),
        levels: Vec::new(),
        text: None,
        pattern: None,
        from: now.plus_millis(-6 * 3_600_000),
        to: now.plus_millis(60_000),
    }
}

async fn found(ground: &Ground, visible: Visible, query: &LogQuery) -> Vec<String> {
    let page = ground.store.logs(visible, query, None, 100).await.unwrap();
    page.items.into_iter().map(|row| row.message).collect()
}

macro_rules! hand {
    ($ground:expr) => {
        ground::Hand::claim(project::logs(
            &$ground.store,
            ground::clock(),
            ground::shared(),
        ))
        .await
    };
}

#[tokio::test]
async fn lines_are_found_by_time_level_source_text_and_pattern() {
    let ground = Ground::with_fleet(2).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    let at = |minutes: i64| now.plus_millis(-minutes * 60_000);
    let first = vec![
        line(at(90), LogLevel::Info, "started 100%"),
        line(
            at(3),
            LogLevel::Error,
            "upstream timed out\n  in worker\u{0}",
        ),
        // Nobody's clock shows 1970: it is shown with its batch.
        line(Timestamp::from_micros(5), LogLevel::Unknown, "no time"),
    ];
    let second = vec![line(at(2), LogLevel::Warn, "Disk is FULL")];
    let events = vec![
        batch(1, &server_id(0), "app", at(1), first),
        batch(2, &server_id(1), "nginx", at(1), second),
    ];
    assert_eq!(logs.apply(events).await, Outcome::Applied);

    let all = query(now);
    assert_eq!(
        found(&ground, Visible::All, &all).await,
        [
            "no time",
            "Disk is FULL",
            "upstream timed out\n  in worker\u{fffd}",
            "started 100%"
        ]
    );
    let with = |change: fn(&mut LogQuery)| {
        let mut query = query(now);
        change(&mut query);
        query
    };
    let cases: [(LogQuery, &[&str]); 7] = [
        (
            with(|q| q.text = Some("disk is full".into())),
            &["Disk is FULL"],
        ),
        (with(|q| q.text = Some("0%".into())), &["started 100%"]),
        (
            with(|q| q.pattern = Some("^start.*%$".into())),
            &["started 100%"],
        ),
        (with(|q| q.levels = vec![LogLevel::Warn]), &["Disk is FULL"]),
        (
            with(|q| q.sources = vec!["nginx".into()]),
            &["Disk is FULL"],
        ),
        (with(|q| q.servers = vec![server_id(1)]), &["Disk is FULL"]),
        (with(|q| q.text = Some("nowhere".into())), &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(
            found(&ground, Visible::All, &query).await,
            expected,
            "{query:?}"
        );
    }
    // In the value of a field.
    let status = with(|q| q.text = Some("504".into()));
    assert_eq!(found(&ground, Visible::All, &status).await.len(), 4);

    let bad = with(|q| q.pattern = Some("(".into()));
    let refused = ground.store.logs(Visible::All, &bad, None, 10).await;
    assert!(
        matches!(refused, Err(LogSearchError::Pattern(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn pages_follow_each_other_and_a_line_has_neighbours() {
    let ground = Ground::with_fleet(1).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    // All of one moment: only the place in the batch orders them.
    let lines = (0..10)
        .map(|n| line(now, LogLevel::Info, &n.to_string()))
        .collect();
    let event = batch(1, &server_id(0), "app", now, lines);
    assert_eq!(logs.apply(vec![event]).await, Outcome::Applied);
    let (mut seen, mut place): (Vec<String>, Option<LogPlace>) = (Vec::new(), None);
    loop {
        let page = ground
            .store
            .logs(Visible::All, &query(now), place, 3)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|row| row.message));
        place = page.next;
        if place.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..10).rev().map(|n| n.to_string()).collect();
    assert_eq!(seen, expected);

    let page = ground
        .store
        .logs(Visible::All, &query(now), None, 100)
        .await
        .unwrap();
    let id: LineId = page.items[5].id;
    let context = ground
        .store
        .log_line(Visible::All, id, 2)
        .await
        .unwrap()
        .unwrap();
    let texts = |rows: Vec<chatops_projections::view::LogRow>| {
        rows.into_iter().map(|row| row.message).collect::<Vec<_>>()
    };
    assert_eq!(texts(context.before), ["2", "3"]);
    assert_eq!(context.line.message, "4");
    assert_eq!(texts(context.after), ["5", "6"]);
    let nobody = Visible::To(user_id(9), Level::View);
    assert_eq!(ground.store.log_line(nobody, id, 2).await.unwrap(), None);
}

#[tokio::test]
async fn somebody_else_finds_nothing() {
    let ground = Ground::with_fleet(1).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    let event = batch(
        1,
        &server_id(0),
        "app",
        now,
        vec![line(now, LogLevel::Info, "secret")],
    );
    assert_eq!(logs.apply(vec![event]).await, Outcome::Applied);
    let (owner, stranger) = (
        Visible::To(user_id(1), Level::View),
        Visible::To(user_id(2), Level::View),
    );
    assert_eq!(found(&ground, owner, &query(now)).await, ["secret"]);
    assert_eq!(found(&ground, stranger, &query(now)).await, [""; 0]);
    assert!(
        ground
            .store
            .log_sources(stranger, &[])
            .await
            .unwrap()
            .is_empty()
    );
    let bars = ground
        .store
        .log_histogram(stranger, &query(now), 60)
        .await
        .unwrap();
    assert_eq!(bars, []);
    // Also when the server is named.
    let named = LogQuery {
        servers: vec![server_id(0)],
        ..query(now)
    };
    assert_eq!(found(&ground, stranger, &named).await, [""; 0]);
}

#[tokio::test]
async fn what_comes_again_is_written_and_counted_once() {
    let ground = Ground::with_fleet(1).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    let data = LogBatch {
        source: "app".to_owned(),
        kind: LogKind::Journal,
        lines: vec![
            line(now, LogLevel::Info, "a"),
            line(now, LogLevel::Error, "b"),
        ],
        dropped: vec![Dropped {
            reason: DropReason::Rate,
            lines: 7,
        }],
    };
    let event = Envelope::new(fresh_id(), now, data).about(server_id(0));
    let subject = subject::log(&server_id(0), "app");
    // Twice in a batch, and once more later.
    let twice = vec![recorded(1, &subject, &event), recorded(2, &subject, &event)];
    assert_eq!(logs.apply(twice).await, Outcome::Applied);
    assert_eq!(
        logs.apply(vec![recorded(3, &subject, &event)]).await,
        Outcome::Applied
    );
    assert_eq!(ground.count("log_entries").await, 2);
    let bars = ground
        .store
        .log_histogram(Visible::All, &query(now), 60)
        .await
        .unwrap();
    let lines: u64 = bars.iter().flat_map(|bar| bar.lines.values()).sum();
    let dropped: u64 = bars.iter().flat_map(|bar| bar.dropped.values()).sum();
    assert_eq!((lines, dropped), (2, 7));
}

#[tokio::test]
async fn what_cannot_be_true_is_parked() {
    let ground = Ground::with_fleet(2).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    let lines = || vec![line(now, LogLevel::Info, "a")];
    let mut foreign = batch(1, &server_id(0), "app", now, lines());
    foreign.subject = subject::log(&server_id(1), "app");
    let mut elsewhere = batch(2, &server_id(0), "app", now, lines());
    elsewhere.subject = subject::log(&server_id(0), "other");
    let late = Envelope::new(
        fresh_id(),
        now.plus_millis(-9 * 24 * 3_600_000),
        LogBatch {
            source: "app".to_owned(),
            kind: LogKind::File,
            lines: lines(),
            dropped: vec![],
        },
    )
    .about(server_id(0));
    let bytes = codec::encode(&late).unwrap();
    let late = ground::recorded_bytes(3, &subject::log(&server_id(0), "app"), now, bytes);
    let noise = ground::recorded_bytes(4, &subject::log(&server_id(0), "app"), now, vec![1, 2, 3]);
    assert_eq!(
        logs.apply(vec![foreign, elsewhere, late, noise]).await,
        Outcome::Applied
    );
    assert_eq!(ground.count("log_entries").await, 0);
    let reasons = ground
        .database
        .psql("SELECT string_agg(split_part(error, ' ', 1) || seq, ',' ORDER BY seq) FROM dlq")
        .await
        .unwrap();
    assert_eq!(reasons, "the1,the2,its3,not4");
}

/// How fast lines become rows, in this build; the number is printed, the floor only catches a collapse.
#[tokio::test]
async fn two_hundred_thousand_lines_become_rows() {
    let ground = Ground::with_fleet(1).await;
    let mut logs = hand!(ground);
    let now = ground::now();
    let text = "GET /api/v1/items/4711 HTTP/1.1 200 1234 bytes in 12 ms from 192.0.2.17";
    let mut seq = 0;
    let mut lines_written = 0u64;
    let mut spent = std::time::Duration::ZERO;
    while lines_written < 200_000 {
        let events: Vec<Recorded> = (0..40)
            .map(|_| {
                seq += 1;
                let lines = (0..500).map(|n| LogLine {
                    time: now.plus_micros(i64::from(n)),
                    level: LogLevel::Info,
                    message: text.to_owned(),
                    fields: std::collections::BTreeMap::new(),
                    origin: None,
                    cut: None,
                });
                lines_written += 500;
                batch(seq, &server_id(0), "app", now, lines.collect())
            })
            .collect();
        let begun = Instant::now();
        assert_eq!(logs.apply(events).await, Outcome::Applied);
        spent += begun.elapsed();
    }
    assert_eq!(ground.count("log_lines").await, 200_000);
    let rate = 200_000.0 / spent.as_secs_f64();
    println!("{rate:.0} lines/s into the table");
    let begun = Instant::now();
    let none = LogQuery {
        text: Some("not in any line".into()),
        ..query(now)
    };
    let page = ground
        .store
        .logs(Visible::All, &none, None, 100)
        .await
        .unwrap();
    println!("searched 200,000 lines in {:?}", begun.elapsed());
    assert_eq!((page.items.len(), page.next), (0, None));
    assert!(rate > 2_000.0, "{rate:.0} lines/s");
}
