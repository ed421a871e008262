//! A sample in a dozen numbers: a line of the fleet page, from the database or straight from the bus.

use chatops_schemas::{
    clock::Timestamp,
    event::metric::Sample,
    series::host::{self, HostValues},
};
use serde::Serialize;

/// Newest numbers of a server. Percentages have one decimal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowMetrics {
    /// When the host took them.
    pub ts: Timestamp,
    /// Position in `OPS_METRICS`.
    pub seq: u64,
    /// Percent busy.
    pub cpu: Option<f32>,
    /// Run queue over a minute.
    pub load1: Option<f32>,
    /// Percent of memory used.
    pub mem: Option<f32>,
    /// Bytes of memory.
    pub mem_total: Option<u64>,
    /// Percent of swap used.
    pub swap: Option<f32>,
    /// Percent used of the fullest file system.
    pub disk: Option<f32>,
    /// Bytes received per second.
    pub rx: Option<u64>,
    /// Bytes sent per second.
    pub tx: Option<u64>,
    /// Degrees Celsius of the hottest sensor.
    pub temp_max: Option<f32>,
    /// Seconds since boot.
    pub uptime_s: Option<u64>,
    /// Processes.
    pub processes: Option<u32>,
}

impl RowMetrics {
    /// The same row that the database gives for this sample once it is there.
    pub fn of(ts: Timestamp, seq: u64, sample: &Sample) -> Self {
        Self::from_values(ts, seq, &host::values(sample))
    }

    pub(crate) fn from_values(ts: Timestamp, seq: u64, v: &HostValues) -> Self {
        let share = |used: Option<f32>, total: Option<f32>| match (used, total) {
            (Some(used), Some(total)) if total > 0.0 => Some(tenths(100.0 * used / total)),
            _ => None,
        };
        Self {
            ts,
            seq,
            cpu: v[host::CPU].map(tenths),
            load1: v[host::LOAD1].map(|load| (load * 100.0).round() / 100.0),
            mem: share(v[host::MEM_USED], v[host::MEM_TOTAL]),
            mem_total: v[host::MEM_TOTAL].map(whole),
            swap: share(v[host::SWAP_USED], v[host::SWAP_TOTAL]),
            disk: v[host::DISK_MAX].map(tenths),
            rx: v[host::RX].map(whole),
            tx: v[host::TX].map(whole),
            temp_max: v[host::TEMP_MAX].map(tenths),
            uptime_s: v[host::UPTIME_S].map(whole),
            processes: v[host::PROCESSES].map(|n| u32::try_from(whole(n)).unwrap_or(u32::MAX)),
        }
    }
}

fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate"
)]
fn whole(value: f32) -> u64 {
    value.round() as u64
}
