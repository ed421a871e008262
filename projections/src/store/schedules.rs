//! Schedules: writes of the projector `inventory-v1`, and reads.

use chatops_schemas::{
    event::schedule::{ScheduleFired, ScheduleSaved},
    ids::{JobId, ScheduleId, UserId},
};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, datetime, inventory::Stored, jobs::person, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold, optional},
    view::Schedule,
};

const NAME: usize = 128;
const REASON: usize = 512;

pub(crate) async fn saved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &ScheduleSaved,
) -> Result<(), StoreError> {
    let name = clean(&event.name, NAME);
    sqlx::query!(
        "
        INSERT INTO schedules AS s (schedule_id, name, name_key, saved, saved_by, saved_at, enabled, counted_from, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, true, $6, $7)
        ON CONFLICT (schedule_id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, saved = excluded.saved,
            saved_by = excluded.saved_by, saved_at = excluded.saved_at, enabled = true, disabled_reason = NULL,
            counted_from = excluded.counted_from, ctl_seq = excluded.ctl_seq
        WHERE s.deleted_at IS NULL
        ",
        event.schedule.0,
        &*name,
        fold(&name),
        Json(event) as _,
        person(actor),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a schedule")?;
    Ok(())
}

pub(crate) async fn switched(
    tx: &mut PgConnection,
    stored: Stored,
    schedule: ScheduleId,
    on: bool,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE schedules SET enabled = $2, disabled_reason = $3, ctl_seq = $5,
            counted_from = CASE WHEN $2 THEN $4 ELSE counted_from END
        WHERE schedule_id = $1
        ",
        schedule.0,
        on,
        optional(reason, REASON),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write that a schedule was switched")?;
    Ok(())
}

pub(crate) async fn deleted(
    tx: &mut PgConnection,
    stored: Stored,
    schedule: ScheduleId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE schedules SET deleted_at = $2, enabled = false, ctl_seq = $3 WHERE schedule_id = $1 AND deleted_at IS NULL",
        schedule.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a deleted schedule")?;
    Ok(())
}

pub(crate) async fn fired(
    tx: &mut PgConnection,
    stored: Stored,
    event: &ScheduleFired,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE schedules SET last_planned = $2, last_job = $3, last_reason = $4, counted_from = greatest(counted_from, $2),
                             ctl_seq = $5
        WHERE schedule_id = $1
        ",
        event.schedule.0,
        datetime(event.planned),
        event.job.map(|job| job.0),
        optional(event.reason.as_deref(), REASON),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a run of a schedule")?;
    Ok(())
}

struct Row {
    saved: Json<ScheduleSaved>,
    saved_by: Option<Uuid>,
    username: Option<String>,
    saved_at: OffsetDateTime,
    enabled: bool,
    disabled_reason: Option<String>,
    counted_from: OffsetDateTime,
    last_planned: Option<OffsetDateTime>,
    last_job: Option<Uuid>,
    last_reason: Option<String>,
    ctl_seq: i64,
}

impl From<Row> for Schedule {
    fn from(row: Row) -> Self {
        Self {
            saved: row.saved.0,
            saved_by: row.saved_by.map(UserId),
            saved_by_name: row.username,
            saved_at: timestamp(row.saved_at),
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            counted_from: timestamp(row.counted_from),
            last_planned: row.last_planned.map(timestamp),
            last_job: row.last_job.map(JobId),
            last_reason: row.last_reason,
            ctl_seq: to_u64(row.ctl_seq),
        }
    }
}

impl Store {
    /// Schedules by name: all, those of one person, or the one with this id.
    pub async fn schedules(
        &self,
        of: Option<UserId>,
        id: Option<ScheduleId>,
    ) -> Result<Vec<Schedule>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"
            SELECT s.saved AS "saved: Json<ScheduleSaved>", s.saved_by, u.username AS "username?", s.saved_at, s.enabled,
                   s.disabled_reason, s.counted_from, s.last_planned, s.last_job, s.last_reason, s.ctl_seq
            FROM schedules s LEFT JOIN users u ON u.user_id = s.saved_by
            WHERE s.deleted_at IS NULL AND ($1::uuid IS NULL OR s.saved_by = $1) AND ($2::uuid IS NULL OR s.schedule_id = $2)
            ORDER BY s.name_key, s.schedule_id LIMIT 1000
            "#,
            of.map(|user| user.0),
            id.map(|id| id.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list schedules")?;
        Ok(rows.into_iter().map(Schedule::from).collect())
    }
}
