//! Terminals: writes of the projectors `terminals-v1` and `inventory-v1`, recordings, and what people ask.

use chatops_schemas::{
    clock::Timestamp,
    event::terminal::{TerminalClosed, TerminalOpened, TerminalRecordingDecided},
    ids::{CommandId, ServerId, UserId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Store, datetime, inventory::Stored, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::optional,
    view::{TerminalPiece, TerminalPolicy, TerminalRecording, TerminalSession, TerminalShown},
};

const NAME: usize = 256;
const MESSAGE: usize = 4096;
/// Pieces read at a time.
const PIECES: i64 = 256;

/// The person behind `user:<id>`.
fn user_of(actor: Option<&str>) -> Option<Uuid> {
    actor?.strip_prefix("user:")?.parse().ok()
}

pub(crate) async fn opened(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    actor: Option<&str>,
    event: &TerminalOpened,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO terminal_session (session, server_id, user_id, container, shell, recorded, opened_at, cmd_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING
        ",
        event.session.0,
        server.as_str(),
        user_of(actor),
        optional(event.container.as_deref(), NAME),
        optional(event.shell.as_deref(), NAME),
        event.recorded,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an opened terminal")?;
    Ok(())
}

pub(crate) async fn closed(
    tx: &mut PgConnection,
    stored: Stored,
    event: &TerminalClosed,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE terminal_session SET closed_at = $2, reason = $3, exit_code = $4, message = $5, output_bytes = $6, cmd_seq = $7
        WHERE session = $1 AND cmd_seq < $7
        ",
        event.session.0,
        datetime(stored.at),
        event.reason.as_str(),
        event.exit_code,
        optional(event.message.as_deref(), MESSAGE),
        to_i64(event.output_bytes),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a closed terminal")?;
    Ok(())
}

/// The recording itself goes with the event that says so, also when the tables are rebuilt from a backup.
pub(crate) async fn erased(
    tx: &mut PgConnection,
    stored: Stored,
    session: CommandId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE terminal_session SET cmd_seq = $2 WHERE session = $1 AND cmd_seq < $2",
        session.0,
        to_i64(stored.seq),
    )
    .execute(&mut *tx)
    .await
    .doing("note an erased recording")?;
    sqlx::query!(
        "DELETE FROM terminal_recording WHERE session = $1",
        session.0
    )
    .execute(tx)
    .await
    .doing("erase a recording")?;
    Ok(())
}

pub(crate) async fn recording_decided(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &TerminalRecordingDecided,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO terminal_policy (scope, recorded, changed_by, changed_at, ctl_seq) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (scope) DO UPDATE SET recorded = excluded.recorded, changed_by = excluded.changed_by,
            changed_at = excluded.changed_at, ctl_seq = excluded.ctl_seq
        ",
        event.server.as_ref().map_or("", |server| server.as_str()),
        event.recorded,
        optional(actor, NAME),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write whether terminals are recorded")?;
    Ok(())
}

/// Which terminals somebody asks for.
#[derive(Debug, Clone, Default)]
pub struct TerminalQuery {
    /// Of this server.
    pub server: Option<ServerId>,
    /// Opened by this person.
    pub user: Option<UserId>,
    /// Only this one.
    pub session: Option<CommandId>,
    /// Only open ones, or only those that are over.
    pub open: Option<bool>,
}

impl Store {
    /// A page of terminals, the newest first. `before` is the session that the last page ended with.
    pub async fn terminals(
        &self,
        query: &TerminalQuery,
        before: Option<CommandId>,
        limit: u32,
    ) -> Result<Page<TerminalSession>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT t.session, t.server_id, t.user_id, u.username AS "user_name?", t.container, t.shell, t.recorded, t.opened_at,
                t.closed_at, t.reason, t.exit_code, t.message, t.output_bytes, t.cmd_seq,
                r.started_at AS "started_at?", r.cols AS "cols?", r.rows AS "rows?", r.bytes AS "bytes?",
                r.position AS "position?", r.cut AS "cut?", r.duration_ms AS "duration_ms?"
            FROM terminal_session t
            LEFT JOIN users u ON u.user_id = t.user_id
            LEFT JOIN terminal_recording r ON r.session = t.session
            WHERE ($1::text IS NULL OR t.server_id = $1)
              AND ($2::uuid IS NULL OR t.user_id = $2)
              AND ($3::uuid IS NULL OR t.session = $3)
              AND ($4::boolean IS NULL OR (t.closed_at IS NULL) = $4)
              AND ($5::uuid IS NULL OR (t.opened_at, t.session) <
                  (SELECT b.opened_at, b.session FROM terminal_session b WHERE b.session = $5))
            ORDER BY t.opened_at DESC, t.session DESC LIMIT $6
            "#,
            query.server.as_ref().map(ServerId::as_str),
            query.user.map(|user| user.0),
            query.session.map(|session| session.0),
            query.open,
            before.map(|session| session.0),
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list terminals")?;
        let sessions = rows
            .into_iter()
            .filter_map(|row| {
                let recording = row.started_at.map(|started_at| TerminalRecording {
                    started_at: timestamp(started_at),
                    cols: size(row.cols),
                    rows: size(row.rows),
                    bytes: to_u64(row.bytes.unwrap_or_default()),
                    position: to_u64(row.position.unwrap_or_default()),
                    pieces: 0,
                    cut: row.cut.unwrap_or_default(),
                    duration_ms: to_u64(row.duration_ms.unwrap_or_default()),
                });
                Some(TerminalSession {
                    session: CommandId(row.session),
                    server: ServerId::parse(&row.server_id).ok()?,
                    user: row.user_id.map(UserId),
                    user_name: row.user_name,
                    container: row.container,
                    shell: row.shell,
                    recorded: row.recorded,
                    opened_at: timestamp(row.opened_at),
                    closed_at: row.closed_at.map(timestamp),
                    reason: row.reason,
                    exit_code: row.exit_code,
                    message: row.message,
                    output_bytes: to_u64(row.output_bytes),
                    recording,
                    cmd_seq: to_u64(row.cmd_seq),
                })
            })
            .collect();
        Ok(Page::cut(sessions, limit, |last: &TerminalSession| {
            last.session.to_string()
        }))
    }

    /// One terminal of a server.
    pub async fn terminal(
        &self,
        server: &ServerId,
        session: CommandId,
    ) -> Result<Option<TerminalSession>, StoreError> {
        let query = TerminalQuery {
            server: Some(server.clone()),
            session: Some(session),
            ..TerminalQuery::default()
        };
        Ok(self.terminals(&query, None, 1).await?.items.pop())
    }

    /// How many terminals a person has open.
    pub async fn open_terminals(&self, user: UserId) -> Result<usize, StoreError> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM terminal_session WHERE user_id = $1 AND closed_at IS NULL"#,
            user.0
        )
        .fetch_one(&self.pool)
        .await
        .doing("count open terminals")?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// What was decided about recording terminals: what was decided for it, or else for everything.
    pub async fn terminal_policy(
        &self,
        server: Option<&ServerId>,
    ) -> Result<TerminalPolicy, StoreError> {
        let row = sqlx::query!(
            "SELECT recorded, ctl_seq FROM terminal_policy WHERE scope = $1",
            server.map_or("", |server| server.as_str()),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("ask whether terminals are recorded")?;
        Ok(
            row.map_or_else(TerminalPolicy::default, |row| TerminalPolicy {
                recorded: row.recorded,
                ctl_seq: to_u64(row.ctl_seq),
            }),
        )
    }

    /// The opener of a terminal is at it.
    pub async fn terminal_seen(&self, session: CommandId) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO terminal_attached (session) VALUES ($1)
            ON CONFLICT (session) DO UPDATE SET seen_at = now()
            ",
            session.0
        )
        .execute(&self.pool)
        .await
        .doing("note who is at a terminal")?;
        Ok(())
    }

    /// Open terminals that nobody has been at for so long.
    pub async fn terminals_left(
        &self,
        seconds: u32,
    ) -> Result<Vec<(CommandId, ServerId)>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT t.session, t.server_id FROM terminal_session t LEFT JOIN terminal_attached a ON a.session = t.session
            WHERE t.closed_at IS NULL
              AND coalesce(a.seen_at, t.opened_at) < now() - make_interval(secs => $1)
            LIMIT 100
            ",
            f64::from(seconds),
        )
        .fetch_all(&self.pool)
        .await
        .doing("look for terminals that were left")?;
        let ids = rows.into_iter().filter_map(|row| {
            let server = ServerId::parse(&row.server_id).ok()?;
            Some((CommandId(row.session), server))
        });
        Ok(ids.collect())
    }

    /// The recording of a session, begun now if it is not there.
    pub async fn begin_terminal_recording(
        &self,
        session: CommandId,
        server: &ServerId,
        now: Timestamp,
        size_now: (u16, u16),
    ) -> Result<TerminalRecording, StoreError> {
        sqlx::query!(
            "
            INSERT INTO terminal_recording (session, server_id, started_at, cols, rows) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            ",
            session.0,
            server.as_str(),
            datetime(now),
            i32::from(size_now.0),
            i32::from(size_now.1),
        )
        .execute(&self.pool)
        .await
        .doing("begin a recording")?;
        let row = sqlx::query!(
            r#"
            SELECT started_at, cols, rows, bytes, position, cut, duration_ms,
                (SELECT coalesce(max(n) + 1, 0) FROM terminal_recording_piece p WHERE p.session = r.session) AS "pieces!"
            FROM terminal_recording r WHERE session = $1
            "#,
            session.0,
        )
        .fetch_one(&self.pool)
        .await
        .doing("read a recording")?;
        Ok(TerminalRecording {
            started_at: timestamp(row.started_at),
            cols: size(Some(row.cols)),
            rows: size(Some(row.rows)),
            bytes: to_u64(row.bytes),
            position: to_u64(row.position),
            pieces: row.pieces,
            cut: row.cut,
            duration_ms: to_u64(row.duration_ms),
        })
    }

    /// Adds pieces to a recording and says how far it is, in one transaction. A recording that was erased meanwhile stays
    /// erased.
    pub async fn record_terminal(
        &self,
        session: CommandId,
        pieces: &[TerminalPiece],
        position: u64,
        cut: bool,
    ) -> Result<(), StoreError> {
        let (mut ns, mut ats, mut kinds, mut datas) = (vec![], vec![], vec![], vec![]);
        let mut bytes = 0;
        for piece in pieces {
            let (kind, data) = match &piece.what {
                TerminalShown::Output(data) => {
                    bytes += data.len();
                    ("o", data.clone())
                }
                TerminalShown::Size(cols, rows) => ("r", format!("{cols}x{rows}").into_bytes()),
            };
            ns.push(piece.n);
            ats.push(to_i64(piece.at_ms));
            kinds.push(kind.to_owned());
            datas.push(data);
        }
        let last = ats.last().copied().unwrap_or_default();
        sqlx::query!(
            "
            WITH moved AS (
                UPDATE terminal_recording SET bytes = bytes + $6, position = greatest(position, $7), cut = cut OR $8,
                    duration_ms = greatest(duration_ms, $9)
                WHERE session = $1 RETURNING session
            )
            INSERT INTO terminal_recording_piece (session, n, at_ms, kind, data)
            SELECT m.session, p.n, p.at_ms, p.kind, p.data
            FROM moved m, unnest($2::integer[], $3::bigint[], $4::text[], $5::bytea[]) AS p (n, at_ms, kind, data)
            ON CONFLICT DO NOTHING
            ",
            session.0,
            &ns,
            &ats,
            &kinds,
            &datas,
            i64::try_from(bytes).unwrap_or(i64::MAX),
            to_i64(position),
            cut,
            last,
        )
        .execute(&self.pool)
        .await
        .doing("record a terminal")?;
        Ok(())
    }

    /// Some pieces of a recording behind number `after`, in order; empty at the end.
    pub async fn terminal_pieces(
        &self,
        session: CommandId,
        after: i32,
    ) -> Result<Vec<TerminalPiece>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT n, at_ms, kind, data FROM terminal_recording_piece WHERE session = $1 AND n > $2 ORDER BY n LIMIT $3
            ",
            session.0,
            after,
            PIECES,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read a recording")?;
        let pieces = rows.into_iter().map(|row| TerminalPiece {
            n: row.n,
            at_ms: to_u64(row.at_ms),
            what: match row.kind.as_str() {
                "r" => size_of(&row.data).map_or(TerminalShown::Output(vec![]), |(cols, rows)| {
                    TerminalShown::Size(cols, rows)
                }),
                _ => TerminalShown::Output(row.data),
            },
        });
        Ok(pieces.collect())
    }
}

fn size(stored: Option<i32>) -> u16 {
    stored.and_then(|n| u16::try_from(n).ok()).unwrap_or(80)
}

fn size_of(text: &[u8]) -> Option<(u16, u16)> {
    let (cols, rows) = std::str::from_utf8(text).ok()?.split_once('x')?;
    Some((cols.parse().ok()?, rows.parse().ok()?))
}
