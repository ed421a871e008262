//! `GET /docker/{server_id}/images`.

use axum::{Json, extract::State};
use chatops_schemas::{answer, ids::ServerId, order::Question};

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::container::ImageList,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// List the images of a host
#[utoipa::path(get, path = "/docker/{server_id}/images", tag = "Containers", operation_id = "docker_images",
    params(("server_id" = String, Path)),
    responses(
        (status = 200, description = "the images", body = ImageList),
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
) -> Result<Json<ImageList>, Problem> {
    access::server(&api, &actor, &server, Action::SeeServer).await?;
    let answer: answer::Images = api
        .orders()
        .ask(&actor.by(), &server, Question::Images)
        .await?;
    Ok(Json(answer.into()))
}
