//! `metrics.sample`: one reading of a host.
//!
//! Gauges are `Option`: a field that a host does not have is absent and becomes NULL, never 0. Cumulative counters
//! (`*_total`, since the agent first saw the device, surviving reboots) and rates (per second, over the interval since
//! the sample before) travel together: rates draw charts, counters prove that nothing is missing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text};

/// Most entries in any list of a sample.
pub const MAX_ITEMS: usize = 512;
/// Most characters in any name in a sample.
pub const MAX_NAME: usize = 256;

/// One reading of a host. Percentages are 0–100 of the whole machine, bytes are bytes, rates are per second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Milliseconds between readings, as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u32>,
    /// Processor time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Run-queue averages over 1, 5 and 15 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Main memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem: Option<Memory>,
    /// Swap space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
    /// Pressure stall information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psi: Option<Pressure>,
    /// Uptime and task counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Mounted file systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fs: Vec<Filesystem>,
    /// Block devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disk: Vec<Disk>,
    /// Network interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub net: Vec<Interface>,
    /// Temperature sensors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub temp: Vec<Sensor>,
    /// Processes that use most processor time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_cpu: Vec<Process>,
    /// Processes that use most memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_mem: Vec<Process>,
    /// Containers, running or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// systemd units in the state `failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_units: Vec<String>,
    /// Entries left out because a list was longer than the agent sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<u32>,
}

/// Processor time since the reading before, in percent of all cores together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// Busy: everything but idle and iowait.
    #[serde(default)]
    pub total: Option<f32>,
    /// User, nice included.
    #[serde(default)]
    pub user: Option<f32>,
    /// Kernel, interrupts included.
    #[serde(default)]
    pub system: Option<f32>,
    /// Idle while a block request was outstanding.
    #[serde(default)]
    pub iowait: Option<f32>,
    /// Taken by the hypervisor.
    #[serde(default)]
    pub steal: Option<f32>,
    /// Busy per core, in the kernel's order; an offline core is `null`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cores: Vec<Option<f32>>,
}

/// Run-queue averages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// Over 1 minute.
    #[serde(default)]
    pub one: Option<f32>,
    /// Over 5 minutes.
    #[serde(default)]
    pub five: Option<f32>,
    /// Over 15 minutes.
    #[serde(default)]
    pub fifteen: Option<f32>,
}

/// Main memory, in bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Installed and visible to the kernel.
    #[serde(default)]
    pub total: Option<u64>,
    /// `total - available`: what programs hold and the kernel cannot give back. Caches do not count.
    #[serde(default)]
    pub used: Option<u64>,
    /// What a new program could get without swapping.
    #[serde(default)]
    pub available: Option<u64>,
    /// Page cache and reclaimable slab.
    #[serde(default)]
    pub cached: Option<u64>,
    /// Buffers of block devices.
    #[serde(default)]
    pub buffers: Option<u64>,
}

/// Swap space, in bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Swap {
    /// Configured.
    #[serde(default)]
    pub total: Option<u64>,
    /// In use.
    #[serde(default)]
    pub used: Option<u64>,
}

/// Share of the last 10 seconds in which at least one task waited for the resource, in percent (`some avg10`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Pressure {
    /// Processor.
    #[serde(default)]
    pub cpu: Option<f32>,
    /// Memory.
    #[serde(default)]
    pub mem: Option<f32>,
    /// Block devices.
    #[serde(default)]
    pub io: Option<f32>,
}

/// Uptime and task counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Seconds since boot.
    #[serde(default)]
    pub uptime_s: Option<u64>,
    /// Processes, threads not counted.
    #[serde(default)]
    pub processes: Option<u32>,
    /// Tasks running or ready to run.
    #[serde(default)]
    pub running: Option<u32>,
    /// Tasks in uninterruptible sleep.
    #[serde(default)]
    pub blocked: Option<u32>,
}

/// A mounted file system, in bytes and inodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Filesystem {
    /// Mount point.
    pub mount: String,
    /// Device or source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Type, for example `ext4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Size.
    #[serde(default)]
    pub total: Option<u64>,
    /// In use, the root reserve not counted as free: what `df` calls used.
    #[serde(default)]
    pub used: Option<u64>,
    /// Free for ordinary users.
    #[serde(default)]
    pub available: Option<u64>,
    /// Inodes in all.
    #[serde(default)]
    pub inodes: Option<u64>,
    /// Inodes in use.
    #[serde(default)]
    pub inodes_used: Option<u64>,
}

/// A block device.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// Kernel name, for example `nvme0n1`.
    pub name: String,
    /// Bytes read since first seen.
    #[serde(default)]
    pub read_total: Option<u64>,
    /// Bytes written since first seen.
    #[serde(default)]
    pub write_total: Option<u64>,
    /// Bytes read per second.
    #[serde(default)]
    pub read: Option<f32>,
    /// Bytes written per second.
    #[serde(default)]
    pub write: Option<f32>,
    /// Reads per second.
    #[serde(default)]
    pub read_ops: Option<f32>,
    /// Writes per second.
    #[serde(default)]
    pub write_ops: Option<f32>,
    /// Percent of the time with a request in flight.
    #[serde(default)]
    pub util: Option<f32>,
    /// Mean milliseconds from submission to completion of a request.
    #[serde(default)]
    pub await_ms: Option<f32>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Kernel name, for example `eth0`.
    pub name: String,
    /// Bytes received since first seen.
    #[serde(default)]
    pub rx_total: Option<u64>,
    /// Bytes sent since first seen.
    #[serde(default)]
    pub tx_total: Option<u64>,
    /// Bytes received per second.
    #[serde(default)]
    pub rx: Option<f32>,
    /// Bytes sent per second.
    #[serde(default)]
    pub tx: Option<f32>,
    /// Packets received per second.
    #[serde(default)]
    pub rx_packets: Option<f32>,
    /// Packets sent per second.
    #[serde(default)]
    pub tx_packets: Option<f32>,
    /// Receive errors per second.
    #[serde(default)]
    pub rx_errors: Option<f32>,
    /// Send errors per second.
    #[serde(default)]
    pub tx_errors: Option<f32>,
    /// Received packets dropped per second.
    #[serde(default)]
    pub rx_drops: Option<f32>,
    /// Packets to send dropped per second.
    #[serde(default)]
    pub tx_drops: Option<f32>,
}

/// A temperature sensor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sensor {
    /// Chip and label, for example `coretemp Package id 0`.
    pub name: String,
    /// Degrees Celsius.
    #[serde(default)]
    pub celsius: Option<f32>,
}

/// A process among the busiest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Command name, without arguments: arguments may hold secrets.
    pub name: String,
    /// Owner's name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Percent of one core.
    #[serde(default)]
    pub cpu: Option<f32>,
    /// Resident bytes.
    #[serde(default)]
    pub mem: Option<u64>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// First 12 characters of the id.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Image reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Compose project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// `running`, `exited`, `paused`, … as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `healthy`, `unhealthy`, `starting`; absent without a health check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Times the engine restarted it.
    #[serde(default)]
    pub restarts: Option<u32>,
    /// Percent of one core.
    #[serde(default)]
    pub cpu: Option<f32>,
    /// Bytes in use, page cache not counted.
    #[serde(default)]
    pub mem: Option<u64>,
    /// Byte limit; absent when unlimited.
    #[serde(default)]
    pub mem_limit: Option<u64>,
    /// Bytes received per second.
    #[serde(default)]
    pub rx: Option<f32>,
    /// Bytes sent per second.
    #[serde(default)]
    pub tx: Option<f32>,
    /// Bytes read from block devices per second.
    #[serde(default)]
    pub read: Option<f32>,
    /// Bytes written to block devices per second.
    #[serde(default)]
    pub write: Option<f32>,
}

impl Event for Sample {
    const TYPE: &'static str = "metrics.sample";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        validate::sample(self)
    }
}

mod validate {
    use super::*;

    fn finite(field: impl Fn() -> String, values: &[Option<f32>]) -> Result<(), Invalid> {
        // The sum is finite exactly when no term is NaN or infinite, short of an overflow that only absurd values reach.
        if values.iter().flatten().sum::<f32>().is_finite() {
            Ok(())
        } else {
            Err(Invalid::new(field(), "is not a finite number"))
        }
    }

    fn count(field: &str, len: usize) -> Result<(), Invalid> {
        if len > MAX_ITEMS {
            return Err(Invalid::new(
                field,
                format!("has {len} entries, at most {MAX_ITEMS} are accepted"),
            ));
        }
        Ok(())
    }

    pub(super) fn sample(s: &Sample) -> Result<(), Invalid> {
        if let Some(cpu) = &s.cpu {
            count("cpu.cores", cpu.cores.len())?;
            finite(
                || "cpu".into(),
                &[cpu.total, cpu.user, cpu.system, cpu.iowait, cpu.steal],
            )?;
            finite(|| "cpu.cores".into(), &cpu.cores)?;
        }
        if let Some(load) = &s.load {
            finite(|| "load".into(), &[load.one, load.five, load.fifteen])?;
        }
        if let Some(psi) = &s.psi {
            finite(|| "psi".into(), &[psi.cpu, psi.mem, psi.io])?;
        }
        count("fs", s.fs.len())?;
        for fs in &s.fs {
            check_text("fs.mount", &fs.mount, MAX_NAME)?;
        }
        count("disk", s.disk.len())?;
        for d in &s.disk {
            check_text("disk.name", &d.name, MAX_NAME)?;
            finite(
                || format!("disk {}", d.name),
                &[d.read, d.write, d.read_ops, d.write_ops, d.util, d.await_ms],
            )?;
        }
        count("net", s.net.len())?;
        for n in &s.net {
            check_text("net.name", &n.name, MAX_NAME)?;
            finite(
                || format!("net {}", n.name),
                &[
                    n.rx,
                    n.tx,
                    n.rx_packets,
                    n.tx_packets,
                    n.rx_errors,
                    n.tx_errors,
                    n.rx_drops,
                    n.tx_drops,
                ],
            )?;
        }
        count("temp", s.temp.len())?;
        for t in &s.temp {
            check_text("temp.name", &t.name, MAX_NAME)?;
            finite(|| format!("temp {}", t.name), &[t.celsius])?;
        }
        for (field, list) in [("top_cpu", &s.top_cpu), ("top_mem", &s.top_mem)] {
            count(field, list.len())?;
            for p in list {
                check_text(field, &p.name, MAX_NAME)?;
                finite(|| format!("{field} {}", p.name), &[p.cpu])?;
            }
        }
        count("containers", s.containers.len())?;
        for c in &s.containers {
            check_text("containers.name", &c.name, MAX_NAME)?;
            finite(
                || format!("container {}", c.name),
                &[c.cpu, c.rx, c.tx, c.read, c.write],
            )?;
        }
        count("failed_units", s.failed_units.len())?;
        for unit in &s.failed_units {
            check_text("failed_units", unit, MAX_NAME)?;
        }
        Ok(())
    }
}
