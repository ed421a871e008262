//! A job: one operation on many hosts. One aggregate per job, `ops.v1.ctl.job.<job>` in OPS_CTL.
//!
//! ```text
//! started ─ approved? ─ (paused ─ resumed)* ─ cancel_requested? ─ ended
//! ```
//! What happens on each host is an ordinary command, whose id follows from the job and the host ([`CommandId::of_job`](crate::ids::CommandId::of_job)): it
//! can be asked for any number of times and is one aggregate. Which hosts are meant is decided once, when the job starts.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text, command::Asked};
use crate::{
    ids::{JobId, ScheduleId, ScriptId, ServerId},
    order::operation::MAX_TIMEOUT_MS,
};

/// Most hosts of one job.
pub const MAX_HOSTS: usize = 1000;
/// Longest name.
pub const MAX_NAME: usize = 128;
/// Longest time that a host is waited for, in milliseconds: a day.
pub const MAX_VALID_MS: u64 = 24 * 3_600_000;

/// How the hosts of a job were chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// Each by its id.
    Ids,
    /// All with this label.
    Tag(String),
    /// All that a search for this text finds.
    Query(String),
}

/// A version of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptVersion {
    /// Which.
    pub script: ScriptId,
    /// Its version, from 1.
    pub version: u32,
}

/// What is done on each host, and how carefully.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// What, without anything secret.
    pub asked: Asked,
    /// Milliseconds that it may run on a host.
    pub timeout_ms: u64,
    /// Milliseconds that a host is waited for.
    pub valid_ms: u64,
    /// Most hosts at the same time.
    pub concurrency: u32,
    /// So many hosts go first, and the others only if all of these succeed; 0: nobody goes first.
    #[serde(default)]
    pub canary: u32,
    /// No further host is begun once so many have failed; 0: failures stop nothing.
    #[serde(default)]
    pub stop_after: u32,
    /// The script it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptVersion>,
    /// Whether values that are no event's business are kept in the vault for it.
    #[serde(default)]
    pub sealed: bool,
}

impl Plan {
    /// Rules that its form cannot express.
    pub fn validate(&self) -> Result<(), Invalid> {
        if !(1..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            return Err(Invalid::new("timeout_ms", "must be 1 to a day"));
        }
        if !(1..=MAX_VALID_MS).contains(&self.valid_ms) {
            return Err(Invalid::new("valid_ms", "must be 1 to a day"));
        }
        if self.concurrency == 0 {
            return Err(Invalid::new("concurrency", "must be 1 or more"));
        }
        Ok(())
    }
}

pub(super) fn check_chosen(chosen: &Chosen) -> Result<(), Invalid> {
    match chosen {
        Chosen::Ids => Ok(()),
        Chosen::Tag(text) | Chosen::Query(text) => check_text("chosen", text, 128),
    }
}

pub(super) fn check_servers(servers: &[ServerId]) -> Result<(), Invalid> {
    if servers.len() > MAX_HOSTS {
        return Err(Invalid::new(
            "servers",
            format!("more than {MAX_HOSTS} hosts"),
        ));
    }
    let different: HashSet<_> = servers.iter().collect();
    if different.len() != servers.len() {
        return Err(Invalid::new("servers", "holds a host twice"));
    }
    Ok(())
}

/// Somebody who may do so on each of these hosts started it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobStarted {
    /// The job.
    pub job: JobId,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What to do.
    pub plan: Plan,
    /// How the hosts were chosen.
    pub chosen: Chosen,
    /// The hosts, in the order in which they are begun.
    pub servers: Vec<ServerId>,
    /// Waits for another person to approve it.
    #[serde(default)]
    pub needs_approval: bool,
    /// The schedule that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
    /// The job whose failed hosts it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<JobId>,
}

impl Event for JobStarted {
    const TYPE: &'static str = "job.started";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", self.name.as_deref().unwrap_or_default(), MAX_NAME)?;
        check_chosen(&self.chosen)?;
        if self.servers.is_empty() {
            return Err(Invalid::new("servers", "is empty"));
        }
        check_servers(&self.servers)?;
        self.plan.validate()
    }
}

/// Another person agreed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobApproved {
    /// The job.
    pub job: JobId,
}

/// No further host is begun until it is resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobPaused {
    /// The job.
    pub job: JobId,
}

/// It goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobResumed {
    /// The job.
    pub job: JobId,
}

/// No further host is begun, and what runs is to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobCancelRequested {
    /// The job.
    pub job: JobId,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// Every host was asked and has ended.
    Completed,
    /// Too many hosts failed, or one of those that went first.
    Stopped,
    /// Somebody ended it.
    Cancelled,
    /// Another person refused it, or nobody approved it in time.
    Denied,
}

impl JobOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Completed,
        Self::Stopped,
        Self::Cancelled,
        Self::Denied,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// It is over: nothing of it runs, and nothing of it will.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobEnded {
    /// The job.
    pub job: JobId,
    /// How.
    pub outcome: JobOutcome,
    /// Hosts on which it succeeded: it ran to its end with exit code 0.
    pub succeeded: u32,
    /// Hosts on which it was asked for and did not succeed.
    pub failed: u32,
    /// Hosts on which it was never asked for.
    pub skipped: u32,
    /// In words, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Event for JobEnded {
    const TYPE: &'static str = "job.ended";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("message", self.message.as_deref().unwrap_or_default(), 512)
    }
}

macro_rules! events {
    ($($name:ident = $kind:literal),* $(,)?) => {$(
        impl Event for $name {
            const TYPE: &'static str = $kind;
            const VERSION: u16 = 1;
        }
    )*};
}

events! {
    JobApproved = "job.approved",
    JobPaused = "job.paused",
    JobResumed = "job.resumed",
    JobCancelRequested = "job.cancel_requested",
}
