//! Carries jobs: asks their hosts, a few at a time, and sees to it that each job has one end.
//!
//! Run by the composition wherever the API runs; several may run. There is no table and no durable consumer: a runner reads
//! the job aggregates, keeps those that are open in memory, and follows them and OPS_CMD. Everything it does is an append that
//! expects what it has read: a host's command has an id that follows from job and host and is begun with an expected
//! sequence of 0, so that of any number of runners, one asks a host once.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | before or between two hosts | the next start reads how far each host is and goes on |
//! | during an append, outcome unknown | the stream has it or not; the next start reads which |
//! | after the last host, before `job.ended` | the next start counts again and ends it |
//! | after `job.ended`, before its values are erased | the next start reads the end and erases them |
//!
//! Rights are looked at when the job starts and again by the dispatcher, for each host, when its command is delivered: who
//! loses them in the middle has the rest of the job refused, host by host.
//!
//! # Bounds
//! An open job costs its event and a byte for each host. At most [`AT_ONCE`] appends of one job are on their way.

use std::{collections::HashMap, time::Duration};

use chatops_bus::{AppendError, From, ReadError, Recorded, StreamName};
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    codec,
    envelope::Envelope,
    event::{
        command::{CommandEnded, CommandRequested, Outcome},
        job::{JobEnded, JobOutcome},
    },
    ids::{CommandId, EventId, JobId, ServerId},
    subject::{self, Entity},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{
    state::{Host, State, Step},
    values::{self, Values},
};
use crate::{
    problem::{Chain, Problem},
    routes::commands::cancel,
    state::Api,
    written::By,
};

/// Appends of one job at the same time.
const AT_ONCE: usize = 32;
/// How long a job waits for another person, in milliseconds.
pub const APPROVAL_MS: i64 = 3_600_000;
/// Time between looks at jobs that wait for another person.
const SWEEP: Duration = Duration::from_secs(5);
/// Pause before it starts over, and the longest one.
const RESTART: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Why it starts over.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the stream of {0} ended")]
    Ended(&'static str),
    #[error("{0}")]
    Problem(&'static str),
}

/// A job that is not over, and what is known of its aggregate.
struct Open {
    state: State,
    by: By,
    since: Timestamp,
    seq: u64,
}

/// Carries jobs. See the module.
#[derive(Debug)]
pub struct Runner {
    api: Api,
}

impl Runner {
    pub(crate) fn new(api: Api) -> Self {
        Self { api }
    }

    /// Runs until told to stop. What is on its way then is dropped: the next start reads what became of it.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = RESTART.0;
        loop {
            let Some(lost) = stop.run_until_cancelled(self.follow(&mut pause)).await else {
                return;
            };
            tracing::warn!(error = %Chain(&lost), "the runner of jobs starts over");
            metrics::counter!("chatops_jobs_restarts_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(RESTART.1);
        }
    }

    async fn follow(&self, pause: &mut Duration) -> Lost {
        match Box::pin(self.session(pause)).await {
            Ok(never) => match never {},
            Err(lost) => lost,
        }
    }

    /// From the beginning to whatever breaks it.
    async fn session(&self, pause: &mut Duration) -> Result<std::convert::Infallible, Lost> {
        let bus = self.api.bus();
        // Before the jobs are read, so that no command's end falls between.
        let mut commands = bus
            .read(StreamName::Cmd, "ops.v1.cmd.*.*", From::New)
            .await?;
        let every = subject::ctl_every(Entity::Job);
        let newest = bus.last(StreamName::Ctl, &every).await?;
        let newest = newest.map_or(0, |event| event.seq);
        let mut decisions = bus.read(StreamName::Ctl, &every, From::Seq(1)).await?;
        let mut jobs = Jobs::default();
        let mut read = 0;
        while read < newest {
            let event = decisions.try_next().await?.ok_or(Lost::Ended("jobs"))?;
            read = event.seq;
            if let Some(ended) = jobs.decided(&event) {
                self.forget(ended).await;
            }
        }
        for id in jobs.ids() {
            self.look(&mut jobs, id).await?;
            self.act(&mut jobs, id).await?;
        }
        *pause = RESTART.0;
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                event = decisions.try_next() => {
                    let event = event?.ok_or(Lost::Ended("jobs"))?;
                    match jobs.decided(&event) {
                        Some(ended) => self.forget(ended).await,
                        None => if let Some(id) = job_of(&event.subject) {
                            self.look(&mut jobs, id).await?;
                            self.act(&mut jobs, id).await?;
                        },
                    }
                }
                event = commands.try_next() => {
                    let event = event?.ok_or(Lost::Ended("commands"))?;
                    if let Some(id) = jobs.happened(&event) {
                        self.act(&mut jobs, id).await?;
                    }
                }
                _ = sweep.tick() => self.expire(&mut jobs).await?,
            }
        }
    }

    /// Reads how far a job is on each of its hosts, once: then events tell.
    async fn look(&self, jobs: &mut Jobs, id: JobId) -> Result<(), Lost> {
        let Some(open) = jobs.unseen(id) else {
            return Ok(());
        };
        let bus = self.api.bus();
        let known: Vec<_> = open.state.commands().map(|(c, s)| (c, s.clone())).collect();
        let hosts: Vec<(CommandId, Host)> = stream::iter(known)
            .map(|(command, server)| async move {
                let last = bus
                    .last(StreamName::Cmd, &subject::command(&server, command))
                    .await?;
                Ok::<_, Lost>((command, last.map_or(Host::Waiting, |event| host(&event))))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for (command, now) in hosts {
            open.state.learnt(command, now);
        }
        Ok(())
    }

    /// Carries out what is to be done for a job until nothing more is.
    async fn act(&self, jobs: &mut Jobs, id: JobId) -> Result<(), Lost> {
        let Some(open) = jobs.open.get_mut(&id) else {
            return Ok(());
        };
        loop {
            let steps = open.state.steps();
            let mut ask = Vec::new();
            for step in steps {
                match step {
                    Step::Ask(server) => ask.push(server),
                    Step::Stop(server) => self.stop(open, &server).await?,
                    Step::End(outcome, counts) => {
                        let ended = open.state.end(outcome, counts);
                        return self.end(open, ended).await;
                    }
                }
            }
            if ask.is_empty() {
                return Ok(());
            }
            let values = match values::open(&self.api, id.0, open.state.started().plan.sealed).await
            {
                Ok(Some(values)) => values,
                Ok(None) => {
                    let counts = open.state.counts();
                    let ended = JobEnded {
                        message: Some("the values it was given are not kept any more".to_owned()),
                        ..open.state.end(JobOutcome::Stopped, counts)
                    };
                    return self.end(open, ended).await;
                }
                Err(problem) => return Err(Lost::Problem(problem.code().title())),
            };
            let (job, values) = (&*open, &values);
            let asked: Vec<(CommandId, Host)> = stream::iter(ask)
                .map(|server| self.ask(job, server, values))
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            for (command, now) in asked {
                open.state.learnt(command, now);
            }
        }
    }

    /// Begins the command of one host, unless that was done before.
    async fn ask(
        &self,
        open: &Open,
        server: ServerId,
        values: &Values,
    ) -> Result<(CommandId, Host), Lost> {
        let job = open.state.started();
        let command = CommandId::of_job(job.job, &server);
        let subject = subject::command(&server, command);
        let now = self.api.clock().now();
        let not_after = now.plus_millis(i64::try_from(job.plan.valid_ms).unwrap_or(i64::MAX));
        let operation = values.operation(&job.plan);
        let order = self
            .api
            .orders()
            .sign(&open.by, &server, command, not_after, operation)
            .map_err(|problem| Lost::Problem(problem.code().title()))?;
        let order = match job.plan.sealed {
            false => Some(order.to_vec()),
            true => {
                values::keep_order(&self.api, command, &order)
                    .await
                    .map_err(|problem| Lost::Problem(problem.code().title()))?;
                None
            }
        };
        let data = CommandRequested {
            command,
            asked: job.plan.asked.clone(),
            not_after,
            timeout_ms: job.plan.timeout_ms,
            order,
            needs_approval: false,
            job: Some(job.job.0),
            repeats: None,
        };
        let event = crate::written::event_about(&self.api, &open.by, &server, data);
        match self
            .api
            .bus()
            .append(StreamName::Cmd, &subject, 0, &event)
            .await
        {
            Ok(_) => Ok((command, Host::Asked)),
            // Another runner was faster, or this one before it died.
            Err(AppendError::Conflict { .. }) => {
                let last = self.api.bus().last(StreamName::Cmd, &subject).await?;
                Ok((command, last.map_or(Host::Asked, |event| host(&event))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks that a command ends. The dispatcher tells the host.
    async fn stop(&self, open: &Open, server: &ServerId) -> Result<(), Lost> {
        let command = CommandId::of_job(open.state.started().job, server);
        match cancel::ask(&self.api, &open.by, server, command).await {
            Ok(_) => Ok(()),
            Err(problem) => Err(Lost::Problem(problem.code().title())),
        }
    }

    /// Ends a job, unless somebody else did.
    async fn end(&self, open: &Open, data: JobEnded) -> Result<(), Lost> {
        let job = data.job;
        let subject = subject::ctl(Entity::Job, &job.to_string());
        let event = Envelope::new(
            EventId::derived("job", open.seq, &format!("{job} ended")),
            self.api.clock().now(),
            data,
        )
        .by("system");
        match self
            .api
            .bus()
            .append(StreamName::Ctl, &subject, open.seq, &event)
            .await
        {
            Ok(_) => {
                metrics::counter!("chatops_jobs_ended_total").increment(1);
                Ok(())
            }
            // What came between is on its way to here.
            Err(AppendError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends jobs that nobody approved in time.
    async fn expire(&self, jobs: &mut Jobs) -> Result<(), Lost> {
        let now = self.api.clock().now();
        for open in jobs.open.values() {
            if open.state.waits_for_approval() && now > open.since.plus_millis(APPROVAL_MS) {
                let counts = open.state.counts();
                let ended = JobEnded {
                    message: Some("nobody approved it in time".to_owned()),
                    ..open.state.end(JobOutcome::Denied, counts)
                };
                self.end(open, ended).await?;
            }
        }
        Ok(())
    }

    /// Erases the values of a job that is over. Failing at it is tried again by the next start.
    async fn forget(&self, job: JobId) {
        if let Err(error) = self.api.store().forget_plan(job.0).await {
            tracing::warn!(%job, error = %Chain(&error), "the values of a job could not be erased");
        }
    }
}

/// How far a host is, by the last event of its command.
fn host(last: &Recorded) -> Host {
    match codec::decode_any(&last.payload).map(|event| event.data) {
        Ok(Payload::CommandEnded(ended)) => verdict(&ended),
        _ => Host::Asked,
    }
}

fn verdict(ended: &CommandEnded) -> Host {
    match (ended.outcome, ended.exit_code) {
        (Outcome::Finished, None | Some(0)) => Host::Succeeded,
        _ => Host::Failed,
    }
}

fn job_of(subject: &str) -> Option<JobId> {
    subject.strip_prefix("ops.v1.ctl.job.")?.parse().ok()
}

/// Jobs that are not over.
#[derive(Default)]
struct Jobs {
    open: HashMap<JobId, Open>,
    /// Which job a command belongs to.
    commands: HashMap<CommandId, JobId>,
    /// Jobs whose hosts were not looked at yet.
    unseen: std::collections::HashSet<JobId>,
}

impl Jobs {
    fn ids(&self) -> Vec<JobId> {
        self.open.keys().copied().collect()
    }

    fn unseen(&mut self, id: JobId) -> Option<&mut Open> {
        self.unseen
            .remove(&id)
            .then(|| self.open.get_mut(&id))
            .flatten()
    }

    /// Takes an event of a job. `Some`: it is over.
    fn decided(&mut self, recorded: &Recorded) -> Option<JobId> {
        let event = match codec::decode_any(&recorded.payload) {
            Ok(event) => event,
            Err(error) => {
                // The projector parks it and says so; whatever it was, this job is not understood any more.
                tracing::warn!(subject = recorded.subject, seq = recorded.seq, %error, "a job is left alone: one of its events cannot be read");
                self.close(job_of(&recorded.subject)?);
                return None;
            }
        };
        let id = job_of(&recorded.subject)?;
        if let Payload::JobStarted(started) = event.data {
            let actor = event.actor.unwrap_or_default();
            let state = State::new(started);
            self.commands
                .extend(state.commands().map(|(command, _)| (command, id)));
            self.unseen.insert(id);
            let open = Open {
                state,
                by: By::again(actor, event.address.as_deref()),
                since: recorded.stored_at,
                seq: recorded.seq,
            };
            self.open.insert(id, open);
            return None;
        }
        let open = self.open.get_mut(&id)?;
        open.seq = recorded.seq;
        match event.data {
            Payload::JobApproved(_) => open.state.approved(),
            Payload::JobPaused(_) => open.state.paused(),
            Payload::JobResumed(_) => open.state.resumed(),
            Payload::JobCancelRequested(_) => open.state.cancelled(),
            Payload::JobEnded(_) => {
                self.close(id);
                return Some(id);
            }
            _ => {}
        }
        None
    }

    fn close(&mut self, id: JobId) {
        self.unseen.remove(&id);
        if let Some(open) = self.open.remove(&id) {
            for (command, _) in open.state.commands() {
                self.commands.remove(&command);
            }
        }
    }

    /// Takes an event of a command; the job that it moved on.
    fn happened(&mut self, recorded: &Recorded) -> Option<JobId> {
        let (_, command) = subject::command_of(&recorded.subject)?;
        let id = *self.commands.get(&command)?;
        let open = self.open.get_mut(&id)?;
        open.state.learnt(command, host(recorded));
        Some(id)
    }
}

/// The problem of a step, for the log.
impl std::convert::From<Problem> for Lost {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem.code().title())
    }
}
