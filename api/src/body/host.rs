//! What a host answered, as it is shown. Texts are the host's: cut and without control characters.

use chatops_schemas::answer;
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;
use crate::order::words;

/// Everything that runs on a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcessList {
    /// Those that use most of the processor first.
    processes: Vec<HostProcess>,
    /// How many run; more than the list when it was cut to what fits into a message.
    total: u32,
}

/// A process.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostProcess {
    /// Its number.
    pid: u32,
    /// Its parent's.
    ppid: u32,
    /// When it began, in clock ticks since the boot, as text: with the number it names this process and no later one.
    #[schema(example = "123456")]
    start_ticks: String,
    /// Short name.
    name: String,
    /// Command line. May be empty: kernel threads, or not readable to the agent.
    command: String,
    /// Owner.
    #[schema(required)]
    user: Option<String>,
    /// `R`, `S`, `D`, `Z`, `T`, `I`.
    state: String,
    /// Percent of one core.
    #[schema(required)]
    cpu: Option<f32>,
    /// Resident memory, bytes.
    #[schema(required)]
    mem: Option<u64>,
    /// Threads.
    #[schema(required)]
    threads: Option<u32>,
    /// When it began.
    #[schema(required)]
    started_at: Option<Moment>,
}

impl From<answer::Processes> for ProcessList {
    fn from(answer: answer::Processes) -> Self {
        Self {
            processes: answer.processes.into_iter().map(Into::into).collect(),
            total: answer.total,
        }
    }
}

impl From<answer::Process> for HostProcess {
    fn from(process: answer::Process) -> Self {
        Self {
            pid: process.pid,
            ppid: process.ppid,
            start_ticks: process.start_ticks.to_string(),
            name: words(&process.name),
            command: words(&process.command),
            user: process.user.as_deref().map(words),
            state: words(&process.state),
            cpu: process.cpu.filter(|percent| percent.is_finite()),
            mem: process.mem,
            threads: process.threads,
            started_at: process.started_at.map(Moment::of_seconds),
        }
    }
}

/// systemd's units.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnitList {
    /// Services, timers, sockets and mounts that are loaded.
    units: Vec<HostUnit>,
}

/// A unit, in systemd's words.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostUnit {
    /// Full name.
    #[schema(example = "nginx.service")]
    name: String,
    /// What it is.
    description: String,
    /// `loaded`, `not-found`, `masked`, …
    load: String,
    /// `active`, `inactive`, `failed`, …
    active: String,
    /// `running`, `exited`, `dead`, …
    sub: String,
}

impl From<answer::Units> for UnitList {
    fn from(answer: answer::Units) -> Self {
        let unit = |unit: answer::Unit| HostUnit {
            name: words(&unit.name),
            description: words(&unit.description),
            load: words(&unit.load),
            active: words(&unit.active),
            sub: words(&unit.sub),
        };
        Self {
            units: answer.units.into_iter().map(unit).collect(),
        }
    }
}
