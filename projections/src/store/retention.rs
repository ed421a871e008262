//! Removing what is old.

use sqlx::Connection;

use super::Store;
use crate::{
    error::{Doing, StoreError},
    retention::Removed,
};

fn days(days: u32) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

impl Store {
    /// One round of the retention loop; `None` when another process is at it.
    pub async fn remove_old(&self) -> Result<Option<Removed>, StoreError> {
        let keep = self.retention().await?;
        let mut connection = self.dedicated("retention").await?;
        let locked = sqlx::query_scalar!(
            r#"SELECT pg_try_advisory_lock(hashtextextended('chatops retention', 0)) AS "locked!""#
        )
        .fetch_one(&mut connection)
        .await
        .doing("take the retention lock")?;
        if !locked {
            return Ok(None);
        }
        let mut removed = Removed::default();
        let chunks = sqlx::query_scalar!(
            r#"
            SELECT count(*) AS "dropped!" FROM (
                SELECT drop_chunks('metrics_raw', older_than => now() - make_interval(days => $1))
                UNION ALL SELECT drop_chunks('metrics_top', older_than => now() - make_interval(days => $1))
                UNION ALL SELECT drop_chunks('metrics_1m', older_than => now() - make_interval(days => $2))
                UNION ALL SELECT drop_chunks('metrics_1h', older_than => now() - make_interval(days => $3))
                UNION ALL SELECT drop_chunks('log_lines', older_than => now() - make_interval(days => $4))
                UNION ALL SELECT drop_chunks('log_counts', older_than => now() - make_interval(days => $4))
            ) dropped
            "#,
            days(keep.raw_days),
            days(keep.minute_days),
            days(keep.hour_days),
            days(keep.log_days),
        )
        .fetch_one(&mut connection)
        .await
        .doing("drop old chunks")?;
        removed.chunks = u64::try_from(chunks).unwrap_or(0);

        removed.rows += sqlx::query!(
            "DELETE FROM connection_events WHERE at < now() - make_interval(days => $1)",
            days(keep.connection_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old connection events")?
        .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM log_drops WHERE at < now() - make_interval(days => $1)",
            days(keep.log_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old notes of dropped lines")?
        .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM container_events WHERE at < now() - make_interval(days => $1)",
            days(keep.connection_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old events of containers")?
        .rows_affected();
        removed.rows +=
            // An open one of the inventory holds back what follows it: only a person may let go of it.
            sqlx::query!(
                "DELETE FROM dlq WHERE at < now() - make_interval(days => $1) AND (state <> 'open' OR stream <> 'OPS_CTL')",
                days(keep.parked_days),
            )
            .execute(&mut connection)
            .await
            .doing("remove old parked events")?
            .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM command_output WHERE at < now() - make_interval(days => $1)",
            days(keep.output_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old output of commands")?
        .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM command_history WHERE requested_at < now() - make_interval(days => $1)",
            days(keep.command_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old commands")?
        .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM command_start WHERE started_at < now() - make_interval(days => $1)",
            days(keep.command_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old beginnings of commands")?
        .rows_affected();
        // No command lives longer than two days; what is left was never asked for, or its end was never read.
        removed.rows +=
            sqlx::query!("DELETE FROM vault_order WHERE created_at < now() - interval '3 days'")
                .execute(&mut connection)
                .await
                .doing("erase orders that are long over")?
                .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM metric_layout WHERE used_at < now() - make_interval(days => $1)",
            days(keep.hour_days.saturating_add(1))
        )
        .execute(&mut connection)
        .await
        .doing("remove layouts that nothing uses")?
        .rows_affected();
        removed.rows += sqlx::query!("DELETE FROM outbox WHERE sent_seq IS NOT NULL AND created_at < now() - interval '7 days'")
            .execute(&mut connection)
            .await
            .doing("remove published outbox rows")?
            .rows_affected();
        // A stolen token must be recognised as used up for as long as its family could have lived.
        removed.rows +=
            sqlx::query!("DELETE FROM vault_refresh WHERE expires_at < now() - interval '30 days'")
                .execute(&mut connection)
                .await
                .doing("remove sign-ins that are long over")?
                .rows_affected();
        removed.rows += sqlx::query!("DELETE FROM vault_ceremony WHERE expires_at < now()")
            .execute(&mut connection)
            .await
            .doing("remove sign-ins that nobody finished")?
            .rows_affected();
        removed.rows += sqlx::query!(
            "DELETE FROM terminal_recording WHERE started_at < now() - make_interval(days => $1)",
            days(keep.recording_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old recordings of terminals")?
        .rows_affected();
        removed.rows +=
            sqlx::query!("DELETE FROM terminal_attached WHERE seen_at < now() - interval '7 days'")
                .execute(&mut connection)
                .await
                .doing("forget who was at terminals")?
                .rows_affected();
        // An alert that is open is never old.
        removed.rows += sqlx::query!(
            "DELETE FROM alerts WHERE state = 'resolved' AND resolved_at < now() - make_interval(days => $1)",
            days(keep.alert_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove old alerts")?
        .rows_affected();
        removed.rows += sqlx::query!(
            "
            DELETE FROM alert_log l WHERE at < now() - make_interval(days => $1)
              AND NOT EXISTS (SELECT FROM alerts a WHERE a.alert_id = l.alert_id)
            ",
            days(keep.alert_days)
        )
        .execute(&mut connection)
        .await
        .doing("remove what happened to old alerts")?
        .rows_affected();
        connection
            .close()
            .await
            .doing("close the retention's connection")?;
        Ok(Some(removed))
    }
}
