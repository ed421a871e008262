//! `POST /api/v1/metrics` and `/api/v1/metrics/{server_id}`: one sample per request, for scripts and for agents that
//! can do nothing else. 202 means that the sample is in the stream.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chatops_bus::{PublishError, Stored};
use chatops_schemas::wire::AgentFrame;
use serde::Serialize;
use uuid::Uuid;

use super::{
    Gateway,
    admission::Denied,
    body,
    frame::{self, Rejected, TOO_LARGE},
    peer,
    problem::Problem,
    reading::{self, Circumstances, Outgoing},
};
use crate::{
    api_key::ApiKey,
    keyring::{Admitted, Reason, Refusal},
    metrics,
};

const KEY_HEADER: &str = "x-api-key";
/// Attempts to store a sample before the sender is asked to come back.
const ATTEMPTS: usize = 2;

#[derive(Serialize)]
struct Accepted {
    accepted: bool,
    seq: u64,
    id: Uuid,
}

pub(super) async fn post(State(gateway): State<Gateway>, request: Request) -> Response {
    answer(&gateway, None, request).await
}

pub(super) async fn post_for(
    State(gateway): State<Gateway>,
    Path(server): Path<String>,
    request: Request,
) -> Response {
    answer(&gateway, Some(server), request).await
}

async fn answer(gateway: &Gateway, server: Option<String>, request: Request) -> Response {
    let headers = request.headers().clone();
    match accept(gateway, server, request).await {
        Ok(accepted) => (StatusCode::ACCEPTED, Json(accepted)).into_response(),
        Err(problem) => problem.of(&headers).into_response(),
    }
}

async fn accept(
    gateway: &Gateway,
    server: Option<String>,
    request: Request,
) -> Result<Accepted, Problem> {
    let address = peer::address(
        request.headers(),
        request.extensions(),
        gateway.inner.parts.config.behind_proxy,
    );
    if let Some(seconds) = gateway.must_wait(address) {
        return Err(Problem::too_many_attempts(seconds));
    }
    let key = key_of(request.headers()).inspect_err(|_| gateway.wasted(address))?;
    let admitted = gateway
        .admit(&key, address)
        .await
        .map_err(|denied| refused(&denied))?;
    if server.is_some_and(|server| server != admitted.server.as_str()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "CO2002",
            "Another server's metrics",
            "this API key speaks for another server",
        ));
    }
    if gateway.inner.posts.check_key(&admitted.key).is_err() {
        metrics::frame("rate_limited");
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "CO2006",
            "Too many samples",
            format!(
                "at most {} a second in the long run",
                gateway.inner.parts.config.rate
            ),
        )
        .after(1));
    }
    let (encoding, bytes) = body::read(request).await?;
    let frame = frame::decode_posted(encoding, &bytes).map_err(unusable)?;
    let event = stamp(gateway, &admitted, frame).map_err(unusable)?;
    let id = event.id.0;
    let stored = store(gateway, event).await?;
    metrics::frame("stored");
    // A post is no connection that somebody could see.
    gateway.inner.parts.ring.note_use(&admitted.key).await;
    Ok(Accepted {
        accepted: true,
        seq: stored.seq,
        id,
    })
}

fn key_of(headers: &HeaderMap) -> Result<ApiKey, Problem> {
    let unauthorized = |detail: &str| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "CO2001",
            "API key refused",
            detail,
        )
    };
    let shown = headers
        .get(KEY_HEADER)
        .ok_or_else(|| unauthorized("send the server's API key in the header X-API-Key"))?;
    shown
        .to_str()
        .ok()
        .and_then(|text| ApiKey::parse(text).ok())
        .ok_or_else(|| unauthorized("this is not an API key"))
}

fn refused(denied: &Denied) -> Problem {
    let refusal = match denied {
        Denied::TooMany(seconds) => return Problem::too_many_attempts(*seconds),
        Denied::Refused(refusal) => refusal,
    };
    let detail = match refusal {
        Refusal::Unavailable(_) => {
            return Problem::busy("keys cannot be checked at the moment");
        }
        Refusal::Unknown
        | Refusal::Known {
            reason: Reason::WrongSecret,
            ..
        } => "this API key is not known".to_owned(),
        Refusal::Known { reason, .. } => {
            format!("this API key does not work any more ({reason}): make a new one for the server")
        }
    };
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "CO2001",
        "API key refused",
        detail,
    )
}

fn stamp(gateway: &Gateway, admitted: &Admitted, frame: AgentFrame) -> Result<Outgoing, Rejected> {
    let parts = &gateway.inner.parts;
    match frame {
        AgentFrame::Metrics {
            id,
            timestamp,
            boot,
            n,
            data,
        } => {
            let with = Circumstances {
                id,
                timestamp,
                boot,
                n,
            };
            let sample = data.into_sample();
            let now = parts.clock.now();
            reading::sample(&admitted.server, with, sample, now, parts.ids.as_ref())
        }
        AgentFrame::Auth { .. }
        | AgentFrame::Hello { .. }
        | AgentFrame::CommandResponse(_)
        | AgentFrame::DockerResponse(_)
        | AgentFrame::Answer { .. }
        | AgentFrame::Output { .. }
        | AgentFrame::Event { .. }
        | AgentFrame::Ping
        | AgentFrame::Pong => Err(Rejected::new("malformed_frame", "expected a sample")),
    }
}

fn unusable(rejected: Rejected) -> Problem {
    metrics::frame(rejected.code);
    let (status, code, title) = match rejected.code {
        TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "CO2005", "Sample too large"),
        "malformed_frame" => (StatusCode::BAD_REQUEST, "CO2003", "Unreadable sample"),
        _ => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "CO2004",
            "Impossible sample",
        ),
    };
    Problem::new(status, code, title, rejected.message)
}

async fn store(gateway: &Gateway, event: Outgoing) -> Result<Stored, Problem> {
    let ops = &gateway.inner.parts.ops;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let sent = ops
            .enqueue(
                &event.subject,
                event.id,
                event.kind,
                event.ver,
                event.payload.clone(),
            )
            .await;
        let stored = match sent {
            Ok(pending) => pending.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) => return Ok(stored),
            // The same id again: if the first attempt did reach the stream, this one is a duplicate.
            Err(PublishError::Unknown(_)) if attempt < ATTEMPTS => {}
            Err(error) => {
                metrics::frame("not_stored");
                tracing::warn!(error = %error, "a posted sample was not stored");
                return Err(Problem::busy(
                    "the stream did not answer: send it again with the same id",
                ));
            }
        }
    }
}
