//! `GET /docker/{server_id}/events`: what happened to the containers of a host, newest first.

use axum::{Json, extract::State};
use chatops_schemas::ids::ServerId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::container::ContainerEventList,
    extract::{Path, Query},
    problem::{Document, Problem},
    state::Api,
};

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListContainerEvents {
    /// Only of the container of this name or id.
    #[param(nullable = false)]
    container: Option<String>,
    /// Most events in the answer; 50 when absent.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// List what happened to containers
///
/// The last lines that a container wrote are part of it.
#[utoipa::path(get, path = "/docker/{server_id}/events", tag = "Containers", operation_id = "docker_events",
    params(("server_id" = String, Path), ListContainerEvents),
    responses(
        (status = 200, description = "a page of events", body = ContainerEventList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
    Query(asked): Query<ListContainerEvents>,
) -> Result<Json<ContainerEventList>, Problem> {
    access::server(&api, &actor, &server, Action::ReadLogs).await?;
    let limit = asked.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 200"));
    }
    let after = match asked.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Problem::field("after", "is not the next of a page before"))?,
        ),
    };
    let container = asked.container.filter(|name| !name.is_empty());
    if container.as_ref().is_some_and(|name| name.contains('\0')) {
        return Err(Problem::field("container", "holds a NUL character"));
    }
    let page = api
        .store()
        .container_events(&server, container.as_deref(), after, limit)
        .await?;
    Ok(Json(ContainerEventList {
        events: page.items.into_iter().map(Into::into).collect(),
        next: page.next,
    }))
}
