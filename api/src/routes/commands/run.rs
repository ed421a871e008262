//! `POST /commands`: run a command on a server.

use std::collections::BTreeMap;

use axum::extract::State;
use chatops_schemas::{
    ids::ServerId,
    order::{Operation, Run},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Answer, CommandResult, Waiting, ask};
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    commands::ask::{Wish, program},
    extract::{Body, Query},
    problem::{Document, Problem},
    state::Api,
};

/// What a command that says nothing else may take and write.
const TIMEOUT_S: u32 = 60;
const OUTPUT_LIMIT: u64 = 1 << 20;
const TTL_S: u32 = 30;
const LONGEST_S: u32 = 24 * 3600;

/// What to run, and where.
#[derive(Deserialize, ToSchema)]
pub struct RunCommand {
    /// Where.
    #[schema(value_type = String)]
    server_id: ServerId,
    /// A line for the host's shell; or give `argv`.
    #[schema(nullable = false, example = "uptime")]
    command: Option<String>,
    /// A program and its arguments; no shell looks at them.
    #[schema(nullable = false)]
    argv: Option<Vec<String>>,
    /// Folder to run it in.
    #[schema(nullable = false)]
    cwd: Option<String>,
    /// Variables. Their values go to the host and nowhere else.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What it reads. Goes to the host and nowhere else.
    #[schema(nullable = false)]
    stdin: Option<String>,
    /// Seconds after which it and all its children are ended; 60 when absent, at most a day.
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    timeout: Option<u32>,
    /// Bytes of output that are kept, of both streams together; 1 MiB when absent, at most 16 MiB.
    #[schema(nullable = false)]
    output_limit: Option<u64>,
    /// Seconds within which a host that is away gets it; 30 when absent, at most a day. Then it expires.
    #[schema(nullable = false, minimum = 1, maximum = 86400)]
    ttl: Option<u32>,
}

fn seconds(field: &'static str, given: Option<u32>, otherwise: u32) -> Result<u32, Problem> {
    match given.unwrap_or(otherwise) {
        seconds @ 1..=LONGEST_S => Ok(seconds),
        _ => Err(Problem::field(field, "must be between 1 and 86400 seconds")),
    }
}

/// Run a command
///
/// 202 with the command, which is then followed live by the topic `command:<id>` of `/ws/live`; with `?wait=` 200 with its end and output, when it ends in time.
#[utoipa::path(post, path = "/commands", tag = "Commands", operation_id = "commands_run",
    params(Waiting), request_body = RunCommand,
    responses(
        (status = 200, description = "it has ended", body = CommandResult),
        (status = 202, description = "it is on its way", body = Command),
        (status = 400, description = "CO1102", body = Document, content_type = "application/problem+json"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 413, description = "CO1103", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1902, or CO1016 for a command with env or stdin", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Query(waiting): Query<Waiting>,
    Body(body): Body<RunCommand>,
) -> Result<Answer, Problem> {
    let server = access::server(&api, &actor, &body.server_id, Action::RunCommand).await?;
    let timeout_ms = u64::from(seconds("timeout", body.timeout, TIMEOUT_S)?) * 1000;
    let wish = Wish {
        ttl_ms: seconds("ttl", body.ttl, TTL_S)? * 1000,
        timeout_ms,
        repeats: None,
        operation: Operation::Run(Run {
            program: program(body.command, body.argv)?,
            cwd: body.cwd,
            env: body.env,
            stdin: body.stdin,
            timeout_ms,
            output_limit: body.output_limit.unwrap_or(OUTPUT_LIMIT),
        }),
        server: body.server_id,
    };
    ask(&api, &actor, &server, wish, waiting.seconds()?).await
}
