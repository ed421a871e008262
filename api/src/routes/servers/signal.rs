//! `POST /servers/{id}/processes/{pid}/signal`: send a signal to a process.

use axum::extract::State;
use chatops_schemas::{
    ids::ServerId,
    order::{Operation, SignalOrder},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    commands::ask::Wish,
    extract::{Body, Path},
    problem::{Document, Problem},
    routes::commands::{Answer, CommandResult, act},
    state::Api,
};

/// Milliseconds within which it has to begin: somebody looks on.
const TTL_MS: u32 = 5_000;
/// Milliseconds it may take.
const TIMEOUT_MS: u64 = 30_000;

/// Which signal, and to whom.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SignalProcess {
    /// `TERM`, `KILL`, `HUP`, `INT`, `QUIT`, `STOP`, `CONT`, `USR1` or `USR2`.
    #[schema(example = "TERM")]
    signal: String,
    /// From the list of processes: another process under the same number is left alone.
    #[schema(example = "123456")]
    start_ticks: String,
}

const SIGNALS: [&str; 9] = [
    "TERM", "KILL", "HUP", "INT", "QUIT", "STOP", "CONT", "USR1", "USR2",
];

/// Send a signal to a process
///
/// Waits for the end. 200: it was done. What the host refused or could not do is a problem in its own words. 202: it takes
/// longer, and can be followed as a command.
#[utoipa::path(post, path = "/servers/{id}/processes/{pid}/signal", tag = "Hosts", operation_id = "servers_process_signal",
    params(("id" = String, Path), ("pid" = u32, Path)), request_body = SignalProcess,
    responses(
        (status = 200, description = "it was done", body = CommandResult),
        (status = 202, description = "it goes on", body = Command),
        (status = 400, description = "CO1102", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1408", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1401 or CO1902", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CO1402", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path((server, pid)): Path<(ServerId, u32)>,
    Body(body): Body<SignalProcess>,
) -> Result<Answer, Problem> {
    let found = access::server(&api, &actor, &server, Action::RunCommand).await?;
    if !SIGNALS.contains(&body.signal.as_str()) {
        return Err(Problem::field(
            "signal",
            "is not one of those that can be sent",
        ));
    }
    let start_ticks = body
        .start_ticks
        .parse()
        .map_err(|_| Problem::field("start_ticks", "is not a number"))?;
    let wish = Wish {
        server,
        operation: Operation::Signal(SignalOrder {
            pid,
            start_ticks,
            signal: body.signal,
        }),
        ttl_ms: TTL_MS,
        timeout_ms: TIMEOUT_MS,
        repeats: None,
    };
    act(&api, &actor, &found, wish).await
}
