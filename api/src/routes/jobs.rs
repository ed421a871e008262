//! `/jobs`: one operation on many servers.
//!
//! Who may know of a job: whoever started it, those who see everything, and those who may run commands on one of its
//! servers. What they are shown of its hosts are those that they may see.

pub mod control;
pub mod hosts;
pub mod start;

use axum::{Json, extract::State};
use chatops_projections::view::{self, JobQuery};
use chatops_schemas::ids::{JobId, ScheduleId, ScriptId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{self, Action, Subject},
    auth::actor::Actor,
    body::job::Job,
    code::Code,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// As whom jobs are read: `None` for those who see everything.
pub(crate) fn reader(subject: &Subject) -> Option<UserId> {
    (!subject.role.is_everywhere()).then_some(subject.user)
}

/// A job that this person may know of.
pub(crate) async fn known(api: &Api, actor: &Actor, id: JobId) -> Result<view::Job, Problem> {
    known_to(api, &actor.subject(), id).await
}

/// [`known`], with the account as it is now.
pub(crate) async fn known_to(
    api: &Api,
    subject: &Subject,
    id: JobId,
) -> Result<view::Job, Problem> {
    let job = api.store().job(id, reader(subject)).await?;
    job.ok_or(Problem::new(Code::NoJob))
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListJobs {
    /// `waiting`, `running`, `paused`, `cancelling` or `ended`.
    #[param(nullable = false)]
    state: Option<String>,
    /// Started by this schedule.
    #[param(nullable = false)]
    schedule: Option<uuid::Uuid>,
    /// Running this script, in whichever version.
    #[param(nullable = false)]
    script: Option<uuid::Uuid>,
    /// Most jobs in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobList {
    /// Newest first.
    jobs: Vec<Job>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List jobs
#[utoipa::path(get, path = "/jobs", tag = "Jobs", operation_id = "jobs_list", params(ListJobs),
    responses(
        (status = 200, description = "a page of jobs", body = JobList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    actor: Actor,
    Query(asked): Query<ListJobs>,
) -> Result<Json<JobList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let state = match asked.state.as_deref() {
        None | Some("") => None,
        Some(text) => Some(view::JobState::parse(text).ok_or_else(|| {
            Problem::field(
                "state",
                "is none of waiting, running, paused, cancelling, ended",
            )
        })?),
    };
    let page = api
        .store()
        .jobs(&JobQuery {
            state,
            schedule: asked.schedule.map(ScheduleId),
            script: asked.script.map(ScriptId),
            reader: reader(&actor.subject()),
            after: asked.after,
            limit,
        })
        .await?;
    Ok(Json(JobList {
        jobs: page.items.into_iter().map(Job::from).collect(),
        next: page.next,
    }))
}

/// Show a job
#[utoipa::path(get, path = "/jobs/{id}", tag = "Jobs", operation_id = "jobs_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the job", body = Job),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1601", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Json<Job>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    Ok(Json(known(&api, &actor, id).await?.into()))
}
