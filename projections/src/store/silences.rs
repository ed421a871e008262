//! `silences`: writes of the projector `inventory-v1`, and reads.

use chatops_schemas::{
    event::silence::SilenceSaved,
    ids::{SilenceId, UserId},
};
use sqlx::{PgConnection, types::Json};

use super::{Store, datetime, inventory::Stored, jobs::person, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, json},
    view::Silence,
};

const ACTOR: usize = 128;

/// A silence that was ended and is saved again holds again.
pub(crate) async fn saved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &SilenceSaved,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO silences (silence_id, saved, saved_by, saved_at, ctl_seq) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (silence_id) DO UPDATE SET saved = excluded.saved, saved_by = excluded.saved_by,
            saved_at = excluded.saved_at, ended_at = NULL, ended_by = NULL, ctl_seq = excluded.ctl_seq
        ",
        event.silence.0,
        json(event),
        person(actor),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a silence")?;
    Ok(())
}

pub(crate) async fn ended(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    silence: SilenceId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE silences SET ended_at = $2, ended_by = $3, ctl_seq = $4 WHERE silence_id = $1 AND ended_at IS NULL",
        silence.0,
        datetime(stored.at),
        actor.map(|actor| clean(actor, ACTOR).into_owned()),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write the end of a silence")?;
    Ok(())
}

impl Store {
    /// Silences, newest first: all that were not ended, with `ended` also those that were, or the one with this id; of one
    /// person or of everybody. Whether the times of one are over is for the reader to say.
    pub async fn silences(
        &self,
        of: Option<UserId>,
        id: Option<SilenceId>,
        ended: bool,
    ) -> Result<Vec<Silence>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT s.saved AS "saved: Json<SilenceSaved>", s.saved_by, u.username AS "username?", s.saved_at, s.ended_at,
                   s.ended_by, s.ctl_seq,
                   (SELECT count(*) FROM alert_log l
                    WHERE l.kind = 'told' AND l.data #>> '{delivery,held,why,silence}' = s.silence_id::text) AS "held!"
            FROM silences s LEFT JOIN users u ON u.user_id = s.saved_by
            WHERE ($1::uuid IS NULL OR s.saved_by = $1) AND ($2::uuid IS NULL OR s.silence_id = $2)
              AND ($3 OR s.ended_at IS NULL)
            ORDER BY s.ctl_seq DESC LIMIT 1000
            "#,
            of.map(|user| user.0),
            id.map(|id| id.0),
            ended,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list silences")?;
        Ok(rows
            .into_iter()
            .map(|row| Silence {
                saved: row.saved.0,
                saved_by: row.saved_by.map(UserId),
                saved_by_name: row.username,
                saved_at: timestamp(row.saved_at),
                ended_at: row.ended_at.map(timestamp),
                ended_by: row.ended_by,
                held: to_u64(row.held),
                ctl_seq: to_u64(row.ctl_seq),
            })
            .collect())
    }
}
