//! The fleet page and charts.

use std::time::Duration;

use chatops_bus::projector::Outcome;
use chatops_projections::{
    Visible,
    retention::Retention,
    rollup::{self, RollupSettings},
    view::{FleetQuery, History, HistoryQuery, Resolution, RowMetrics, ServerStatus},
};
use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::metric::{Sample, Swap},
    series::Series,
};
use tokio_util::sync::CancellationToken;

use crate::ground::{self, Ground, sample, sample_recorded, server_id, user_id};

fn query(limit: u32) -> FleetQuery {
    FleetQuery {
        limit,
        ..FleetQuery::default()
    }
}

#[tokio::test]
async fn pages_of_the_fleet_neither_skip_nor_repeat() {
    let ground = Ground::with_fleet(25).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, totals) = ground
            .store
            .fleet(
                Visible::To(user_id(1), Level::View),
                &FleetQuery { after, ..query(10) },
            )
            .await
            .unwrap();
        assert_eq!(totals.matching, 25);
        seen.extend(page.items.into_iter().map(|server| server.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (25, &sorted));
}

#[tokio::test]
async fn the_fleet_is_searched_by_name_label_and_status() {
    let ground = Ground::with_fleet(20).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let batch = (0..5)
        .map(|n| sample_recorded(n as u64 + 1, &server_id(n), ground::now(), sample(1.0)))
        .collect();
    assert_eq!(hand.apply(batch).await, Outcome::Applied);
    let found = |query: FleetQuery| {
        let store = ground.store.clone();
        async move {
            let (page, totals) = store.fleet(Visible::All, &query).await.unwrap();
            (page.items.len(), totals.matching)
        }
    };
    assert_eq!(
        found(FleetQuery {
            q: Some("HOST 1".to_owned()),
            ..query(50)
        })
        .await,
        (11, 11)
    );
    assert_eq!(
        found(FleetQuery {
            q: Some("host-19".to_owned()),
            ..query(50)
        })
        .await,
        (1, 1)
    );
    assert_eq!(
        found(FleetQuery {
            q: Some("%".to_owned()),
            ..query(50)
        })
        .await,
        (0, 0)
    );
    assert_eq!(
        found(FleetQuery {
            q: Some("'; DROP TABLE servers; --\0".to_owned()),
            ..query(50)
        })
        .await,
        (0, 0)
    );
    assert_eq!(
        found(FleetQuery {
            tag: Some("even".to_owned()),
            ..query(3)
        })
        .await,
        (3, 10)
    );
    assert_eq!(
        found(FleetQuery {
            status: Some(ServerStatus::Online),
            ..query(3)
        })
        .await,
        (3, 5)
    );
    assert_eq!(
        found(FleetQuery {
            status: Some(ServerStatus::Never),
            ..query(50)
        })
        .await,
        (15, 15)
    );
    assert_eq!(
        found(FleetQuery {
            status: Some(ServerStatus::Stale),
            ..query(50)
        })
        .await,
        (0, 0)
    );
    assert_eq!(
        found(FleetQuery {
            after: Some("nonsense".to_owned()),
            ..query(50)
        })
        .await,
        (20, 20)
    );
}

/// The live view computes the same line from the sample as the fleet page from the database.
#[tokio::test]
async fn a_line_of_the_fleet_is_the_same_from_the_bus_and_from_the_database() {
    let ground = Ground::with_fleet(1).await;
    let data = Sample {
        swap: Some(Swap {
            total: Some(3_000_000),
            used: Some(1_000_000),
        }),
        ..sample(33.333)
    };
    let time = Timestamp::from_millis(ground::now().millis());
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let older = sample_recorded(1, &server_id(0), time.plus_millis(-5000), sample(1.0));
    assert_eq!(
        hand.apply(vec![
            older,
            sample_recorded(2, &server_id(0), time, data.clone())
        ])
        .await,
        Outcome::Applied
    );
    let server = ground
        .store
        .server(Visible::All, &server_id(0))
        .await
        .unwrap()
        .unwrap();
    let line = RowMetrics::of(time, 2, &data);
    assert_eq!(server.latest.as_ref(), Some(&line));
    assert_eq!(
        (line.cpu, line.mem, line.swap, line.disk, line.rx),
        (Some(33.3), Some(25.0), Some(33.3), Some(75.0), Some(1000))
    );
    assert_eq!(
        (server.last_seen, server.status),
        (Some(time), ServerStatus::Online)
    );
}

fn series(names: &[&str]) -> Vec<Series> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn chart(
    ground: &Ground,
    from: Timestamp,
    to: Timestamp,
    names: &[&str],
    max_points: u32,
) -> History {
    let query = HistoryQuery {
        from,
        to,
        series: series(names),
        max_points,
    };
    ground
        .store
        .history(Visible::All, &server_id(0), &query, ground::now())
        .await
        .unwrap()
        .unwrap()
}

fn averages(history: &History, line: usize) -> Vec<Option<f32>> {
    history.series[line].avg.clone()
}

async fn rolled_up(ground: &Ground) {
    let stop = CancellationToken::new();
    let settings = RollupSettings {
        settle: Duration::ZERO,
    };
    let worker = tokio::spawn(rollup::run(ground.store.clone(), settings, stop.clone()));
    chatops_testkit::eventually("closed buckets are rolled up", Duration::from_secs(60), || async {
        let due = "SELECT count(*) FROM rollup_dirty WHERE bucket < now() - interval '62 minutes' OR level = 1 AND bucket < now() - interval '1 minute'";
        ground.database.psql(due).await.unwrap() == "0"
    })
    .await;
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn single_samples_are_shown_as_they_are_and_a_gap_stays_a_gap() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let start = Timestamp::from_millis(ground::now().millis() / 1000 * 1000 - 300_000);
    let at = |seq, seconds: i64, cpu| {
        sample_recorded(
            seq,
            &server_id(0),
            start.plus_millis(seconds * 1000),
            sample(cpu),
        )
    };
    let batch = vec![
        at(1, 0, 1.0),
        at(2, 5, 2.0),
        at(3, 10, 3.0),
        at(4, 40, 4.0),
        at(5, 45, 5.0),
    ];
    assert_eq!(hand.apply(batch).await, Outcome::Applied);
    let names = [
        "cpu",
        "core:0",
        "core:1",
        "core:9",
        "fs:/var:used",
        "fs:/gone:used",
        "net:eth0:tx",
        "mem",
        "load1",
    ];
    let history = chart(&ground, start, start.plus_millis(60_000), &names, 720).await;
    assert_eq!((history.resolution, history.step_ms), (Resolution::Raw, 0));
    let t: Vec<i64> = history
        .t
        .iter()
        .map(|t| (t - start.millis()) / 1000)
        .collect();
    assert_eq!(t, [0, 5, 10, 15, 40, 45]);
    assert_eq!(
        averages(&history, 0),
        [Some(1.0), Some(2.0), Some(3.0), None, Some(4.0), Some(5.0)]
    );
    assert_eq!(history.series[1].max[4], Some(4.0));
    assert_eq!(averages(&history, 2), [None; 6], "a core that is offline");
    assert_eq!(averages(&history, 3), [None; 6], "a core that is not there");
    assert_eq!(history.series[4].min[0], Some(750.0));
    assert_eq!(
        averages(&history, 5),
        [None; 6],
        "a mount that is not there"
    );
    assert_eq!(history.series[6].avg[0], Some(500.0));
    assert_eq!(history.series[7].avg[0], Some(25.0));
    let units: Vec<&str> = history.series.iter().map(|line| line.unit).collect();
    assert_eq!(
        units,
        [
            "percent", "percent", "percent", "percent", "bytes", "bytes", "bytes/s", "percent", ""
        ]
    );
    let all = chart(&ground, start, start.plus_millis(60_000), &[], 720).await;
    assert_eq!(all.series.len(), 30, "by default everything about the host");
}

#[tokio::test]
async fn longer_stretches_come_from_minutes_and_hours_with_the_newest_part_from_finer_ones() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let hour = 3_600_000;
    let now = ground::now();
    let start = Timestamp::from_millis(now.millis() / hour * hour - 6 * hour);
    // Every 30 seconds, except in the third hour.
    let times: Vec<i64> = (0..)
        .map(|n| start.millis() + n * 30_000)
        .take_while(|t| *t < now.millis())
        .collect();
    let third = start.millis() + 2 * hour..start.millis() + 3 * hour;
    let mut seq = 0;
    #[expect(
        clippy::explicit_counter_loop,
        reason = "it counts the events of a chunk too"
    )]
    for chunk in times.chunks(100) {
        let batch: Vec<_> = chunk
            .iter()
            .filter(|t| !third.contains(*t))
            .map(|t| {
                seq += 1;
                #[expect(clippy::cast_precision_loss, reason = "hours and minutes")]
                let cpu = ((t - start.millis()) / hour * 10 + t / 30_000 % 2) as f32;
                sample_recorded(seq, &server_id(0), Timestamp::from_millis(*t), sample(cpu))
            })
            .collect();
        assert_eq!(
            hand.apply_to(batch, seq + 1).await.unwrap(),
            Outcome::Applied
        );
        seq += 1;
    }
    let raw = chart(&ground, start, now, &["cpu", "fs:/:used", "mem"], 100).await;
    rolled_up(&ground).await;
    let rolled = chart(&ground, start, now, &["cpu", "fs:/:used", "mem"], 100).await;
    assert_eq!(
        (rolled.resolution, rolled.step_ms),
        (Resolution::Minute, 300_000)
    );
    assert_eq!(
        (&raw.t, averages(&raw, 0)),
        (&rolled.t, averages(&rolled, 0)),
        "the same with and without roll-ups"
    );
    assert_eq!(
        rolled.t.last().map(|t| t / 300_000),
        times.last().map(|t| t / 300_000),
        "up to the newest sample"
    );
    assert_eq!(
        rolled.series[0].avg.iter().filter(|v| v.is_none()).count(),
        1,
        "one break for the silent hour"
    );
    let at = |history: &History, t: i64| history.t.iter().position(|at| *at == t).unwrap();
    let fourth = at(&rolled, start.millis() + 3 * hour);
    let cpu = &rolled.series[0];
    assert_eq!(
        (cpu.min[fourth], cpu.avg[fourth], cpu.max[fourth]),
        (Some(30.0), Some(30.5), Some(31.0))
    );
    assert_eq!(
        (averages(&rolled, 1)[fourth], averages(&rolled, 2)[fourth]),
        (Some(500.0), Some(25.0))
    );

    // Beyond what is kept in minutes only hours are left; here the question is simply long.
    let days = chart(
        &ground,
        now.plus_millis(-60 * 24 * hour),
        now,
        &["cpu"],
        1440,
    )
    .await;
    assert_eq!(
        (days.resolution, days.step_ms),
        (Resolution::Hour, 3_600_000)
    );
    let hours: Vec<i64> = days.t.iter().map(|t| (t - start.millis()) / hour).collect();
    let expected: Vec<i64> = (0..=(now.millis() - start.millis()) / hour)
        .filter(|h| times.iter().any(|t| (t - start.millis()) / hour == *h))
        .collect();
    assert_eq!(
        hours, expected,
        "the silent hour is the point without a value"
    );
    assert_eq!(days.series[0].avg[2], None);
    assert_eq!(days.series[0].avg[0], Some(0.5));
}

#[tokio::test]
async fn absurd_questions_about_history_get_an_answer() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let now = ground::now();
    assert_eq!(
        hand.apply(vec![sample_recorded(1, &server_id(0), now, sample(1.0))])
            .await,
        Outcome::Applied
    );
    let far = Timestamp::from_micros(i64::MAX);
    let before = Timestamp::from_micros(i64::MIN);
    for (from, to, points) in [
        (before, far, 1),
        (far, before, 720),
        (now, now, 0),
        (before, now, u32::MAX),
        (now, far, u32::MAX),
    ] {
        chart(&ground, from, to, &["cpu", "fs:';--:used"], points).await;
    }
    let many = vec!["cpu"; 5000];
    assert_eq!(
        chart(
            &ground,
            now.plus_millis(-1000),
            now.plus_millis(1000),
            &many,
            10
        )
        .await
        .series
        .len(),
        128
    );
}

#[tokio::test]
async fn the_series_of_a_server_are_those_it_has() {
    let ground = Ground::with_fleet(2).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        hand.apply(vec![sample_recorded(
            1,
            &server_id(0),
            ground::now(),
            sample(1.0)
        )])
        .await,
        Outcome::Applied
    );
    let names = |n: usize| {
        let store = ground.store.clone();
        async move {
            let series = store
                .series(Visible::All, &server_id(n))
                .await
                .unwrap()
                .unwrap();
            series.into_iter().map(|line| line.name).collect::<Vec<_>>()
        }
    };
    let known = names(0).await;
    for name in [
        "cpu",
        "mem",
        "disk",
        "rx",
        "core:0",
        "core:1",
        "fs:/:used",
        "fs:/var:inodes",
        "net:eth0:rx_drops",
    ] {
        assert!(
            known.iter().any(|known| known == name),
            "{name} in {known:?}"
        );
    }
    assert!(
        !known
            .iter()
            .any(|name| name == "swap" || name.starts_with("temp") || name.starts_with("disk:"))
    );
    assert_eq!(names(1).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_older_than_its_retention_goes() {
    let ground = Ground::with_fleet(1).await;
    let fill = "INSERT INTO metrics_raw (ts, seq, server_pk, layout) SELECT now() - d * interval '1 day', d, 2, 0 FROM generate_series(0, 20) d;
         INSERT INTO metrics_1m (bucket, server_pk, layout, n) SELECT now() - d * interval '10 days', 2, 0, 1 FROM generate_series(0, 12) d;
         INSERT INTO dlq (consumer, stream, seq, subject, reason, error, at) VALUES ('a', 'OPS_METRICS', 1, 's', 'clock', 'e', now() - interval '31 days'), ('a', 'OPS_CTL', 2, 's', 'clock', 'e', now() - interval '31 days'), ('a', 'OPS_METRICS', 3, 's', 'clock', 'e', now())";
    ground.database.psql(fill).await.unwrap();
    let removed = ground.store.remove_old().await.unwrap().unwrap();
    assert!(removed.chunks >= 6, "{removed:?}");
    let oldest = |table: &str, column: &str| {
        let sql = format!("SELECT extract(day FROM now() - min({column})) FROM {table}");
        async {
            ground
                .database
                .psql(&{ sql })
                .await
                .unwrap()
                .parse::<f64>()
                .unwrap()
        }
    };
    assert!((14.0..=15.0).contains(&oldest("metrics_raw", "ts").await));
    assert!((90.0..=100.0).contains(&oldest("metrics_1m", "bucket").await));
    let parked = ground
        .database
        .psql("SELECT string_agg(seq::text, ' ' ORDER BY seq) FROM dlq")
        .await
        .unwrap();
    assert_eq!(
        parked, "2 3",
        "a parked decision stays until a person lets go of it"
    );

    let shorter = Retention {
        raw_days: 5,
        ..Retention::default()
    };
    ground.store.set_retention(&shorter).await.unwrap();
    assert_eq!(ground.store.retention().await.unwrap(), shorter);
    assert!(
        ground
            .store
            .set_retention(&Retention {
                raw_days: 1,
                ..shorter
            })
            .await
            .is_err()
    );
    ground.store.remove_old().await.unwrap().unwrap();
    assert!((5.0..=6.0).contains(&oldest("metrics_raw", "ts").await));
}
