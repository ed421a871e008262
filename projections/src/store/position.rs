//! `projection_checkpoint`: claims, fences, progress.

use chatops_bus::projector::{Position, Spec};
use chatops_schemas::clock::Timestamp;
use sqlx::PgConnection;

use super::{Store, datetime, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    view::Progress,
};

/// A projector's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'a str,
    pub(crate) ver: i32,
    pub(crate) part: i32,
}

/// The row of a specification.
pub(crate) fn row(spec: &Spec) -> Row<'_> {
    Row {
        name: spec.name,
        ver: i32::try_from(spec.ver).unwrap_or(i32::MAX),
        part: i32::try_from(spec.part).unwrap_or(i32::MAX),
    }
}

/// Channel on which commits are announced as `<name>:<seq>`.
pub(crate) const CHANNEL: &str = "projected";

/// Waits until no other living copy holds the projector. Only progress depends on it: two copies that both write are
/// kept apart by the epoch.
pub(crate) async fn lock(connection: &mut PgConnection, row: Row<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "SELECT pg_advisory_lock(hashtextextended('chatops projector ' || $1, 0) + $2::bigint * 64 + $3::bigint)",
        row.name,
        i64::from(row.ver),
        i64::from(row.part),
    )
    .execute(connection)
    .await
    .doing("wait for the projector's lock")?;
    Ok(())
}

/// Raises the epoch and returns the position, with the stream it belongs to (`None`: nothing was ever committed).
///
/// Durable before it returns, although projectors commit asynchronously: an epoch must never be given twice.
pub(crate) async fn claim(
    connection: &mut PgConnection,
    row: Row<'_>,
    stream: &str,
    stream_created: Timestamp,
    owner: &str,
) -> Result<Position, StoreError> {
    let claimed = sqlx::query!(
        r#"
        WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true) AS is)
        INSERT INTO projection_checkpoint AS c (name, ver, part, stream, stream_created, epoch, owner)
        SELECT $1, $2, $3, $4, $5, 1, $6 FROM durable WHERE durable.is = 'on'
        ON CONFLICT (name, ver, part) DO UPDATE SET epoch = c.epoch + 1, owner = excluded.owner, stands = NULL,
            stream_created = CASE WHEN c.seq = 0 THEN excluded.stream_created ELSE c.stream_created END
        RETURNING epoch, seq, stream_created
        "#,
        row.name,
        row.ver,
        row.part,
        stream,
        datetime(stream_created),
        owner,
    )
    .fetch_one(connection)
    .await
    .doing("claim the projector's position")?;
    Ok(Position {
        epoch: claimed.epoch,
        seq: to_u64(claimed.seq),
        stream_created: (claimed.seq > 0).then(|| timestamp(claimed.stream_created)),
    })
}

/// Moves the position, if it is still the caller's to move. Returns the transaction's time, or `None` when fenced.
pub(crate) async fn advance(
    transaction: &mut PgConnection,
    row: Row<'_>,
    position: &Position,
    to: u64,
) -> Result<Option<Timestamp>, StoreError> {
    let moved = sqlx::query!(
        r#"
        UPDATE projection_checkpoint SET seq = $1, updated_at = now()
        WHERE name = $2 AND ver = $3 AND part = $4 AND epoch = $5 AND seq = $6
        RETURNING now() AS "now!"
        "#,
        to_i64(to),
        row.name,
        row.ver,
        row.part,
        position.epoch,
        to_i64(position.seq),
    )
    .fetch_optional(transaction)
    .await
    .doing("move the projector's position")?;
    Ok(moved.map(|moved| timestamp(moved.now)))
}

/// Tells whoever waits to read their own writes. Delivered with the commit.
pub(crate) async fn announce(
    transaction: &mut PgConnection,
    name: &str,
    seq: u64,
) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, format!("{name}:{seq}"))
        .execute(transaction)
        .await
        .doing("announce the projector's position")?;
    Ok(())
}

impl Store {
    /// Where every projector is, ordered by name and partition.
    pub async fn progress(&self) -> Result<Vec<Progress>, StoreError> {
        let rows = sqlx::query!(
            "SELECT name, ver, part, stream, seq, epoch, owner, updated_at, stands FROM projection_checkpoint ORDER BY name, ver, part"
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the positions of the projectors")?;
        Ok(rows
            .into_iter()
            .map(|row| Progress {
                name: row.name,
                ver: row.ver,
                part: row.part,
                stream: row.stream,
                seq: to_u64(row.seq),
                epoch: row.epoch,
                owner: row.owner,
                updated_at: timestamp(row.updated_at),
                stands: row.stands,
            })
            .collect())
    }

    /// Notes why a projector stopped for good, for `/readyz` and `chatops doctor`.
    pub async fn note_standing(&self, spec: &Spec, reason: &str) -> Result<(), StoreError> {
        let row = row(spec);
        sqlx::query!(
            "UPDATE projection_checkpoint SET stands = $4 WHERE name = $1 AND ver = $2 AND part = $3",
            row.name,
            row.ver,
            row.part,
            reason,
        )
        .execute(&self.pool)
        .await
        .doing("note that a projector stands still")?;
        Ok(())
    }

    /// Projectors of the active versions that stand still, each with its reason.
    pub async fn standing(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT c.name || '-' || c.part AS "what!", c.stands AS "stands!"
            FROM projection_checkpoint c LEFT JOIN projection_active a USING (name)
            WHERE c.stands IS NOT NULL AND c.ver = coalesce(a.ver, c.ver) ORDER BY c.name, c.part
            "#
        )
        .fetch_all(&self.pool)
        .await
        .doing("ask which projectors stand still")?;
        Ok(rows.into_iter().map(|row| (row.what, row.stands)).collect())
    }

    /// The position of an unpartitioned projector's active version; 0 before its first event.
    pub async fn position_of(&self, name: &str) -> Result<u64, StoreError> {
        let seq = sqlx::query_scalar!(
            "SELECT c.seq FROM projection_checkpoint c JOIN projection_active a USING (name, ver) WHERE name = $1 AND part = 0",
            name
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read the position of a projector")?;
        Ok(seq.map_or(0, to_u64))
    }
}
