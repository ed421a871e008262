//! The roll-up worker's statements: taking marks, reading what is to be added up, replacing buckets.

use chatops_schemas::{
    clock::Timestamp,
    series::{Family, host},
};
use futures::TryStreamExt;
use sqlx::PgConnection;

use super::{datetime, samples, timestamp};
use crate::{
    copy::Rows,
    error::{Doing, StoreError},
    rollup::{
        GROUP, HOURS, MINUTES,
        fold::{Bucket, Row, Values},
    },
};

/// A bucket with marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) level: i16,
    pub(crate) bucket: Timestamp,
    pub(crate) groups: Vec<i32>,
}

/// Becomes the only worker of this database until the session ends.
pub(crate) async fn try_lock(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(hashtextextended('chatops rollup', 0)) AS "locked!""#
    )
    .fetch_one(connection)
    .await
    .doing("take the roll-up lock")
}

/// Buckets that have been closed for `settle_s` seconds, oldest first. Marks that keep coming (a replay) are let gather
/// for a while, so that a bucket is not recomputed for each of them.
pub(crate) async fn due(
    connection: &mut PgConnection,
    settle_s: f64,
    limit: i64,
) -> Result<Vec<Due>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT level, bucket, array_agg(DISTINCT grp) AS "groups!" FROM rollup_dirty
        WHERE bucket + CASE level WHEN 1 THEN interval '1 minute' ELSE interval '61 minutes' END
              + make_interval(secs => $1) <= now()
        GROUP BY level, bucket
        HAVING max(marked_at) <= now() - interval '2 seconds' OR min(marked_at) <= now() - interval '20 seconds'
        ORDER BY level, bucket LIMIT $2
        "#,
        settle_s,
        limit,
    )
    .fetch_all(connection)
    .await
    .doing("list buckets to be rolled up")?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            level: row.level,
            bucket: timestamp(row.bucket),
            groups: row.groups,
        })
        .collect())
}

/// Marks not taken yet, and the age of the oldest one in seconds.
pub(crate) async fn backlog(connection: &mut PgConnection) -> Result<(i64, f64), StoreError> {
    let row = sqlx::query!(
        r#"
        SELECT count(*) AS "count!", coalesce(extract(epoch FROM now() - min(marked_at)), 0)::float8 AS "age!"
        FROM rollup_dirty
        "#
    )
    .fetch_one(connection)
    .await
    .doing("count marks")?;
    Ok((row.count, row.age))
}

/// Takes the marks that are visible now. What is read by a later statement includes all rows that they are about.
pub(crate) async fn take(tx: &mut PgConnection, due: &Due) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM rollup_dirty WHERE level = $1 AND bucket = $2 AND grp = ANY($3)",
        due.level,
        datetime(due.bucket),
        &due.groups,
    )
    .execute(tx)
    .await
    .doing("take marks")?;
    Ok(())
}

/// Rows to be added up, server by server, oldest first, handed to `each`.
pub(crate) async fn read(
    tx: &mut PgConnection,
    due: &Due,
    mut each: impl FnMut(Row),
) -> Result<(), StoreError> {
    let (from, to) = (datetime(due.bucket), datetime(end(due)));
    if due.level == MINUTES {
        let mut rows = sqlx::query!(
            r#"
            SELECT m.server_pk, m.layout,
                ARRAY[
                    m.cpu, m.cpu_user, m.cpu_system, m.cpu_iowait, m.cpu_steal, m.load1, m.load5, m.load15,
                    m.mem_total, m.mem_used, m.mem_available, m.mem_cached, m.mem_buffers, m.swap_total,
                    m.swap_used, m.psi_cpu, m.psi_mem, m.psi_io, m.uptime_s, m.processes, m.procs_running,
                    m.procs_blocked, m.rx, m.tx, m.disk_read, m.disk_write, m.disk_max, m.temp_max
                ] AS "host!: Vec<Option<f32>>",
                m.core AS "core: Vec<Option<f32>>",
                m.fs AS "fs: Vec<Option<f32>>",
                m.disk AS "disk: Vec<Option<f32>>",
                m.net AS "net: Vec<Option<f32>>",
                m.temp AS "temp: Vec<Option<f32>>",
                m.container AS "container: Vec<Option<f32>>"
            FROM servers s CROSS JOIN LATERAL (
                SELECT * FROM metrics_raw r WHERE r.server_pk = s.server_pk AND r.ts >= $2 AND r.ts < $3 ORDER BY r.ts
            ) m
            WHERE s.server_pk / 64 = ANY($1)
            "#,
            &due.groups,
            from,
            to,
        )
        .fetch(tx);
        while let Some(row) = rows
            .try_next()
            .await
            .doing("read samples to be rolled up")?
        {
            each(Row {
                server_pk: row.server_pk,
                layout: row.layout,
                n: 1,
                avg: Values {
                    host: row.host,
                    arrays: [row.core, row.fs, row.disk, row.net, row.temp, row.container]
                        .map(Option::unwrap_or_default),
                },
                extremes: None,
            });
        }
        return Ok(());
    }
    let mut rows = sqlx::query!(
        r#"
        SELECT m.server_pk, m.layout, m.n,
            ARRAY[
                m.cpu_avg, m.cpu_user_avg, m.cpu_system_avg, m.cpu_iowait_avg, m.cpu_steal_avg, m.load1_avg,
                m.load5_avg, m.load15_avg, m.mem_total_avg, m.mem_used_avg, m.mem_available_avg,
                m.mem_cached_avg, m.mem_buffers_avg, m.swap_total_avg, m.swap_used_avg, m.psi_cpu_avg,
                m.psi_mem_avg, m.psi_io_avg, m.uptime_s_avg, m.processes_avg, m.procs_running_avg,
                m.procs_blocked_avg, m.rx_avg, m.tx_avg, m.disk_read_avg, m.disk_write_avg, m.disk_max_avg,
                m.temp_max_avg
            ] AS "host_avg!: Vec<Option<f32>>",
            ARRAY[
                m.cpu_min, m.cpu_user_min, m.cpu_system_min, m.cpu_iowait_min, m.cpu_steal_min, m.load1_min,
                m.load5_min, m.load15_min, m.mem_total_min, m.mem_used_min, m.mem_available_min,
                m.mem_cached_min, m.mem_buffers_min, m.swap_total_min, m.swap_used_min, m.psi_cpu_min,
                m.psi_mem_min, m.psi_io_min, m.uptime_s_min, m.processes_min, m.procs_running_min,
                m.procs_blocked_min, m.rx_min, m.tx_min, m.disk_read_min, m.disk_write_min, m.disk_max_min,
                m.temp_max_min
            ] AS "host_min!: Vec<Option<f32>>",
            ARRAY[
                m.cpu_max, m.cpu_user_max, m.cpu_system_max, m.cpu_iowait_max, m.cpu_steal_max, m.load1_max,
                m.load5_max, m.load15_max, m.mem_total_max, m.mem_used_max, m.mem_available_max,
                m.mem_cached_max, m.mem_buffers_max, m.swap_total_max, m.swap_used_max, m.psi_cpu_max,
                m.psi_mem_max, m.psi_io_max, m.uptime_s_max, m.processes_max, m.procs_running_max,
                m.procs_blocked_max, m.rx_max, m.tx_max, m.disk_read_max, m.disk_write_max, m.disk_max_max,
                m.temp_max_max
            ] AS "host_max!: Vec<Option<f32>>",
            m.core_avg AS "core_avg: Vec<Option<f32>>",
                m.fs_avg AS "fs_avg: Vec<Option<f32>>",
                m.disk_avg AS "disk_avg: Vec<Option<f32>>",
                m.net_avg AS "net_avg: Vec<Option<f32>>",
                m.temp_avg AS "temp_avg: Vec<Option<f32>>",
                m.container_avg AS "container_avg: Vec<Option<f32>>",
            m.core_min AS "core_min: Vec<Option<f32>>",
                m.fs_min AS "fs_min: Vec<Option<f32>>",
                m.disk_min AS "disk_min: Vec<Option<f32>>",
                m.net_min AS "net_min: Vec<Option<f32>>",
                m.temp_min AS "temp_min: Vec<Option<f32>>",
                m.container_min AS "container_min: Vec<Option<f32>>",
            m.core_max AS "core_max: Vec<Option<f32>>",
                m.fs_max AS "fs_max: Vec<Option<f32>>",
                m.disk_max AS "disk_max: Vec<Option<f32>>",
                m.net_max AS "net_max: Vec<Option<f32>>",
                m.temp_max AS "temp_max: Vec<Option<f32>>",
                m.container_max AS "container_max: Vec<Option<f32>>"
        FROM servers s CROSS JOIN LATERAL (
            SELECT * FROM metrics_1m r WHERE r.server_pk = s.server_pk AND r.bucket >= $2 AND r.bucket < $3 ORDER BY r.bucket
        ) m
        WHERE s.server_pk / 64 = ANY($1)
        "#,
        &due.groups,
        from,
        to,
    )
    .fetch(tx);
    while let Some(row) = rows
        .try_next()
        .await
        .doing("read minutes to be rolled up")?
    {
        each(Row {
            server_pk: row.server_pk,
            layout: row.layout,
            n: row.n,
            avg: Values {
                host: row.host_avg,
                arrays: [
                    row.core_avg,
                    row.fs_avg,
                    row.disk_avg,
                    row.net_avg,
                    row.temp_avg,
                    row.container_avg,
                ]
                .map(Option::unwrap_or_default),
            },
            extremes: Some((
                Values {
                    host: row.host_min,
                    arrays: [
                        row.core_min,
                        row.fs_min,
                        row.disk_min,
                        row.net_min,
                        row.temp_min,
                        row.container_min,
                    ]
                    .map(Option::unwrap_or_default),
                },
                Values {
                    host: row.host_max,
                    arrays: [
                        row.core_max,
                        row.fs_max,
                        row.disk_max,
                        row.net_max,
                        row.temp_max,
                        row.container_max,
                    ]
                    .map(Option::unwrap_or_default),
                },
            )),
        });
    }
    Ok(())
}

/// First moment after the bucket.
pub(crate) fn end(due: &Due) -> Timestamp {
    due.bucket.plus_millis(if due.level == MINUTES {
        60_000
    } else {
        3_600_000
    })
}

/// Replaces the rows of a bucket, for all servers of its groups.
pub(crate) async fn replace(
    tx: &mut PgConnection,
    due: &Due,
    buckets: &[(Bucket, i32)],
) -> Result<(), StoreError> {
    let at = datetime(due.bucket);
    if due.level == MINUTES {
        sqlx::query!(
            "
            DELETE FROM metrics_1m m USING servers s
            WHERE s.server_pk / 64 = ANY($2) AND m.server_pk = s.server_pk AND m.bucket = $1
            ",
            at,
            &due.groups,
        )
        .execute(&mut *tx)
        .await
        .doing("remove former minutes")?;
    } else {
        sqlx::query!(
            "
            DELETE FROM metrics_1h m USING servers s
            WHERE s.server_pk / 64 = ANY($2) AND m.server_pk = s.server_pk AND m.bucket = $1
            ",
            at,
            &due.groups,
        )
        .execute(&mut *tx)
        .await
        .doing("remove former hours")?;
    }
    if buckets.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::new(4 + 3 * (host::COLUMNS.len() + Family::ALL.len()));
    for (bucket, layout) in buckets {
        rows.begin();
        rows.timestamp(due.bucket);
        rows.integer(bucket.server_pk);
        rows.integer(*layout);
        rows.integer(bucket.n);
        for column in 0..host::COLUMNS.len() {
            for values in [&bucket.avg, &bucket.min, &bucket.max] {
                rows.real(values.host[column]);
            }
        }
        for family in Family::ALL {
            for values in [&bucket.avg, &bucket.min, &bucket.max] {
                let array = &values.arrays[family.index()];
                rows.reals(array.len(), |rows| {
                    array.iter().for_each(|value| rows.real(*value))
                });
            }
        }
    }
    samples::copy(tx, &copy_statement(due.level), rows.finish())
        .await
        .doing("copy buckets")
}

fn copy_statement(level: i16) -> String {
    let columns: Vec<String> = ["bucket", "server_pk", "layout", "n"]
        .into_iter()
        .map(str::to_owned)
        .chain(
            host::COLUMNS
                .into_iter()
                .chain(Family::ALL.map(Family::name))
                .flat_map(|column| ["avg", "min", "max"].map(|kind| format!("{column}_{kind}"))),
        )
        .collect();
    let table = if level == HOURS {
        "metrics_1h"
    } else {
        "metrics_1m"
    };
    format!(
        "COPY {table} ({}) FROM STDIN (FORMAT binary)",
        columns.join(", ")
    )
}

const _: () = assert!(GROUP == 64, "the statements above divide by it");

/// By the database's clock.
pub(crate) async fn older_than(
    tx: &mut PgConnection,
    bucket: Timestamp,
    days: u32,
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"SELECT $1::timestamptz < now() - make_interval(days => $2) AS "older!""#,
        datetime(bucket),
        i32::try_from(days).unwrap_or(i32::MAX),
    )
    .fetch_one(tx)
    .await
    .doing("compare a bucket with the retention")
}
