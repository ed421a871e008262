//! `GET /audit/export`: the entries that a filter finds, as a file. That somebody took them out is an entry itself, stored
//! before the first line leaves.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chatops_projections::view::AuditQuery;
use chatops_schemas::event::access::Exported;
use futures::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use super::filter::AuditFilter;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::audit::AuditEntry,
    extract::Query,
    problem::{Chain, Document, Problem},
    state::Api,
    witness,
};

/// Entries read at once.
const STEP: u32 = 500;

/// Form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// A table with a head line.
    Csv,
}

/// How it is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportForm {
    /// `ndjson` (when absent) or `csv`.
    #[serde(default)]
    #[param(inline, nullable = false)]
    format: Option<ExportFormat>,
}

/// Export audit entries
///
/// Newest first. For a file that proves something, use `chatops audit export`: it holds the bytes that were hashed.
#[utoipa::path(get, path = "/audit/export", tag = "Audit", operation_id = "audit_export",
    params(AuditFilter, ExportForm),
    responses(
        (status = 200, description = "the entries", content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<AuditFilter>,
    Query(form): Query<ExportForm>,
) -> Result<Response, Problem> {
    access::may(&actor, Action::SeeAudit)?;
    let format = form.format.unwrap_or_default();
    let query = filter.query(&api).await?;
    let (entries, last) = api.store().audit_count(&query).await?;
    let seen = Exported {
        what: "audit".to_owned(),
        query: filter.words(),
        entries,
    };
    witness::must(&api, &actor.by(), seen).await?;
    let (kind, name) = match format {
        ExportFormat::Ndjson => ("application/x-ndjson", "audit.ndjson"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "audit.csv"),
    };
    let mut response = Body::from_stream(lines(api, query, last, format)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The file, read as fast as the client takes it. A failure in the middle cuts the answer off, so that nobody takes a part
/// for the whole.
fn lines(
    api: Api,
    query: AuditQuery,
    last: u64,
    format: ExportFormat,
) -> impl stream::Stream<Item = Result<String, std::io::Error>> {
    let head = match format {
        ExportFormat::Ndjson => String::new(),
        ExportFormat::Csv => COLUMNS.join(",") + "\r\n",
    };
    let start = Some((head, last.saturating_add(1)));
    stream::try_unfold(start, move |step| {
        let (api, query) = (api.clone(), query.clone());
        async move {
            let Some((mut text, before)) = step else {
                return Ok(None);
            };
            let page = api.store().audit(&query, Some(before), STEP).await;
            let page = page.map_err(|error| {
                tracing::warn!(error = %Chain(&error), "an export was cut off");
                std::io::Error::other("the database does not answer")
            })?;
            let next = page.items.last().map(|row| row.entry.seq);
            for row in page.items {
                text.push_str(&line(&row.into(), format)?);
            }
            let next = next.filter(|_| page.next.is_some());
            Ok(Some((text, next.map(|seq| (String::new(), seq)))))
        }
    })
}

const COLUMNS: [&str; 13] = [
    "seq",
    "at",
    "actor",
    "actor_name",
    "action",
    "target",
    "target_name",
    "address",
    "result",
    "stream",
    "stream_seq",
    "digest",
    "leaf",
];

fn line(entry: &AuditEntry, format: ExportFormat) -> Result<String, std::io::Error> {
    if format == ExportFormat::Ndjson {
        return Ok(serde_json::to_string(entry)? + "\n");
    }
    let none = String::new();
    let cells = [
        &entry.seq.to_string(),
        &entry.at.to_string(),
        &entry.actor,
        entry.actor_name.as_ref().unwrap_or(&none),
        &entry.action,
        &entry.target,
        entry.target_name.as_ref().unwrap_or(&none),
        entry.address.as_ref().unwrap_or(&none),
        &entry.result.to_owned(),
        &entry.source.stream,
        &entry.source.seq.to_string(),
        &entry.digest,
        &entry.leaf,
    ];
    Ok(cells.map(|cell| quoted(cell)).join(",") + "\r\n")
}

/// A cell of RFC 4180. What a spreadsheet would run as a formula is kept from it by an apostrophe: names are what people
/// typed.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !text.contains([',', '"', '\r', '\n']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_is_quoted_when_it_must_be_and_is_never_a_formula() {
        assert_eq!(quoted("ada"), "ada");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
    }
}
