//! The few numbers of a sample that the list of servers shows.
//!
//! They come from two sides: from the newest row of the database for the first page, and from the sample itself for the
//! live stream. Both are computed by the same code, so that a number does not jump when the stream takes over.

use chatops_projections::view;
use serde::Serialize;
use utoipa::ToSchema;

use super::moment::Moment;

/// The newest numbers of a server. `null` is what the host does not report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RowMetrics {
    /// When they were taken, by the host's clock.
    pub ts: Moment,
    /// Position of the sample in the stream.
    pub seq: u64,
    /// Busy percent of all cores.
    #[schema(required)]
    pub cpu: Option<f32>,
    /// Run-queue average over a minute.
    #[schema(required)]
    pub load1: Option<f32>,
    /// Memory in use, percent.
    #[schema(required)]
    pub mem: Option<f32>,
    /// Memory installed, bytes.
    #[schema(required)]
    pub mem_total: Option<u64>,
    /// Swap in use, percent; `null` without swap.
    #[schema(required)]
    pub swap: Option<f32>,
    /// Fullest file system, percent.
    #[schema(required)]
    pub disk: Option<f32>,
    /// Bytes received per second.
    #[schema(required)]
    pub rx: Option<u64>,
    /// Bytes sent per second.
    #[schema(required)]
    pub tx: Option<u64>,
    /// Hottest sensor, degrees Celsius.
    #[schema(required)]
    pub temp_max: Option<f32>,
    /// Seconds since boot.
    #[schema(required)]
    pub uptime_s: Option<u64>,
    /// Processes.
    #[schema(required)]
    pub processes: Option<u32>,
}

impl From<view::RowMetrics> for RowMetrics {
    fn from(row: view::RowMetrics) -> Self {
        Self {
            ts: row.ts.into(),
            seq: row.seq,
            cpu: row.cpu,
            load1: row.load1,
            mem: row.mem,
            mem_total: row.mem_total,
            swap: row.swap,
            disk: row.disk,
            rx: row.rx,
            tx: row.tx,
            temp_max: row.temp_max,
            uptime_s: row.uptime_s,
            processes: row.processes,
        }
    }
}
