//! `channels`: writes of the projector `inventory-v1`, and reads. `vault_channel`: what only the vault knows of them.

use chatops_schemas::{
    channel::Channel as Definition,
    event::channel::ChannelSaved,
    ids::{ChannelId, UserId},
};
use sqlx::{PgConnection, types::Json};

use super::{Store, datetime, inventory::Stored, jobs::person, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold, json},
    view::Channel,
};

const NAME: usize = 128;

/// A channel that was removed and is saved again is back.
pub(crate) async fn saved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &ChannelSaved,
) -> Result<(), StoreError> {
    let name = clean(&event.definition.name, NAME);
    sqlx::query!(
        "
        INSERT INTO channels (channel_id, version, name, name_key, enabled, saved, saved_by, made_at, saved_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
        ON CONFLICT (channel_id) DO UPDATE SET version = excluded.version, name = excluded.name, name_key = excluded.name_key,
            enabled = excluded.enabled, saved = excluded.saved, saved_by = excluded.saved_by, saved_at = excluded.saved_at,
            deleted_at = NULL, ctl_seq = excluded.ctl_seq
        ",
        event.channel.0,
        i32::try_from(event.version).unwrap_or(i32::MAX),
        &*name,
        fold(&name),
        event.definition.enabled,
        json(&event.definition),
        person(actor),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a channel")?;
    Ok(())
}

pub(crate) async fn deleted(
    tx: &mut PgConnection,
    stored: Stored,
    channel: ChannelId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE channels SET deleted_at = $2, ctl_seq = $3 WHERE channel_id = $1 AND deleted_at IS NULL",
        channel.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a removed channel")?;
    Ok(())
}

impl Store {
    /// Channels by name: all, or those of one person, or the one with this id.
    pub async fn channels(
        &self,
        of: Option<UserId>,
        id: Option<ChannelId>,
    ) -> Result<Vec<Channel>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT c.channel_id, c.version, c.saved AS "saved: Json<Definition>", c.saved_by, u.username AS "username?",
                   c.made_at, c.saved_at, c.ctl_seq,
                   EXISTS (SELECT 1 FROM vault_channel v WHERE v.channel_id = c.channel_id) AS "has_secret!"
            FROM channels c LEFT JOIN users u ON u.user_id = c.saved_by
            WHERE c.deleted_at IS NULL AND ($1::uuid IS NULL OR c.saved_by = $1) AND ($2::uuid IS NULL OR c.channel_id = $2)
            ORDER BY c.name_key, c.channel_id LIMIT 1000
            "#,
            of.map(|user| user.0),
            id.map(|id| id.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list channels")?;
        Ok(rows
            .into_iter()
            .map(|row| Channel {
                id: ChannelId(row.channel_id),
                version: u32::try_from(row.version).unwrap_or_default(),
                definition: row.saved.0,
                has_secret: row.has_secret,
                saved_by: row.saved_by.map(UserId),
                saved_by_name: row.username,
                made_at: timestamp(row.made_at),
                saved_at: timestamp(row.saved_at),
                ctl_seq: to_u64(row.ctl_seq),
            })
            .collect())
    }

    /// Stores what opens the door of a channel, encrypted. Before the event that saves the channel, so that no channel is
    /// ever told through that cannot work.
    pub async fn put_channel_secret(
        &self,
        channel: ChannelId,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO vault_channel (channel_id, sealed) VALUES ($1, $2)
            ON CONFLICT (channel_id) DO UPDATE SET sealed = excluded.sealed
            ",
            channel.0,
            sealed,
        )
        .execute(&self.pool)
        .await
        .doing("store a channel's secret")?;
        Ok(())
    }

    /// What opens the door of a channel, encrypted.
    pub async fn channel_secret(&self, channel: ChannelId) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar!(
            "SELECT sealed FROM vault_channel WHERE channel_id = $1",
            channel.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a channel's secret")
    }

    /// Erases what opens the door of a channel.
    pub async fn forget_channel_secret(&self, channel: ChannelId) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM vault_channel WHERE channel_id = $1", channel.0)
            .execute(&self.pool)
            .await
            .doing("erase a channel's secret")?;
        Ok(())
    }
}
