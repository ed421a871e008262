//! A rule on the readings that the stream still holds: what feeds a [`Trial`], for people at a terminal and for the API.
//!
//! Reads only, beside everything else, and keeps nothing: when it is dropped or the process dies, nothing is left. Readings
//! are taken one at a time, so memory is what the trial remembers; [`Bounds`] say how long it may read and how much it may
//! find. An answer that came to such an end says so and is true of the readings up to there.

use std::{future::Future, time::Duration};

use chatops_bus::{Bus, From, ReadError, Reader, Recorded, StreamName};
use chatops_schemas::{
    clock::Timestamp,
    codec,
    event::metric::Sample,
    ids::ServerId,
    rule::{MeasureError, Rule},
    subject,
};
use futures::StreamExt;
use tokio::time::Instant;

use crate::trial::{Report, Trial};

/// Which readings: those that the host took from here to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment; None: up to the newest reading.
    pub to: Option<Timestamp>,
}

impl Span {
    fn holds(&self, at: Timestamp) -> bool {
        at >= self.from && self.to.is_none_or(|to| at <= to)
    }
}

/// Where a trial ends early.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// It reads no longer than this.
    pub deadline: Option<Instant>,
    /// It ends when this many stretches in which the condition was true were found.
    pub stretches: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What the rule would have done.
    pub report: Report,
    /// Readings that could not be read.
    pub unread: u64,
    /// Whether all readings of the span were looked at.
    pub complete: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The rule cannot be tried.
    #[error("the rule cannot be tried: {0}")]
    Rule(#[from] MeasureError),
    /// The stream cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Tries a rule on the readings of a server that are in the stream when it begins.
///
/// # Errors
/// The rule names a number that does not exist, or the stream cannot be read.
pub async fn on_server(
    bus: &Bus,
    rule: &Rule,
    server: &ServerId,
    span: Span,
    bounds: Bounds,
) -> Result<Found, HistoryError> {
    let mut trial = Trial::new(rule)?;
    let mut unread = 0;
    let complete = read(bus, server, span, bounds, &mut trial, &mut unread).await?;
    Ok(Found {
        report: trial.report(),
        unread,
        complete,
    })
}

/// Whether it came to the end.
async fn read(
    bus: &Bus,
    server: &ServerId,
    span: Span,
    bounds: Bounds,
    trial: &mut Trial,
    unread: &mut u64,
) -> Result<bool, ReadError> {
    let Some(opened) = in_time(bounds, open(bus, server, span)).await else {
        return Ok(false);
    };
    let Some((mut reader, newest)) = opened? else {
        return Ok(true);
    };
    loop {
        let Some(event) = in_time(bounds, reader.next()).await else {
            return Ok(false);
        };
        let Some(event) = event.transpose()? else {
            return Ok(true);
        };
        match codec::decode::<Sample>(&event.payload) {
            Ok(sample) if span.holds(sample.time) => trial.see(sample.time, &sample.data),
            Ok(_) => {}
            Err(_) => *unread += 1,
        }
        if event.seq >= newest.seq {
            return Ok(true);
        }
        if bounds
            .stretches
            .is_some_and(|most| trial.stretches() >= most)
        {
            return Ok(false);
        }
    }
}

/// The readings, and the newest one, behind which the reader would wait for what comes.
async fn open(
    bus: &Bus,
    server: &ServerId,
    span: Span,
) -> Result<Option<(Reader, Recorded)>, ReadError> {
    let filter = subject::metrics_stored(server);
    let newest = bus.last(StreamName::Metrics, &filter).await?;
    // A reading is stored after it was taken, so what was stored before the span is not in it.
    let Some(newest) = newest.filter(|newest| newest.stored_at >= span.from) else {
        return Ok(None);
    };
    let reader = bus
        .read(StreamName::Metrics, &filter, From::Time(span.from))
        .await?;
    Ok(Some((reader, newest)))
}

/// None: the deadline has passed. Looked at first, because readings that are there already would always win.
async fn in_time<T>(bounds: Bounds, work: impl Future<Output = T>) -> Option<T> {
    let Some(deadline) = bounds.deadline else {
        return Some(work.await);
    };
    if deadline.saturating_duration_since(Instant::now()) == Duration::ZERO {
        return None;
    }
    tokio::time::timeout_at(deadline, work).await.ok()
}
