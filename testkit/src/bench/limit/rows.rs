//! The bare rows: UNNEST arrays inserted into a table made like `metrics_raw`, with its index, in chunks like it, and
//! nothing else in the transaction. Commits are asynchronous, as the projectors' are.

use std::time::Instant;

use anyhow::Context;
use chatops_schemas::clock::Timestamp;
use sqlx::{Connection, Executor, PgConnection, types::time::OffsetDateTime};

/// Rows of one transaction.
const BATCH: usize = 1000;
/// The table, beside the real one so that limits do not change what is measured.
const TABLE: &str = "bench_limit_rows";
/// The 22 numbers of a host that are columns; two cores make 24.
const COLUMNS: [&str; 22] = [
    "cpu",
    "cpu_user",
    "cpu_system",
    "cpu_iowait",
    "cpu_steal",
    "load1",
    "load5",
    "load15",
    "mem_total",
    "mem_used",
    "mem_available",
    "mem_cached",
    "mem_buffers",
    "swap_total",
    "swap_used",
    "psi_cpu",
    "psi_mem",
    "psi_io",
    "uptime_s",
    "processes",
    "procs_running",
    "procs_blocked",
];

/// Rows a second that `writers` connections commit together.
pub(in crate::bench) async fn insert(
    url: &str,
    count: usize,
    writers: usize,
    now: Timestamp,
) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url)
        .await
        .context("connect to PostgreSQL")?;
    let make = format!(
        "DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} (LIKE metrics_raw INCLUDING ALL); \
         SELECT create_hypertable('{TABLE}', 'ts', chunk_time_interval => INTERVAL '1 day', create_default_indexes => false)"
    );
    connection
        .execute(make.as_str())
        .await
        .context("make the bare table")?;
    let share = count / writers / BATCH;
    let mut connections = Vec::new();
    for _ in 0..writers {
        let mut connection = PgConnection::connect(url)
            .await
            .context("connect to PostgreSQL")?;
        connection
            .execute("SET synchronous_commit = off")
            .await
            .context("connect to PostgreSQL")?;
        connections.push(connection);
    }
    let began = Instant::now();
    let work = connections
        .iter_mut()
        .enumerate()
        .map(|(writer, connection)| write(connection, writer, share, now));
    futures::future::try_join_all(work).await?;
    let took = began.elapsed().as_secs_f64();
    connection
        .execute(format!("DROP TABLE {TABLE}").as_str())
        .await
        .context("drop the bare table")?;
    Ok((share * BATCH * writers) as f64 / took)
}

fn statement() -> String {
    let names = COLUMNS.join(", ");
    let places: Vec<String> = (0..COLUMNS.len() + 2)
        .map(|place| format!("${}::real[]", place + 4))
        .collect();
    format!(
        "INSERT INTO {TABLE} (ts, seq, server_pk, layout, {names}, core) \
         SELECT ts, seq, server_pk, 0, {names}, ARRAY[core0, core1] \
         FROM UNNEST($1::timestamptz[], $2::bigint[], $3::integer[], {}) AS r (ts, seq, server_pk, {names}, core0, core1)",
        places.join(", ")
    )
}

async fn write(
    connection: &mut PgConnection,
    writer: usize,
    batches: usize,
    now: Timestamp,
) -> anyhow::Result<()> {
    let statement = statement();
    let start = now.plus_millis(-20 * 3_600_000);
    for batch in 0..batches {
        // Each batch is one reading of a thousand hosts, five seconds after the one before.
        let moment: OffsetDateTime = start
            .plus_millis(batch as i64 * 5000)
            .to_datetime()
            .context("a moment outside the calendar")?;
        let hosts: Vec<i32> = (0..BATCH)
            .map(|host| (writer * BATCH + host) as i32)
            .collect();
        let seqs: Vec<i64> = (0..BATCH)
            .map(|host| (batch * BATCH + host) as i64)
            .collect();
        let mut query = sqlx::query(&statement)
            .bind(vec![moment; BATCH])
            .bind(seqs)
            .bind(hosts);
        for column in 0..COLUMNS.len() + 2 {
            let values: Vec<f32> = (0..BATCH)
                .map(|host| ((batch * 31 + host * 7 + column) % 1000) as f32 / 10.0)
                .collect();
            query = query.bind(values);
        }
        query
            .execute(&mut *connection)
            .await
            .context("insert bare rows")?;
    }
    Ok(())
}
