//! Roll-ups: minutes from samples, hours from minutes.
//!
//! A projector that writes samples marks their buckets in `rollup_dirty` in the same transaction. The [worker] takes the
//! marks of a bucket that has been closed for [`SETTLE`] and recomputes its rows as a whole, so repetition, late samples
//! and replays all end in the same rows. Marks are only inserted and deleted: whoever sees a mark sees its samples, and a
//! mark that comes later stands for another recomputation.
//!
//! When the worker dies in the middle, its transaction is undone, marks included. Two workers exclude each other by a
//! session lock.
//!
//! # When a device comes or goes within a bucket
//! Rows are added up by device *name*. The bucket's layout is the union of all layouts in it, the names of the first one
//! first; if that is one of them, its number is used, else a new one is made. A device that was there for part of the
//! bucket has the least, mean and greatest value of that part. An hour weighs each minute by its number of samples.
//! A union holds at most [`MAX_ITEMS`](chatops_schemas::event::metric::MAX_ITEMS) devices of a kind; further ones are left
//! out and counted in `chatops_projections_rollup_left_out_total`.

pub(crate) mod fold;
pub(crate) mod worker;

pub use worker::{RollupSettings, run};

use std::time::Duration;

/// Level of `metrics_1m`.
pub(crate) const MINUTES: i16 = 1;
/// Level of `metrics_1h`.
pub(crate) const HOURS: i16 = 2;

/// A bucket is left alone for this long after its end. Samples that are on their way arrive, and no transaction that
/// relied on a standing mark is still open: see `project/metrics/marks.rs`.
pub(crate) const SETTLE: Duration = Duration::from_secs(10);

/// Servers share marks in groups, so that a batch leaves a few.
pub(crate) const fn group(server_pk: i32) -> i32 {
    server_pk / GROUP
}

/// Servers per group.
pub(crate) const GROUP: i32 = 64;
