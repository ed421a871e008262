//! `GET /metrics/{server_id}/history`: lines over a stretch of time, from samples, minutes or hours, whichever fits.

use axum::{Json, extract::State};
use chatops_projections::view::{self, HistoryQuery, Resolution};
use chatops_schemas::{
    clock::Timestamp,
    ids::ServerId,
    series::{Series, SeriesError},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::time_text;
use crate::{
    access,
    auth::actor::Actor,
    body::moment::Moment,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

const DEFAULT_POINTS: u32 = 720;
const MAX_POINTS: u32 = 10_000;

/// What to draw.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AskHistory {
    /// From here: RFC 3339, milliseconds since 1970, or relative like `now-6h`. `now-1h` when absent.
    #[param(nullable = false, example = "now-6h")]
    from: Option<String>,
    /// Up to here; `now` when absent.
    #[param(nullable = false, example = "now")]
    to: Option<String>,
    /// Names, comma separated; all numbers of the host when absent. A comma in a name is written `\,`.
    #[param(nullable = false, example = "cpu,mem,net:eth0:rx")]
    series: Option<String>,
    /// Most points per line, about; 720 when absent.
    #[param(nullable = false, minimum = 1, maximum = 10000)]
    max_points: Option<u32>,
}

/// Where points come from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub enum HistoryResolution {
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

/// One line; each list is as long as `t`. `null` is a gap.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistorySeries {
    /// Its name.
    name: String,
    /// As in the list of series.
    unit: &'static str,
    /// Least value.
    min: Vec<Option<f32>>,
    /// Mean value.
    avg: Vec<Option<f32>>,
    /// Greatest value.
    max: Vec<Option<f32>>,
}

/// Lines over one time axis.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Start of the stretch.
    from: Moment,
    /// End of the stretch.
    to: Moment,
    /// Where the points come from.
    resolution: HistoryResolution,
    /// Milliseconds that one point stands for; 0: points are single samples.
    step_ms: u64,
    /// Older than this there is nothing in this resolution.
    retention_from: Moment,
    /// Start of each point, in milliseconds since 1970.
    t: Vec<i64>,
    /// The lines.
    series: Vec<HistorySeries>,
}

impl From<view::History> for History {
    fn from(history: view::History) -> Self {
        Self {
            from: history.from.into(),
            to: history.to.into(),
            resolution: match history.resolution {
                Resolution::Raw => HistoryResolution::Raw,
                Resolution::Minute => HistoryResolution::Minute,
                Resolution::Hour => HistoryResolution::Hour,
            },
            step_ms: history.step_ms,
            retention_from: history.retention_from.into(),
            t: history.t,
            series: history
                .series
                .into_iter()
                .map(|one| HistorySeries {
                    name: one.name,
                    unit: one.unit,
                    min: one.min,
                    avg: one.avg,
                    max: one.max,
                })
                .collect(),
        }
    }
}

/// Draw lines over time
#[utoipa::path(get, path = "/metrics/{server_id}/history", tag = "Metrics", operation_id = "metrics_history",
    params(("server_id" = String, Path), AskHistory),
    responses(
        (status = 200, description = "the points", body = History),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
    Query(asked): Query<AskHistory>,
) -> Result<Json<History>, Problem> {
    let now = api.clock().now();
    let query = query(&asked, now)?;
    let history = match access::seen(&actor)? {
        Some(visible) => api.store().history(visible, &server, &query, now).await?,
        None => None,
    };
    let Some(history) = history else {
        return Err(access::absent(&api, &actor, &server).await);
    };
    Ok(Json(history.into()))
}

fn query(asked: &AskHistory, now: Timestamp) -> Result<HistoryQuery, Problem> {
    let moment = |field: &str, text: Option<&str>, default: &str| {
        let text = text.filter(|text| !text.is_empty()).unwrap_or(default);
        time_text::parse(text, now).ok_or_else(|| {
            Problem::field(
                field,
                "is not RFC 3339, milliseconds since 1970, or relative like now-6h",
            )
        })
    };
    let from = moment("from", asked.from.as_deref(), "now-1h")?;
    let to = moment("to", asked.to.as_deref(), "now")?;
    if from >= to {
        return Err(Problem::field("to", "must be later than from"));
    }
    let max_points = asked.max_points.unwrap_or(DEFAULT_POINTS);
    if !(1..=MAX_POINTS).contains(&max_points) {
        return Err(Problem::field("max_points", "must be between 1 and 10000"));
    }
    let names = split(asked.series.as_deref().unwrap_or_default());
    if names.len() > HistoryQuery::MAX_SERIES {
        return Err(Problem::field(
            "series",
            format!("has more than {} names", HistoryQuery::MAX_SERIES),
        ));
    }
    let mut series: Vec<Series> = Vec::with_capacity(names.len());
    for name in names {
        let one = name
            .parse()
            .map_err(|error: SeriesError| Problem::field("series", error.to_string()))?;
        if !series.contains(&one) {
            series.push(one);
        }
    }
    Ok(HistoryQuery {
        from,
        to,
        series,
        max_points,
    })
}

/// Splits at commas; `\,` is a comma in a name (mount points may hold one).
fn split(names: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut characters = names.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek(), found.last_mut()) {
            ('\\', Some(',' | '\\'), Some(name)) => name.extend(characters.next()),
            (',', _, _) => found.push(String::new()),
            (c, _, Some(name)) => name.push(c),
            (_, _, None) => {}
        }
    }
    found.retain(|name| !name.trim().is_empty());
    found
        .iter_mut()
        .for_each(|name| *name = name.trim().to_owned());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn ask(
        from: &str,
        to: &str,
        series: &str,
        max_points: Option<u32>,
    ) -> Result<HistoryQuery, Problem> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        query(
            &AskHistory {
                from: some(from),
                to: some(to),
                series: some(series),
                max_points,
            },
            NOW,
        )
    }

    #[test]
    fn defaults_are_the_last_hour_of_the_host() {
        let query = ask("", "", "", None).unwrap();
        assert_eq!((query.from, query.to), (NOW.plus_millis(-3_600_000), NOW));
        assert!(query.series.is_empty());
    }

    #[test]
    fn names_are_split_at_commas_that_are_not_part_of_them() {
        assert_eq!(
            split(r"cpu, mem,,fs:/a\,b:used,cpu"),
            ["cpu", "mem", "fs:/a,b:used", "cpu"]
        );
        assert_eq!(split(r"fs:C:\\:used"), [r"fs:C:\:used"]);
        assert_eq!(ask("", "", "cpu,cpu,mem", None).unwrap().series.len(), 2);
    }

    #[test]
    fn nonsense_is_refused_with_its_field() {
        for (from, to, series, points, field) in [
            ("yesterday", "", "", None, "from"),
            ("", "'; DROP TABLE metrics_raw", "", None, "to"),
            ("now", "now-1h", "", None, "to"),
            ("", "", "cpu;DROP", None, "series"),
            ("", "", "", Some(0), "max_points"),
            ("", "", "", Some(1_000_000), "max_points"),
        ] {
            assert_eq!(
                ask(from, to, series, points).unwrap_err().errors()[0].field,
                field,
                "{from} {to} {series}"
            );
        }
    }
}
