//! `GET /commands` and `GET /servers/{id}/commands`: the history, newest first.

use axum::{Json, extract::State};
use chatops_projections::view::CommandQuery;
use chatops_schemas::{access::Level, event::command::Outcome, ids::ServerId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::command::Command,
    extract::{Path, Query},
    problem::{Document, Problem},
    routes::audit::filter,
    state::Api,
};

/// Which part of the history; what is absent or empty lets everything through.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CommandFilter {
    /// On this server.
    #[param(nullable = false)]
    server_id: Option<String>,
    /// A sign-in name or e-mail address, or an actor (`user:<id>`, `system`).
    #[param(nullable = false)]
    actor: Option<String>,
    /// How it ended, or `open`.
    #[param(nullable = false, example = "failed")]
    outcome: Option<String>,
    /// Part of the command line.
    #[param(nullable = false)]
    q: Option<String>,
    /// Of this fan-out.
    #[param(nullable = false)]
    job: Option<Uuid>,
    /// Not before this moment: RFC 3339, milliseconds since 1970, or `now-6h`.
    #[param(nullable = false)]
    from: Option<String>,
    /// Before this moment.
    #[param(nullable = false)]
    to: Option<String>,
    /// Most commands in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandList {
    /// Newest first.
    commands: Vec<Command>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

async fn page(
    api: &Api,
    actor: &Actor,
    filter: CommandFilter,
    server: Option<ServerId>,
) -> Result<Json<CommandList>, Problem> {
    let limit = filter.limit.unwrap_or(50);
    if !(1..=500).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 500"));
    }
    let before = match filter.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::field("after", "is not the next of a page before"))?,
        ),
    };
    let (outcome, open) = match filter.outcome.as_deref() {
        None | Some("") => (None, None),
        Some("open") => (None, Some(true)),
        Some(name) => {
            let outcome = Outcome::parse(name)
                .ok_or_else(|| Problem::field("outcome", "is not how a command ends"))?;
            (Some(outcome), None)
        }
    };
    let now = api.clock().now();
    let query = CommandQuery {
        server,
        outcome,
        open,
        actor: match filter::text("actor", filter.actor.as_deref())? {
            Some(name) if !name.contains(':') => Some(filter::actor(api, name).await?),
            named => named,
        },
        text: filter::text("q", filter.q.as_deref())?,
        job: filter.job,
        from: filter::moment("from", filter.from.as_deref(), now)?,
        to: filter::moment("to", filter.to.as_deref(), now)?,
    };
    // The scope was asked for before; what the person may look into does not depend on it.
    let subject = actor.subject().unlimited();
    let Some(visible) = access::visible(&subject, Level::Operate) else {
        return Ok(Json(CommandList {
            commands: Vec::new(),
            next: None,
        }));
    };
    let page = api.store().commands(visible, &query, before, limit).await?;
    Ok(Json(CommandList {
        commands: page.items.into_iter().map(Command::from).collect(),
        next: page.next,
    }))
}

/// List commands
///
/// Those of all servers that one may operate.
#[utoipa::path(get, path = "/commands", tag = "Commands", operation_id = "commands_list",
    params(CommandFilter),
    responses(
        (status = 200, description = "a page of commands", body = CommandList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn everywhere(
    State(api): State<Api>,
    actor: Actor,
    Query(filter): Query<CommandFilter>,
) -> Result<Json<CommandList>, Problem> {
    access::may(&actor, Action::SeeFleet)?;
    let server = match filter.server_id.as_deref() {
        None | Some("") => None,
        Some(id) => {
            let id = ServerId::parse(id)
                .map_err(|error| Problem::field("server_id", error.to_string()))?;
            access::server(&api, &actor, &id, Action::SeeCommands).await?;
            Some(id)
        }
    };
    page(&api, &actor, filter, server).await
}

/// List the commands of a server
#[utoipa::path(get, path = "/servers/{id}/commands", tag = "Commands", operation_id = "servers_commands",
    params(("id" = String, Path), CommandFilter),
    responses(
        (status = 200, description = "a page of commands", body = CommandList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn of_server(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
    Query(filter): Query<CommandFilter>,
) -> Result<Json<CommandList>, Problem> {
    access::server(&api, &actor, &server, Action::SeeCommands).await?;
    page(&api, &actor, filter, Some(server)).await
}
