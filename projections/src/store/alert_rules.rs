//! `alert_rules`, `alert_rule_versions`: writes of the projector `inventory-v1`, and reads.

use chatops_schemas::{
    event::rule::RuleSaved,
    ids::{RuleId, UserId},
    rule::Rule,
};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, datetime, inventory::Stored, jobs::person, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    text::{clean, fold, json},
    view::{AlertRule, AlertRuleVersion, RuleInForce},
};

const NAME: usize = 128;

/// A rule that was removed and is saved again is back.
pub(crate) async fn saved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &RuleSaved,
) -> Result<(), StoreError> {
    let rule = &event.definition;
    let (name, saved) = (clean(&rule.name, NAME), json(rule));
    let version = i32::try_from(event.version).unwrap_or(i32::MAX);
    sqlx::query!(
        "
        INSERT INTO alert_rules (rule_id, version, name, name_key, enabled, severity, saved, saved_by, saved_at, ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (rule_id) DO UPDATE SET version = excluded.version, name = excluded.name, name_key = excluded.name_key,
            enabled = excluded.enabled, severity = excluded.severity, saved = excluded.saved, saved_by = excluded.saved_by,
            saved_at = excluded.saved_at, deleted_at = NULL, ctl_seq = excluded.ctl_seq
        ",
        event.rule.0,
        version,
        &*name,
        fold(&name),
        rule.enabled,
        rule.severity.as_str(),
        saved,
        person(actor),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(&mut *tx)
    .await
    .doing("write an alert rule")?;
    sqlx::query!(
        "
        INSERT INTO alert_rule_versions (rule_id, version, saved, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        ",
        event.rule.0,
        version,
        saved,
        person(actor),
        datetime(stored.at),
    )
    .execute(tx)
    .await
    .doing("write a version of an alert rule")?;
    Ok(())
}

pub(crate) async fn deleted(
    tx: &mut PgConnection,
    stored: Stored,
    rule: RuleId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE alert_rules SET deleted_at = $2, ctl_seq = $3 WHERE rule_id = $1 AND deleted_at IS NULL",
        rule.0,
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a removed alert rule")?;
    Ok(())
}

struct Row {
    rule_id: Uuid,
    version: i32,
    saved: Json<Rule>,
    saved_by: Option<Uuid>,
    username: Option<String>,
    saved_at: OffsetDateTime,
    deleted_at: Option<OffsetDateTime>,
    ctl_seq: i64,
}

impl From<Row> for AlertRule {
    fn from(row: Row) -> Self {
        Self {
            id: RuleId(row.rule_id),
            version: number(row.version),
            definition: row.saved.0,
            saved_by: row.saved_by.map(UserId),
            saved_by_name: row.username,
            saved_at: timestamp(row.saved_at),
            deleted_at: row.deleted_at.map(timestamp),
            ctl_seq: to_u64(row.ctl_seq),
        }
    }
}

fn number(version: i32) -> u32 {
    u32::try_from(version).unwrap_or_default()
}

impl Store {
    /// Alert rules by name: all, or those of one person.
    pub async fn alert_rules(&self, of: Option<UserId>) -> Result<Vec<AlertRule>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            r#"
            SELECT r.rule_id, r.version, r.saved AS "saved: Json<Rule>", r.saved_by, u.username AS "username?", r.saved_at,
                   r.deleted_at, r.ctl_seq
            FROM alert_rules r LEFT JOIN users u ON u.user_id = r.saved_by
            WHERE r.deleted_at IS NULL AND ($1::uuid IS NULL OR r.saved_by = $1)
            ORDER BY r.name_key, r.rule_id LIMIT 10000
            "#,
            of.map(|user| user.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list alert rules")?;
        Ok(rows.into_iter().map(AlertRule::from).collect())
    }

    /// One alert rule, also one that was removed.
    pub async fn alert_rule(&self, id: RuleId) -> Result<Option<AlertRule>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"
            SELECT r.rule_id, r.version, r.saved AS "saved: Json<Rule>", r.saved_by, u.username AS "username?", r.saved_at,
                   r.deleted_at, r.ctl_seq
            FROM alert_rules r LEFT JOIN users u ON u.user_id = r.saved_by
            WHERE r.rule_id = $1
            "#,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read an alert rule")?;
        Ok(row.map(AlertRule::from))
    }

    /// Versions of an alert rule, newest first, also of one that was removed: all up to `limit`, or the one with this number.
    pub async fn alert_rule_versions(
        &self,
        id: RuleId,
        version: Option<u32>,
        limit: u32,
    ) -> Result<Vec<AlertRuleVersion>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT v.version, v.saved AS "saved: Json<Rule>", v.saved_by, u.username AS "username?", v.saved_at
            FROM alert_rule_versions v LEFT JOIN users u ON u.user_id = v.saved_by
            WHERE v.rule_id = $1 AND ($2::integer IS NULL OR v.version = $2) ORDER BY v.version DESC LIMIT $3
            "#,
            id.0,
            version.map(|version| i32::try_from(version).unwrap_or(i32::MAX)),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list the versions of an alert rule")?;
        Ok(rows
            .into_iter()
            .map(|row| AlertRuleVersion {
                version: number(row.version),
                definition: row.saved.0,
                saved_by: row.saved_by.map(UserId),
                saved_by_name: row.username,
                saved_at: timestamp(row.saved_at),
            })
            .collect())
    }

    /// Every rule that is on, for whoever evaluates them.
    pub async fn rules_in_force(&self) -> Result<Vec<RuleInForce>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT rule_id, version, saved AS "saved: Json<Rule>", saved_by FROM alert_rules
            WHERE deleted_at IS NULL AND enabled ORDER BY rule_id
            "#
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the rules in force")?;
        Ok(rows
            .into_iter()
            .map(|row| RuleInForce {
                rule: RuleId(row.rule_id),
                version: number(row.version),
                definition: row.saved.0,
                author: row.saved_by.map(UserId),
            })
            .collect())
    }
}
