//! Writes of the projector `inventory-v1`: users, name claims, servers, keys. Reads are in their own files.

use chatops_schemas::{clock::Timestamp, event::ctl, ids::UserId};
use sqlx::PgConnection;

use super::{Store, datetime, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold, optional},
};

/// Where and when an event was stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
}

const NAME: usize = 128;
const EMAIL: usize = 254;

pub(crate) async fn user_registered(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::UserRegistered,
) -> Result<(), StoreError> {
    let username = clean(&event.username, NAME);
    let email = optional(event.email.as_deref(), EMAIL);
    sqlx::query!(
        "
        INSERT INTO users (user_id, username, username_key, email, email_key, full_name, role, created_at, updated_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT (user_id) DO NOTHING
        ",
        event.user.0,
        &*username,
        fold(&username),
        email.as_deref(),
        email.as_deref().map(fold),
        optional(event.full_name.as_deref(), NAME),
        event.role.as_str(),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a registered user")?;
    Ok(())
}

pub(crate) async fn user_profile_changed(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::UserProfileChanged,
) -> Result<(), StoreError> {
    let email = optional(event.email.as_deref(), EMAIL);
    sqlx::query!(
        "UPDATE users SET email = $2, email_key = $3, full_name = $4, updated_at = $5, ctl_seq = $6 WHERE user_id = $1",
        event.user.0,
        email.as_deref(),
        email.as_deref().map(fold),
        optional(event.full_name.as_deref(), NAME),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a changed profile")?;
    Ok(())
}

pub(crate) async fn user_password_changed(
    tx: &mut PgConnection,
    stored: Stored,
    user: UserId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE users SET password_changed_at = $2, ctl_seq = $3 WHERE user_id = $1",
        user.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write that a password was changed")?;
    Ok(())
}

/// `holder` is `None` when the name was released.
pub(crate) async fn name_claimed(
    tx: &mut PgConnection,
    stored: Stored,
    digest: &str,
    holder: Option<UserId>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO name_claims (name_digest, user_id, ctl_seq) VALUES ($1, $2, $3)
        ON CONFLICT (name_digest) DO UPDATE SET user_id = excluded.user_id, ctl_seq = excluded.ctl_seq
        ",
        digest,
        holder.map(|user| user.0),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a name claim")?;
    Ok(())
}

/// `server_pk` is the event's sequence: the same after every rebuild.
pub(crate) async fn server_registered(
    tx: &mut PgConnection,
    stored: Stored,
    server_pk: i32,
    event: &ctl::ServerRegistered,
) -> Result<(), StoreError> {
    let name = clean(&event.name, NAME);
    let tags: Vec<String> = event
        .tags
        .iter()
        .map(|tag| clean(tag, NAME).into_owned())
        .collect();
    sqlx::query!(
        "
        INSERT INTO servers (server_pk, server_id, owner, name, name_key, tags, interval_ms, created_at, updated_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT DO NOTHING
        ",
        server_pk,
        event.server.as_str(),
        event.owner.0,
        &*name,
        fold(&name),
        &tags,
        event.interval_ms.and_then(|ms| i32::try_from(ms).ok()),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a registered server")?;
    Ok(())
}

pub(crate) async fn server_changed(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::ServerChanged,
) -> Result<(), StoreError> {
    let name = clean(&event.name, NAME);
    let tags: Vec<String> = event
        .tags
        .iter()
        .map(|tag| clean(tag, NAME).into_owned())
        .collect();
    sqlx::query!(
        "
        UPDATE servers SET name = $2, name_key = $3, tags = $4, interval_ms = $5, updated_at = $6, ctl_seq = $7,
            needs_approval = coalesce($8, needs_approval)
        WHERE server_id = $1
        ",
        event.server.as_str(),
        &*name,
        fold(&name),
        &tags,
        event.interval_ms.and_then(|ms| i32::try_from(ms).ok()),
        datetime(stored.at),
        to_i64(stored.seq),
        event.needs_approval,
    )
    .execute(tx)
    .await
    .doing("write a changed server")?;
    Ok(())
}

pub(crate) async fn server_deleted(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::ServerDeleted,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE servers SET deleted_at = $2, updated_at = $2, ctl_seq = $3 WHERE server_id = $1 AND deleted_at IS NULL",
        event.server.as_str(),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a deleted server")?;
    Ok(())
}

pub(crate) async fn key_issued(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &ctl::KeyIssued,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO api_keys (key_id, server_id, name, state, created_by, created_at, expires_at, ctl_seq)
        VALUES ($1, $2, $3, 'active', $4, $5, $6, $7) ON CONFLICT (key_id) DO NOTHING
        ",
        event.key.as_str(),
        event.server.as_str(),
        optional(event.name.as_deref(), NAME),
        optional(actor, NAME),
        datetime(stored.at),
        event.expires_at.map(datetime),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an issued key")?;
    Ok(())
}

pub(crate) async fn key_revoked(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::KeyRevoked,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE api_keys SET state = 'revoked', revoked_at = $3, ctl_seq = $4
        WHERE key_id = $1 AND server_id = $2 AND state = 'active'
        ",
        event.key.as_str(),
        event.server.as_str(),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a revoked key")?;
    Ok(())
}

/// A retired key never works longer than it would have.
pub(crate) async fn key_retired(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ctl::KeyRetired,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE api_keys SET expires_at = least(expires_at, $3), successor = $4, ctl_seq = $5
        WHERE key_id = $1 AND server_id = $2 AND state = 'active'
        ",
        event.key.as_str(),
        event.server.as_str(),
        datetime(event.expires_at),
        event.successor.as_str(),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a retired key")?;
    Ok(())
}

/// Subjects with an open parked event: what follows on them must not be applied without it.
pub(crate) async fn blocked_subjects(
    tx: &mut PgConnection,
    consumer: &str,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "SELECT DISTINCT subject FROM dlq WHERE consumer = $1 AND state = 'open'",
        consumer
    )
    .fetch_all(tx)
    .await
    .doing("list aggregates with a parked event")
}

impl Store {
    /// Who holds a name by its digest, and the sequence that a claim or release must expect (0: never claimed).
    pub async fn name_claim(&self, digest: &str) -> Result<(Option<UserId>, u64), StoreError> {
        let row = sqlx::query!(
            "SELECT user_id, ctl_seq FROM name_claims WHERE name_digest = $1",
            digest
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a name claim")?;
        Ok(row.map_or((None, 0), |row| {
            (row.user_id.map(UserId), to_u64(row.ctl_seq))
        }))
    }
}
