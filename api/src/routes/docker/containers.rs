//! `GET /docker/{server_id}/containers`: as the host answers right now. A host that is away, that has no engine or that
//! does not allow the question still has a list: what its newest sample says, with the reason.

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
/// `live` says whether the host answered just now. Otherwise the list is what its newest sample says, and `reason` says why:
/// the host is away, has no container engine, or does not allow to be asked.
#[utoipa::path(get, path = "/docker/{server_id}/containers", tag = "Containers", operation_id = "docker_containers",
    params(("server_id" = String, Path)),
    responses(
        (status = 200, description = "the containers", body = ContainerList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 503, description = "CO1407 or CO1902", body = Document, content_type = "application/problem+json"),
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
        Err(problem) => problem,
    };
    let reason = match problem.code() {
        Code::HostOffline
        | Code::HostSilent
        | Code::HostRefused
        | Code::HostUnsupported
        | Code::NoEngine => problem
            .occasion()
            .unwrap_or(problem.code().title())
            .to_owned(),
        _ => return Err(problem),
    };
    let last = api
        .bus()
        .last(StreamName::Metrics, &subject::metrics_stored(&server))
        .await
        .map_err(|error| written::unread(&error))?;
    let Some(event) = last.and_then(|last| codec::decode::<Sample>(&last.payload).ok()) else {
        let now = Moment(api.clock().now());
        return Ok(Json(ContainerList::remembered(Vec::new(), now, reason)));
    };
    let (containers, at) = (event.data.containers, event.time.into());
    Ok(Json(ContainerList::remembered(containers, at, reason)))
}
