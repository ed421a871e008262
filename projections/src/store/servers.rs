//! Reads about servers.

use std::collections::HashMap;

use chatops_schemas::{
    ids::{ServerId, UserId},
    series::host,
};
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Visible, timestamp, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::fold,
    view::{
        AgentInfo, FleetQuery, FleetTotals, Owner, Registered, RowMetrics, Server, ServerStatus,
    },
};

/// A server with its presence and its newest sample.
struct Line {
    server_pk: i32,
    server_id: String,
    owner: Uuid,
    username: Option<String>,
    name: String,
    name_key: String,
    tags: Vec<String>,
    interval_ms: Option<i32>,
    needs_approval: bool,
    created_at: OffsetDateTime,
    ctl_seq: i64,
    status: String,
    connected_since: Option<OffsetDateTime>,
    last_connected_at: Option<OffsetDateTime>,
    last_disconnected_at: Option<OffsetDateTime>,
    agent_version: Option<String>,
    hostname: Option<String>,
    os: Option<String>,
    kernel: Option<String>,
    arch: Option<String>,
    cpu_model: Option<String>,
    cores: Option<i32>,
    memory_total: Option<i64>,
    capabilities: Option<Vec<String>>,
    grants: Option<String>,
    transport: Option<String>,
    ts: Option<OffsetDateTime>,
    seq: Option<i64>,
    cpu: Option<f32>,
    load1: Option<f32>,
    mem_total: Option<f32>,
    mem_used: Option<f32>,
    swap_total: Option<f32>,
    swap_used: Option<f32>,
    uptime_s: Option<f32>,
    processes: Option<f32>,
    rx: Option<f32>,
    tx: Option<f32>,
    disk_max: Option<f32>,
    temp_max: Option<f32>,
}

impl Line {
    /// `None` when the id does not parse, and so cannot have come from an event.
    fn server(self) -> Option<Server> {
        let latest = self.latest();
        let last_seen = [self.ts, self.last_connected_at, self.last_disconnected_at]
            .into_iter()
            .flatten()
            .max();
        let status = ServerStatus::parse(&self.status)?;
        Some(Server {
            id: ServerId::parse(self.server_id).ok()?,
            name: self.name,
            tags: self.tags,
            owner: Owner {
                id: UserId(self.owner),
                username: self.username.unwrap_or_default(),
            },
            status,
            last_seen: last_seen.map(timestamp),
            presence_at: self
                .last_connected_at
                .max(self.last_disconnected_at)
                .map(timestamp),
            connected_since: self.connected_since.map(timestamp),
            created_at: timestamp(self.created_at),
            interval_ms: self.interval_ms.and_then(|ms| u32::try_from(ms).ok()),
            needs_approval: self.needs_approval,
            agent: self.agent_version.map(|version| AgentInfo {
                version,
                hostname: self.hostname,
                os: self.os,
                kernel: self.kernel,
                arch: self.arch,
                cpu_model: self.cpu_model,
                cores: self.cores.and_then(|n| u32::try_from(n).ok()),
                memory_total: self.memory_total.map(to_u64),
                capabilities: self.capabilities.unwrap_or_default(),
                grants: self
                    .grants
                    .and_then(|grants| serde_json::from_str(&grants).ok())
                    .unwrap_or_default(),
                transport: self.transport,
            }),
            latest,
            ctl_seq: to_u64(self.ctl_seq),
        })
    }

    fn latest(&self) -> Option<RowMetrics> {
        let (ts, seq) = (self.ts?, self.seq?);
        let mut values = [None; host::COLUMNS.len()];
        (values[host::CPU], values[host::LOAD1]) = (self.cpu, self.load1);
        (values[host::MEM_TOTAL], values[host::MEM_USED]) = (self.mem_total, self.mem_used);
        (values[host::SWAP_TOTAL], values[host::SWAP_USED]) = (self.swap_total, self.swap_used);
        (values[host::UPTIME_S], values[host::PROCESSES]) = (self.uptime_s, self.processes);
        (values[host::RX], values[host::TX]) = (self.rx, self.tx);
        (values[host::DISK_MAX], values[host::TEMP_MAX]) = (self.disk_max, self.temp_max);
        Some(RowMetrics::from_values(timestamp(ts), to_u64(seq), &values))
    }

    /// Where the page after this line begins.
    fn cursor(&self) -> String {
        format!("{}.{}", self.server_pk, self.name_key)
    }
}

fn parse_cursor(cursor: &str) -> Option<(i32, &str)> {
    let (server_pk, name_key) = cursor.split_once('.')?;
    Some((server_pk.parse().ok()?, name_key))
}

/// `%` and `_` of a search are themselves.
pub(super) fn like(q: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold(q).chars().filter(|c| !c.is_control()) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl Store {
    /// The labels of every server that this reader sees.
    pub async fn tags_of_servers(
        &self,
        visible: Visible,
    ) -> Result<HashMap<ServerId, Vec<String>>, StoreError> {
        let rows = sqlx::query!(
            "
            SELECT server_id, tags FROM servers
            WHERE deleted_at IS NULL
              AND ($1::uuid IS NULL OR owner = $1 OR server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))
            ",
            visible.asker(),
            visible.least(),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list the labels of servers")?;
        let rows = rows.into_iter();
        Ok(rows
            .filter_map(|row| Some((ServerId::parse(row.server_id).ok()?, row.tags)))
            .collect())
    }

    /// Servers that match, ordered by name, each with its newest sample, and how many match in all.
    pub async fn fleet(
        &self,
        visible: Visible,
        query: &FleetQuery,
    ) -> Result<(Page<Server>, FleetTotals), StoreError> {
        let (asker, least) = (visible.asker(), visible.least());
        let q = query
            .q
            .as_deref()
            .filter(|q| !q.trim().is_empty())
            .map(like);
        let tag = query.tag.as_deref().map(|tag| tag.replace('\0', ""));
        let status = query.status.map(ServerStatus::as_str);
        let (after_pk, after_name) = query
            .after
            .as_deref()
            .and_then(parse_cursor)
            .unwrap_or((0, ""));
        let after_name = after_name.replace('\0', "");
        let lines = sqlx::query_as!(
            Line,
            r#"
            SELECT s.server_pk, s.server_id, s.owner, u.username AS "username?", s.name, s.name_key, s.tags, s.interval_ms, s.needs_approval,
                   s.created_at, s.ctl_seq, v.status AS "status!", p.connected_since AS "connected_since?",
                   p.last_connected_at AS "last_connected_at?", p.last_disconnected_at AS "last_disconnected_at?",
                   p.agent_version AS "agent_version?", p.hostname AS "hostname?", p.os AS "os?", p.kernel AS "kernel?",
                   p.arch AS "arch?", p.cpu_model AS "cpu_model?", p.cores AS "cores?", p.memory_total AS "memory_total?",
                   p.capabilities AS "capabilities?", p.grants::text AS "grants?", p.transport AS "transport?",
                   m.ts AS "ts?", m.seq AS "seq?", m.cpu AS "cpu?", m.load1 AS "load1?", m.mem_total AS "mem_total?",
                   m.mem_used AS "mem_used?", m.swap_total AS "swap_total?", m.swap_used AS "swap_used?",
                   m.uptime_s AS "uptime_s?", m.processes AS "processes?", m.rx AS "rx?", m.tx AS "tx?",
                   m.disk_max AS "disk_max?", m.temp_max AS "temp_max?"
            FROM servers s
            LEFT JOIN users u ON u.user_id = s.owner
            LEFT JOIN server_presence p ON p.server_id = s.server_id
            LEFT JOIN LATERAL (
                SELECT r.ts, r.seq, r.cpu, r.load1, r.mem_total, r.mem_used, r.swap_total, r.swap_used, r.uptime_s, r.processes,
                       r.rx, r.tx, r.disk_max, r.temp_max
                FROM metrics_raw r WHERE r.server_pk = s.server_pk ORDER BY r.ts DESC LIMIT 1
            ) m ON true
            CROSS JOIN LATERAL server_status(p.status, p.connected_since, m.ts, coalesce(s.interval_ms, p.interval_ms)) AS v (status)
            WHERE s.deleted_at IS NULL
              AND ($1::uuid IS NULL OR s.owner = $1 OR s.server_id IN (SELECT g.server_id FROM granted_to($1, $8) g))
              AND (s.name_key, s.server_pk) > ($2, $3)
              AND ($4::text IS NULL OR s.name_key LIKE $4 OR lower(s.server_id) LIKE $4 OR lower(p.hostname) LIKE $4)
              AND ($5::text IS NULL OR $5 = ANY(s.tags))
              AND ($6::text IS NULL OR v.status = $6)
            ORDER BY s.name_key, s.server_pk LIMIT $7
            "#,
            asker,
            after_name,
            after_pk,
            q,
            tag,
            status,
            i64::from(query.limit) + 1,
            least,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list servers")?;
        let page = Page::cut(lines, query.limit, Line::cursor);
        let whole = page.next.is_none() && query.after.is_none();
        let matching = if whole {
            page.items.len() as u64
        } else {
            self.count_servers(visible, q.as_deref(), tag.as_deref(), status)
                .await?
        };
        let items = page.items.into_iter().filter_map(Line::server).collect();
        Ok((
            Page {
                items,
                next: page.next,
            },
            FleetTotals { matching },
        ))
    }

    async fn count_servers(
        &self,
        visible: Visible,
        q: Option<&str>,
        tag: Option<&str>,
        status: Option<&str>,
    ) -> Result<u64, StoreError> {
        // The newest sample is looked up only when the status is asked for.
        let count = sqlx::query_scalar!(
            r#"
            SELECT count(*) AS "count!" FROM servers s
            LEFT JOIN server_presence p ON p.server_id = s.server_id
            WHERE s.deleted_at IS NULL
              AND ($1::uuid IS NULL OR s.owner = $1 OR s.server_id IN (SELECT g.server_id FROM granted_to($1, $5) g))
              AND ($2::text IS NULL OR s.name_key LIKE $2 OR lower(s.server_id) LIKE $2 OR lower(p.hostname) LIKE $2)
              AND ($3::text IS NULL OR $3 = ANY(s.tags))
              AND ($4::text IS NULL OR $4 = server_status(p.status, p.connected_since, (
                    SELECT r.ts FROM metrics_raw r WHERE r.server_pk = s.server_pk ORDER BY r.ts DESC LIMIT 1
                  ), coalesce(s.interval_ms, p.interval_ms)))
            "#,
            visible.asker(),
            q,
            tag,
            status,
            visible.least(),
        )
        .fetch_one(&self.pool)
        .await
        .doing("count servers")?;
        Ok(to_u64(count))
    }

    /// One server. `None`: it does not exist, or not for this reader.
    pub async fn server(
        &self,
        visible: Visible,
        id: &ServerId,
    ) -> Result<Option<Server>, StoreError> {
        let line = sqlx::query_as!(
            Line,
            r#"
            SELECT s.server_pk, s.server_id, s.owner, u.username AS "username?", s.name, s.name_key, s.tags, s.interval_ms, s.needs_approval,
                   s.created_at, s.ctl_seq, v.status AS "status!", p.connected_since AS "connected_since?",
                   p.last_connected_at AS "last_connected_at?", p.last_disconnected_at AS "last_disconnected_at?",
                   p.agent_version AS "agent_version?", p.hostname AS "hostname?", p.os AS "os?", p.kernel AS "kernel?",
                   p.arch AS "arch?", p.cpu_model AS "cpu_model?", p.cores AS "cores?", p.memory_total AS "memory_total?",
                   p.capabilities AS "capabilities?", p.grants::text AS "grants?", p.transport AS "transport?",
                   m.ts AS "ts?", m.seq AS "seq?", m.cpu AS "cpu?", m.load1 AS "load1?", m.mem_total AS "mem_total?",
                   m.mem_used AS "mem_used?", m.swap_total AS "swap_total?", m.swap_used AS "swap_used?",
                   m.uptime_s AS "uptime_s?", m.processes AS "processes?", m.rx AS "rx?", m.tx AS "tx?",
                   m.disk_max AS "disk_max?", m.temp_max AS "temp_max?"
            FROM servers s
            LEFT JOIN users u ON u.user_id = s.owner
            LEFT JOIN server_presence p ON p.server_id = s.server_id
            LEFT JOIN LATERAL (
                SELECT r.ts, r.seq, r.cpu, r.load1, r.mem_total, r.mem_used, r.swap_total, r.swap_used, r.uptime_s, r.processes,
                       r.rx, r.tx, r.disk_max, r.temp_max
                FROM metrics_raw r WHERE r.server_pk = s.server_pk ORDER BY r.ts DESC LIMIT 1
            ) m ON true
            CROSS JOIN LATERAL server_status(p.status, p.connected_since, m.ts, coalesce(s.interval_ms, p.interval_ms)) AS v (status)
            WHERE s.server_id = $1 AND s.deleted_at IS NULL
              AND ($2::uuid IS NULL OR s.owner = $2 OR s.server_id IN (SELECT g.server_id FROM granted_to($2, $3) g))
            "#,
            id.as_str(),
            visible.asker(),
            visible.least(),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a server")?;
        Ok(line.and_then(Line::server))
    }

    /// A server whoever asks, without what is known of it at the moment.
    pub async fn registered(&self, id: &ServerId) -> Result<Option<Registered>, StoreError> {
        let row = sqlx::query!(
            "
            SELECT server_id, name, tags, owner, interval_ms, needs_approval, ctl_seq FROM servers
            WHERE server_id = $1 AND deleted_at IS NULL
            ",
            id.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read how a server is registered")?;
        Ok(row.and_then(|row| {
            Some(Registered {
                id: ServerId::parse(row.server_id).ok()?,
                name: row.name,
                tags: row.tags,
                owner: UserId(row.owner),
                interval_ms: row.interval_ms.and_then(|ms| u32::try_from(ms).ok()),
                needs_approval: row.needs_approval,
                ctl_seq: to_u64(row.ctl_seq),
            })
        }))
    }

    /// Whether this reader may see the server: for live channels, which ask often.
    pub async fn may_see(&self, visible: Visible, id: &ServerId) -> Result<bool, StoreError> {
        Ok(self.server_pk(visible, id).await?.is_some())
    }

    pub(crate) async fn server_pk(
        &self,
        visible: Visible,
        id: &ServerId,
    ) -> Result<Option<i32>, StoreError> {
        sqlx::query_scalar!(
            "
            SELECT server_pk FROM servers
            WHERE server_id = $1 AND deleted_at IS NULL
              AND ($2::uuid IS NULL OR owner = $2 OR server_id IN (SELECT g.server_id FROM granted_to($2, $3) g))
            ",
            id.as_str(),
            visible.asker(),
            visible.least(),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("find a server")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_any_name() {
        assert_eq!(parse_cursor("7.web.1 – δ"), Some((7, "web.1 – δ")));
        assert_eq!(parse_cursor("7."), Some((7, "")));
        assert_eq!(parse_cursor("x.web"), None);
        assert_eq!(parse_cursor("7"), None);
    }

    #[test]
    fn wildcards_of_a_search_are_themselves() {
        assert_eq!(like(" 100%_A\\ "), "%100\\%\\_a\\\\%");
    }
}
