//! `POST /jobs`, `/jobs/preview`, `/jobs/{id}/retry`: starting a job.

use axum::{Json, extract::State, http::StatusCode};
use chatops_schemas::{
    event::job::Chosen,
    ids::{JobId, ServerId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::known;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{
        job::{Job, Pace, RunRequest, Targets},
        server::Status,
    },
    code::Code,
    decide::plan,
    extract::{Body, Path},
    jobs::{
        start::{self, Wanted},
        values,
    },
    problem::{Document, Problem},
    state::Api,
    written::{self, Pending, Written},
};

/// A job to start.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// For people; at most 128 characters.
    #[schema(nullable = false)]
    name: Option<String>,
    /// Where.
    targets: Targets,
    /// What.
    run: RunRequest,
    /// How carefully.
    #[serde(default)]
    pace: Pace,
}

/// Which servers would be meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobPreviewRequest)]
pub struct PreviewRequest {
    /// Where.
    targets: Targets,
}

/// A server that would be meant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobTarget)]
pub struct Target {
    /// Which.
    #[schema(value_type = String)]
    id: ServerId,
    /// Name for people.
    name: String,
    /// Whether its agent is there.
    status: Status,
    /// Whether you may run commands on it. A job with one on which you may not does not start.
    allowed: bool,
    /// Whether another person has to approve what is run on it.
    needs_approval: bool,
}

/// The servers that would be meant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPreview)]
pub struct Preview {
    /// In the order in which they would be begun.
    servers: Vec<Target>,
}

/// See which servers a job would be about
#[utoipa::path(post, path = "/jobs/preview", tag = "Jobs", operation_id = "jobs_preview",
    request_body = PreviewRequest,
    responses(
        (status = 200, description = "the servers", body = Preview),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn preview(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let (chosen, servers) = request.targets.chosen()?;
    let subject = actor.subject();
    let mut targets = Vec::new();
    for server in start::targets(&api, &subject, &chosen, &servers).await? {
        let right = start::right(&api, &subject, &server, Action::RunCommand).await?;
        targets.push(Target {
            id: server.id,
            name: server.name,
            status: server.status.into(),
            allowed: right.allow,
            needs_approval: server.needs_approval,
        });
    }
    Ok(Json(Preview { servers: targets }))
}

/// Run something on many servers
///
/// What happens on each is a command of its own. Starts nothing when you may not run commands on one of the servers. Followed
/// live by the topic `job:<id>` of `/ws/live`.
#[utoipa::path(post, path = "/jobs", tag = "Jobs", operation_id = "jobs_start",
    request_body = JobRequest,
    responses(
        (status = 201, description = "the job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1602", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<JobRequest>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let (chosen, servers) = request.targets.chosen()?;
    let (command, needs_approval) = request.run.command(&api, request.pace).await?;
    let (plan, values) = plan::decide(&command)?;
    let wanted = Wanted {
        id: JobId(api.ids().next()),
        name: plan::name(request.name.as_deref())?,
        plan,
        values,
        chosen,
        servers,
        needs_approval,
        schedule: None,
        retries: None,
    };
    begin(&api, &actor, wanted).await
}

/// Repeat a job on the servers on which it failed
///
/// A new job that names the old one. A job that was given values that are shown to nobody cannot be repeated: they were
/// erased when it ended.
#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "Jobs", operation_id = "jobs_retry",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 201, description = "the new job", body = Job),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1601", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn retry(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<JobId>,
) -> Result<Written<Json<Job>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let job = known(&api, &actor, id).await?;
    if job.ended_at.is_none() {
        return Err(Problem::new(Code::NotNow).detail("The job is not over."));
    }
    if job.started.plan.sealed {
        return Err(Problem::new(Code::NotNow)
            .detail("The values it was given were erased when it ended: start it anew."));
    }
    let failed = api.store().job_failed(id).await?;
    if failed.is_empty() {
        return Err(Problem::new(Code::NotNow).detail("It failed nowhere."));
    }
    let wanted = Wanted {
        id: JobId(api.ids().next()),
        name: job.started.name,
        plan: job.started.plan,
        values: values::Values::default(),
        chosen: Chosen::Ids,
        servers: failed,
        needs_approval: job.started.needs_approval,
        schedule: None,
        retries: Some(id),
    };
    begin(&api, &actor, wanted).await
}

async fn begin(api: &Api, actor: &Actor, wanted: Wanted) -> Result<Written<Json<Job>>, Problem> {
    let id = wanted.id;
    let seq = start::start(api, &actor.by(), &actor.subject(), wanted).await?;
    let job = match written::visible(api, seq).await? {
        true => api.store().job(id, None).await?,
        false => None,
    };
    Ok(job.map_or(Written::Pending(seq), |job| {
        Written::Row(StatusCode::CREATED, Json(job.into()))
    }))
}
