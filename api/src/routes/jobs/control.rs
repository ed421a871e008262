//! `POST /jobs/{id}/{cancel,pause,resume,approve,deny}`: deciding about a job that is not over.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view::{self, JobState};
use chatops_schemas::{
    event::{
        Event,
        job::{JobApproved, JobCancelRequested, JobEnded, JobOutcome, JobPaused, JobResumed},
    },
    ids::JobId,
    subject::Entity,
};

use super::known;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::job::Job,
    code::Code,
    extract::Path,
    jobs::start::action,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// End a job
///
/// No further server is begun, and what runs is ended.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "Jobs", operation_id = "jobs_cancel",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn cancel(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |job| match job.state {
        JobState::Waiting | JobState::Running | JobState::Paused => {
            Ok(JobCancelRequested { job: id })
        }
        JobState::Cancelling | JobState::Ended => Err(Problem::new(Code::NotNow)),
    })
    .await
}

/// Begin no further server until resumed
#[utoipa::path(post, path = "/jobs/{id}/pause", tag = "Jobs", operation_id = "jobs_pause",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn pause(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |job| match job.state {
        JobState::Running => Ok(JobPaused { job: id }),
        _ => Err(Problem::new(Code::NotNow).detail("Only a job that runs can be paused.")),
    })
    .await
}

/// Go on with a paused job
#[utoipa::path(post, path = "/jobs/{id}/resume", tag = "Jobs", operation_id = "jobs_resume",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn resume(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |job| match job.state {
        JobState::Paused => Ok(JobResumed { job: id }),
        _ => Err(Problem::new(Code::NotNow).detail("Only a paused job can be resumed.")),
    })
    .await
}

/// Agree to a job that somebody else started
///
/// One approval for the whole job; never by whoever started it.
#[utoipa::path(post, path = "/jobs/{id}/approve", tag = "Jobs", operation_id = "jobs_approve",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204 or CO1605", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn approve(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |job| {
        another(&actor, job)?;
        Ok(JobApproved { job: id })
    })
    .await
}

/// Refuse a job that waits for approval
///
/// Whoever started it takes it back with `cancel`.
#[utoipa::path(post, path = "/jobs/{id}/deny", tag = "Jobs", operation_id = "jobs_deny",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204 or CO1605", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn deny(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |job| {
        another(&actor, job)?;
        Ok(JobEnded {
            job: id,
            outcome: JobOutcome::Denied,
            succeeded: 0,
            failed: 0,
            skipped: u32::try_from(job.started.servers.len()).unwrap_or(u32::MAX),
            message: None,
        })
    })
    .await
}

/// Whether this is another person than the one who started it, and it waits for one.
fn another(actor: &Actor, job: &view::Job) -> Result<(), Problem> {
    if job.state != JobState::Waiting {
        return Err(Problem::new(Code::NotNow).detail("It waits for nobody's approval."));
    }
    match job.started_by {
        Some(user) if user != actor.user => Ok(()),
        _ => Err(Problem::new(Code::OwnRequest)),
    }
}

/// Appends what is decided about a job as it is. Only for those who may do on every one of its servers what it does.
async fn tell<T: Event>(
    api: &Api,
    actor: &Actor,
    id: JobId,
    decide: impl Fn(&view::Job) -> Result<T, Problem>,
) -> Result<Written<Json<Job>>, Problem> {
    for _ in 0..written::ATTEMPTS {
        let job = known(api, actor, id).await?;
        if job.started_by != Some(actor.user) || job.state == JobState::Waiting {
            let action = action(&job.started.plan.asked);
            for server in &job.started.servers {
                match access::server(api, actor, server, action).await {
                    Ok(_) => {}
                    // A deleted one is nobody's any more.
                    Err(problem)
                        if problem.code() == Code::NoServer && actor.role.is_everywhere() => {}
                    Err(problem) if problem.code() == Code::NoServer => {
                        return Err(problem.instead(Code::Forbidden));
                    }
                    Err(problem) => return Err(problem),
                }
            }
        }
        let event = written::event(api, &actor.by(), decide(&job)?);
        match written::append(api, Entity::Job, &id.to_string(), job.ctl_seq, &event).await? {
            Appended::At(seq) => {
                let job = match written::visible(api, seq).await? {
                    true => api.store().job(id, None).await?,
                    false => None,
                };
                return Ok(job.map_or(Written::Pending(seq), |job| {
                    Written::Row(StatusCode::OK, Json(job.into()))
                }));
            }
            Appended::Conflict => {
                written::visible_now(api, Entity::Job, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}
