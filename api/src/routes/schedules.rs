//! `/schedules`: jobs that are started again and again.
//!
//! A schedule is its person's own; those who see everything see and stop all of them. Whoever saves one makes it theirs: it
//! runs with their rights.

use axum::{Json, extract::State, http::StatusCode};
use chatops_alerting::timetable::{COUNTED, Timetable};
use chatops_projections::view;
use chatops_schemas::{
    clock::Timestamp,
    event::{
        Event,
        schedule::{Missed, ScheduleDeleted, ScheduleDisabled, ScheduleEnabled, ScheduleSaved},
    },
    ids::ScheduleId,
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{
        job::{Pace, PlanBody, RunRequest, Targets},
        moment::Moment,
    },
    code::Code,
    decide::plan,
    extract::{Body, Path},
    jobs::{start, values},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Runs that are shown in advance.
const AHEAD: usize = 5;

/// What to do about runs that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MissedRuns)]
pub enum MissedBody {
    /// Leave them out.
    Skip,
    /// Make up for all of them by one run.
    RunOnce,
    /// Make up for each, at most for the newest `missed_max`.
    RunAll,
}

/// When.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimetableRequest {
    /// Five fields as in crontab, or six with seconds in front.
    #[schema(example = "30 2 * * 1-5")]
    cron: String,
    /// Name of a time zone.
    #[schema(example = "Europe/Berlin")]
    zone: String,
}

/// The next runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimetablePreview {
    /// The next five.
    next: Vec<Moment>,
}

/// A schedule as somebody wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// 1 to 128 characters.
    #[schema(example = "nightly")]
    name: String,
    /// Five fields as in crontab, or six with seconds in front.
    #[schema(example = "30 2 * * 1-5")]
    cron: String,
    /// Name of a time zone.
    #[schema(example = "Europe/Berlin")]
    zone: String,
    /// What to do about runs that were missed; `skip` when absent.
    #[schema(nullable = false)]
    missed: Option<MissedBody>,
    /// For `run_all`: 1 to 100.
    #[schema(nullable = false, minimum = 1, maximum = 100)]
    missed_max: Option<u32>,
    /// Where. A label and a text are looked up anew at each run.
    targets: Targets,
    /// What. Of a script, the version of now. When a schedule is changed, it may be absent: what it ran before, with the
    /// values that are kept for it.
    #[schema(nullable = false)]
    run: Option<RunRequest>,
    /// How carefully.
    #[serde(default)]
    pace: Pace,
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedule {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    id: ScheduleId,
    /// For people.
    name: String,
    /// When.
    cron: String,
    /// In which time zone that is meant.
    zone: String,
    /// What to do about runs that were missed.
    missed: MissedBody,
    /// For `run_all`.
    #[schema(required)]
    missed_max: Option<u32>,
    /// Where.
    targets: Targets,
    /// What.
    plan: PlanBody,
    /// Whether it is on.
    enabled: bool,
    /// Why the system switched it off.
    #[schema(required)]
    disabled_reason: Option<String>,
    /// With whose rights it runs.
    #[schema(required)]
    saved_by_name: Option<String>,
    /// When it was saved.
    saved_at: Moment,
    /// The newest run.
    #[schema(required)]
    last_planned: Option<Moment>,
    /// Its job; `null` when it was left out.
    #[schema(required)]
    last_job: Option<uuid::Uuid>,
    /// What there is to say about it.
    #[schema(required)]
    last_reason: Option<String>,
    /// The next five runs; none while it is off.
    next: Vec<Moment>,
}

impl Schedule {
    fn of(schedule: view::Schedule, now: Timestamp) -> Self {
        let saved = schedule.saved;
        let next = match (
            schedule.enabled,
            Timetable::new(&saved.cron, &saved.zone, now),
        ) {
            (true, Ok(table)) => table.next(now, AHEAD),
            _ => Vec::new(),
        };
        let (missed, missed_max) = match saved.missed {
            Missed::Skip => (MissedBody::Skip, None),
            Missed::RunOnce => (MissedBody::RunOnce, None),
            Missed::RunAll(max) => (MissedBody::RunAll, Some(max)),
        };
        Self {
            id: saved.schedule,
            name: saved.name,
            targets: Targets::of(&saved.chosen, &saved.servers),
            plan: PlanBody::from(&saved.plan),
            cron: saved.cron,
            zone: saved.zone,
            missed,
            missed_max,
            enabled: schedule.enabled,
            disabled_reason: schedule.disabled_reason,
            saved_by_name: schedule.saved_by_name,
            saved_at: schedule.saved_at.into(),
            last_planned: schedule.last_planned.map(Moment),
            last_job: schedule.last_job.map(|job| job.0),
            last_reason: schedule.last_reason,
            next: next.into_iter().map(Moment).collect(),
        }
    }
}

/// Schedules.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleList {
    /// By name.
    schedules: Vec<Schedule>,
}

async fn known(api: &Api, actor: &Actor, id: ScheduleId) -> Result<view::Schedule, Problem> {
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    let found = api.store().schedules(of, Some(id)).await?.pop();
    found.ok_or(Problem::new(Code::NoSchedule))
}

fn timetable(api: &Api, cron: &str, zone: &str) -> Result<Timetable, Problem> {
    Timetable::new(cron, zone, api.clock().now())
        .map_err(|wrong| Problem::field(wrong.field, wrong.reason))
}

/// List schedules
#[utoipa::path(get, path = "/schedules", tag = "Jobs", operation_id = "schedules_list",
    responses(
        (status = 200, description = "one's own, or all for those who see everything", body = ScheduleList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<ScheduleList>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    let now = api.clock().now();
    let schedules = api.store().schedules(of, None).await?;
    Ok(Json(ScheduleList {
        schedules: schedules
            .into_iter()
            .map(|schedule| Schedule::of(schedule, now))
            .collect(),
    }))
}

/// See when a schedule would run
#[utoipa::path(post, path = "/schedules/preview", tag = "Jobs", operation_id = "schedules_preview",
    request_body = TimetableRequest,
    responses(
        (status = 200, description = "the next runs", body = TimetablePreview),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn preview(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<TimetableRequest>,
) -> Result<Json<TimetablePreview>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let table = timetable(&api, &request.cron, &request.zone)?;
    let next = table.next(api.clock().now(), AHEAD);
    Ok(Json(TimetablePreview {
        next: next.into_iter().map(Moment).collect(),
    }))
}

/// Show a schedule
#[utoipa::path(get, path = "/schedules/{id}", tag = "Jobs", operation_id = "schedules_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the schedule", body = Schedule),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1603", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScheduleId>,
) -> Result<Json<Schedule>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let schedule = known(&api, &actor, id).await?;
    Ok(Json(Schedule::of(schedule, api.clock().now())))
}

/// Make a schedule
///
/// It is on at once, and runs with your rights as they are at each run.
#[utoipa::path(post, path = "/schedules", tag = "Jobs", operation_id = "schedules_create",
    request_body = ScheduleRequest,
    responses(
        (status = 201, description = "the schedule", body = Schedule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1602", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<ScheduleRequest>,
) -> Result<Written<Json<Schedule>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let id = ScheduleId(api.ids().next());
    let saved = saved(&api, &actor, id, request, None).await?;
    let event = written::event(&api, &actor.by(), saved);
    match written::append(&api, Entity::Schedule, &id.to_string(), 0, &event).await? {
        Appended::At(seq) => answer(&api, id, seq, StatusCode::CREATED).await,
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Change a schedule
///
/// The whole of it; only `run` may be left out. It is on afterwards and yours: it runs with your rights. Values that somebody
/// else has given stay theirs: with such, say anew what is run.
#[utoipa::path(put, path = "/schedules/{id}", tag = "Jobs", operation_id = "schedules_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = ScheduleRequest,
    responses(
        (status = 200, description = "the schedule", body = Schedule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201, CO1602 or CO1603", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScheduleId>,
    Body(request): Body<ScheduleRequest>,
) -> Result<Written<Json<Schedule>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    let before = known(&api, &actor, id).await?;
    let kept = request.run.is_none();
    let saved = saved(&api, &actor, id, request, Some(&before)).await?;
    tell(&api, &actor, id, |now| {
        match kept && now.saved.plan != before.saved.plan {
            // Somebody has just said otherwise what it runs.
            true => Err(Problem::new(Code::Conflict)),
            false => Ok(saved.clone()),
        }
    })
    .await
}

/// Switch a schedule on
///
/// Runs are counted from now; nothing is made up for.
#[utoipa::path(post, path = "/schedules/{id}/enable", tag = "Jobs", operation_id = "schedules_enable",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the schedule", body = Schedule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1603", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn enable(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScheduleId>,
) -> Result<Written<Json<Schedule>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |now| match now.enabled {
        true => Err(Problem::new(Code::NotNow).detail("It is on.")),
        false => Ok(ScheduleEnabled { schedule: id }),
    })
    .await
}

/// Switch a schedule off
#[utoipa::path(post, path = "/schedules/{id}/disable", tag = "Jobs", operation_id = "schedules_disable",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the schedule", body = Schedule),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1603", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206 or CO1604", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn disable(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScheduleId>,
) -> Result<Written<Json<Schedule>>, Problem> {
    access::may(&actor, Action::StartJob)?;
    tell(&api, &actor, id, |now| match now.enabled {
        false => Err(Problem::new(Code::NotNow).detail("It is off.")),
        true => Ok(ScheduleDisabled {
            schedule: id,
            reason: None,
        }),
    })
    .await
}

/// Remove a schedule
#[utoipa::path(delete, path = "/schedules/{id}", tag = "Jobs", operation_id = "schedules_delete",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1603", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ScheduleId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::StartJob)?;
    for _ in 0..written::ATTEMPTS {
        let now = known(&api, &actor, id).await?;
        let event = written::event(&api, &actor.by(), ScheduleDeleted { schedule: id });
        match written::append(&api, Entity::Schedule, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => {
                api.store().forget_plan(id.0).await?;
                return Ok(match written::visible(&api, seq).await? {
                    true => Written::Row(StatusCode::NO_CONTENT, ()),
                    false => Written::Pending(seq),
                });
            }
            Appended::Conflict => {
                written::visible_now(&api, Entity::Schedule, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// The event, if it is a schedule, with its values kept. Whoever may not start this job now does not save it either.
async fn saved(
    api: &Api,
    actor: &Actor,
    id: ScheduleId,
    request: ScheduleRequest,
    before: Option<&view::Schedule>,
) -> Result<ScheduleSaved, Problem> {
    let name = plan::name(Some(&request.name))?;
    let name = name.ok_or_else(|| Problem::field("name", "must not be empty"))?;
    timetable(api, &request.cron, &request.zone)?;
    let missed = match (request.missed, request.missed_max) {
        (None | Some(MissedBody::Skip), _) => Missed::Skip,
        (Some(MissedBody::RunOnce), _) => Missed::RunOnce,
        (Some(MissedBody::RunAll), max) => {
            let max = max.unwrap_or(1);
            if max == 0 || usize::try_from(max).is_ok_and(|max| max > COUNTED) {
                return Err(Problem::field("missed_max", "must be between 1 and 100"));
            }
            Missed::RunAll(max)
        }
    };
    let (chosen, servers) = request.targets.chosen()?;
    let (plan, values) = match (request.run, before) {
        (Some(run), _) => {
            let (command, _) = run.command(api, request.pace).await?;
            let (plan, values) = plan::decide(&command)?;
            (plan, Some(values))
        }
        (None, Some(before)) => {
            // Whoever chooses the hosts could read the values there.
            if before.saved.plan.sealed && before.saved_by != Some(actor.user) {
                return Err(Problem::field(
                    "run",
                    "must be said anew: values are kept for it that somebody else has given",
                ));
            }
            (
                plan::again(&before.saved.plan, &request.pace.command())?,
                None,
            )
        }
        (None, None) => return Err(Problem::field("run", "must be given")),
    };
    let action = start::action(&plan.asked);
    let subject = actor.subject();
    for server in start::targets(api, &subject, &chosen, &servers).await? {
        access::server(api, actor, &server.id, action).await?;
    }
    if let (true, Some(values)) = (plan.sealed, values) {
        values::keep(api, id.0, &values).await?;
    }
    Ok(ScheduleSaved {
        schedule: id,
        name,
        cron: request.cron,
        zone: request.zone,
        missed,
        plan,
        chosen,
        servers,
    })
}

async fn tell<T: Event>(
    api: &Api,
    actor: &Actor,
    id: ScheduleId,
    decide: impl Fn(&view::Schedule) -> Result<T, Problem>,
) -> Result<Written<Json<Schedule>>, Problem> {
    for _ in 0..written::ATTEMPTS {
        let now = known(api, actor, id).await?;
        let event = written::event(api, &actor.by(), decide(&now)?);
        match written::append(api, Entity::Schedule, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) => return answer(api, id, seq, StatusCode::OK).await,
            Appended::Conflict => {
                written::visible_now(api, Entity::Schedule, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

async fn answer(
    api: &Api,
    id: ScheduleId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Schedule>>, Problem> {
    let schedule = match written::visible(api, seq).await? {
        true => api.store().schedules(None, Some(id)).await?.pop(),
        false => None,
    };
    let now = api.clock().now();
    Ok(schedule.map_or(Written::Pending(seq), |schedule| {
        Written::Row(status, Json(Schedule::of(schedule, now)))
    }))
}
