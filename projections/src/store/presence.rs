//! Connections: writes of the projector `presence-v1`, and what people and the gate ask about them.

use chatops_schemas::{
    clock::Timestamp,
    event::fact::{AgentConnected, AgentDisconnected, AgentHello, AgentRefused, Transport},
    ids::{KeyId, ServerId},
};
use sqlx::PgConnection;

use super::{Store, Visible, datetime, inventory::Stored, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, json, optional},
    view::{ConnectionEvent, OpenSession},
};

const DETAIL: usize = 300;
/// Facts of one server that `OPS_FACT` keeps (`max_per_subject` in nats/topology.toml).
const REMEMBERED: i64 = 64;

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Nats => "nats",
        Transport::Websocket => "websocket",
        Transport::Unknown => "unknown",
    }
}

pub(crate) async fn hello(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    hello: &AgentHello,
) -> Result<(), StoreError> {
    let bigint = |n: Option<u64>| n.map(to_i64);
    let integer = |n: Option<u32>| n.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
    sqlx::query!(
        "
        INSERT INTO server_presence (server_id, hello_at, agent_version, hostname, os, kernel, arch, cpu_model, cores,
            memory_total, capabilities, interval_ms, spooled, dropped, grants)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (server_id) DO UPDATE SET hello_at = excluded.hello_at, agent_version = excluded.agent_version,
            hostname = excluded.hostname, os = excluded.os, kernel = excluded.kernel, arch = excluded.arch,
            cpu_model = excluded.cpu_model, cores = excluded.cores, memory_total = excluded.memory_total,
            capabilities = excluded.capabilities, interval_ms = excluded.interval_ms, spooled = excluded.spooled,
            dropped = excluded.dropped, grants = excluded.grants
        ",
        server.as_str(),
        datetime(stored.at),
        hello.version,
        hello.hostname,
        hello.os,
        hello.kernel,
        hello.arch,
        hello.cpu_model,
        integer(hello.cores),
        bigint(hello.memory_total),
        &hello.capabilities,
        integer(hello.interval_ms),
        bigint(hello.spooled),
        bigint(hello.dropped),
        json(&hello.grants),
    )
    .execute(tx)
    .await
    .doing("write an agent's hello")?;
    Ok(())
}

/// The first connection ever is `connected`, as is one beside another that is open; the others are `reconnected` after
/// so many seconds of absence.
pub(crate) async fn connected(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    event: &AgentConnected,
) -> Result<(), StoreError> {
    let (address, session) = (
        optional(event.address.as_deref(), DETAIL),
        clean(&event.session, DETAIL),
    );
    let at = datetime(stored.at);
    sqlx::query!(
        "
        INSERT INTO connection_events (event_seq, server_id, at, kind, transport, address, key_id, session, duration_s)
        SELECT $1, $2, $3, CASE WHEN p.away IS NULL THEN 'connected' ELSE 'reconnected' END, $4, $5, $6, $7,
               extract(epoch FROM p.away)::double precision
        FROM (VALUES (1)) one
        LEFT JOIN (SELECT $3 - last_disconnected_at AS away FROM server_presence
                   WHERE server_id = $2 AND status = 'offline') p ON true
        ON CONFLICT DO NOTHING
        ",
        to_i64(stored.seq),
        server.as_str(),
        at,
        transport(event.transport),
        address,
        event.key.as_str(),
        &*session,
    )
    .execute(&mut *tx)
    .await
    .doing("write a connection event")?;
    sqlx::query!(
        "
        INSERT INTO agent_session (server_id, session, key_id, transport, address, since) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (server_id, session) DO UPDATE SET key_id = excluded.key_id, since = excluded.since
        ",
        server.as_str(),
        &*session,
        event.key.as_str(),
        transport(event.transport),
        address,
        at,
    )
    .execute(&mut *tx)
    .await
    .doing("open a session")?;
    sqlx::query!(
        "
        INSERT INTO server_presence AS p (server_id, status, transport, connected_since, last_connected_at)
        VALUES ($1, 'online', $2, $3, $3)
        ON CONFLICT (server_id) DO UPDATE SET status = 'online', transport = excluded.transport,
            connected_since = coalesce(p.connected_since, excluded.connected_since),
            last_connected_at = excluded.last_connected_at
        ",
        server.as_str(),
        transport(event.transport),
        at,
    )
    .execute(&mut *tx)
    .await
    .doing("mark a server online")?;
    sqlx::query!(
        "
        INSERT INTO key_use (key_id, last_used_at) VALUES ($1, $2)
        ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
        ",
        event.key.as_str(),
        at,
    )
    .execute(tx)
    .await
    .doing("note the use of a key")?;
    Ok(())
}

/// The server is offline when no session is left here. What the sender counted as remaining is not believed: somebody
/// who has just started, or who has not heard of a newer connection yet, counts too few.
///
/// With one exception: the stream keeps [`REMEMBERED`] facts of a server, so a session whose connect lies further back is
/// unknown to watchers that have started since. They write it down anew if it is there; if nobody counts it, it is gone.
pub(crate) async fn disconnected(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    event: &AgentDisconnected,
) -> Result<(), StoreError> {
    let session = clean(&event.session, DETAIL);
    let at = datetime(stored.at);
    sqlx::query!(
        "
        INSERT INTO connection_events (event_seq, server_id, at, kind, transport, address, detail, key_id, session, duration_s)
        SELECT $1, $2, $3, 'disconnected', $4, $5, $6, s.key_id, $7, extract(epoch FROM $3 - s.since)::double precision
        FROM (VALUES (1)) one LEFT JOIN agent_session s ON s.server_id = $2 AND s.session = $7
        ON CONFLICT DO NOTHING
        ",
        to_i64(stored.seq),
        server.as_str(),
        at,
        transport(event.transport),
        optional(event.address.as_deref(), DETAIL),
        optional(event.reason.as_deref(), DETAIL),
        &*session,
    )
    .execute(&mut *tx)
    .await
    .doing("write a disconnection event")?;
    sqlx::query!(
        "
        WITH ended AS (DELETE FROM agent_session WHERE server_id = $1 AND session = $2 RETURNING key_id)
        INSERT INTO key_use AS u (key_id, last_used_at) SELECT key_id, $3 FROM ended
        ON CONFLICT (key_id) DO UPDATE SET last_used_at = greatest(u.last_used_at, excluded.last_used_at)
        ",
        server.as_str(),
        &*session,
        at,
    )
    .execute(&mut *tx)
    .await
    .doing("close a session")?;
    if event.remaining == 0 {
        sqlx::query!(
            "
            DELETE FROM agent_session WHERE server_id = $1 AND since < (
                SELECT at FROM connection_events WHERE server_id = $1 ORDER BY event_seq DESC OFFSET $2 LIMIT 1)
            ",
            server.as_str(),
            REMEMBERED,
        )
        .execute(&mut *tx)
        .await
        .doing("close sessions that nobody knows any more")?;
    }
    sqlx::query!(
        "
        INSERT INTO server_presence (server_id, status, last_disconnected_at)
        SELECT $1, 'offline', $2 WHERE NOT EXISTS (SELECT 1 FROM agent_session WHERE server_id = $1)
        ON CONFLICT (server_id) DO UPDATE SET status = 'offline', connected_since = NULL,
            last_disconnected_at = excluded.last_disconnected_at
        ",
        server.as_str(),
        at,
    )
    .execute(tx)
    .await
    .doing("mark a server offline")?;
    Ok(())
}

pub(crate) async fn refused(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    event: &AgentRefused,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO connection_events (event_seq, server_id, at, kind, transport, address, detail, key_id)
        VALUES ($1, $2, $3, 'authentication_failed', $4, $5, $6, $7) ON CONFLICT DO NOTHING
        ",
        to_i64(stored.seq),
        server.as_str(),
        datetime(stored.at),
        transport(event.transport),
        optional(event.address.as_deref(), DETAIL),
        &*clean(&event.reason, DETAIL),
        event.key.as_str(),
    )
    .execute(tx)
    .await
    .doing("write a refused connection")?;
    Ok(())
}

impl Store {
    /// Connections of a server, newest first. `after` is the id of the last one already shown. `None`: no such server
    /// for this reader.
    pub async fn connection_events(
        &self,
        visible: Visible,
        server: &ServerId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Option<Page<ConnectionEvent>>, StoreError> {
        if self.server_pk(visible, server).await?.is_none() {
            return Ok(None);
        }
        let rows = sqlx::query!(
            "
            SELECT event_seq, at, kind, transport, address, detail, duration_s FROM connection_events
            WHERE server_id = $1 AND ($2::bigint IS NULL OR event_seq < $2) ORDER BY event_seq DESC LIMIT $3
            ",
            server.as_str(),
            after.map(to_i64),
            i64::from(limit) + 1,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read connection events")?;
        let events = rows
            .into_iter()
            .map(|row| ConnectionEvent {
                id: to_u64(row.event_seq),
                at: timestamp(row.at),
                kind: row.kind,
                transport: row.transport,
                address: row.address,
                detail: row.detail,
                duration_s: row.duration_s,
            })
            .collect();
        Ok(Some(Page::cut(events, limit, |event| event.id.to_string())))
    }

    /// Connections of a server in a span of time, newest first. Whoever asks has decided that they may be seen.
    pub async fn connection_events_between(
        &self,
        server: &ServerId,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionEvent>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT event_seq, at, kind, transport, address, detail, duration_s FROM connection_events
            WHERE server_id = $1 AND at >= $2 AND at < $3 ORDER BY event_seq DESC LIMIT $4
            ",
            server.as_str(),
            datetime(from),
            datetime(to),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .doing("read connection events of a span")?;
        Ok(rows
            .into_iter()
            .map(|row| ConnectionEvent {
                id: to_u64(row.event_seq),
                at: timestamp(row.at),
                kind: row.kind,
                transport: row.transport,
                address: row.address,
                detail: row.detail,
                duration_s: row.duration_s,
            })
            .collect())
    }

    /// Open connections of a server, or of one of its keys: whom to disconnect when access ends.
    pub async fn open_sessions(
        &self,
        server: &ServerId,
        key: Option<&KeyId>,
    ) -> Result<Vec<OpenSession>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT session, key_id, transport, address, since FROM agent_session
            WHERE server_id = $1 AND ($2::text IS NULL OR key_id = $2) ORDER BY since
            ",
            server.as_str(),
            key.map(KeyId::as_str),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list open sessions")?;
        Ok(rows
            .into_iter()
            .map(|row| OpenSession {
                session: row.session,
                key: row.key_id,
                transport: row.transport,
                address: row.address,
                since: timestamp(row.since),
            })
            .collect())
    }
}
