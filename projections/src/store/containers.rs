//! What happened to containers: writes of the projector `presence-v1`, and what people ask about it.

use chatops_schemas::{
    clock::Timestamp,
    event::container::{ContainerChanged, MAX_LINE, MAX_LINES},
    ids::ServerId,
};
use sqlx::PgConnection;

use super::{Store, datetime, inventory::Stored, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, optional},
    view::ContainerEvent,
};

const NAME: usize = 512;

pub(crate) async fn changed(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    happened_at: Timestamp,
    event: &ContainerChanged,
) -> Result<(), StoreError> {
    let lines: Vec<String> = event
        .lines
        .iter()
        .take(MAX_LINES)
        .map(|line| clean(line, MAX_LINE).into_owned())
        .collect();
    sqlx::query!(
        "
        INSERT INTO container_events (event_seq, server_id, at, happened_at, container_id, name, image, project, change,
            exit_code, lines, left_out)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT DO NOTHING
        ",
        to_i64(stored.seq),
        server.as_str(),
        datetime(stored.at),
        datetime(happened_at),
        &*clean(&event.container, NAME),
        &*clean(&event.name, NAME),
        optional(event.image.as_deref(), NAME),
        optional(event.project.as_deref(), NAME),
        event.change.as_str(),
        event.exit_code,
        &lines,
        i32::try_from(event.left_out).unwrap_or(i32::MAX),
    )
    .execute(tx)
    .await
    .doing("write a container's change")?;
    Ok(())
}

impl Store {
    /// What happened to the containers of a server, or to those of this name or id, newest first. Who may see the server is
    /// the caller's to ask.
    pub async fn container_events(
        &self,
        server: &ServerId,
        container: Option<&str>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Page<ContainerEvent>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT event_seq, at, happened_at, container_id, name, image, project, change, exit_code, lines, left_out
            FROM container_events
            WHERE server_id = $1 AND event_seq < $2
              AND ($3::text IS NULL OR name = $3 OR (length($3) >= 12 AND starts_with(container_id, $3)))
            ORDER BY event_seq DESC LIMIT $4
            "#,
            server.as_str(),
            after.map_or(i64::MAX, to_i64),
            container,
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list what happened to containers")?;
        let events = rows
            .into_iter()
            .map(|row| ContainerEvent {
                id: to_u64(row.event_seq),
                at: timestamp(row.at),
                happened_at: timestamp(row.happened_at),
                container: row.container_id,
                name: row.name,
                image: row.image,
                project: row.project,
                change: row.change,
                exit_code: row.exit_code,
                lines: row.lines,
                left_out: u32::try_from(row.left_out).unwrap_or(0),
            })
            .collect();
        Ok(Page::cut(events, limit, |event| event.id.to_string()))
    }
}
