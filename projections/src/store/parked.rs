//! `dlq`: events that could not become rows.

use chatops_schemas::clock::Timestamp;
use sqlx::PgConnection;

use super::{Store, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    park::Parked,
    view::ParkedEvent,
};

/// Parks events in the transaction that moves the position past them.
pub(crate) async fn park(
    transaction: &mut PgConnection,
    consumer: &str,
    stream: &str,
    parked: &[Parked],
) -> Result<(), StoreError> {
    if parked.is_empty() {
        return Ok(());
    }
    let seq: Vec<i64> = parked.iter().map(|p| to_i64(p.seq)).collect();
    let subject: Vec<&str> = parked.iter().map(|p| p.subject.as_str()).collect();
    let server: Vec<Option<&str>> = parked.iter().map(|p| p.server.as_deref()).collect();
    let reason: Vec<&str> = parked.iter().map(|p| p.reason.as_str()).collect();
    let error: Vec<&str> = parked.iter().map(|p| p.error.as_str()).collect();
    let payload: Vec<Option<&[u8]>> = parked.iter().map(|p| p.payload.as_deref()).collect();
    sqlx::query!(
        "
        INSERT INTO dlq (consumer, stream, seq, subject, server_id, reason, error, payload)
        SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])
        ON CONFLICT DO NOTHING
        ",
        consumer,
        stream,
        &seq,
        &subject as &[&str],
        &server as &[Option<&str>],
        &reason as &[&str],
        &error as &[&str],
        &payload as &[Option<&[u8]>],
    )
    .execute(transaction)
    .await
    .doing("park unreadable events")?;
    Ok(())
}

impl Store {
    /// The newest parked events, at most `limit`, older than `before` when given.
    pub async fn parked(
        &self,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT consumer, stream, seq, subject, server_id, reason, error, state, at FROM dlq
            WHERE $1::timestamptz IS NULL OR at < $1 ORDER BY at DESC, seq DESC LIMIT $2
            ",
            before.map(super::datetime),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list parked events")?;
        Ok(rows
            .into_iter()
            .map(|row| ParkedEvent {
                consumer: row.consumer,
                stream: row.stream,
                seq: to_u64(row.seq),
                subject: row.subject,
                server: row.server_id,
                reason: row.reason,
                error: row.error,
                state: row.state,
                at: timestamp(row.at),
            })
            .collect())
    }
}
