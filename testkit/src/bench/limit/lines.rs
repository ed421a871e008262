//! The bare lines: UNNEST arrays inserted into a table made like `log_lines`, with its index, in chunks like it.

use std::time::Instant;

use anyhow::Context;
use chatops_schemas::clock::{Clock, IdSource, System};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

/// Lines of one transaction.
const BATCH: usize = 1000;
/// The table, beside the real one so that limits do not change what is measured.
const TABLE: &str = "bench_limit_lines";

/// Rows a second that one connection commits.
pub(in crate::bench) async fn insert(url: &str, count: usize, text: &str) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url)
        .await
        .context("connect to PostgreSQL")?;
    let make = format!(
        "SET synchronous_commit = off; DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} (LIKE log_lines INCLUDING ALL); \
         SELECT create_hypertable('{TABLE}', 'at', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false)"
    );
    connection
        .execute(make.as_str())
        .await
        .context("make the bare table")?;
    let statement = format!(
        "INSERT INTO {TABLE} (at, batch, source_pk, n, level, message) \
         SELECT at, batch, 1, n, 3, message FROM UNNEST($1::timestamptz[], $2::uuid[], $3::smallint[], $4::text[]) \
         AS r (at, batch, n, message)"
    );
    let began = Instant::now();
    for _ in 0..count / BATCH {
        let now = System
            .now()
            .to_datetime()
            .context("a moment outside the calendar")?;
        let batch: Uuid = System.next();
        sqlx::query(&statement)
            .bind(vec![now; BATCH])
            .bind(vec![batch; BATCH])
            .bind((0..BATCH as i16).collect::<Vec<i16>>())
            .bind(vec![text; BATCH])
            .execute(&mut connection)
            .await
            .context("insert bare lines")?;
    }
    let took = began.elapsed().as_secs_f64();
    connection
        .execute(format!("DROP TABLE {TABLE}").as_str())
        .await
        .context("drop the bare table")?;
    Ok((count / BATCH * BATCH) as f64 / took)
}
