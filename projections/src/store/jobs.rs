//! Jobs: writes of the projector `inventory-v1`, reads, and the sealed values of the vault.

use chatops_schemas::{
    event::{
        command::Outcome,
        job::{JobEnded, JobOutcome, JobStarted},
    },
    ids::{JobId, ServerId, UserId},
};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, Visible, datetime, inventory::Stored, timestamp, to_i64, to_u64};
use crate::{
    error::{Doing, StoreError},
    page::Page,
    text::{clean, optional},
    view::{Job, JobHost, JobQuery, JobState},
};

const NAME: usize = 128;
const ACTOR: usize = 128;
const MESSAGE: usize = 512;

/// The person of an actor `user:<id>`.
pub(crate) fn person(actor: Option<&str>) -> Option<Uuid> {
    actor?.strip_prefix("user:")?.parse().ok()
}

pub(crate) async fn started(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &JobStarted,
) -> Result<(), StoreError> {
    let state = match event.needs_approval {
        true => JobState::Waiting,
        false => JobState::Running,
    };
    let servers: Vec<String> = event.servers.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "
        INSERT INTO jobs (job_id, name, state, started, servers, started_by, started_at, schedule_id, script_id, started_seq,
                          ctl_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (job_id) DO NOTHING
        ",
        event.job.0,
        optional(event.name.as_deref(), NAME),
        state.as_str(),
        Json(event) as _,
        &servers,
        person(actor),
        datetime(stored.at),
        event.schedule.map(|schedule| schedule.0),
        event.plan.script.map(|script| script.script.0),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write a started job")?;
    Ok(())
}

pub(crate) async fn approved(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    job: JobId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "
        UPDATE jobs SET state = 'running', approved_by = $2, approved_at = $3, ctl_seq = $4
        WHERE job_id = $1 AND state = 'waiting'
        ",
        job.0,
        actor.map(|actor| clean(actor, ACTOR).into_owned()),
        datetime(stored.at),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write an approved job")?;
    Ok(())
}

pub(crate) async fn moved(
    tx: &mut PgConnection,
    stored: Stored,
    job: JobId,
    state: JobState,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE jobs SET state = $2, ctl_seq = $3 WHERE job_id = $1 AND state <> 'ended'",
        job.0,
        state.as_str(),
        to_i64(stored.seq),
    )
    .execute(tx)
    .await
    .doing("write how far a job is")?;
    Ok(())
}

pub(crate) async fn ended(
    tx: &mut PgConnection,
    stored: Stored,
    actor: Option<&str>,
    event: &JobEnded,
) -> Result<(), StoreError> {
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    sqlx::query!(
        "
        UPDATE jobs SET state = 'ended', outcome = $2, succeeded = $3, failed = $4, skipped = $5, ended_by = $6,
                        ended_at = $7, ctl_seq = $8, message = $9
        WHERE job_id = $1 AND state <> 'ended'
        ",
        event.job.0,
        event.outcome.as_str(),
        count(event.succeeded),
        count(event.failed),
        count(event.skipped),
        actor.map(|actor| clean(actor, ACTOR).into_owned()),
        datetime(stored.at),
        to_i64(stored.seq),
        optional(event.message.as_deref(), MESSAGE),
    )
    .execute(tx)
    .await
    .doing("write an ended job")?;
    Ok(())
}

struct Row {
    started: Json<JobStarted>,
    state: String,
    started_by: Option<Uuid>,
    username: Option<String>,
    started_at: OffsetDateTime,
    approved_by: Option<String>,
    approved_at: Option<OffsetDateTime>,
    ended_by: Option<String>,
    ended_at: Option<OffsetDateTime>,
    outcome: Option<String>,
    succeeded: Option<i32>,
    failed: Option<i32>,
    skipped: Option<i32>,
    message: Option<String>,
    started_seq: i64,
    ctl_seq: i64,
}

impl Row {
    fn job(self) -> Option<Job> {
        let count = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok());
        Some(Job {
            started: self.started.0,
            state: JobState::parse(&self.state)?,
            started_by: self.started_by.map(UserId),
            started_by_name: self.username,
            started_at: timestamp(self.started_at),
            approved_by: self.approved_by,
            approved_at: self.approved_at.map(timestamp),
            ended_by: self.ended_by,
            ended_at: self.ended_at.map(timestamp),
            outcome: self.outcome.as_deref().and_then(JobOutcome::parse),
            succeeded: count(self.succeeded),
            failed: count(self.failed),
            skipped: count(self.skipped),
            message: self.message,
            started_seq: to_u64(self.started_seq),
            ctl_seq: to_u64(self.ctl_seq),
        })
    }
}

impl Store {
    /// Jobs that match, newest first.
    pub async fn jobs(&self, query: &JobQuery) -> Result<Page<Job>, StoreError> {
        let before = query
            .after
            .as_deref()
            .and_then(|cursor| cursor.parse::<u64>().ok())
            .unwrap_or(u64::MAX);
        let rows = sqlx::query_as!(
            Row,
            r#"
            SELECT j.started AS "started: Json<JobStarted>", j.state, j.started_by, u.username AS "username?", j.started_at,
                   j.approved_by, j.approved_at, j.ended_by, j.ended_at, j.outcome, j.succeeded, j.failed, j.skipped,
                   j.message, j.started_seq, j.ctl_seq
            FROM jobs j LEFT JOIN users u ON u.user_id = j.started_by
            WHERE j.started_seq < $1 AND ($2::text IS NULL OR j.state = $2) AND ($3::uuid IS NULL OR j.schedule_id = $3)
              AND ($6::uuid IS NULL OR j.script_id = $6)
              AND ($4::uuid IS NULL OR j.started_by = $4 OR EXISTS (
                    SELECT 1 FROM servers s WHERE s.server_id = ANY(j.servers) AND s.deleted_at IS NULL
                    AND (s.owner = $4 OR s.server_id IN (SELECT g.server_id FROM granted_to($4, 2::smallint) g))))
            ORDER BY j.started_seq DESC LIMIT $5
            "#,
            to_i64(before),
            query.state.map(JobState::as_str),
            query.schedule.map(|schedule| schedule.0),
            query.reader.map(|user| user.0),
            i64::from(query.limit) + 1,
            query.script.map(|script| script.0),
        )
        .fetch_all(&self.pool)
        .await
        .doing("list jobs")?;
        let page = Page::cut(rows, query.limit, |row| row.started_seq.to_string());
        Ok(Page {
            items: page.items.into_iter().filter_map(Row::job).collect(),
            next: page.next,
        })
    }

    /// One job, if `reader` (`None`: whoever sees everything) may know of it: as in [`JobQuery::reader`].
    pub async fn job(&self, id: JobId, reader: Option<UserId>) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"
            SELECT j.started AS "started: Json<JobStarted>", j.state, j.started_by, u.username AS "username?", j.started_at,
                   j.approved_by, j.approved_at, j.ended_by, j.ended_at, j.outcome, j.succeeded, j.failed, j.skipped,
                   j.message, j.started_seq, j.ctl_seq
            FROM jobs j LEFT JOIN users u ON u.user_id = j.started_by
            WHERE j.job_id = $1
              AND ($2::uuid IS NULL OR j.started_by = $2 OR EXISTS (
                    SELECT 1 FROM servers s WHERE s.server_id = ANY(j.servers) AND s.deleted_at IS NULL
                    AND (s.owner = $2 OR s.server_id IN (SELECT g.server_id FROM granted_to($2, 2::smallint) g))))
            "#,
            id.0,
            reader.map(|user| user.0),
        )
        .fetch_optional(&self.pool)
        .await
        .doing("read a job")?;
        Ok(row.and_then(Row::job))
    }

    /// How far a job is on each of its servers that this reader may see, in the order in which they are begun. The digests of
    /// what they wrote take time; without `compare` there are none.
    pub async fn job_hosts(
        &self,
        visible: Visible,
        id: JobId,
        compare: bool,
    ) -> Result<Vec<JobHost>, StoreError> {
        let rows = sqlx::query!(
            r#"
            SELECT t.server_id AS "server_id!", s.name, c.command_id IS NOT NULL AS "requested!",
                   b.command_id IS NOT NULL AS "started!", c.outcome AS "outcome?", c.exit_code AS "exit_code?",
                   c.message AS "message?", c.duration_ms AS "duration_ms?", c.ended_at AS "ended_at?",
                   CASE WHEN $4 AND c.outcome IS NOT NULL AND coalesce(c.stdout_bytes, 0) + coalesce(c.stderr_bytes, 0) <= 262144 THEN (
                       SELECT encode(sha256(coalesce(string_agg(o.data, ''::bytea ORDER BY o.n)
                                  FILTER (WHERE o.stream = 'stdout'), ''::bytea)), 'hex')
                           || encode(sha256(coalesce(string_agg(o.data, ''::bytea ORDER BY o.n)
                                  FILTER (WHERE o.stream = 'stderr'), ''::bytea)), 'hex')
                       FROM command_output o WHERE o.server_id = c.server_id AND o.command_id = c.command_id
                   ) END AS digest
            FROM jobs j
            CROSS JOIN LATERAL unnest(j.servers) WITH ORDINALITY AS t (server_id, place)
            JOIN servers s ON s.server_id = t.server_id AND s.deleted_at IS NULL
            LEFT JOIN command_history c ON c.job = j.job_id AND c.server_id = t.server_id
            LEFT JOIN command_start b ON b.server_id = c.server_id AND b.command_id = c.command_id
            WHERE j.job_id = $1
              AND ($2::uuid IS NULL OR s.owner = $2 OR s.server_id IN (SELECT g.server_id FROM granted_to($2, $3) g))
            ORDER BY t.place
            "#,
            id.0,
            visible.asker(),
            visible.least(),
            compare,
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the servers of a job")?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(JobHost {
                    server: ServerId::parse(row.server_id).ok()?,
                    name: row.name,
                    requested: row.requested,
                    started: row.started,
                    outcome: row.outcome.as_deref().and_then(Outcome::parse),
                    exit_code: row.exit_code,
                    message: row.message,
                    duration_ms: row.duration_ms.map(to_u64),
                    ended_at: row.ended_at.map(timestamp),
                    digest: row.digest,
                })
            })
            .collect())
    }

    /// The servers on which a job was asked for and did not succeed.
    pub async fn job_failed(&self, id: JobId) -> Result<Vec<ServerId>, StoreError> {
        let rows = sqlx::query_scalar!(
            "
            SELECT server_id FROM command_history
            WHERE job = $1 AND outcome IS NOT NULL AND NOT (outcome = 'finished' AND coalesce(exit_code, 0) = 0)
            ORDER BY seq
            ",
            id.0
        )
        .fetch_all(&self.pool)
        .await
        .doing("read where a job failed")?;
        Ok(rows
            .into_iter()
            .filter_map(|id| ServerId::parse(id).ok())
            .collect())
    }

    /// Keeps sealed values for a job or a schedule, over former ones.
    pub async fn put_plan(&self, id: Uuid, sealed: &[u8]) -> Result<(), StoreError> {
        sqlx::query!(
            "
            INSERT INTO vault_plan (plan_id, sealed) VALUES ($1, $2)
            ON CONFLICT (plan_id) DO UPDATE SET sealed = excluded.sealed, made_at = now()
            ",
            id,
            sealed,
        )
        .execute(&self.pool)
        .await
        .doing("keep the values of a job")?;
        Ok(())
    }

    /// The sealed values of a job or a schedule.
    pub async fn plan(&self, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query_scalar!("SELECT sealed FROM vault_plan WHERE plan_id = $1", id)
            .fetch_optional(&self.pool)
            .await
            .doing("read the values of a job")
    }

    /// Erases the sealed values of a job or a schedule.
    pub async fn forget_plan(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query!("DELETE FROM vault_plan WHERE plan_id = $1", id)
            .execute(&self.pool)
            .await
            .doing("erase the values of a job")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_is_a_person() {
        let id = "01920000-0000-7000-8000-000000000001";
        assert!(person(Some(&format!("user:{id}"))).is_some());
        for other in [None, Some("system"), Some("agent:web-01"), Some("user:ada")] {
            assert_eq!(person(other), None);
        }
    }
}
