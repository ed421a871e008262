//! `POST /docker/{server_id}/containers/{container}/{action}`: start, stop and the like, with the engine's own
//! words when it refuses.

use axum::extract::State;
use chatops_schemas::{
    ids::ServerId,
    order::{ContainerAction, ContainerOrder, Operation},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    code::Code,
    commands::ask::Wish,
    extract::{Path, Query},
    problem::{Document, Problem},
    routes::commands::{Answer, CommandResult, act},
    state::Api,
};

/// Milliseconds within which it has to begin: somebody looks on.
const TTL_MS: u32 = 5_000;
/// Milliseconds it may take.
const TIMEOUT_MS: u64 = 120_000;

/// How.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContainerHow {
    /// For `stop` and `restart`: seconds before it is killed; the engine's own choice when absent.
    #[param(nullable = false, maximum = 3600)]
    grace_s: Option<u32>,
    /// For `remove`: also when it runs.
    #[serde(default)]
    force: bool,
}

/// Act on a container
///
/// Waits for the end. 200: it was done. What the host refused or could not do is a problem in its own words. 202: it takes
/// longer, and can be followed as a command.
#[utoipa::path(post, path = "/docker/{server_id}/containers/{container}/{action}", tag = "Containers", operation_id = "docker_act",
    params(("server_id" = String, Path), ("container" = String, Path, description = "Id or name"),
        ("action" = String, Path, description = "`start`, `stop`, `restart`, `pause`, `unpause`, `kill` or `remove`"), ContainerHow),
    responses(
        (status = 200, description = "it was done", body = CommandResult),
        (status = 202, description = "it goes on", body = Command),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201 or CO1105", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1408", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1401 or CO1902", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CO1402", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path((server, container, action)): Path<(ServerId, String, String)>,
    Query(how): Query<ContainerHow>,
) -> Result<Answer, Problem> {
    let found = access::server(&api, &actor, &server, Action::ControlContainer).await?;
    let action = ContainerAction::parse(&action).ok_or(Problem::new(Code::NoRoute))?;
    let wish = Wish {
        server,
        operation: Operation::Container(ContainerOrder {
            container,
            action,
            grace_s: how.grace_s.map(|seconds| seconds.min(3600)),
            force: how.force,
        }),
        ttl_ms: TTL_MS,
        timeout_ms: TIMEOUT_MS,
        repeats: None,
    };
    act(&api, &actor, &found, wish).await
}
