//! `channels`: writes of the projector `inventory-v1`, and reads. `vault_channel`: what only the vault knows of them.

use std::collections::HashMap;

use chatops_schemas::{
    channel::Channel as Definition,
    event::channel::ChannelSaved,
    ids::{AlertId, ChannelId, ServerId, UserId},
};
use sqlx::{PgConnection, types::Json};

use super::{
    Store, Visible, alerts::severity, datetime, inventory::Stored, jobs::person, timestamp, to_i64,
    to_u64,
};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, fold, json},
    view::{Channel, ChannelSent, ChannelTold},
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
    /// Channels by name: all, or those of one person, or the one with this id. Those that were removed are not among them.
    pub async fn channels(
        &self,
        of: Option<UserId>,
        id: Option<ChannelId>,
    ) -> Result<Vec<Channel>, StoreError> {
        self.channel_rows(of, id, false).await
    }

    /// A channel that was removed. `None`: it is there, or never was, or is another person's.
    pub async fn removed_channel(
        &self,
        of: Option<UserId>,
        id: ChannelId,
    ) -> Result<Option<Channel>, StoreError> {
        Ok(self.channel_rows(of, Some(id), true).await?.pop())
    }

    async fn channel_rows(
        &self,
        of: Option<UserId>,
        id: Option<ChannelId>,
        removed: bool,
    ) -> Result<Vec<Channel>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT c.channel_id, c.version, c.saved AS "saved: Json<Definition>", c.saved_by, u.username AS "username?",
                   c.made_at, c.saved_at, c.ctl_seq,
                   EXISTS (SELECT 1 FROM vault_channel v WHERE v.channel_id = c.channel_id) AS "has_secret!"
            FROM channels c LEFT JOIN users u ON u.user_id = c.saved_by
            WHERE (c.deleted_at IS NOT NULL) = $3 AND ($1::uuid IS NULL OR c.saved_by = $1)
              AND ($2::uuid IS NULL OR c.channel_id = $2)
            ORDER BY c.name_key, c.channel_id LIMIT 1000
            "#,
            of.map(|user| user.0),
            id.map(|id| id.0),
            removed,
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

    /// The newest message that each of these channels tried to send; of messages that were kept back only so many are passed
    /// over.
    pub async fn channels_sent(
        &self,
        channels: &[ChannelId],
    ) -> Result<HashMap<ChannelId, ChannelSent>, StoreError> {
        let ids: Vec<String> = channels.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"
            SELECT asked.id AS "id!", last.at AS "at!", last.data AS "data!"
            FROM unnest($1::text[]) AS asked (id) CROSS JOIN LATERAL (
                SELECT newest.at, newest.data FROM (
                    SELECT l.at, l.data, l.seq FROM alert_log l
                    WHERE l.kind = 'told' AND l.data ->> 'channel' = asked.id ORDER BY l.seq DESC LIMIT 500
                ) newest WHERE newest.data #> '{delivery,held}' IS NULL ORDER BY newest.seq DESC LIMIT 1
            ) last
            "#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read what channels sent last")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let at = timestamp(row.at);
                let data = row.data;
                Some((row.id.parse().ok()?, ChannelSent { at, data }))
            })
            .collect())
    }

    /// A page of what was told through a channel, newest first: about alerts of servers that this reader may see.
    pub async fn channel_told(
        &self,
        visible: Visible,
        channel: ChannelId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<ChannelTold>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT l.seq, l.at, l.data, a.alert_id, a.name, a.device, a.severity, a.server_id, s.name AS "server_name?"
            FROM alert_log l JOIN alerts a ON a.alert_id = l.alert_id
            LEFT JOIN servers s ON s.server_id = a.server_id
            WHERE l.kind = 'told' AND l.data ->> 'channel' = $3
              AND ($1::uuid IS NULL OR s.owner = $1 OR a.server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))
              AND ($4::bigint IS NULL OR l.seq < $4)
            ORDER BY l.seq DESC LIMIT $5
            "#,
            visible.asker(),
            visible.least(),
            channel.to_string(),
            before.map(to_i64),
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read what was told through a channel")?;
        let page = Page::cut(rows, limit, |row| row.seq.to_string());
        let told = page.items.into_iter().filter_map(|row| {
            Some(ChannelTold {
                seq: to_u64(row.seq),
                at: timestamp(row.at),
                alert: AlertId(row.alert_id),
                name: row.name,
                device: row.device,
                severity: severity(&row.severity)?,
                server: ServerId::parse(row.server_id).ok()?,
                server_name: row.server_name.unwrap_or_default(),
                data: row.data,
            })
        });
        Ok(Page {
            items: told.collect(),
            next: page.next,
        })
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
            ON CONFLICT (channel_id) DO UPDATE SET sealed = excluded.sealed, erase_at = NULL
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

    /// Has what opens the door of a removed channel erased, so many seconds from now.
    pub async fn erase_channel_secret_in(
        &self,
        channel: ChannelId,
        seconds: u32,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE vault_channel SET erase_at = now() + make_interval(secs => $2) WHERE channel_id = $1",
            channel.0,
            f64::from(seconds),
        )
        .execute(&self.pool)
        .await
        .doing("have a channel's secret erased")?;
        Ok(())
    }

    /// Keeps it after all. `false`: there is none, or none any more.
    pub async fn keep_channel_secret(&self, channel: ChannelId) -> Result<bool, StoreError> {
        let kept = sqlx::query!(
            "UPDATE vault_channel SET erase_at = NULL WHERE channel_id = $1",
            channel.0
        )
        .execute(&self.pool)
        .await
        .doing("keep a channel's secret")?;
        Ok(kept.rows_affected() > 0)
    }

    /// Erases what opens the doors of channels that were removed long enough ago. Says of how many.
    pub async fn erase_channel_secrets(&self) -> Result<u64, StoreError> {
        let erased = sqlx::query!("DELETE FROM vault_channel WHERE erase_at <= now()")
            .execute(&self.pool)
            .await
            .doing("erase the secrets of removed channels")?;
        Ok(erased.rows_affected())
    }
}
