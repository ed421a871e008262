//! `GET /docker/{server_id}/containers`: as the host answers right now, else as its newest sample says.

use axum::{Json, extract::State};
use chatops_bus::StreamName;
use chatops_schemas::{
    answer, codec, event::metric::Sample, ids::ServerId, order::Question, subject,
};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::{container::ContainerList, moment::Moment},
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
    written,
};

/// List the containers of a host
///
/// `live` says whether the host answered just now; otherwise the list is what its newest sample says, and `reason` why.
#[utoipa::path(get, path = "/docker/{server_id}/containers", tag = "Containers", operation_id = "docker_containers",
    params(("server_id" = String, Path)),
    responses(
        (status = 200, description = "the containers", body = ContainerList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204, or CO1403 when the host does not allow it", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1404, CO1408 or CO1409", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1401, CO1405, CO1407 or CO1902", body = Document, content_type = "application/problem+json"),
        (status = 504, description = "CO1402", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(server): Path<ServerId>,
) -> Result<Json<ContainerList>, Problem> {
    access::server(&api, &actor, &server, Action::SeeServer).await?;
    let asked = api
        .orders()
        .ask::<answer::Containers>(&actor.by(), &server, Question::Containers)
        .await;
    let problem = match asked {
        Ok(answer) => {
            let now = Moment(api.clock().now());
            return Ok(Json(ContainerList::live(answer, now)));
        }
        // Away: what it said last is worth more than nothing. What it refuses is its answer.
        Err(problem) if matches!(problem.code(), Code::HostOffline | Code::HostSilent) => problem,
        Err(problem) => return Err(problem),
    };
    let last = api
        .bus()
        .last(StreamName::Metrics, &subject::metrics_stored(&server))
        .await
        .map_err(|error| written::unread(&error))?;
    let Some(event) = last.and_then(|last| codec::decode::<Sample>(&last.payload).ok()) else {
        return Err(problem);
    };
    let reason = problem
        .words()
        .unwrap_or_else(|| problem.code().title().to_owned());
    let (containers, at) = (event.data.containers, event.time.into());
    Ok(Json(ContainerList::remembered(containers, at, reason)))
}
