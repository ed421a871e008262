//! API keys: metadata from the inventory, digests from the vault.

use chatops_schemas::{
    clock::Timestamp,
    ids::{KeyId, ServerId},
};
use time::OffsetDateTime;

use super::{Store, Visible, datetime, timestamp, to_u64};
use crate::{
    error::{Doing, StoreError},
    view::{Key, KeyForGate, KeyState},
};

fn state(
    revoked: bool,
    server_deleted: bool,
    expires_at: Option<OffsetDateTime>,
    now: Timestamp,
) -> KeyState {
    if revoked {
        KeyState::Revoked
    } else if server_deleted {
        KeyState::ServerDeleted
    } else if expires_at.is_some_and(|at| timestamp(at) <= now) {
        KeyState::Expired
    } else {
        KeyState::Active
    }
}

/// Rows whose ids do not parse cannot have come from events.
fn ids(key: String, server: String) -> Option<(KeyId, ServerId)> {
    Some((KeyId::parse(key).ok()?, ServerId::parse(server).ok()?))
}

impl Store {
    /// Keys of one server, or of every visible server, newest first. Keys of deleted servers are not listed.
    pub async fn keys(
        &self,
        visible: Visible,
        server: Option<&ServerId>,
        now: Timestamp,
    ) -> Result<Vec<Key>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT k.key_id, k.server_id, k.name, k.state = 'revoked' AS "revoked!", k.created_at, k.expires_at, k.ctl_seq,
                   k.successor, greatest(u.last_used_at, v.last_used_at) AS "last_used_at?",
                   EXISTS (SELECT 1 FROM agent_session a WHERE a.key_id = k.key_id) AS "connected!"
            FROM api_keys k JOIN servers s USING (server_id) LEFT JOIN key_use u USING (key_id)
                 LEFT JOIN vault_key_use v USING (key_id)
            WHERE s.deleted_at IS NULL AND ($2::text IS NULL OR k.server_id = $2)
              AND ($1::uuid IS NULL OR s.owner = $1 OR s.server_id IN (SELECT g.server_id FROM granted_to($1, $3) g))
            ORDER BY k.created_at DESC, k.key_id
            "#,
            visible.asker(),
            server.map(ServerId::as_str),
            visible.least(),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list API keys")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let (id, server_id) = ids(row.key_id, row.server_id)?;
                Some(Key {
                    id,
                    server_id,
                    name: row.name,
                    state: state(row.revoked, false, row.expires_at, now),
                    created_at: timestamp(row.created_at),
                    expires_at: row.expires_at.map(timestamp),
                    successor: row.successor.and_then(|key| KeyId::parse(key).ok()),
                    last_used: if row.connected {
                        Some(now)
                    } else {
                        row.last_used_at.map(timestamp)
                    },
                    ctl_seq: to_u64(row.ctl_seq),
                })
            })
            .collect())
    }

    /// One key, if its server is visible.
    pub async fn key(
        &self,
        visible: Visible,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<Option<Key>, StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT k.key_id, k.server_id, k.name, k.state = 'revoked' AS "revoked!", k.created_at, k.expires_at, k.ctl_seq,
                   s.deleted_at IS NOT NULL AS "deleted!", k.successor, greatest(u.last_used_at, v.last_used_at) AS "last_used_at?",
                   EXISTS (SELECT 1 FROM agent_session a WHERE a.key_id = k.key_id) AS "connected!"
            FROM api_keys k JOIN servers s USING (server_id) LEFT JOIN key_use u USING (key_id)
                 LEFT JOIN vault_key_use v USING (key_id)
            WHERE k.key_id = $1
              AND ($2::uuid IS NULL OR s.owner = $2 OR s.server_id IN (SELECT g.server_id FROM granted_to($2, $3) g))
            "#,
            key.as_str(),
            visible.asker(),
            visible.least(),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an API key")?;
        Ok(row.and_then(|row| {
            let (id, server_id) = ids(row.key_id, row.server_id)?;
            Some(Key {
                id,
                server_id,
                name: row.name,
                state: state(row.revoked, row.deleted, row.expires_at, now),
                created_at: timestamp(row.created_at),
                expires_at: row.expires_at.map(timestamp),
                successor: row.successor.and_then(|key| KeyId::parse(key).ok()),
                last_used: if row.connected {
                    Some(now)
                } else {
                    row.last_used_at.map(timestamp)
                },
                ctl_seq: to_u64(row.ctl_seq),
            })
        }))
    }

    /// What the gate needs to decide on a connection. `None`: nobody ever made this key, or its digest is gone.
    pub async fn key_for_gate(
        &self,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<Option<KeyForGate>, StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT k.server_id, k.name, k.state = 'revoked' AS "revoked!", k.expires_at, s.name AS server_name, s.interval_ms,
                   s.deleted_at IS NOT NULL AS "deleted!", v.secret_sha256
            FROM api_keys k JOIN servers s USING (server_id) JOIN vault_api_key v USING (key_id) WHERE k.key_id = $1
            "#,
            key.as_str(),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an API key for the gate")?;
        Ok(row.and_then(|row| {
            Some(KeyForGate {
                server: ServerId::parse(row.server_id).ok()?,
                server_name: row.server_name,
                interval_ms: row.interval_ms.and_then(|ms| u32::try_from(ms).ok()),
                secret_sha256: row.secret_sha256.try_into().ok()?,
                state: state(row.revoked, row.deleted, row.expires_at, now),
                expires_at: row.expires_at.map(timestamp),
                name: row.name,
            })
        }))
    }

    /// Notes a use that is no event: a request over HTTP.
    pub async fn note_key_use(&self, key: &KeyId, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO vault_key_use AS u (key_id, last_used_at) VALUES ($1, $2)
            ON CONFLICT (key_id) DO UPDATE SET last_used_at = greatest(u.last_used_at, excluded.last_used_at)
            ",
            key.as_str(),
            datetime(at),
        )
        .execute(&self.pool)
        .await
        .doing("note the use of an API key")?;
        Ok(())
    }

    /// Keys that end by themselves in a span of time: whose connections must end then.
    pub async fn keys_ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(KeyId, Timestamp)>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT key_id, expires_at AS "expires_at!" FROM api_keys
            WHERE state = 'active' AND expires_at >= $1 AND expires_at < $2
            "#,
            datetime(from),
            datetime(until),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list API keys that end")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((KeyId::parse(row.key_id).ok()?, timestamp(row.expires_at))))
            .collect())
    }
}
