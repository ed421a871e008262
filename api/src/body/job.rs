//! Jobs, what they run, and where.

use std::collections::BTreeMap;

use chatops_projections::view;
use chatops_schemas::{
    event::{
        command::Asked,
        job::{Chosen, JobOutcome},
    },
    ids::{JobId, ServerId},
    order::Program,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::moment::Moment;
use crate::{
    code::Code, decide::plan::Command, jobs::runner::APPROVAL_MS, problem::Problem, state::Api,
};

/// Which servers are meant: exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobTargets)]
pub struct Targets {
    /// These, by their ids; at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Vec<String>>)]
    pub servers: Option<Vec<ServerId>>,
    /// All with this label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tag: Option<String>,
    /// All whose name, id or host name holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub query: Option<String>,
}

impl Targets {
    /// How they are chosen, and the ids where that is how.
    pub fn chosen(&self) -> Result<(Chosen, Vec<ServerId>), Problem> {
        match (&self.servers, &self.tag, &self.query) {
            (Some(servers), None, None) if !servers.is_empty() => {
                Ok((Chosen::Ids, servers.clone()))
            }
            (None, Some(tag), None) if fits(tag) => Ok((Chosen::Tag(tag.clone()), Vec::new())),
            (None, None, Some(text)) if fits(text) => Ok((Chosen::Query(text.clone()), Vec::new())),
            _ => Err(Problem::field(
                "targets",
                "needs exactly one of servers, tag and query, and it must not be empty",
            )),
        }
    }

    /// As they were asked for.
    pub fn of(chosen: &Chosen, servers: &[ServerId]) -> Self {
        match chosen {
            Chosen::Ids => Self {
                servers: Some(servers.to_vec()),
                ..Self::default()
            },
            Chosen::Tag(tag) => Self {
                tag: Some(tag.clone()),
                ..Self::default()
            },
            Chosen::Query(text) => Self {
                query: Some(text.clone()),
                ..Self::default()
            },
        }
    }
}

fn fits(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 128 && !text.chars().any(char::is_control)
}

/// A saved script and the values of its parameters.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunScript {
    /// Which.
    id: uuid::Uuid,
    /// Values by the parameters' names. They become environment variables of the program and nothing else.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// What is run: exactly one of `command`, `argv` and `script`.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// A line for the host's shell.
    #[schema(nullable = false, example = "uptime")]
    command: Option<String>,
    /// A program and its arguments; no shell looks at them.
    #[schema(nullable = false)]
    argv: Option<Vec<String>>,
    /// A saved script.
    #[schema(nullable = false)]
    script: Option<RunScript>,
    /// Folder to run it in.
    #[schema(nullable = false)]
    cwd: Option<String>,
    /// Environment variables. Their values are in no event and are shown to nobody.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What it reads. Shown to nobody.
    #[schema(nullable = false)]
    stdin: Option<String>,
    /// Seconds that it may run on a host; 60, or what the script says.
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    timeout_s: Option<u64>,
    /// Bytes of output that are kept of each host.
    #[schema(nullable = false)]
    output_limit: Option<u64>,
}

impl std::fmt::Debug for RunRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunRequest").finish_non_exhaustive()
    }
}

/// How carefully it goes from host to host.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobPace)]
pub struct Pace {
    /// Hosts at the same time; 10 when absent.
    #[schema(nullable = false, minimum = 1, maximum = 500)]
    concurrency: Option<u32>,
    /// So many hosts go first, the others only if all of these succeed.
    #[schema(nullable = false)]
    canary: Option<u32>,
    /// No further host is begun once so many have failed; 0 or absent: failures stop nothing.
    #[schema(nullable = false)]
    stop_after: Option<u32>,
    /// Seconds that a host is waited for; 60 when absent.
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    wait_s: Option<u64>,
}

impl RunRequest {
    /// What was filled in, with the script as it is saved now. The second value: the script needs approval.
    pub async fn command(self, api: &Api, pace: Pace) -> Result<(Command, bool), Problem> {
        let (script, values) = match self.script {
            Some(run) => {
                let script = api
                    .store()
                    .script(chatops_schemas::ids::ScriptId(run.id))
                    .await?;
                let script = script.ok_or(Problem::new(Code::NoScript))?;
                (Some(script.saved), run.values)
            }
            None => (None, BTreeMap::new()),
        };
        let needs_approval = script.as_ref().is_some_and(|script| script.needs_approval);
        let command = Command {
            command: self.command,
            argv: self.argv,
            script,
            values,
            cwd: self.cwd,
            env: self.env,
            stdin: self.stdin,
            timeout_ms: self.timeout_s.map(|s| s.saturating_mul(1000)),
            output_limit: self.output_limit,
            ..pace.command()
        };
        Ok((command, needs_approval))
    }
}

impl Pace {
    /// As filled in, with nothing to run.
    pub fn command(self) -> Command {
        Command {
            valid_ms: self.wait_s.map(|s| s.saturating_mul(1000)),
            concurrency: self.concurrency,
            canary: self.canary,
            stop_after: self.stop_after,
            ..Command::default()
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Another person has to approve it.
    Waiting,
    /// Hosts are being asked.
    Running,
    /// No further host is asked until somebody resumes it.
    Paused,
    /// What runs is being ended.
    Cancelling,
    /// It is over.
    Ended,
}

impl From<view::JobState> for JobState {
    fn from(state: view::JobState) -> Self {
        match state {
            view::JobState::Waiting => Self::Waiting,
            view::JobState::Running => Self::Running,
            view::JobState::Paused => Self::Paused,
            view::JobState::Cancelling => Self::Cancelling,
            view::JobState::Ended => Self::Ended,
        }
    }
}

/// What a job does on each host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobPlan)]
pub struct PlanBody {
    /// What is run, as one line.
    pub command: String,
    /// The folder.
    #[schema(required)]
    pub cwd: Option<String>,
    /// Names of the variables.
    pub env: Vec<String>,
    /// Seconds that it may run.
    pub timeout_s: u64,
    /// Seconds that a host is waited for.
    pub wait_s: u64,
    /// Hosts at the same time.
    pub concurrency: u32,
    /// Hosts that go first.
    pub canary: u32,
    /// Failures that stop it; 0: none do.
    pub stop_after: u32,
    /// The script.
    #[schema(required)]
    pub script: Option<uuid::Uuid>,
    /// Its version.
    #[schema(required)]
    pub script_version: Option<u32>,
}

impl From<&chatops_schemas::event::job::Plan> for PlanBody {
    fn from(plan: &chatops_schemas::event::job::Plan) -> Self {
        let (command, cwd, env) = match &plan.asked {
            Asked::Run {
                program, cwd, env, ..
            } => (program.line(), cwd.clone(), env.clone()),
            Asked::Container(order) => {
                let words = Program::Argv(vec!["container".into(), order.container.clone()]);
                (words.line(), None, Vec::new())
            }
            Asked::Signal(order) => (
                format!("signal {} {}", order.signal, order.pid),
                None,
                vec![],
            ),
            Asked::Unit(order) => (format!("unit {}", order.unit), None, Vec::new()),
        };
        Self {
            command,
            cwd,
            env,
            timeout_s: plan.timeout_ms.div_ceil(1000),
            wait_s: plan.valid_ms.div_ceil(1000),
            concurrency: plan.concurrency,
            canary: plan.canary,
            stop_after: plan.stop_after,
            script: plan.script.map(|script| script.script.0),
            script_version: plan.script.map(|script| script.version),
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Job {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: JobId,
    /// For people.
    #[schema(required)]
    pub name: Option<String>,
    /// How far it is.
    pub state: JobState,
    /// `completed`, `stopped`, `cancelled` or `denied`; `null`: it is not over.
    #[schema(required)]
    pub outcome: Option<&'static str>,
    /// What there is to say about the end.
    #[schema(required)]
    pub message: Option<String>,
    /// What it does.
    pub plan: PlanBody,
    /// How its servers were chosen.
    pub targets: Targets,
    /// How many they are.
    pub hosts: u32,
    /// Hosts on which it succeeded, once it is over.
    #[schema(required)]
    pub succeeded: Option<u32>,
    /// Hosts on which it failed, once it is over.
    #[schema(required)]
    pub failed: Option<u32>,
    /// Hosts that were never asked, once it is over.
    #[schema(required)]
    pub skipped: Option<u32>,
    /// Who started it.
    #[schema(required)]
    pub started_by: Option<uuid::Uuid>,
    /// Their sign-in name.
    #[schema(required)]
    pub started_by_name: Option<String>,
    /// When.
    pub started_at: Moment,
    /// Whether another person has to approve it.
    pub needs_approval: bool,
    /// Until when another person can; `null`: it does not wait for one.
    #[schema(required)]
    pub approve_until: Option<Moment>,
    /// When somebody did.
    #[schema(required)]
    pub approved_at: Option<Moment>,
    /// When it ended.
    #[schema(required)]
    pub ended_at: Option<Moment>,
    /// The schedule that started it.
    #[schema(required)]
    pub schedule: Option<uuid::Uuid>,
    /// The job whose failed hosts it repeats.
    #[schema(required)]
    pub retries: Option<uuid::Uuid>,
}

impl From<view::Job> for Job {
    fn from(job: view::Job) -> Self {
        let started = job.started;
        // The ids are those of the hosts; who may not see a host sees no id of it.
        let targets = Targets::of(&started.chosen, &[]);
        Self {
            id: started.job,
            name: started.name,
            state: job.state.into(),
            outcome: job.outcome.map(JobOutcome::as_str),
            message: job.message,
            plan: PlanBody::from(&started.plan),
            targets,
            hosts: u32::try_from(started.servers.len()).unwrap_or(u32::MAX),
            succeeded: job.succeeded,
            failed: job.failed,
            skipped: job.skipped,
            started_by: job.started_by.map(|user| user.0),
            started_by_name: job.started_by_name,
            started_at: job.started_at.into(),
            needs_approval: started.needs_approval,
            approve_until: (job.state == view::JobState::Waiting)
                .then(|| job.started_at.plus_millis(APPROVAL_MS).into()),
            approved_at: job.approved_at.map(Moment),
            ended_at: job.ended_at.map(Moment),
            schedule: started.schedule.map(|schedule| schedule.0),
            retries: started.retries.map(|job| job.0),
        }
    }
}
