//! `GET /metrics/{server_id}/series`: which lines can be drawn for a server.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access,
    auth::actor::Actor,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// A line that exists.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesInfo {
    /// Its name, to ask for it.
    #[schema(example = "net:eth0:rx")]
    name: String,
    /// `percent`, `bytes`, `bytes/s`, `1/s`, `ms`, `celsius`, `seconds`, or empty for plain counts.
    #[schema(example = "bytes/s")]
    unit: &'static str,
    /// Its name for people.
    label: String,
}

/// The lines of a server.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesList {
    /// As of its newest sample.
    series: Vec<SeriesInfo>,
}

/// List what can be drawn
#[utoipa::path(get, path = "/metrics/{server_id}/series", tag = "Metrics", operation_id = "metrics_series",
    params(("server_id" = String, Path)),
    responses(
        (status = 200, description = "the lines", body = SeriesList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
) -> Result<Json<SeriesList>, Problem> {
    let series = match access::seen(&actor)? {
        Some(visible) => api.store().series(visible, &server).await?,
        None => None,
    };
    let Some(series) = series else {
        return Err(access::absent(&api, &actor, &server).await);
    };
    let series = series.into_iter().map(|one| SeriesInfo {
        name: one.name,
        unit: one.unit,
        label: one.label,
    });
    Ok(Json(SeriesList {
        series: series.collect(),
    }))
}
