//! Takes marks, recomputes buckets. Woken by a timer; takes no input; whatever it did not finish is still marked.

use std::{collections::HashSet, sync::Arc, time::Duration};

use sqlx::{Connection, Executor, PgConnection};
use tokio_util::sync::CancellationToken;

use super::{
    GROUP, HOURS, MINUTES, SETTLE,
    fold::{self, Bucket, BucketLayout, Layouts, Row},
    group,
};
use crate::{
    error::{Doing, StoreError},
    retention::Retention,
    store::{
        Store, layout,
        rollup::{self as statements, Due},
        samples::{self, Mark},
    },
};

const EVERY: Duration = Duration::from_secs(1);
/// Pause while somebody else is the worker, or after an error.
const PAUSE: Duration = Duration::from_secs(5);
/// Buckets looked up at once.
const AT_ONCE: i64 = 64;
/// Groups recomputed in one transaction: bounds memory and the length of the transaction.
const GROUPS: usize = 4;

/// How the worker behaves.
#[derive(Debug, Clone)]
pub struct RollupSettings {
    /// How long a bucket is left alone after its end. Shorter than the default only in tests without projectors.
    pub settle: Duration,
}

impl Default for RollupSettings {
    fn default() -> Self {
        Self { settle: SETTLE }
    }
}

/// Runs until `stop`.
pub async fn run(store: Store, settings: RollupSettings, stop: CancellationToken) {
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            ended = work(&store, &settings) => ended,
        };
        if let Err(error) = ended {
            metrics::counter!("chatops_projections_rollup_failed_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the roll-up starts over"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Ends with `Ok` when somebody else is the worker.
async fn work(store: &Store, settings: &RollupSettings) -> Result<(), StoreError> {
    let mut connection = store.dedicated("rollup").await?;
    if !statements::try_lock(&mut connection).await? {
        return Ok(());
    }
    // Every bucket is planned anew: only then are the chunks of other days left out.
    connection
        .execute("SET plan_cache_mode = force_custom_plan; SET synchronous_commit = off")
        .await
        .doing("prepare the roll-up's connection")?;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while pass(store, &mut connection, settings).await? > 0 {}
        let (marks, age) = statements::backlog(&mut connection).await?;
        metrics::gauge!("chatops_projections_rollup_marks").set(marks as f64);
        metrics::gauge!("chatops_projections_rollup_oldest_mark_seconds").set(age);
    }
}

/// Recomputes what is due now; returns how many buckets.
pub(crate) async fn pass(
    store: &Store,
    connection: &mut PgConnection,
    settings: &RollupSettings,
) -> Result<usize, StoreError> {
    let retention = store.retention().await?;
    let due = statements::due(connection, settings.settle.as_secs_f64(), AT_ONCE).await?;
    for due in &due {
        for groups in due.groups.chunks(GROUPS) {
            let part = Due {
                groups: groups.to_vec(),
                ..due.clone()
            };
            recompute(store, connection, &part, &retention).await?;
        }
    }
    Ok(due.len())
}

async fn recompute(
    store: &Store,
    connection: &mut PgConnection,
    due: &Due,
    retention: &Retention,
) -> Result<(), StoreError> {
    let mut transaction = connection
        .begin()
        .await
        .doing("begin the roll-up's transaction")?;
    statements::take(&mut transaction, due).await?;
    // What it would be computed from is being removed: what was computed while it was there is better.
    let days = if due.level == MINUTES {
        retention.raw_days
    } else {
        retention.minute_days
    };
    if statements::older_than(&mut transaction, due.bucket, days).await? {
        metrics::counter!("chatops_projections_rollup_too_late_total").increment(1);
        return transaction
            .commit()
            .await
            .doing("commit the roll-up's transaction");
    }
    let mut rows = Vec::new();
    statements::read(&mut transaction, due, |row| rows.push(row)).await?;
    let buckets = fold_servers(store, &rows).await?;
    let buckets = number(&mut transaction, buckets).await?;
    statements::replace(&mut transaction, due, &buckets).await?;
    if due.level == MINUTES {
        samples::mark(&mut transaction, &hours_of(due)).await?;
    }
    transaction
        .commit()
        .await
        .doing("commit the roll-up's transaction")?;
    metrics::counter!("chatops_projections_rollup_rows_total", "level" => if due.level == HOURS { "1h" } else { "1m" })
        .increment(buckets.len() as u64);
    Ok(())
}

/// One bucket per server; the rows of a server lie together.
async fn fold_servers(store: &Store, rows: &[Row]) -> Result<Vec<Bucket>, StoreError> {
    let servers: Vec<&[Row]> = rows.chunk_by(|a, b| a.server_pk == b.server_pk).collect();
    let needed: HashSet<i32> = servers
        .iter()
        .flat_map(|rows| fold::layouts_needed(rows))
        .collect();
    let mut layouts = Layouts::new();
    if !needed.is_empty() {
        let needed: Vec<i32> = needed.into_iter().collect();
        for known in store.layouts(&needed).await? {
            layouts.insert(known.layout_pk, Arc::new(known.layout));
        }
    }
    let buckets: Vec<Bucket> = servers
        .into_iter()
        .filter_map(|rows| fold::fold(rows, &layouts))
        .collect();
    let left_out: usize = buckets.iter().map(|bucket| bucket.left_out).sum();
    metrics::counter!("chatops_projections_rollup_left_out_total").increment(left_out as u64);
    Ok(buckets)
}

/// Gives every bucket's layout its number.
async fn number(
    transaction: &mut PgConnection,
    buckets: Vec<Bucket>,
) -> Result<Vec<(Bucket, i32)>, StoreError> {
    let unions: Vec<_> = buckets
        .iter()
        .filter_map(|bucket| match &bucket.layout {
            BucketLayout::Union(layout) => Some((bucket.server_pk, layout)),
            BucketLayout::Numbered(_) => None,
        })
        .collect();
    let mut numbers = if unions.is_empty() {
        Vec::new()
    } else {
        layout::numbers(transaction, &unions).await?
    }
    .into_iter();
    Ok(buckets
        .into_iter()
        .map(|bucket| {
            let number = match &bucket.layout {
                BucketLayout::Numbered(number) => *number,
                BucketLayout::Union(_) => numbers.next().unwrap_or(crate::layout::NONE),
            };
            (bucket, number)
        })
        .collect())
}

fn hours_of(minute: &Due) -> Vec<Mark> {
    const HOUR_MICROS: i64 = 3_600_000_000;
    let hour = minute.bucket.micros().div_euclid(HOUR_MICROS) * HOUR_MICROS;
    let bucket = chatops_schemas::clock::Timestamp::from_micros(hour);
    minute
        .groups
        .iter()
        .map(|group| Mark {
            level: HOURS,
            bucket,
            group: *group,
        })
        .collect()
}

const _: () = assert!(group(GROUP - 1) == 0 && group(GROUP) == 1);
