//! `log_lines` and what lies around it: writes of the projector `logs-v1`. Questions are in [`search`].

mod search;

use chatops_schemas::{
    clock::Timestamp,
    envelope::Envelope,
    event::log::{LogBatch, moment},
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{datetime, to_i64};
use crate::error::{Doing, StoreError};

/// Lines of a batch of events, column by column.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    at: Vec<OffsetDateTime>,
    batch: Vec<Uuid>,
    source: Vec<i32>,
    n: Vec<i16>,
    level: Vec<i16>,
    message: Vec<String>,
    origin: Vec<Option<String>>,
    fields: Vec<Option<serde_json::Value>>,
    cut: Vec<Option<i32>>,
    drops: Vec<Drop>,
}

#[derive(Debug)]
struct Drop {
    at: Timestamp,
    batch: Uuid,
    source: i32,
    reason: &'static str,
    lines: u64,
}

/// Without NUL, which PostgreSQL refuses. Line ends and tabs belong to a line.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

impl Rows {
    /// Takes the lines of one event.
    pub(crate) fn add(&mut self, source: i32, event: Envelope<LogBatch>) {
        let (batch, time) = (event.id.0, event.time);
        let drops = event.data.dropped.into_iter().map(|dropped| Drop {
            at: time,
            batch,
            source,
            reason: dropped.reason.as_str(),
            lines: dropped.lines,
        });
        self.drops.extend(drops);
        for (n, line) in event.data.lines.into_iter().enumerate() {
            let fields = (!line.fields.is_empty()).then(|| {
                let pairs = line.fields.into_iter();
                let pairs = pairs.map(|(name, value)| (storable(name), storable(value).into()));
                serde_json::Value::Object(pairs.collect())
            });
            self.at.push(datetime(moment(line.time, time)));
            self.batch.push(batch);
            self.source.push(source);
            // Validation has bounded the number of lines.
            self.n.push(i16::try_from(n).unwrap_or(i16::MAX));
            self.level.push(line.level.rank());
            self.message.push(storable(line.message));
            self.origin.push(line.origin.map(storable));
            self.fields.push(fields);
            self.cut
                .push(line.cut.map(|cut| i32::try_from(cut).unwrap_or(i32::MAX)));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.at.len()
    }
}

/// The number of a source; made when it is new.
pub(crate) async fn source(
    connection: &mut PgConnection,
    server: &str,
    source: &str,
    kind: &str,
) -> Result<i32, StoreError> {
    // The last source of that name decides what it is.
    sqlx::query_scalar!(
        "
        INSERT INTO log_sources (server_id, source, kind) VALUES ($1, $2, $3)
        ON CONFLICT (server_id, source) DO UPDATE SET kind = excluded.kind RETURNING source_pk
        ",
        server,
        source,
        kind
    )
    .fetch_one(connection)
    .await
    .doing("number a source of lines")
}

/// Writes lines, their counts and what was dropped. Lines that are there already are neither written nor counted.
pub(crate) async fn rows(tx: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
    if !rows.at.is_empty() {
        sqlx::query!(
            r#"
            WITH written AS (
                INSERT INTO log_lines (at, batch, source_pk, n, level, message, origin, fields, cut)
                SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::integer[], $4::smallint[], $5::smallint[],
                    $6::text[], $7::text[], $8::jsonb[], $9::integer[])
                ON CONFLICT DO NOTHING RETURNING at, source_pk, level
            )
            INSERT INTO log_counts AS c (minute, source_pk, level, lines)
            SELECT date_trunc('minute', at), source_pk, level, count(*) FROM written GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            ON CONFLICT (minute, source_pk, level) DO UPDATE SET lines = c.lines + excluded.lines
            "#,
            &rows.at,
            &rows.batch,
            &rows.source,
            &rows.n,
            &rows.level,
            &rows.message,
            &rows.origin as &[Option<String>],
            &rows.fields as &[Option<serde_json::Value>],
            &rows.cut as &[Option<i32>],
        )
        .execute(&mut *tx)
        .await
        .doing("write lines of logs")?;
    }
    for dropped in &rows.drops {
        sqlx::query!(
            "
            INSERT INTO log_drops (at, batch, source_pk, reason, lines) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (at, batch, source_pk, reason) DO NOTHING
            ",
            datetime(dropped.at),
            dropped.batch,
            dropped.source,
            dropped.reason,
            to_i64(dropped.lines),
        )
        .execute(&mut *tx)
        .await
        .doing("write what was dropped")?;
    }
    Ok(())
}
