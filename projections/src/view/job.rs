//! Jobs, scripts and schedules as people see them.

use chatops_schemas::{
    clock::Timestamp,
    event::{
        command::Outcome,
        job::{JobOutcome, JobStarted},
        schedule::ScheduleSaved,
        script::ScriptSaved,
    },
    ids::{JobId, ScheduleId, ScriptId, ServerId, UserId},
};

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Another person has to approve it.
    Waiting,
    /// Hosts are being asked.
    Running,
    /// No further host is asked until somebody resumes it.
    Paused,
    /// No further host is asked any more; what runs is being ended.
    Cancelling,
    /// It is over.
    Ended,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Paused,
        Self::Cancelling,
        Self::Ended,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Ended => "ended",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// As it was started.
    pub started: JobStarted,
    /// How far it is.
    pub state: JobState,
    /// Who started it.
    pub started_by: Option<UserId>,
    /// Their name.
    pub started_by_name: Option<String>,
    /// When.
    pub started_at: Timestamp,
    /// Who approved it: an actor.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Timestamp>,
    /// Whose decision the end was: an actor.
    pub ended_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub outcome: Option<JobOutcome>,
    /// Hosts on which it succeeded, once it has ended.
    pub succeeded: Option<u32>,
    /// Hosts on which it failed, once it has ended.
    pub failed: Option<u32>,
    /// Hosts that were never asked, once it has ended.
    pub skipped: Option<u32>,
    /// What there was to say about the end.
    pub message: Option<String>,
    /// Where its first event lies in `OPS_CTL`.
    pub started_seq: u64,
    /// Newest event in `OPS_CTL`.
    pub ctl_seq: u64,
}

/// A job on one of its servers.
#[derive(Debug, Clone, PartialEq)]
pub struct JobHost {
    /// Which.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// Whether it was asked.
    pub requested: bool,
    /// Whether it has begun.
    pub started: bool,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// In words.
    pub message: Option<String>,
    /// Milliseconds on the host.
    pub duration_ms: Option<u64>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Equal for equal output on both streams; `None`: it has not ended, or wrote too much to be compared.
    pub digest: Option<String>,
}

/// Which jobs to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// How far they must be.
    pub state: Option<JobState>,
    /// The schedule that started them.
    pub schedule: Option<ScheduleId>,
    /// The script that they run.
    pub script: Option<ScriptId>,
    /// Who reads, unless they see everything: their own jobs, and those with a host that they may run commands on.
    pub reader: Option<UserId>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Most jobs on the page.
    pub limit: u32,
}

/// A script, at its newest version.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// As it was saved.
    pub saved: ScriptSaved,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// Who saved this version.
    pub saved_by: Option<UserId>,
    /// Their name.
    pub saved_by_name: Option<String>,
    /// When.
    pub saved_at: Timestamp,
    /// Newest event in `OPS_CTL`.
    pub ctl_seq: u64,
}

/// A version of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptVersionRow {
    /// As it was saved.
    pub saved: ScriptSaved,
    /// Who saved it.
    pub saved_by_name: Option<String>,
    /// When.
    pub saved_at: Timestamp,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// As it was saved.
    pub saved: ScheduleSaved,
    /// With whose rights it runs.
    pub saved_by: Option<UserId>,
    /// Their name.
    pub saved_by_name: Option<String>,
    /// When.
    pub saved_at: Timestamp,
    /// Whether it is on.
    pub enabled: bool,
    /// Why the system switched it off.
    pub disabled_reason: Option<String>,
    /// Runs planned at or before this moment are not due.
    pub counted_from: Timestamp,
    /// The newest run.
    pub last_planned: Option<Timestamp>,
    /// The job of the newest run.
    pub last_job: Option<JobId>,
    /// What there was to say about the newest run.
    pub last_reason: Option<String>,
    /// Newest event in `OPS_CTL`.
    pub ctl_seq: u64,
}

impl Schedule {
    /// Its id.
    pub fn id(&self) -> ScheduleId {
        self.saved.schedule
    }
}

impl Script {
    /// Its id.
    pub fn id(&self) -> ScriptId {
        self.saved.script
    }
}
