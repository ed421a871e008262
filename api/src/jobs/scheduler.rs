//! Starts the jobs of schedules when their moment has come.
//!
//! Run by the composition wherever the API runs; several may run. It looks at the table of schedules once a second; what it
//! did is in the aggregates. A run starts the job whose id follows from schedule and planned moment, with an expected
//! sequence of 0, and is then noted on the schedule with the sequence that was read: of any number of schedulers one starts
//! a run, and a death between the two is made good by the next, whose start is refused and whose note is not.
//!
//! A schedule runs with the rights of whoever saved it, as they are now. Without them it is switched off, and says why.

use std::time::Duration;

use chatops_alerting::timetable::{Run, Timetable};
use chatops_projections::view::Schedule;
use chatops_schemas::{
    access::Subject,
    clock::Timestamp,
    event::schedule::{ScheduleDisabled, ScheduleFired},
    ids::JobId,
    subject::Entity,
};
use tokio_util::sync::CancellationToken;

use super::{
    start::{self, Wanted},
    values,
};
use crate::{
    code::Code,
    problem::Problem,
    state::Api,
    written::{self, Appended, By},
};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Characters of a reason.
const WORDS: usize = 400;

/// Starts the jobs of schedules. See the module.
#[derive(Debug)]
pub struct Scheduler {
    api: Api,
}

impl Scheduler {
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    /// Runs until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(look.tick()).await.is_some() {
            let looked = stop.run_until_cancelled(Box::pin(self.look())).await;
            if let Some(Err(problem)) = looked {
                tracing::warn!(
                    code = problem.code().as_str(),
                    "schedules could not be looked at"
                );
            }
        }
    }

    async fn look(&self) -> Result<(), Problem> {
        let now = self.api.clock().now();
        for schedule in self.api.store().schedules(None, None).await? {
            if !schedule.enabled {
                continue;
            }
            let id = schedule.id();
            if let Err(problem) = self.serve(schedule, now).await {
                tracing::warn!(schedule = %id, code = problem.code().as_str(), "a schedule could not be served, it is tried again");
            }
        }
        Ok(())
    }

    /// Does for one schedule what is due. After each note the next look goes on: it has read what was noted.
    async fn serve(&self, schedule: Schedule, now: Timestamp) -> Result<(), Problem> {
        let saved = &schedule.saved;
        let table = match Timetable::new(&saved.cron, &saved.zone, now) {
            Ok(table) => table,
            Err(wrong) => {
                let reason = format!("{} {}", wrong.field, wrong.reason);
                return self.switch_off(&schedule, reason).await;
            }
        };
        let due = table.due(schedule.counted_from, now, saved.missed);
        let Some(run) = due.into_iter().next() else {
            return Ok(());
        };
        if !run.start {
            return self.note(&schedule, run.planned, None, run.reason).await;
        }
        match self.begin(&schedule, &run).await {
            Ok(job) => {
                self.note(&schedule, run.planned, Some(job), run.reason)
                    .await
            }
            Err(problem) => match problem.code() {
                Code::Forbidden | Code::Deactivated | Code::NoServer => {
                    let reason = format!("whoever saved it may not run it: {}", problem.words());
                    self.switch_off(&schedule, reason).await
                }
                Code::InvalidField if self.lost_all(&schedule).await? => {
                    let reason = "whoever saved it may not see one of its servers any more";
                    self.switch_off(&schedule, reason.to_owned()).await
                }
                // Nothing of ours is broken, and it would be the same a second later: this run is left out.
                Code::InvalidField | Code::NotNow => {
                    let reason = Some(clip(&problem.words()));
                    self.note(&schedule, run.planned, None, reason).await
                }
                _ => Err(problem),
            },
        }
    }

    async fn begin(&self, schedule: &Schedule, run: &Run) -> Result<JobId, Problem> {
        let id = schedule.id();
        let api = &self.api;
        let user = match schedule.saved_by {
            Some(user) => api.store().user(user).await?,
            None => None,
        };
        let user =
            user.ok_or_else(|| Problem::new(Code::Forbidden).detail("The account is gone."))?;
        let subject = Subject {
            active: user.active,
            ..Subject::of(user.id, user.role)
        };
        let saved = &schedule.saved;
        let values = values::open(api, id.0, saved.plan.sealed).await?;
        let values = values.ok_or_else(|| {
            Problem::new(Code::NotNow).detail("The values it was given are not kept any more.")
        })?;
        let script = match saved.plan.script {
            Some(script) => api.store().script(script.script).await?,
            None => None,
        };
        let job = JobId::of_schedule(id, run.planned);
        let wanted = Wanted {
            id: job,
            name: Some(saved.name.clone()),
            plan: saved.plan.clone(),
            values,
            chosen: saved.chosen.clone(),
            servers: saved.servers.clone(),
            needs_approval: script.is_some_and(|script| script.saved.needs_approval),
            schedule: Some(id),
            retries: None,
        };
        let by = By::again(format!("user:{}", user.id), None);
        match start::start(api, &by, &subject, wanted).await {
            Ok(_) => Ok(job),
            // Another scheduler was faster, or this one before it died.
            Err(problem) if problem.code() == Code::Conflict => Ok(job),
            Err(problem) => Err(problem),
        }
    }

    /// Whether there are servers that are meant, and not one for whoever saved it.
    async fn lost_all(&self, schedule: &Schedule) -> Result<bool, Problem> {
        let chosen = &schedule.saved.chosen;
        let Some(user) = schedule.saved_by else {
            return Ok(true);
        };
        let Some(user) = self.api.store().user(user).await? else {
            return Ok(true);
        };
        let subject = Subject::of(user.id, user.role);
        let seen = start::targets(&self.api, &subject, chosen, &schedule.saved.servers).await;
        Ok(seen.is_err() && start::means_something(&self.api, chosen).await?)
    }

    async fn note(
        &self,
        schedule: &Schedule,
        planned: Timestamp,
        job: Option<JobId>,
        reason: Option<String>,
    ) -> Result<(), Problem> {
        let fired = ScheduleFired {
            schedule: schedule.id(),
            planned,
            job,
            reason,
        };
        self.append(schedule, fired).await
    }

    async fn switch_off(&self, schedule: &Schedule, reason: String) -> Result<(), Problem> {
        let disabled = ScheduleDisabled {
            schedule: schedule.id(),
            reason: Some(clip(&reason)),
        };
        self.append(schedule, disabled).await
    }

    async fn append<T: chatops_schemas::event::Event>(
        &self,
        schedule: &Schedule,
        data: T,
    ) -> Result<(), Problem> {
        let id = schedule.id().to_string();
        let event = written::event(&self.api, &By::system(), data);
        let appended =
            written::append(&self.api, Entity::Schedule, &id, schedule.ctl_seq, &event).await?;
        if let Appended::At(seq) = appended {
            // So that the next look does not see the same again.
            written::visible(&self.api, seq).await?;
        }
        Ok(())
    }
}

fn clip(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(WORDS)
        .collect()
}
