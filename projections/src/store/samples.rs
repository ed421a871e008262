//! `metrics_raw` and `metrics_top`: writes of the projectors `metrics-v1-p*`.

use bytes::Bytes;
use chatops_schemas::{
    clock::Timestamp,
    series::{Family, host},
};
use sqlx::{Executor, PgConnection};

use super::{datetime, timestamp, to_i64, to_u64};
use crate::error::{Doing, StoreError};

/// Values per row: time, sequence, server, layout, then the numbers.
pub(crate) const COLUMNS: usize = 4 + host::COLUMNS.len() + Family::ALL.len();

/// A server as the projector of samples knows it.
#[derive(Debug)]
pub(crate) struct KnownServer {
    pub(crate) server_id: String,
    pub(crate) server_pk: i32,
    pub(crate) deleted: bool,
    /// Newest sample, or the beginning of time.
    pub(crate) newest: Timestamp,
}

/// The statements around `COPY`; made once per projector.
#[derive(Debug)]
pub(crate) struct Statements {
    copy: String,
    copy_aside: String,
    merge: String,
}

/// Rows that may be there already go through this table.
const ASIDE: &str =
    "CREATE TEMP TABLE IF NOT EXISTS aside (LIKE metrics_raw) ON COMMIT DELETE ROWS";

impl Default for Statements {
    fn default() -> Self {
        let columns: Vec<&str> = ["ts", "seq", "server_pk", "layout"]
            .into_iter()
            .chain(host::COLUMNS)
            .chain(Family::ALL.map(Family::name))
            .collect();
        let columns = columns.join(", ");
        Self {
            copy: format!("COPY metrics_raw ({columns}) FROM STDIN (FORMAT binary)"),
            copy_aside: format!("COPY aside ({columns}) FROM STDIN (FORMAT binary)"),
            merge: format!(
                "INSERT INTO metrics_raw ({columns}) SELECT {columns} FROM aside ORDER BY seq ON CONFLICT DO NOTHING"
            ),
        }
    }
}

impl Statements {
    pub(crate) async fn prepare(connection: &mut PgConnection) -> Result<(), StoreError> {
        connection
            .execute(ASIDE)
            .await
            .doing("make the table for rows that may be duplicates")?;
        Ok(())
    }

    /// Rows that cannot be there yet.
    pub(crate) async fn insert(
        &self,
        tx: &mut PgConnection,
        rows: Bytes,
    ) -> Result<(), StoreError> {
        copy(tx, &self.copy, rows).await.doing("copy samples")
    }

    /// Rows that may be there already; those are left alone. Returns how many were new.
    pub(crate) async fn merge(
        &self,
        tx: &mut PgConnection,
        rows: Bytes,
    ) -> Result<u64, StoreError> {
        copy(tx, &self.copy_aside, rows)
            .await
            .doing("copy samples aside")?;
        Ok(tx
            .execute(self.merge.as_str())
            .await
            .doing("merge samples")?
            .rows_affected())
    }
}

pub(crate) async fn copy(
    tx: &mut PgConnection,
    statement: &str,
    rows: Bytes,
) -> Result<(), sqlx::Error> {
    let mut copy = tx.copy_in_raw(statement).await?;
    copy.send(&rows[..]).await?;
    copy.finish().await?;
    Ok(())
}

/// What is known of some servers; unknown ones are missing from the answer.
pub(crate) async fn servers(
    connection: &mut PgConnection,
    ids: &[&str],
) -> Result<Vec<KnownServer>, StoreError> {
    let rows = sqlx::query!(
        r#"
        SELECT s.server_id, s.server_pk, s.deleted_at IS NOT NULL AS "deleted!", m.ts AS "newest?"
        FROM servers s
        LEFT JOIN LATERAL (
            SELECT ts FROM metrics_raw r WHERE r.server_pk = s.server_pk ORDER BY ts DESC LIMIT 1
        ) m ON true
        WHERE s.server_id = ANY($1)
        "#,
        ids as &[&str],
    )
    .fetch_all(connection)
    .await
    .doing("look servers up")?;
    Ok(rows
        .into_iter()
        .map(|row| KnownServer {
            server_id: row.server_id,
            server_pk: row.server_pk,
            deleted: row.deleted,
            newest: row
                .newest
                .map_or(Timestamp::from_micros(i64::MIN), timestamp),
        })
        .collect())
}

/// Servers deleted by control events after `seq`, and the newest such event.
pub(crate) async fn deleted_since(
    connection: &mut PgConnection,
    seq: u64,
) -> Result<(Vec<String>, u64), StoreError> {
    let rows = sqlx::query!(
        "SELECT server_id, ctl_seq FROM servers WHERE deleted_at IS NOT NULL AND ctl_seq > $1 ORDER BY ctl_seq",
        to_i64(seq)
    )
    .fetch_all(connection)
    .await
    .doing("list deleted servers")?;
    let newest = rows.last().map_or(seq, |row| to_u64(row.ctl_seq));
    Ok((rows.into_iter().map(|row| row.server_id).collect(), newest))
}

/// Position of the inventory.
pub(crate) async fn inventory_position(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let seq = sqlx::query_scalar!(
        "SELECT c.seq FROM projection_checkpoint c JOIN projection_active a USING (name, ver) WHERE name = 'inventory'"
    )
    .fetch_optional(connection)
    .await
    .doing("read the position of the inventory")?;
    Ok(seq.map_or(0, to_u64))
}

/// The busiest processes of one server in one minute, as JSON.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) server_pk: i32,
    pub(crate) minute: Timestamp,
    pub(crate) cpu: serde_json::Value,
    pub(crate) mem: serde_json::Value,
}

/// Keeps the first list of each minute.
pub(crate) async fn top(tx: &mut PgConnection, tops: &[Top]) -> Result<(), StoreError> {
    if tops.is_empty() {
        return Ok(());
    }
    let server: Vec<i32> = tops.iter().map(|top| top.server_pk).collect();
    let minute: Vec<_> = tops.iter().map(|top| datetime(top.minute)).collect();
    let cpu: Vec<_> = tops.iter().map(|top| top.cpu.clone()).collect();
    let mem: Vec<_> = tops.iter().map(|top| top.mem.clone()).collect();
    sqlx::query!(
        "
        INSERT INTO metrics_top (ts, server_pk, cpu, mem)
        SELECT * FROM unnest($1::timestamptz[], $2::integer[], $3::jsonb[], $4::jsonb[]) ON CONFLICT DO NOTHING
        ",
        &minute,
        &server,
        &cpu,
        &mem,
    )
    .execute(tx)
    .await
    .doing("write the busiest processes")?;
    Ok(())
}

/// A bucket to recompute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) level: i16,
    pub(crate) bucket: Timestamp,
    pub(crate) group: i32,
}

/// Marks buckets. Visible together with the rows they are about.
pub(crate) async fn mark(tx: &mut PgConnection, marks: &[Mark]) -> Result<(), StoreError> {
    if marks.is_empty() {
        return Ok(());
    }
    let level: Vec<i16> = marks.iter().map(|mark| mark.level).collect();
    let bucket: Vec<_> = marks.iter().map(|mark| datetime(mark.bucket)).collect();
    let group: Vec<i32> = marks.iter().map(|mark| mark.group).collect();
    sqlx::query!(
        "
        INSERT INTO rollup_dirty (level, bucket, grp)
        SELECT * FROM unnest($1::smallint[], $2::timestamptz[], $3::integer[])
        ",
        &level,
        &bucket,
        &group,
    )
    .execute(tx)
    .await
    .doing("mark buckets for the roll-up")?;
    Ok(())
}
