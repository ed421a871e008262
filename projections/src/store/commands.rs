//! `command_history`, `command_start`, `command_output`, `vault_order`: writes of the projectors `commands-v1` and
//! `command-output-v1`, what people ask, and the orders that only the vault may hold.

use chatops_schemas::{
    event::{
        command::{Asked, CommandDelivered, CommandEnded, CommandRequested, Outcome},
        result::ResultOutput,
    },
    ids::{CommandId, ServerId},
    session::Stream,
};
use sqlx::PgConnection;

use super::{
    Store, Visible, datetime, inventory::Stored, servers::like, timestamp, to_i64, to_u64,
};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, json},
    view::{Command, CommandEnd, CommandQuery, OutputPiece},
};

/// Characters of a line that are kept; the whole of it is in `asked`.
const LINE: usize = 20_000;
const MESSAGE: usize = 4096;
const ACTOR: usize = 128;

const fn kind(asked: &Asked) -> &'static str {
    match asked {
        Asked::Run { .. } => "run",
        Asked::Container(_) => "container",
        Asked::Signal(_) => "signal",
        Asked::Unit(_) => "unit",
    }
}

/// Lines of a script stay lines; everything else that is no character for people goes.
fn several_lines(text: &str, max: usize) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .take(max)
        .collect()
}

pub(crate) async fn requested(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    by: (&str, Option<&str>),
    event: &CommandRequested,
) -> Result<(), StoreError> {
    let (actor, address) = by;
    sqlx::query!(
        "
        INSERT INTO command_history (command_id, seq, last_seq, server_id, actor, address, kind, command, asked,
            requested_at, not_after, timeout_ms, repeatable, needs_approval, job, repeats)
        VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (command_id) DO NOTHING
        ",
        event.command.0,
        to_i64(stored.seq),
        server.as_str(),
        &*clean(actor, ACTOR),
        address.map(|address| clean(address, ACTOR).into_owned()),
        kind(&event.asked),
        several_lines(&event.asked.line(), LINE),
        json(&event.asked),
        datetime(stored.at),
        datetime(event.not_after),
        to_i64(event.timeout_ms),
        event.order.is_some(),
        event.needs_approval,
        event.job,
        event.repeats.map(|id| id.0),
    )
    .execute(tx)
    .await
    .doing("write a requested command")?;
    Ok(())
}

pub(crate) async fn approved(
    tx: &mut PgConnection,
    stored: Stored,
    command: CommandId,
    actor: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE command_history SET approved_by = $3, approved_at = $4, last_seq = $2 WHERE command_id = $1",
        command.0,
        to_i64(stored.seq),
        &*clean(actor, ACTOR),
        datetime(stored.at),
    )
    .execute(tx)
    .await
    .doing("write an approved command")?;
    Ok(())
}

pub(crate) async fn delivered(
    tx: &mut PgConnection,
    stored: Stored,
    event: &CommandDelivered,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE command_history SET delivered_at = $3, attempts = $4, last_seq = $2 WHERE command_id = $1",
        event.command.0,
        to_i64(stored.seq),
        datetime(stored.at),
        i32::try_from(event.attempt).unwrap_or(i32::MAX),
    )
    .execute(tx)
    .await
    .doing("write a delivered command")?;
    Ok(())
}

pub(crate) async fn cancel_requested(
    tx: &mut PgConnection,
    stored: Stored,
    command: CommandId,
    actor: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE command_history SET cancel_requested_by = $3, cancel_requested_at = $4, last_seq = $2
        WHERE command_id = $1
        ",
        command.0,
        to_i64(stored.seq),
        &*clean(actor, ACTOR),
        datetime(stored.at),
    )
    .execute(tx)
    .await
    .doing("write a wish to cancel")?;
    Ok(())
}

/// The end; what the vault held for it goes in the same transaction.
pub(crate) async fn ended(
    tx: &mut PgConnection,
    stored: Stored,
    actor: &str,
    event: &CommandEnded,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE command_history SET ended_at = $3, outcome = $4, exit_code = $5, signal = $6, message = $7,
            started_at = $8, duration_ms = $9, stdout_bytes = $10, stderr_bytes = $11, cut_bytes = $12, ended_by = $13,
            last_seq = $2
        WHERE command_id = $1 AND outcome IS NULL
        ",
        event.command.0,
        to_i64(stored.seq),
        datetime(stored.at),
        event.outcome.as_str(),
        event.exit_code,
        event.signal,
        event.message.as_deref().map(|text| several_lines(text, MESSAGE)),
        event.started_at.map(datetime),
        event.duration_ms.map(to_i64),
        to_i64(event.stdout_bytes),
        to_i64(event.stderr_bytes),
        to_i64(event.cut_bytes),
        &*clean(actor, ACTOR),
    )
    .execute(&mut *tx)
    .await
    .doing("write an ended command")?;
    sqlx::query!(
        "DELETE FROM vault_order WHERE command_id = $1",
        event.command.0
    )
    .execute(tx)
    .await
    .doing("erase what a command was given")?;
    Ok(())
}

pub(crate) async fn started(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    command: CommandId,
    pid: Option<u32>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO command_start (server_id, command_id, started_at, pid) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        ",
        server.as_str(),
        command.0,
        datetime(stored.at),
        pid.and_then(|pid| i32::try_from(pid).ok()),
    )
    .execute(tx)
    .await
    .doing("write the beginning of a command")?;
    Ok(())
}

pub(crate) async fn output(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    event: &ResultOutput,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO command_output (server_id, command_id, n, stream, off, data, at, seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
        ",
        server.as_str(),
        event.command.0,
        i32::try_from(event.n).unwrap_or(i32::MAX),
        match event.stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        },
        to_i64(event.off),
        event.data,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a piece of output")?;
    Ok(())
}

impl Store {
    /// A page of commands, newest first, of servers that this reader may look into.
    pub async fn commands(
        &self,
        visible: Visible,
        query: &CommandQuery,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<Command>, StoreError> {
        let rows = self
            .command_rows(visible, query, None, before, limit)
            .await?;
        Ok(Page::cut(rows, limit, |row| row.seq.to_string()))
    }

    /// One command. `None`: it does not exist, or not for this reader.
    pub async fn command(
        &self,
        visible: Visible,
        id: CommandId,
    ) -> Result<Option<Command>, StoreError> {
        let rows = self
            .command_rows(visible, &CommandQuery::default(), Some(id), None, 0)
            .await?;
        Ok(rows.into_iter().next())
    }

    async fn command_rows(
        &self,
        visible: Visible,
        query: &CommandQuery,
        one: Option<CommandId>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        let text = query
            .text
            .as_deref()
            .filter(|text| !text.trim().is_empty())
            .map(like);
        let rows = sqlx::query!(
            r#"
            SELECT c.command_id, c.seq, c.last_seq, c.server_id, coalesce(s.name, '') AS "server_name!", c.actor,
                u.username AS "actor_name?", c.command, c.asked::text AS "asked!", c.requested_at, c.not_after, c.timeout_ms,
                c.repeatable, c.needs_approval, c.approved_by, c.approved_at, c.job, c.repeats, c.delivered_at,
                b.started_at AS "begun_at?", b.pid AS "pid?", c.cancel_requested_by, c.cancel_requested_at, c.ended_at,
                c.outcome, c.exit_code, c.signal, c.message, c.duration_ms, c.stdout_bytes, c.stderr_bytes, c.cut_bytes
            FROM command_history c
            LEFT JOIN servers s ON s.server_id = c.server_id
            LEFT JOIN users u ON c.actor LIKE 'user:%' AND u.user_id::text = substr(c.actor, 6)
            LEFT JOIN command_start b ON b.server_id = c.server_id AND b.command_id = c.command_id
            WHERE ($1::uuid IS NULL OR c.command_id = $1)
              AND ($2::uuid IS NULL OR s.owner = $2 OR c.server_id IN (SELECT g.server_id FROM granted_to($2, $3) g))
              AND ($4::text IS NULL OR c.server_id = $4)
              AND ($5::text IS NULL OR c.actor = $5)
              AND ($6::text IS NULL OR c.outcome = $6)
              AND ($7::boolean IS NULL OR (c.outcome IS NULL) = $7)
              AND ($8::text IS NULL OR lower(c.command) LIKE $8)
              AND ($9::uuid IS NULL OR c.job = $9)
              AND ($10::timestamptz IS NULL OR c.requested_at >= $10)
              AND ($11::timestamptz IS NULL OR c.requested_at < $11)
              AND ($12::bigint IS NULL OR c.seq < $12)
            ORDER BY c.seq DESC LIMIT $13
            "#,
            one.map(|id| id.0),
            visible.asker(),
            visible.least(),
            query.server.as_ref().map(ServerId::as_str),
            query.actor,
            query.outcome.map(Outcome::as_str),
            query.open,
            text,
            query.job,
            query.from.map(datetime),
            query.to.map(datetime),
            before.map(to_i64),
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read commands")?;
        let commands = rows.into_iter().filter_map(|row| {
            let end = row
                .outcome
                .as_deref()
                .and_then(Outcome::parse)
                .zip(row.ended_at);
            Some(Command {
                id: CommandId(row.command_id),
                seq: to_u64(row.seq),
                last_seq: to_u64(row.last_seq),
                server: ServerId::parse(row.server_id).ok()?,
                server_name: row.server_name,
                actor: row.actor,
                actor_name: row.actor_name,
                line: row.command,
                asked: serde_json::from_str(&row.asked).ok(),
                requested_at: timestamp(row.requested_at),
                not_after: timestamp(row.not_after),
                timeout_ms: to_u64(row.timeout_ms),
                repeatable: row.repeatable,
                needs_approval: row.needs_approval,
                approved: row.approved_by.zip(row.approved_at.map(timestamp)),
                job: row.job,
                repeats: row.repeats.map(CommandId),
                delivered_at: row.delivered_at.map(timestamp),
                started_at: row.begun_at.map(timestamp),
                pid: row.pid.and_then(|pid| u32::try_from(pid).ok()),
                cancel_requested: row
                    .cancel_requested_by
                    .zip(row.cancel_requested_at.map(timestamp)),
                end: end.map(|(outcome, at)| CommandEnd {
                    at: timestamp(at),
                    outcome,
                    exit_code: row.exit_code,
                    signal: row.signal,
                    message: row.message,
                    duration_ms: row.duration_ms.map(to_u64),
                    stdout_bytes: row.stdout_bytes.map_or(0, to_u64),
                    stderr_bytes: row.stderr_bytes.map_or(0, to_u64),
                    cut_bytes: row.cut_bytes.map_or(0, to_u64),
                }),
            })
        });
        Ok(commands.collect())
    }

    /// What a command wrote, from piece `from` on, up to about `max_bytes` and at least one piece.
    pub async fn command_output(
        &self,
        server: &ServerId,
        command: CommandId,
        from: u32,
        max_bytes: u64,
    ) -> Result<Vec<OutputPiece>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT n, stream, off, data, at FROM (
                SELECT n, stream, off, data, at, sum(length(data)) OVER (ORDER BY n) - length(data) AS before
                FROM command_output WHERE server_id = $1 AND command_id = $2 AND n >= $3
            ) piece WHERE before < $4 ORDER BY n
            "#,
            server.as_str(),
            command.0,
            i32::try_from(from).unwrap_or(i32::MAX),
            to_i64(max_bytes),
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the output of a command")?;
        let pieces = rows.into_iter().map(|row| OutputPiece {
            n: u32::try_from(row.n).unwrap_or(0),
            stream: match row.stream.as_str() {
                "stderr" => Stream::Stderr,
                _ => Stream::Stdout,
            },
            off: to_u64(row.off),
            data: row.data,
            at: timestamp(row.at),
        });
        Ok(pieces.collect())
    }

    /// Keeps an encrypted order until its command is over. Before the event that asks for it.
    pub async fn put_order(&self, command: CommandId, sealed: &[u8]) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO vault_order (command_id, sealed) VALUES ($1, $2)
             ON CONFLICT (command_id) DO UPDATE SET sealed = excluded.sealed",
            command.0,
            sealed
        )
        .execute(&self.pool)
        .await
        .doing("keep an order")?;
        Ok(())
    }

    /// An encrypted order; `None` when it was erased.
    pub async fn order(&self, command: CommandId) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar!(
            "SELECT sealed FROM vault_order WHERE command_id = $1",
            command.0
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an order")
    }

    /// Erases an order that was never asked for after all.
    pub async fn forget_order(&self, command: CommandId) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM vault_order WHERE command_id = $1", command.0)
            .execute(&self.pool)
            .await
            .doing("forget an order")?;
        Ok(())
    }
}
