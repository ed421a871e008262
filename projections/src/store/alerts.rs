//! `alerts`, `alert_log`: writes of the projector `alerts-v1`, and reads.

use std::collections::HashMap;

use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    event::alert::{AlertAcknowledged, AlertRaised, AlertResolved, Cause, Head},
    ids::{AlertId, RuleId, ServerId},
    rule::Severity,
};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Store, Visible, datetime, inventory::Stored, servers::like, timestamp, to_i64, to_u64,
};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, json},
    view::{Alert, AlertCounts, AlertEnd, AlertEntry, AlertQuery, AlertSeen, AlertStep},
};

const NAME: usize = 128;
const WORDING: usize = 4096;
const DEVICE: usize = 512;
const NOTE: usize = 2000;
const ACTOR: usize = 128;

/// Lines of a note stay lines; NUL goes.
fn note(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| *c != '\0').take(NOTE).collect();
    (!text.is_empty()).then_some(text)
}

fn actor(actor: Option<&str>) -> Option<String> {
    actor.map(|actor| clean(actor, ACTOR).into_owned())
}

/// The row of an alert, from any event of it.
pub(crate) async fn known(
    tx: &mut PgConnection,
    stored: Stored,
    server: &ServerId,
    head: &Head,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        INSERT INTO alerts (alert_id, server_id, rule_id, rule_version, name, wording, device, severity, state, since,
            raised_at, raised_seq, seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11, $11)
        ON CONFLICT (alert_id) DO UPDATE SET seq = excluded.seq
        ",
        head.alert.0,
        server.as_str(),
        head.rule.0,
        i32::try_from(head.rule_version).unwrap_or(i32::MAX),
        &*clean(&head.name, NAME),
        &*clean(&head.wording, WORDING),
        &*clean(&head.device, DEVICE),
        head.severity.as_str(),
        datetime(head.since),
        datetime(head.raised),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an alert")?;
    Ok(())
}

pub(crate) async fn raised(
    tx: &mut PgConnection,
    _stored: Stored,
    event: &AlertRaised,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alerts SET raised = $2 WHERE alert_id = $1",
        event.head.alert.0,
        without_head(event),
    )
    .execute(tx)
    .await
    .doing("write why an alert was raised")?;
    Ok(())
}

pub(crate) async fn acknowledged(
    tx: &mut PgConnection,
    stored: Stored,
    by: Option<&str>,
    event: &AlertAcknowledged,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alerts SET acknowledged_by = $2, acknowledged_at = $3, ack_note = $4 WHERE alert_id = $1",
        event.head.alert.0,
        actor(by).unwrap_or_default(),
        datetime(stored.at),
        note(&event.note),
    )
    .execute(tx)
    .await
    .doing("write who takes care of an alert")?;
    Ok(())
}

pub(crate) async fn unacknowledged(
    tx: &mut PgConnection,
    _stored: Stored,
    alert: AlertId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alerts SET acknowledged_by = NULL, acknowledged_at = NULL, ack_note = NULL WHERE alert_id = $1",
        alert.0,
    )
    .execute(tx)
    .await
    .doing("write that nobody takes care of an alert")?;
    Ok(())
}

/// `at` of an alert that is over stays what the first end said.
pub(crate) async fn resolved(
    tx: &mut PgConnection,
    _stored: Stored,
    by: Option<&str>,
    event: &AlertResolved,
) -> Result<(), StoreError> {
    let by = actor(by).filter(|_| event.cause == Cause::ByHand);
    sqlx::query!(
        "
        UPDATE alerts SET state = 'resolved', resolved_at = $2, resolved_cause = $3, resolved_by = $4, resolve_note = $5
        WHERE alert_id = $1 AND state = 'open'
        ",
        event.head.alert.0,
        datetime(event.at),
        event.cause.as_str(),
        by,
        note(&event.note),
    )
    .execute(tx)
    .await
    .doing("write the end of an alert")?;
    Ok(())
}

/// One whose end could not be read is over all the same.
pub(crate) async fn cleared(
    tx: &mut PgConnection,
    stored: Stored,
    alert: AlertId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE alerts SET state = 'resolved', resolved_at = $2, resolved_cause = $3 WHERE alert_id = $1 AND state = 'open'
        ",
        alert.0,
        datetime(stored.at),
        Cause::Unknown.as_str(),
    )
    .execute(tx)
    .await
    .doing("write that an alert is over")?;
    Ok(())
}

fn without_head(event: &impl Serialize) -> Value {
    let mut value = json(event);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("head");
    }
    value
}

/// One line in the log of the alert.
pub(crate) async fn logged(
    tx: &mut PgConnection,
    stored: Stored,
    by: Option<&str>,
    event: &Payload,
) -> Result<(), StoreError> {
    let (alert, kind, data) = match event {
        // What was seen is in the row of the alert; the log is read with it.
        Payload::AlertRaised(data) => {
            let seen = serde_json::json!({ "values": json(&data.values) });
            (data.head.alert, "raised", seen)
        }
        Payload::AlertAcknowledged(data) => (data.head.alert, "acknowledged", without_head(data)),
        Payload::AlertUnacknowledged(data) => {
            (data.head.alert, "unacknowledged", without_head(data))
        }
        Payload::AlertResolved(data) => (data.head.alert, "resolved", without_head(data)),
        Payload::AlertCleared(data) => (data.head.alert, "cleared", without_head(data)),
        Payload::ToldAlert(data) => (data.alert, "told", json(data)),
        _ => return Ok(()),
    };
    sqlx::query!(
        "
        INSERT INTO alert_log (alert_id, seq, at, kind, actor, data) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
        ",
        alert.0,
        to_i64(stored.seq),
        datetime(stored.at),
        kind,
        actor(by),
        data,
    )
    .execute(tx)
    .await
    .doing("write the log of an alert")?;
    Ok(())
}

struct Row {
    alert_id: Uuid,
    server_id: String,
    server_name: Option<String>,
    rule_id: Uuid,
    rule_version: i32,
    name: String,
    wording: String,
    device: String,
    severity: String,
    since: OffsetDateTime,
    raised_at: OffsetDateTime,
    raised_seq: i64,
    acknowledged_by: Option<String>,
    acknowledged_by_name: Option<String>,
    acknowledged_at: Option<OffsetDateTime>,
    ack_note: Option<String>,
    resolved_at: Option<OffsetDateTime>,
    resolved_cause: Option<String>,
    resolved_by: Option<String>,
    resolved_by_name: Option<String>,
    resolve_note: Option<String>,
    values: Option<Value>,
    seq: i64,
}

impl Row {
    /// `None` when it cannot have come from an event.
    fn alert(self) -> Option<Alert> {
        let end = self.resolved_at.map(|at| AlertEnd {
            at: timestamp(at),
            cause: cause(self.resolved_cause.as_deref()),
            by: self.resolved_by,
            by_name: self.resolved_by_name,
            note: self.resolve_note.unwrap_or_default(),
        });
        Some(Alert {
            id: AlertId(self.alert_id),
            server: ServerId::parse(self.server_id).ok()?,
            server_name: self.server_name.unwrap_or_default(),
            rule: RuleId(self.rule_id),
            rule_version: u32::try_from(self.rule_version).unwrap_or_default(),
            name: self.name,
            wording: self.wording,
            device: self.device,
            severity: severity(&self.severity)?,
            since: timestamp(self.since),
            raised_at: timestamp(self.raised_at),
            raised_seq: to_u64(self.raised_seq),
            acknowledged: self
                .acknowledged_by
                .zip(self.acknowledged_at.map(timestamp)),
            acknowledged_by_name: self.acknowledged_by_name,
            ack_note: self.ack_note.unwrap_or_default(),
            end,
            // Of an alert whose first event could not be read nothing is known.
            values: self
                .values
                .and_then(|values| serde_json::from_value(values).ok())
                .unwrap_or_default(),
            seq: to_u64(self.seq),
        })
    }
}

pub(super) fn severity(text: &str) -> Option<Severity> {
    serde_json::from_value(Value::from(text)).ok()
}

/// A cause of a later build is one that this build does not know.
fn cause(text: Option<&str>) -> Cause {
    serde_json::from_value(Value::from(text.unwrap_or_default())).unwrap_or(Cause::Unknown)
}

impl Store {
    /// A page of alerts, newest first, of servers that this reader may see.
    pub async fn alerts(
        &self,
        visible: Visible,
        query: &AlertQuery,
    ) -> Result<Page<Alert>, StoreError> {
        let rows = self.alert_rows(visible, query, None).await?;
        let page = Page::cut(rows, query.limit, |row| row.raised_seq.to_string());
        Ok(Page {
            items: page.items.into_iter().filter_map(Row::alert).collect(),
            next: page.next,
        })
    }

    async fn alert_rows(
        &self,
        visible: Visible,
        query: &AlertQuery,
        ids: Option<&[Uuid]>,
    ) -> Result<Vec<Row>, StoreError> {
        let before = query
            .after
            .as_deref()
            .and_then(|cursor| cursor.parse::<u64>().ok());
        let severities: Vec<String> = query
            .severity
            .iter()
            .map(|severity| severity.as_str().to_owned())
            .collect();
        let text = query
            .text
            .as_deref()
            .filter(|text| !text.trim().is_empty())
            .map(like);
        sqlx::query_as!(
            Row,
            r#"
            SELECT a.alert_id, a.server_id, s.name AS "server_name?", a.rule_id, a.rule_version, a.name, a.wording, a.device,
                a.severity, a.since, a.raised_at, a.raised_seq, a.acknowledged_by, k.username AS "acknowledged_by_name?",
                a.acknowledged_at, a.ack_note, a.resolved_at, a.resolved_cause, a.resolved_by,
                r.username AS "resolved_by_name?", a.resolve_note, a.raised -> 'values' AS values, a.seq
            FROM alerts a
            LEFT JOIN servers s ON s.server_id = a.server_id
            LEFT JOIN users k ON a.acknowledged_by LIKE 'user:%' AND k.user_id::text = substr(a.acknowledged_by, 6)
            LEFT JOIN users r ON a.resolved_by LIKE 'user:%' AND r.user_id::text = substr(a.resolved_by, 6)
            WHERE ($1::uuid IS NULL OR s.owner = $1 OR a.server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))
              AND ($3::boolean IS NULL OR (a.state = 'open') = $3)
              AND (cardinality($4::text[]) = 0 OR a.severity = ANY($4))
              AND ($5::text IS NULL OR a.server_id = $5)
              AND ($6::uuid IS NULL OR a.rule_id = $6)
              AND ($7::text IS NULL OR s.tags @> ARRAY[$7])
              AND ($8::text IS NULL OR lower(a.name) LIKE $8 OR lower(a.wording) LIKE $8 OR lower(a.device) LIKE $8
                   OR s.name_key LIKE $8)
              AND ($9::boolean IS NULL OR (a.acknowledged_at IS NOT NULL) = $9)
              AND ($10::timestamptz IS NULL OR a.raised_at >= $10)
              AND ($11::timestamptz IS NULL OR a.raised_at < $11)
              AND ($12::bigint IS NULL OR a.raised_seq < $12)
              AND ($14::uuid[] IS NULL OR a.alert_id = ANY($14))
            ORDER BY a.raised_seq DESC LIMIT $13
            "#,
            visible.asker(),
            visible.least(),
            query.open,
            &severities,
            query.server.as_ref().map(ServerId::as_str),
            query.rule.map(|rule| rule.0),
            query.tag.as_deref().map(|tag| tag.replace('\0', "")),
            text,
            query.acknowledged,
            query.from.map(datetime),
            query.to.map(datetime),
            before.map(to_i64),
            i64::from(query.limit) + 1,
            ids,
        )
        .fetch_all(&self.pool)
        .await
        .doing("list alerts")
    }

    /// Alerts by their ids, of servers that this reader may see, in no order.
    pub async fn alerts_by_id(
        &self,
        visible: Visible,
        ids: &[AlertId],
    ) -> Result<Vec<Alert>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let query = AlertQuery {
            limit: u32::try_from(ids.len()).unwrap_or(u32::MAX),
            ..AlertQuery::default()
        };
        let rows = self.alert_rows(visible, &query, Some(&ids)).await?;
        Ok(rows.into_iter().filter_map(Row::alert).collect())
    }

    /// One alert. `None`: it does not exist, or not for this reader.
    pub async fn alert(&self, visible: Visible, id: AlertId) -> Result<Option<Alert>, StoreError> {
        Ok(self.alerts_by_id(visible, &[id]).await?.pop())
    }

    /// What was seen when an alert was raised.
    pub async fn alert_seen(&self, id: AlertId) -> Result<AlertSeen, StoreError> {
        let seen = sqlx::query_scalar!("SELECT raised FROM alerts WHERE alert_id = $1", id.0)
            .fetch_optional(&self.pool)
            .await
            .doing("read why an alert was raised")?;
        Ok(AlertSeen(seen.unwrap_or_default()))
    }

    /// The life of an alert and who was told of it, oldest first; of very long ones the newest part.
    pub async fn alert_log(&self, id: AlertId) -> Result<Vec<AlertEntry>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT l.seq, l.at, l.kind, l.actor, u.username AS "actor_name?", l.data FROM alert_log l
            LEFT JOIN users u ON l.actor LIKE 'user:%' AND u.user_id::text = substr(l.actor, 6)
            WHERE l.alert_id = $1 ORDER BY l.seq DESC LIMIT 1000
            "#,
            id.0
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the log of an alert")?;
        let entries = rows.into_iter().rev().map(|row| AlertEntry {
            seq: to_u64(row.seq),
            at: timestamp(row.at),
            kind: row.kind,
            actor: row.actor,
            actor_name: row.actor_name,
            data: row.data,
        });
        Ok(entries.collect())
    }

    /// What became of the alerts of one server in a span, by stream time, newest first: the newest so many. Whom it was told
    /// is left out.
    pub async fn alert_steps_between(
        &self,
        server: &ServerId,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<AlertStep>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT a.alert_id, a.name, a.wording, a.device, a.severity, l.seq, l.at, l.kind, l.actor,
                u.username AS "actor_name?", l.data
            FROM alerts a
            JOIN alert_log l ON l.alert_id = a.alert_id
            LEFT JOIN users u ON l.actor LIKE 'user:%' AND u.user_id::text = substr(l.actor, 6)
            WHERE a.server_id = $1 AND l.kind <> 'told' AND l.at >= $2 AND l.at < $3
            ORDER BY l.seq DESC LIMIT $4
            "#,
            server.as_str(),
            datetime(from),
            datetime(to),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .doing("read what became of the alerts of a server")?;
        let steps = rows.into_iter().filter_map(|row| {
            Some(AlertStep {
                alert: AlertId(row.alert_id),
                name: row.name,
                wording: row.wording,
                device: row.device,
                severity: severity(&row.severity)?,
                entry: AlertEntry {
                    seq: to_u64(row.seq),
                    at: timestamp(row.at),
                    kind: row.kind,
                    actor: row.actor,
                    actor_name: row.actor_name,
                    data: row.data,
                },
            })
        });
        Ok(steps.collect())
    }

    /// How many alerts are open on the servers that this reader may see.
    pub async fn alert_counts(&self, visible: Visible) -> Result<AlertCounts, StoreError> {
        let row = sqlx::query!(
            r#"
            SELECT count(*) FILTER (WHERE a.acknowledged_at IS NULL) AS "unacknowledged!",
                count(*) FILTER (WHERE a.severity = 'critical') AS "critical!",
                count(*) FILTER (WHERE a.severity = 'warning') AS "warning!",
                count(*) FILTER (WHERE a.severity = 'info') AS "info!"
            FROM alerts a LEFT JOIN servers s ON s.server_id = a.server_id
            WHERE a.state = 'open'
              AND ($1::uuid IS NULL OR s.owner = $1 OR a.server_id IN (SELECT g.server_id FROM granted_to($1, $2) g))
            "#,
            visible.asker(),
            visible.least(),
        )
        .fetch_one(&self.pool)
        .await
        .doing("count open alerts")?;
        Ok(AlertCounts {
            unacknowledged: to_u64(row.unacknowledged),
            critical: to_u64(row.critical),
            warning: to_u64(row.warning),
            info: to_u64(row.info),
        })
    }

    /// How many alerts are open on each of these servers; one without any is not in the answer.
    pub async fn alert_counts_of(
        &self,
        servers: &[ServerId],
    ) -> Result<HashMap<ServerId, AlertCounts>, StoreError> {
        let ids: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"
            SELECT server_id, count(*) FILTER (WHERE acknowledged_at IS NULL) AS "unacknowledged!",
                count(*) FILTER (WHERE severity = 'critical') AS "critical!",
                count(*) FILTER (WHERE severity = 'warning') AS "warning!",
                count(*) FILTER (WHERE severity = 'info') AS "info!"
            FROM alerts WHERE state = 'open' AND server_id = ANY($1) GROUP BY server_id
            "#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await
        .doing("count the open alerts of servers")?;
        let counts = rows.into_iter().filter_map(|row| {
            let counts = AlertCounts {
                unacknowledged: to_u64(row.unacknowledged),
                critical: to_u64(row.critical),
                warning: to_u64(row.warning),
                info: to_u64(row.info),
            };
            Some((ServerId::parse(row.server_id).ok()?, counts))
        });
        Ok(counts.collect())
    }
}
