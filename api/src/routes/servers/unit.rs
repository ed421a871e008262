//! `POST /servers/{id}/units/{unit}/{action}`: start, stop, restart or reload a systemd unit.

use axum::extract::State;
use chatops_schemas::{
    ids::ServerId,
    order::{Operation, UnitAction, UnitOrder},
};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    code::Code,
    commands::ask::Wish,
    extract::Path,
    problem::{Document, Problem},
    routes::commands::{Answer, CommandResult, act},
    state::Api,
};

/// Milliseconds within which it has to begin: somebody looks on.
const TTL_MS: u32 = 5_000;
/// Milliseconds it may take.
const TIMEOUT_MS: u64 = 120_000;

/// Act on a systemd unit
///
/// Waits for the end. 200: it was done. What the host refused or could not do is a problem in its own words. 202: it takes
/// longer, and can be followed as a command.
#[utoipa::path(post, path = "/servers/{id}/units/{unit}/{action}", tag = "Hosts", operation_id = "servers_unit_act",
    params(("id" = String, Path), ("unit" = String, Path, description = "Full name, `nginx.service`"),
        ("action" = String, Path, description = "`start`, `stop`, `restart` or `reload`")),
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
    Path((server, unit, action)): Path<(ServerId, String, String)>,
) -> Result<Answer, Problem> {
    let found = access::server(&api, &actor, &server, Action::RunCommand).await?;
    let action = UnitAction::parse(&action).ok_or(Problem::new(Code::NoRoute))?;
    let wish = Wish {
        server,
        operation: Operation::Unit(UnitOrder { unit, action }),
        ttl_ms: TTL_MS,
        timeout_ms: TIMEOUT_MS,
        repeats: None,
    };
    act(&api, &actor, &found, wish).await
}
