//! `GET /docker/{server_id}/containers/{container}/logs`: the newest lines of a container as text.

use std::fmt::Write as _;

use axum::{
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
};
use chatops_schemas::{clock::Timestamp, ids::ServerId, session::Ended};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    code::Code,
    extract::{Path, Query},
    live::follow::{Log, Piece},
    problem::{Document, Problem},
    state::Api,
};

const TAIL: u32 = 1000;
const MAX_TAIL: u32 = 50_000;
/// What is longer is cut, and says so.
const MAX_BYTES: usize = 16 << 20;

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// So many of the newest; 1,000 when absent.
    #[param(nullable = false, minimum = 1, maximum = 50000)]
    tail: Option<u32>,
    /// Unix seconds to begin at.
    #[param(nullable = false)]
    since: Option<i64>,
}

/// Read the log of a container
///
/// One line per line, each with its time. The live view is `/ws/containers/{server_id}/{container}/logs`.
#[utoipa::path(get, path = "/docker/{server_id}/containers/{container}/logs", tag = "Containers", operation_id = "docker_logs",
    params(("server_id" = String, Path), ("container" = String, Path, description = "id or name"), Lines),
    responses(
        (status = 200, description = "the lines", body = String, content_type = "text/plain"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204, or CO1403 when the host does not allow it", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1406", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1404, CO1408 or CO1409", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1401, CO1405, CO1407 or CO1902", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CO1402", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path((server, container)): Path<(ServerId, String)>,
    Query(asked): Query<Lines>,
) -> Result<impl IntoResponse, Problem> {
    access::server(&api, &actor, &server, Action::ReadLogs).await?;
    let tail = asked.tail.unwrap_or(TAIL);
    if !(1..=MAX_TAIL).contains(&tail) {
        return Err(Problem::field("tail", "must be between 1 and 50,000"));
    }
    let (by, since) = (actor.by(), asked.since);
    let mut log = Log::open(&api, &by, &server, container, Some(tail), since, false).await?;
    let mut text = String::new();
    loop {
        match log.next().await {
            Piece::Lines(lines) => {
                for line in lines {
                    if let Some(at) = line.0 {
                        text.push_str(&Timestamp::from_millis(at).rfc3339());
                        text.push(' ');
                    }
                    text.push_str(&line.2);
                    text.push('\n');
                }
                log.taken().await;
            }
            Piece::Dropped(lines) => {
                let _ = writeln!(text, "… {lines} lines are missing here …");
            }
            Piece::Ended(Ended::Exited, _) => break,
            Piece::Ended(_, words) => {
                let words = words.unwrap_or_else(|| "The host ended it early.".to_owned());
                return Err(Problem::new(Code::HostFailed).detail(words));
            }
        }
        if text.len() > MAX_BYTES {
            text.push_str("… the rest is left out: ask for fewer lines …\n");
            log.close().await;
            break;
        }
    }
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"container.log\"",
        ),
    ];
    Ok((headers, text))
}
