//! The questions the bench asks the database: have all samples become rows, are the roll-ups done, how large is it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use async_nats::jetstream;
use futures::StreamExt;
use sqlx::{Connection, PgConnection, Row};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(120);
const PARTITIONS: i32 = chatops_schemas::subject::PARTITIONS as i32;

/// A connection to the database of an installation, and one to its bus.
pub(super) struct Database {
    connection: PgConnection,
    js: jetstream::Context,
}

impl Database {
    pub(super) async fn connect(url: &str, bus: async_nats::Client) -> anyhow::Result<Self> {
        let connection = PgConnection::connect(url)
            .await
            .context("connect to PostgreSQL")?;
        Ok(Self {
            connection,
            js: jetstream::new(bus),
        })
    }

    /// The newest stored sequence of each partition.
    async fn stored(&self) -> anyhow::Result<BTreeMap<i32, i64>> {
        let stream = self
            .js
            .get_stream("OPS_METRICS")
            .await
            .context("look at the stream")?;
        let mut newest = BTreeMap::new();
        for part in 0..PARTITIONS {
            let subject = format!("ops.v1.metrics.{part}.*");
            // A partition without samples has no newest one.
            if let Ok(message) = stream.get_last_raw_message_by_subject(&subject).await {
                newest.insert(part, i64::try_from(message.sequence)?);
            }
        }
        Ok(newest)
    }

    /// Waits until everything that is in the stream is in the tables.
    pub(super) async fn committed(&mut self) -> anyhow::Result<()> {
        self.reached("metrics").await
    }

    /// Waits until the evaluator of alert rules has looked at everything, and has saved what it knows.
    pub(super) async fn evaluated(&mut self) -> anyhow::Result<()> {
        self.reached("alerting").await
    }

    async fn reached(&mut self, reader: &str) -> anyhow::Result<()> {
        let wanted = self.stored().await?;
        let began = Instant::now();
        loop {
            let rows = sqlx::query("SELECT part, seq FROM projection_checkpoint WHERE name = $1")
                .bind(reader)
                .fetch_all(&mut self.connection)
                .await
                .context("ask for the readers' positions")?;
            let reached: BTreeMap<i32, i64> =
                rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            if wanted
                .iter()
                .all(|(part, seq)| reached.get(part).is_some_and(|at| at >= seq))
            {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "the readers {reader} stand at {reached:?} and should have reached {wanted:?}"
                );
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until no closed minute or hour has to be rolled up; `false` when that takes longer than `patience`.
    pub(super) async fn rolled_up(&mut self, patience: Duration) -> anyhow::Result<bool> {
        let began = Instant::now();
        while began.elapsed() < patience {
            let open: i64 = self
                .number(
                    "SELECT count(*) FROM rollup_dirty WHERE bucket < now() - interval '2 hours'",
                )
                .await?;
            if open == 0 {
                return Ok(true);
            }
            sleep(PAUSE * 10).await;
        }
        Ok(false)
    }

    /// One number.
    pub(super) async fn number(&mut self, question: &'static str) -> anyhow::Result<i64> {
        sqlx::query_scalar(question)
            .fetch_one(&mut self.connection)
            .await
            .with_context(|| format!("ask {question}"))
    }

    /// Samples that are rows, and those that were parked.
    pub(super) async fn counts(&mut self) -> anyhow::Result<(i64, i64)> {
        Ok((
            self.number("SELECT count(*) FROM metrics_raw").await?,
            self.number("SELECT count(*) FROM dlq").await?,
        ))
    }

    /// The number a server has in the tables.
    pub(super) async fn server_pk(&mut self, server: &str) -> anyhow::Result<i32> {
        sqlx::query_scalar("SELECT server_pk FROM servers WHERE server_id = $1")
            .bind(server)
            .fetch_one(&mut self.connection)
            .await
            .context("look a server up")
    }

    /// Copies a server's rows `times` times, each time so many hours further back.
    pub(super) async fn repeat_backwards(
        &mut self,
        server_pk: i32,
        hours: i64,
        times: i64,
    ) -> anyhow::Result<()> {
        let columns: String = sqlx::query_scalar(
            "SELECT string_agg(column_name, ', ') FROM information_schema.columns \
             WHERE table_name = 'metrics_raw' AND column_name <> 'ts'",
        )
        .fetch_one(&mut self.connection)
        .await
        .context("look at the columns of samples")?;
        let copy = format!(
            "INSERT INTO metrics_raw (ts, {columns}) SELECT ts - n * $2 * interval '1 hour', {columns} \
             FROM metrics_raw, generate_series(1, $3) AS n WHERE server_pk = $1"
        );
        sqlx::query(&copy)
            .bind(server_pk)
            .bind(i32::try_from(hours)?)
            .bind(i32::try_from(times)?)
            .execute(&mut self.connection)
            .await
            .context("make a history")?;
        sqlx::query("VACUUM ANALYZE metrics_raw")
            .execute(&mut self.connection)
            .await
            .context("tidy up after it")?;
        Ok(())
    }

    /// Takes time, processor and filesystems of a server's samples out in order of time: bytes.
    pub(super) async fn copy_out(&mut self, server_pk: i32, from: &str) -> anyhow::Result<usize> {
        let question = format!(
            "COPY (SELECT ts, cpu, fs FROM metrics_raw WHERE server_pk = {server_pk} AND ts >= '{from}' ORDER BY ts) \
             TO STDOUT (FORMAT binary)"
        );
        let mut parts = self
            .connection
            .copy_out_raw(&question)
            .await
            .context("copy samples out")?;
        let mut bytes = 0;
        while let Some(part) = parts.next().await {
            bytes += part.context("copy samples out")?.len();
        }
        Ok(bytes)
    }

    /// The bare form of the history question: milliseconds until all rows are here.
    pub(super) async fn bare_history(&mut self, server_pk: i32) -> anyhow::Result<f64> {
        let began = Instant::now();
        let rows = sqlx::query(
            "SELECT time_bucket('5 minutes', bucket) AS t, min(cpu_min), sum(cpu_avg * n) / sum(n), max(cpu_max) \
             FROM metrics_1m WHERE server_pk = $1 AND bucket >= now() - interval '24 hours' GROUP BY 1 ORDER BY 1",
        )
        .bind(server_pk)
        .fetch_all(&mut self.connection)
        .await
        .context("ask for a history")?;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        if rows.len() < 200 {
            bail!(
                "a history of 24 hours has only {} points of five minutes",
                rows.len()
            );
        }
        Ok(took)
    }
}
