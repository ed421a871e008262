//! `GET /metrics/{server_id}/latest`: the newest whole sample, straight from the stream.

use axum::{Json, extract::State};
use chatops_bus::StreamName;
use chatops_schemas::{codec, event::metric::Sample, ids::ServerId, subject};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::moment::Moment,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written,
};

/// The newest sample of a server.
#[derive(Debug, Serialize, ToSchema)]
pub struct LatestSample {
    /// Position in the stream.
    seq: u64,
    /// When it was taken, by the host's clock.
    ts: Moment,
    /// When it arrived, by the stream's clock.
    received_at: Moment,
    /// The sample; see `metrics.sample` in the schemas.
    #[schema(value_type = Object)]
    sample: Sample,
}

/// The newest sample
#[utoipa::path(get, path = "/metrics/{server_id}/latest", tag = "Metrics", operation_id = "metrics_latest",
    params(("server_id" = String, Path)),
    responses(
        (status = 200, description = "the sample", body = LatestSample),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1203", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
) -> Result<Json<LatestSample>, Problem> {
    access::server(&api, &actor, &server, Action::SeeServer).await?;
    let last = api
        .bus()
        .last(StreamName::Metrics, &subject::metrics_stored(&server))
        .await;
    let recorded = last
        .map_err(|error| written::unread(&error))?
        .ok_or(Problem::new(Code::NoMetrics))?;
    let event = codec::decode::<Sample>(&recorded.payload).map_err(|error| {
        tracing::warn!(%error, server.id = %server, "the newest sample is not readable");
        Problem::new(Code::NoMetrics).detail("The newest sample is not readable; it is parked.")
    })?;
    Ok(Json(LatestSample {
        seq: recorded.seq,
        ts: event.time.into(),
        received_at: recorded.stored_at.into(),
        sample: event.data,
    }))
}
