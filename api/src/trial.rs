//! A rule on everything that is known of a server: the tables first, then what the stream has and they do not yet.
//!
//! For the route and for `chatops rules try`. The readings go through the code that judges live ones; the tables give them in
//! order of time, so what came late is where it belongs, which live evaluation could not know.

use std::ops::ControlFlow;

use chatops_alerting::history::{Attempt, Bounds, Detail, Found, Span};
use chatops_bus::{Bus, ReadError};
use chatops_projections::{PastQuery, PastReader, StoreError, view::Resolution};
use chatops_schemas::{
    clock::Timestamp,
    ids::ServerId,
    rule::{MeasureError, Needs, Row, Rule},
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The rule cannot be tried.
    #[error("the rule cannot be tried: {0}")]
    Rule(#[from] MeasureError),
    /// The tables cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Tries a rule on one server. `told` hears of the time that was reached, now and then.
///
/// # Errors
/// The rule names a number that does not exist, or what was measured cannot be read.
pub async fn on_server(
    past: &mut PastReader,
    bus: &Bus,
    rule: &Rule,
    server: &ServerId,
    (span, bounds): (Span, Bounds),
    told: &mut (dyn FnMut(Timestamp) + Send),
) -> Result<Found, TrialError> {
    let mut attempt = Attempt::new(rule, span, bounds)?;
    let needs = Needs::of(rule);
    if needs.unstored {
        attempt.stream(bus, server, None).await?;
        return Ok(attempt.found());
    }
    let query = PastQuery {
        server,
        from: span.from,
        to: span.to.unwrap_or(Timestamp::from_micros(i64::MAX / 2)),
        needs: &needs,
    };
    let stored = attempt.in_time(async |attempt| {
        let mut seen = 0_u32;
        let mut take = |level, at, row: &Row| {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(EVERY) {
                told(at);
                if attempt.is_over() {
                    return ControlFlow::Break(());
                }
            }
            let detail = match level {
                Resolution::Raw => Detail::Each,
                Resolution::Minute => Detail::Minutes,
                Resolution::Hour => Detail::Hours,
            };
            attempt.take(detail, at, row)
        };
        past.read(query, &mut take).await
    });
    let Some(stored) = stored.await else {
        return Ok(attempt.found());
    };
    let end = stored?;
    if !attempt.is_cut()
        && end
            .newest
            .is_none_or(|(at, _)| span.to.is_none_or(|to| at < to))
    {
        attempt
            .stream(bus, server, end.newest.map(|(_, seq)| seq))
            .await?;
    }
    Ok(attempt.found())
}

/// So many rows are read between two looks at the clock.
const EVERY: u32 = 4096;
