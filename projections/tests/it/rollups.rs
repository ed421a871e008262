//! Minutes and hours equal what anybody would compute from the samples, whatever the order they came in.

use std::time::Duration;

use chatops_bus::projector::Outcome;
use chatops_projections::rollup::{self, RollupSettings};
use chatops_schemas::{
    clock::Timestamp,
    event::metric::{Cpu, Filesystem, Memory, Process, Sample, Sensor},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sqlx::{Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::ground::{self, Ground, sample_recorded, server_id};

/// One sample of a host: when, and what it had.
#[derive(Debug, Clone)]
struct Reading {
    host: usize,
    second: i64,
    cpu: Option<f32>,
    mem: Option<u64>,
    cores: Vec<Option<f32>>,
    mounts: Vec<(usize, Option<u64>)>,
    sensors: Vec<(usize, Option<f32>)>,
}

fn reading() -> impl Strategy<Value = Reading> {
    let number = || proptest::option::weighted(0.9, (0_u16..1000).prop_map(f32::from));
    let devices =
        |n| proptest::sample::subsequence((0..n).collect::<Vec<usize>>(), 0..=n).prop_shuffle();
    (
        (
            0..3_usize,
            0..7500_i64,
            number(),
            proptest::option::of(0..1_000_000_u64),
        ),
        proptest::collection::vec(number(), 0..3),
        (
            devices(3),
            proptest::collection::vec(proptest::option::weighted(0.9, 0..100_000_u64), 3),
        ),
        (devices(3), proptest::collection::vec(number(), 3)),
    )
        .prop_map(
            |((host, second, cpu, mem), cores, (mounts, used), (sensors, degrees))| Reading {
                host,
                second,
                cpu,
                mem,
                cores,
                mounts: mounts.into_iter().zip(used).collect(),
                sensors: sensors.into_iter().zip(degrees).collect(),
            },
        )
}

impl Reading {
    fn sample(&self) -> Sample {
        Sample {
            cpu: Some(Cpu {
                total: self.cpu,
                cores: self.cores.clone(),
                ..Cpu::default()
            }),
            mem: Some(Memory {
                used: self.mem,
                total: Some(1_000_000),
                ..Memory::default()
            }),
            fs: self
                .mounts
                .iter()
                .map(|(n, used)| Filesystem {
                    mount: format!("/m{n}"),
                    used: *used,
                    ..Filesystem::default()
                })
                .collect(),
            temp: self
                .sensors
                .iter()
                .map(|(n, celsius)| Sensor {
                    name: format!("s{n}"),
                    celsius: *celsius,
                })
                .collect(),
            ..Sample::default()
        }
    }
}

/// The least, mean and greatest value of every number, recomputed by name from the views that people use. An hour weighs
/// each minute in which the number was there by the samples of that minute.
const EXPECTED: &str = "
    WITH v AS (
        SELECT server_id, ts, 'cpu' AS name, cpu::float8 AS value FROM metrics
        UNION ALL SELECT server_id, ts, 'mem_used', mem_used FROM metrics
        UNION ALL SELECT server_id, ts, 'core ' || core, busy FROM metrics_core
        UNION ALL SELECT server_id, ts, 'fs ' || mount, used FROM metrics_fs
        UNION ALL SELECT server_id, ts, 'temp ' || sensor, celsius FROM metrics_temp
    ), minutes AS (
        SELECT server_id, date_trunc('minute', ts) AS minute, name, min(value) AS min, avg(value) AS avg, max(value) AS max
        FROM v WHERE value IS NOT NULL GROUP BY 1, 2, 3
    ), samples AS (SELECT server_id, date_trunc('minute', ts) AS minute, count(*) AS n FROM metrics GROUP BY 1, 2)
    SELECT server_id, date_trunc('LEVEL', minute) AS bucket, name, min(min) AS min, sum(avg * n) / sum(n) AS avg, max(max) AS max
    FROM minutes JOIN samples USING (server_id, minute) GROUP BY 1, 2, 3";

/// The same from a roll-up table.
const FOUND: &str = "
    WITH r AS (SELECT s.server_id, t.*, l.fs AS mounts, l.temp AS sensors FROM TABLE t JOIN servers s USING (server_pk)
               LEFT JOIN metric_layout l ON l.layout_pk = t.layout)
    SELECT server_id, bucket, name, min, avg, max FROM (
        SELECT server_id, bucket, 'cpu' AS name, cpu_min AS min, cpu_avg AS avg, cpu_max AS max FROM r
        UNION ALL SELECT server_id, bucket, 'mem_used', mem_used_min, mem_used_avg, mem_used_max FROM r
        UNION ALL SELECT server_id, bucket, 'core ' || i - 1, core_min[i], core_avg[i], core_max[i] FROM r, generate_series(1, 3) i
        UNION ALL SELECT server_id, bucket, 'fs ' || d, fs_min[i * 5 - 3], fs_avg[i * 5 - 3], fs_max[i * 5 - 3] FROM r, unnest(mounts) WITH ORDINALITY AS u (d, i)
        UNION ALL SELECT server_id, bucket, 'temp ' || d, temp_min[i], temp_avg[i], temp_max[i] FROM r, unnest(sensors) WITH ORDINALITY AS u (d, i)
    ) x WHERE avg IS NOT NULL";

/// Rows that differ, for the failure report. Means are `real`, and an hour is a mean of means: seven digits agree.
async fn differences(ground: &Ground, level: &str, table: &str) -> String {
    let sql = format!(
        "SELECT count(*) || coalesce(': ' || (array_agg(e IS NULL ORDER BY 1))[1]::text || ' ' || (array_agg(concat_ws(' ', server_id, bucket, name, e.min, e.avg, e.max, '|', f.min, f.avg, f.max)))[1], '')
         FROM ({}) e FULL JOIN ({}) f USING (server_id, bucket, name)
         WHERE e.min IS DISTINCT FROM f.min OR e.max IS DISTINCT FROM f.max OR e.avg IS NULL OR f.avg IS NULL
            OR abs(e.avg - f.avg) > 1e-5 * (1 + abs(e.avg))",
        EXPECTED.replace("LEVEL", level),
        FOUND.replace("TABLE", table),
    );
    ground.database.psql(&sql).await.unwrap()
}

/// Runs the worker until no marks are left.
async fn roll_up(ground: &Ground) {
    let stop = CancellationToken::new();
    let settings = RollupSettings {
        settle: Duration::ZERO,
    };
    let worker = tokio::spawn(rollup::run(ground.store.clone(), settings, stop.clone()));
    chatops_testkit::eventually(
        "no bucket is left to be rolled up",
        Duration::from_secs(60),
        || async { ground.count("rollup_dirty").await == 0 },
    )
    .await;
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn a_rollup_equals_a_recomputation_after_shuffled_duplicated_and_late_input() {
    let ground = Ground::with_fleet(3).await;
    // Whole hours that are over for long.
    let start =
        Timestamp::from_millis(ground::now().millis() / 3_600_000 * 3_600_000 - 5 * 3_600_000);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = proptest::collection::vec(reading(), 300).prop_shuffle();
    let (mut seq, mut sent) = (0, Vec::new());
    for round in 0..4 {
        let readings = strategy.new_tree(&mut runner).unwrap().current();
        // Every round repeats some of the earlier readings and adds late ones to buckets that are rolled up already.
        let repeated: Vec<Reading> = sent.iter().step_by(7).cloned().collect();
        let mut hand = ground::metrics(&ground.store, &ground.bus).await;
        seq = hand.position.seq.max(seq);
        for chunk in [readings.clone(), repeated].concat().chunks(60) {
            let batch = chunk
                .iter()
                .map(|reading| {
                    seq += 1;
                    let time = start.plus_millis(reading.second * 1000);
                    sample_recorded(seq, &server_id(reading.host), time, reading.sample())
                })
                .collect();
            assert_eq!(hand.apply(batch).await, Outcome::Applied);
        }
        sent.extend(readings);
        roll_up(&ground).await;
        assert_eq!(
            differences(&ground, "minute", "metrics_1m").await,
            "0",
            "round {round}"
        );
        assert_eq!(
            differences(&ground, "hour", "metrics_1h").await,
            "0",
            "round {round}"
        );
    }
    let samples = ground.count("metrics_raw").await.to_string();
    assert!(ground.count("metrics_1m").await > 200 && ground.count("metrics_1h").await >= 9);
    for table in ["metrics_1m", "metrics_1h"] {
        assert_eq!(
            ground
                .database
                .psql(&format!("SELECT sum(n) FROM {table}"))
                .await
                .unwrap(),
            samples
        );
    }
}

/// The mark of a transaction that is still open when the worker takes the bucket stands for another recomputation.
#[tokio::test]
async fn a_batch_that_commits_behind_the_workers_back_is_not_missed() {
    let ground = Ground::with_fleet(1).await;
    let start = Timestamp::from_millis(ground::now().millis() / 60_000 * 60_000 - 600_000);
    let top = || {
        vec![Process {
            name: "x".to_owned(),
            ..Process::default()
        }]
    };
    let at = |seq: u64, seconds: i64, cpu, top_cpu| {
        let data = Sample {
            top_cpu,
            ..ground::sample(cpu)
        };
        sample_recorded(seq, &server_id(0), start.plus_millis(seconds * 1000), data)
    };
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        hand.apply(vec![at(1, 1, 10.0, Vec::new())]).await,
        Outcome::Applied
    );

    // The next batch has written its sample but cannot come to its end.
    let mut holder = PgConnection::connect(ground.database.url()).await.unwrap();
    holder
        .execute("BEGIN; LOCK TABLE metrics_top")
        .await
        .unwrap();
    let batch = vec![at(2, 2, 20.0, top())];
    let stuck = tokio::spawn(async move { hand.apply(batch).await });
    chatops_testkit::eventually("the batch waits for the lock", ground::SOON, || async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'metrics_top'::regclass";
        ground.database.psql(waiting).await.unwrap() == "1"
    })
    .await;
    let minute = || async {
        ground
            .database
            .psql("SELECT n || ' ' || cpu_avg FROM metrics_1m")
            .await
            .unwrap()
    };
    let stop = CancellationToken::new();
    let settings = RollupSettings {
        settle: Duration::ZERO,
    };
    let worker = tokio::spawn(rollup::run(ground.store.clone(), settings, stop.clone()));
    ground::rows(&ground.database, "metrics_1m", 1).await;
    assert_eq!(minute().await, "1 10");
    holder.execute("ROLLBACK").await.unwrap();
    assert_eq!(stuck.await.unwrap(), Outcome::Applied);
    chatops_testkit::eventually("both samples count", ground::SOON, || async {
        minute().await == "2 15"
    })
    .await;
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn an_open_bucket_is_left_alone_until_it_has_settled() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let ahead = ground::now().plus_millis(90_000);
    assert_eq!(
        hand.apply(vec![sample_recorded(
            1,
            &server_id(0),
            ahead,
            ground::sample(1.0)
        )])
        .await,
        Outcome::Applied
    );
    let old = ground::now().plus_millis(-120_000);
    assert_eq!(
        hand.apply(vec![sample_recorded(
            2,
            &server_id(0),
            old,
            ground::sample(1.0)
        )])
        .await,
        Outcome::Applied
    );
    let stop = CancellationToken::new();
    let worker = tokio::spawn(rollup::run(
        ground.store.clone(),
        RollupSettings::default(),
        stop.clone(),
    ));
    ground::rows(&ground.database, "metrics_1m", 1).await;
    stop.cancel();
    worker.await.unwrap();
    let open = ground
        .database
        .psql("SELECT count(*) FROM rollup_dirty WHERE level = 1 AND bucket > now()")
        .await
        .unwrap();
    assert_eq!(open, "1");
}

/// A bucket whose samples are being removed keeps what was computed while they were there.
#[tokio::test]
async fn a_bucket_beyond_the_retention_is_not_recomputed_from_what_is_left() {
    let ground = Ground::with_fleet(1).await;
    let sql = "INSERT INTO metrics_1m (bucket, server_pk, layout, n, cpu_avg)
                   VALUES (date_trunc('minute', now() - interval '15 days'), 2, 0, 12, 50);
               INSERT INTO rollup_dirty (level, bucket, grp, marked_at)
                   SELECT 1, bucket, 0, now() - interval '1 minute' FROM metrics_1m";
    ground.database.psql(sql).await.unwrap();
    roll_up(&ground).await;
    assert_eq!(
        ground
            .database
            .psql("SELECT n || ' ' || cpu_avg FROM metrics_1m")
            .await
            .unwrap(),
        "12 50"
    );
}

#[tokio::test]
async fn only_one_worker_works() {
    let ground = Ground::with_fleet(1).await;
    let stop = CancellationToken::new();
    let settings = RollupSettings {
        settle: Duration::ZERO,
    };
    let workers: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn(rollup::run(
                ground.store.clone(),
                settings.clone(),
                stop.clone(),
            ))
        })
        .collect();
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let old = ground::now().plus_millis(-120_000);
    assert_eq!(
        hand.apply(vec![sample_recorded(
            1,
            &server_id(0),
            old,
            ground::sample(1.0)
        )])
        .await,
        Outcome::Applied
    );
    ground::rows(&ground.database, "metrics_1m", 1).await;
    let sessions = ground
        .database
        .psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatops rollup' AND datname = current_database()")
        .await
        .unwrap();
    assert_eq!(sessions, "1");
    stop.cancel();
    for worker in workers {
        worker.await.unwrap();
    }
}
