//! `GET /logs/histogram`: how many lines when.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::LogFilter;
use crate::{
    access,
    auth::actor::Actor,
    body::moment::Moment,
    extract::Query,
    problem::{Document, Problem},
    state::Api,
};

/// Widths that people read, in seconds.
const WIDTHS: [u32; 9] = [60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400];
/// Most bars.
const BARS: i64 = 120;

/// How many lines in a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogBar {
    /// Its beginning.
    at: Moment,
    /// Lines by level.
    lines: BTreeMap<&'static str, u64>,
    /// Lines that the host did not send, by reason: `rate`, `spool`, `source`.
    dropped: BTreeMap<String, u64>,
}

/// How many lines when.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogHistogram {
    /// Length of a span, in seconds.
    width_s: u32,
    /// The first moment.
    from: Moment,
    /// The moment behind the last.
    to: Moment,
    /// Oldest first; spans without lines are left out.
    bars: Vec<LogBar>,
}

/// Count lines over time
///
/// Counts follow servers, sources, levels and times; texts and patterns are not looked at.
#[utoipa::path(get, path = "/logs/histogram", tag = "Logs", operation_id = "logs_histogram", params(LogFilter),
    responses(
        (status = 200, description = "lines over time", body = LogHistogram),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<LogFilter>,
) -> Result<Json<LogHistogram>, Problem> {
    let visible = access::seen(&actor)?;
    let query = filter.query(&api)?;
    let seconds = query.to.micros_since(query.from) / 1_000_000;
    let width = WIDTHS
        .into_iter()
        .find(|width| seconds / i64::from(*width) <= BARS)
        .unwrap_or(86_400);
    let found = match visible {
        Some(visible) => api.store().log_histogram(visible, &query, width).await?,
        None => Vec::new(),
    };
    let bars = found.into_iter().map(|bar| LogBar {
        at: Moment(bar.at),
        lines: bar
            .lines
            .into_iter()
            .map(|(level, lines)| (level.as_str(), lines))
            .collect(),
        dropped: bar.dropped,
    });
    Ok(Json(LogHistogram {
        width_s: width,
        from: Moment(query.from),
        to: Moment(query.to),
        bars: bars.collect(),
    }))
}
