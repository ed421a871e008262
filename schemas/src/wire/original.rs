//! The sample of the first ChatOps agents: gigabytes, one disk, one sum over all interfaces. Still accepted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::metric;

/// One reading in the original form.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sample {
    /// Processor.
    pub cpu: Option<Cpu>,
    /// Main memory.
    pub memory: Option<Space>,
    /// Root file system.
    pub disk: Option<Space>,
    /// All interfaces together.
    pub network: Option<Network>,
    /// Containers.
    pub containers: Vec<Container>,
    /// Processes.
    pub processes: Vec<Process>,
}

/// Processor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cpu {
    /// Busy percent of all cores.
    pub usage_percent: Option<f32>,
}

/// Memory or disk space, in GiB.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Space {
    /// Size.
    pub total_gb: Option<f64>,
    /// In use.
    pub used_gb: Option<f64>,
    /// Free.
    pub available_gb: Option<f64>,
}

/// Cumulative counters over all interfaces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// Bytes sent.
    pub bytes_sent: Option<u64>,
    /// Bytes received.
    pub bytes_recv: Option<u64>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Container {
    /// First 12 characters of the id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Image.
    pub image: Option<String>,
    /// State.
    pub state: Option<String>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Name.
    pub name: String,
    /// Percent of one core.
    pub cpu: Option<f32>,
    /// Resident memory in MiB.
    pub memory: Option<f64>,
    /// Owner.
    pub user: Option<String>,
}

/// Processes kept of the full list that the original agents send.
const TOP: usize = 10;

impl Sample {
    /// Whether a decoded map is of this form.
    pub fn recognises(value: &Value) -> bool {
        value.pointer("/cpu/usage_percent").is_some()
            || value.pointer("/memory/total_gb").is_some()
            || value.pointer("/disk/total_gb").is_some()
            || value.pointer("/network/bytes_sent").is_some()
    }
}

fn bytes(gb: Option<f64>) -> Option<u64> {
    // A negative or non-finite size is no size; `as` saturates the rest.
    gb.filter(|gb| gb.is_finite() && *gb >= 0.0)
        .map(|gb| (gb * 1_073_741_824.0) as u64)
}

impl From<Sample> for metric::Sample {
    fn from(old: Sample) -> Self {
        let mut by_cpu = old.processes;
        by_cpu.sort_by(|a, b| b.cpu.unwrap_or(0.0).total_cmp(&a.cpu.unwrap_or(0.0)));
        Self {
            cpu: old.cpu.map(|cpu| metric::Cpu {
                total: cpu.usage_percent,
                ..metric::Cpu::default()
            }),
            mem: old.memory.map(|m| metric::Memory {
                total: bytes(m.total_gb),
                used: bytes(m.used_gb),
                available: bytes(m.available_gb),
                ..metric::Memory::default()
            }),
            fs: old
                .disk
                .map(|d| metric::Filesystem {
                    mount: "/".to_owned(),
                    total: bytes(d.total_gb),
                    used: bytes(d.used_gb),
                    available: bytes(d.available_gb),
                    ..metric::Filesystem::default()
                })
                .into_iter()
                .collect(),
            net: old
                .network
                .map(|n| metric::Interface {
                    name: "all".to_owned(),
                    rx_total: n.bytes_recv,
                    tx_total: n.bytes_sent,
                    ..metric::Interface::default()
                })
                .into_iter()
                .collect(),
            containers: old
                .containers
                .into_iter()
                .map(|c| metric::Container {
                    id: c.id,
                    name: c.name,
                    image: c.image,
                    state: c.state,
                    ..metric::Container::default()
                })
                .collect(),
            top_cpu: by_cpu
                .into_iter()
                .take(TOP)
                .map(|p| metric::Process {
                    pid: p.pid,
                    name: p.name,
                    user: p.user,
                    cpu: p.cpu,
                    mem: p.memory.map(|mib| (mib * 1_048_576.0) as u64),
                })
                .collect(),
            ..Self::default()
        }
    }
}
