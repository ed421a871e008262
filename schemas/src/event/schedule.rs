//! A schedule: a job that is started again and again. One aggregate per schedule, `ops.v1.ctl.schedule.<schedule>` in OPS_CTL.
//!
//! It runs with the rights of whoever saved it last, as they are at each run. A run starts the job whose id follows from the
//! schedule and the planned moment ([`JobId::of_schedule`]), so that two who start it start one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Event, Invalid, check_text,
    job::{Chosen, MAX_NAME, Plan, check_chosen, check_servers},
};
use crate::{
    clock::Timestamp,
    ids::{JobId, ScheduleId, ServerId},
};

macro_rules! events {
    ($($name:ident = $kind:literal),* $(,)?) => {$(
        impl Event for $name {
            const TYPE: &'static str = $kind;
            const VERSION: u16 = 1;
        }
    )*};
}

/// What to do when the moment of a run has passed while nobody could start it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Leave those runs out.
    Skip,
    /// Make up for all of them by one run.
    RunOnce,
    /// Make up for each, at most for so many of the newest.
    RunAll(u32),
}

/// A schedule was made or changed: all of it. It is on until it is disabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleSaved {
    /// The schedule.
    pub schedule: ScheduleId,
    /// For people.
    pub name: String,
    /// When: five fields as in crontab, or six with seconds in front.
    pub cron: String,
    /// In which time zone these are meant, by its IANA name.
    pub zone: String,
    /// What to do about runs that were missed.
    pub missed: Missed,
    /// What to do.
    pub plan: Plan,
    /// How the hosts are chosen, anew at each run.
    pub chosen: Chosen,
    /// The hosts, where they are chosen by their ids.
    #[serde(default)]
    pub servers: Vec<ServerId>,
}

impl Event for ScheduleSaved {
    const TYPE: &'static str = "schedule.saved";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, MAX_NAME)?;
        check_text("cron", &self.cron, 128)?;
        check_text("zone", &self.zone, 64)?;
        check_chosen(&self.chosen)?;
        check_servers(&self.servers)?;
        self.plan.validate()
    }
}

/// It is on again. Runs are counted from now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleEnabled {
    /// The schedule.
    pub schedule: ScheduleId,
}

/// It is off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDisabled {
    /// The schedule.
    pub schedule: ScheduleId,
    /// Why, when the system did it: whoever saved it may not do so any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Event for ScheduleDisabled {
    const TYPE: &'static str = "schedule.disabled";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("reason", self.reason.as_deref().unwrap_or_default(), 512)
    }
}

/// It is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDeleted {
    /// The schedule.
    pub schedule: ScheduleId,
}

/// Its moment came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleFired {
    /// The schedule.
    pub schedule: ScheduleId,
    /// The moment that was planned.
    pub planned: Timestamp,
    /// The job that was started; absent when this run was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// Why it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Event for ScheduleFired {
    const TYPE: &'static str = "schedule.fired";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("reason", self.reason.as_deref().unwrap_or_default(), 512)
    }
}

events! {
    ScheduleEnabled = "schedule.enabled",
    ScheduleDeleted = "schedule.deleted",
}
