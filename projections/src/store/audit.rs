//! `audit_logs`, `audit_state`: writes of the projector `audit-v1`, and what people ask.

use chatops_schemas::{
    audit::{Content, Entry, Hash, Outcome, Source},
    clock::Timestamp,
    ids::EventId,
};
use sqlx::PgConnection;

use super::{Store, datetime, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    view::{AuditQuery, AuditRow, AuditTold},
};

pub(crate) async fn entry(
    tx: &mut PgConnection,
    entry: &Entry,
    leaf: &Hash,
) -> Result<(), StoreError> {
    let content = &entry.content;
    sqlx::query!(
        "
        INSERT INTO audit_logs (seq, at, actor, action, target, address, result, source_stream, source_seq, cause,
            digest, leaf)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT DO NOTHING
        ",
        to_i64(entry.seq),
        datetime(content.at),
        content.actor,
        content.action,
        content.target,
        content.address,
        content.outcome.as_str(),
        content.source.stream,
        to_i64(content.source.seq),
        content.cause.map(|cause| cause.0),
        content.digest.bytes().as_slice(),
        leaf.bytes().as_slice(),
    )
    .execute(tx)
    .await
    .doing("write an audit entry")?;
    Ok(())
}

fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().map_or(Hash::NONE, Hash::from_bytes)
}

/// `server.*` as a pattern of LIKE.
fn prefix(action: &str) -> Option<String> {
    let prefix = action.strip_suffix('*')?;
    let mut pattern = prefix
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    pattern.push('%');
    Some(pattern)
}

impl Store {
    /// Has `audit_logs` built anew from the stream: it was restored, and the rows are those of a history that is lost. The
    /// projector that runs now is fenced off, so that it cannot go on from where it was.
    pub async fn rebuild_audit(&self) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await.doing("begin to empty audit_logs")?;
        sqlx::query!(
            "UPDATE projection_checkpoint SET seq = 0, epoch = epoch + 1, stands = NULL WHERE name = $1",
            crate::AUDIT,
        )
        .execute(&mut *tx)
        .await
        .doing("reset the projector of audit_logs")?;
        sqlx::query!("DELETE FROM audit_logs")
            .execute(&mut *tx)
            .await
            .doing("empty audit_logs")?;
        tx.commit().await.doing("commit an empty audit_logs")
    }

    /// A page of the trail, newest first; `before`: only entries with smaller numbers.
    pub async fn audit(
        &self,
        query: &AuditQuery,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<AuditRow>, StoreError> {
        let like = query.action.as_deref().and_then(prefix);
        let exact = query.action.as_deref().filter(|_| like.is_none());
        let rows = sqlx::query!(
            r#"
            SELECT a.seq, a.at, a.actor, a.action, a.target, a.address, a.result, a.source_stream, a.source_seq, a.cause,
                a.digest, a.leaf, u.username AS "actor_name?", coalesce(t.username, s.name) AS target_name
            FROM audit_logs a
            LEFT JOIN users u ON a.actor LIKE 'user:%' AND u.user_id::text = substr(a.actor, 6)
            LEFT JOIN users t ON a.target LIKE 'user:%' AND t.user_id::text = substr(a.target, 6)
            LEFT JOIN servers s ON a.target LIKE 'server:%' AND s.server_id = substr(a.target, 8)
            WHERE ($1::bigint IS NULL OR a.seq < $1)
              AND ($2::text IS NULL OR a.actor = $2)
              AND ($3::text IS NULL OR a.action = $3)
              AND ($4::text IS NULL OR a.action LIKE $4)
              AND ($5::text IS NULL OR a.target = $5)
              AND ($6::text IS NULL OR a.result = $6)
              AND ($7::text IS NULL OR a.address = $7)
              AND ($8::timestamptz IS NULL OR a.at >= $8)
              AND ($9::timestamptz IS NULL OR a.at < $9)
            ORDER BY a.seq DESC LIMIT $10
            "#,
            before.map(to_i64),
            query.actor,
            exact,
            like,
            query.target,
            query.result,
            query.address,
            query.from.map(datetime),
            query.to.map(datetime),
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the audit trail")?;
        let rows = rows
            .into_iter()
            .map(|row| AuditRow {
                entry: Entry {
                    seq: to_u64(row.seq),
                    prev: Hash::NONE,
                    content: Content {
                        at: timestamp(row.at),
                        actor: row.actor,
                        action: row.action,
                        target: row.target,
                        address: row.address,
                        outcome: Outcome::parse(&row.result).unwrap_or(Outcome::Failed),
                        source: Source {
                            stream: row.source_stream,
                            seq: to_u64(row.source_seq),
                        },
                        cause: row.cause.map(EventId),
                        digest: hash(&row.digest),
                    },
                },
                leaf: hash(&row.leaf),
                actor_name: row.actor_name,
                target_name: row.target_name,
            })
            .collect();
        Ok(Page::cut(rows, limit, |row| row.entry.seq.to_string()))
    }

    /// Entries that a query finds, and the largest number among all entries: what is exported does not grow meanwhile.
    pub async fn audit_count(&self, query: &AuditQuery) -> Result<(u64, u64), StoreError> {
        let like = query.action.as_deref().and_then(prefix);
        let exact = query.action.as_deref().filter(|_| like.is_none());
        let row = sqlx::query!(
            r#"
            SELECT count(*) AS "count!", coalesce(max(seq), 0) AS "last!" FROM audit_logs a
            WHERE ($1::text IS NULL OR a.actor = $1)
              AND ($2::text IS NULL OR a.action = $2)
              AND ($3::text IS NULL OR a.action LIKE $3)
              AND ($4::text IS NULL OR a.target = $4)
              AND ($5::text IS NULL OR a.result = $5)
              AND ($6::text IS NULL OR a.address = $6)
              AND ($7::timestamptz IS NULL OR a.at >= $7)
              AND ($8::timestamptz IS NULL OR a.at < $8)
            "#,
            query.actor,
            exact,
            like,
            query.target,
            query.result,
            query.address,
            query.from.map(datetime),
            query.to.map(datetime),
        )
        .fetch_one(&self.pool)
        .await
        .doing("count audit entries")?;
        Ok((to_u64(row.count), to_u64(row.last)))
    }

    /// One entry.
    pub async fn audit_entry(&self, seq: u64) -> Result<Option<AuditRow>, StoreError> {
        let page = self
            .audit(&AuditQuery::default(), Some(seq.saturating_add(1)), 1)
            .await?;
        Ok(page.items.into_iter().find(|row| row.entry.seq == seq))
    }

    /// What the appender told last, and when; `None`: it never ran, or another version of it.
    pub async fn audit_state(&self) -> Result<Option<(AuditTold, Timestamp)>, StoreError> {
        let row = sqlx::query!("SELECT state, told_at FROM audit_state")
            .fetch_optional(&self.pool)
            .await
            .doing("read the state of the audit")?;
        Ok(row.and_then(|row| {
            let told = serde_json::from_value(row.state).ok()?;
            Some((told, timestamp(row.told_at)))
        }))
    }

    /// The appender tells what it is doing.
    pub async fn tell_audit_state(&self, told: &AuditTold) -> Result<(), StoreError> {
        let state = serde_json::json!(told);
        sqlx::query!(
            "
            INSERT INTO audit_state (state) VALUES ($1)
            ON CONFLICT (one) DO UPDATE SET state = excluded.state, told_at = now()
            ",
            state,
        )
        .execute(&self.pool)
        .await
        .doing("tell the state of the audit")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_at_the_end_is_a_prefix_and_nothing_else_is_special() {
        assert_eq!(prefix("server.*").as_deref(), Some("server.%"));
        assert_eq!(prefix("100%_*").as_deref(), Some("100\\%\\_%"));
        assert_eq!(prefix("server.changed"), None);
    }
}
