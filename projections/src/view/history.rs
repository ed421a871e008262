//! Charts.

use chatops_schemas::{clock::Timestamp, series::Series};
use serde::Serialize;

/// What to draw.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// From here.
    pub from: Timestamp,
    /// Up to here.
    pub to: Timestamp,
    /// Which lines; empty: all numbers of the host.
    pub series: Vec<Series>,
    /// Most points per line, about.
    pub max_points: u32,
}

impl HistoryQuery {
    /// Most lines in one answer.
    pub const MAX_SERIES: usize = 128;
}

/// Where points come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Resolution {
    /// Samples.
    #[serde(rename = "raw")]
    Raw,
    /// Minutes.
    #[serde(rename = "1m")]
    Minute,
    /// Hours.
    #[serde(rename = "1h")]
    Hour,
}

/// Lines over one time axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// As asked.
    pub from: Timestamp,
    /// As asked.
    pub to: Timestamp,
    /// Where the points come from; the newest ones, which are not summed up yet, come from finer ones.
    pub resolution: Resolution,
    /// Milliseconds that one point stands for; 0: points are single samples.
    pub step_ms: u64,
    /// Older than this there is nothing in this resolution.
    pub retention_from: Timestamp,
    /// Start of each point, in milliseconds since 1970. Where nothing was measured for longer than expected, one point
    /// without values marks the gap.
    pub t: Vec<i64>,
    /// The lines.
    pub series: Vec<HistorySeries>,
}

/// One line; each list is as long as [`History::t`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistorySeries {
    /// Its name.
    pub name: String,
    /// `percent`, `bytes`, `bytes/s`, `1/s`, `ms`, `celsius`, `seconds` or empty for plain counts.
    pub unit: &'static str,
    /// Least value.
    pub min: Vec<Option<f32>>,
    /// Mean value.
    pub avg: Vec<Option<f32>>,
    /// Greatest value.
    pub max: Vec<Option<f32>>,
}

/// A line that exists for a server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesInfo {
    /// Its name, to ask for it.
    pub name: String,
    /// See [`HistorySeries::unit`].
    pub unit: &'static str,
    /// Its name for people.
    pub label: String,
}
