//! `GET /logs/download`: the lines that a filter finds, as a file. That somebody took them out is an event, stored before
//! the first line leaves.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chatops_projections::{
    Visible,
    view::{LogPlace, LogQuery},
};
use chatops_schemas::event::access::Exported;
use futures::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::filter::LogFilter;
use crate::{
    access,
    auth::actor::Actor,
    body::log::LogEntry,
    extract::Query,
    problem::{Chain, Document, Problem},
    state::Api,
    witness,
};

/// Lines read at once.
const STEP: u32 = 1000;
/// Most lines in a file.
const MOST: usize = 1_000_000;

/// Form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// Time, server, source, level and message.
    Text,
}

/// How it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogForm {
    /// `ndjson` (when absent) or `text`.
    #[serde(default)]
    #[param(inline, nullable = false)]
    format: Option<LogFormat>,
}

/// Download lines of logs
///
/// Newest first, at most a million lines. The download is noted in the audit trail.
#[utoipa::path(get, path = "/logs/download", tag = "Logs", operation_id = "logs_download",
    params(LogFilter, LogForm),
    responses(
        (status = 200, description = "the lines", content((String = "application/x-ndjson"), (String = "text/plain"))),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<LogFilter>,
    Query(form): Query<LogForm>,
) -> Result<Response, Problem> {
    let visible = access::seen(&actor)?;
    let format = form.format.unwrap_or_default();
    let query = filter.query(&api)?;
    let entries = match visible {
        Some(visible) => {
            // Also refuses a pattern that is none, before anything is noted.
            api.store().logs(visible, &query, None, 1).await?;
            let bars = api.store().log_histogram(visible, &query, 86_400).await?;
            bars.iter().flat_map(|bar| bar.lines.values()).sum()
        }
        None => 0,
    };
    let seen = Exported {
        what: "logs".to_owned(),
        query: filter.words(),
        entries,
    };
    witness::must(&api, &actor.by(), seen).await?;
    let (kind, name) = match format {
        LogFormat::Ndjson => ("application/x-ndjson", "logs.ndjson"),
        LogFormat::Text => ("text/plain; charset=utf-8", "logs.txt"),
    };
    let mut response = Body::from_stream(lines(api, visible, query, format)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Where a file is.
struct Step {
    visible: Visible,
    place: Option<LogPlace>,
    left: usize,
}

/// The file, read as fast as the client takes it; what somebody may no longer see ends it early. A failure in the middle
/// cuts the answer off, so that nobody takes a part for the whole.
fn lines(
    api: Api,
    visible: Option<Visible>,
    query: LogQuery,
    format: LogFormat,
) -> impl stream::Stream<Item = Result<String, std::io::Error>> {
    let start = visible.map(|visible| Step {
        visible,
        place: None,
        left: MOST,
    });
    stream::try_unfold(start, move |step| {
        let (api, query) = (api.clone(), query.clone());
        async move {
            let Some(Step {
                visible,
                place,
                left,
            }) = step
            else {
                return Ok(None);
            };
            let page = api.store().logs(visible, &query, place, STEP).await;
            let page = page.map_err(|error| {
                tracing::warn!(error = %Chain(&error), "a download of logs was cut off");
                std::io::Error::other("the database does not answer")
            })?;
            let left = left.saturating_sub(page.items.len());
            let mut text = String::new();
            for row in page.items {
                text.push_str(&line(&row.into(), format)?);
            }
            let next = page.next.filter(|_| left > 0).map(|place| Step {
                visible,
                place: Some(place),
                left,
            });
            Ok(Some((text, next)))
        }
    })
}

fn line(entry: &LogEntry, format: LogFormat) -> Result<String, std::io::Error> {
    if format == LogFormat::Ndjson {
        return Ok(serde_json::to_string(entry)? + "\n");
    }
    let LogEntry {
        at,
        server_id,
        source,
        level,
        message,
        ..
    } = entry;
    Ok(format!(
        "{at} {server_id} {source} {} {message}\n",
        level.to_uppercase()
    ))
}
