//! Scripts: writes of the projector `inventory-v1`, and reads.

use chatops_schemas::{
    event::script::ScriptSaved,
    ids::{ScriptId, UserId},
};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, datetime, inventory::Stored, jobs::person, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold},
    view::{Script, ScriptVersionRow},
};

const NAME: usize = 128;

pub(crate) async fn saved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &ScriptSaved,
) -> Result<(), StoreError> {
    let name = clean(&event.name, NAME);
    let version = i32::try_from(event.version).unwrap_or(i32::MAX);
    sqlx::query!(
        "
        INSERT INTO scripts AS s (script_id, version, name, name_key, saved, created_by, created_at, saved_by, saved_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7, $8)
        ON CONFLICT (script_id) DO UPDATE SET version = excluded.version, name = excluded.name, name_key = excluded.name_key,
            saved = excluded.saved, saved_by = excluded.saved_by, saved_at = excluded.saved_at, ctl_seq = excluded.ctl_seq
        WHERE s.deleted_at IS NULL
        ",
        event.script.0,
        version,
        &*name,
        fold(&name),
        Json(event) as _,
        person(actor),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(&mut *tx)
    .await
    .doing("write a script")?;
    sqlx::query!(
        "
        INSERT INTO script_versions (script_id, version, saved, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        ",
        event.script.0,
        version,
        Json(event) as _,
        person(actor),
        datetime(stored.at),
    )
    .execute(tx)
    .await
    .doing("write a version of a script")?;
    Ok(())
}

pub(crate) async fn deleted(
    tx: &mut PgConnection,
    stored: Stored,
    script: ScriptId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE scripts SET deleted_at = $2, ctl_seq = $3 WHERE script_id = $1 AND deleted_at IS NULL",
        script.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a deleted script")?;
    Ok(())
}

struct Row {
    saved: Json<ScriptSaved>,
    created_by: Option<Uuid>,
    created_at: OffsetDateTime,
    saved_by: Option<Uuid>,
    username: Option<String>,
    saved_at: OffsetDateTime,
    ctl_seq: i64,
}

impl From<Row> for Script {
    fn from(row: Row) -> Self {
        Self {
            saved: row.saved.0,
            created_by: row.created_by.map(UserId),
            created_at: timestamp(row.created_at),
            saved_by: row.saved_by.map(UserId),
            saved_by_name: row.username,
            saved_at: timestamp(row.saved_at),
            ctl_seq: to_u64(row.ctl_seq),
        }
    }
}

impl Store {
    /// All scripts by name, or the one with this id.
    pub async fn scripts(&self, id: Option<ScriptId>) -> Result<Vec<Script>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"
            SELECT s.saved AS "saved: Json<ScriptSaved>", s.created_by, s.created_at, s.saved_by, u.username AS "username?",
                   s.saved_at, s.ctl_seq
            FROM scripts s LEFT JOIN users u ON u.user_id = s.saved_by
            WHERE s.deleted_at IS NULL AND ($1::uuid IS NULL OR s.script_id = $1)
            ORDER BY s.name_key, s.script_id LIMIT 1000
            "#,
            id.map(|id| id.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list scripts")?;
        Ok(rows.into_iter().map(Script::from).collect())
    }

    /// One script.
    pub async fn script(&self, id: ScriptId) -> Result<Option<Script>, StoreError> {
        Ok(self.scripts(Some(id)).await?.pop())
    }

    /// The versions of a script, newest first, also of one that is gone.
    pub async fn script_versions(
        &self,
        id: ScriptId,
        limit: u32,
    ) -> Result<Vec<ScriptVersionRow>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT v.saved AS "saved: Json<ScriptSaved>", u.username AS "username?", v.saved_at
            FROM script_versions v LEFT JOIN users u ON u.user_id = v.saved_by
            WHERE v.script_id = $1 ORDER BY v.version DESC LIMIT $2
            "#,
            id.0,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list the versions of a script")?;
        Ok(rows
            .into_iter()
            .map(|row| ScriptVersionRow {
                saved: row.saved.0,
                saved_by_name: row.username,
                saved_at: timestamp(row.saved_at),
            })
            .collect())
    }
}
