//! `/auth/sessions`: where a person is signed in, and ending that. Live sockets of an ended session close at once.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{actor::InPerson, door, reset},
    body::session::OpenSession,
    code::Code,
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Where a person is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// Newest use first.
    sessions: Vec<OpenSession>,
}

/// Where am I signed in?
#[utoipa::path(get, path = "/auth/sessions", tag = "Auth", operation_id = "auth_sessions_list",
    responses(
        (status = 200, description = "the sessions", body = SessionList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    InPerson { actor, session }: InPerson,
) -> Result<Json<SessionList>, Problem> {
    let sessions = api.sessions().of(actor.user).await?;
    let sessions = sessions
        .into_iter()
        .map(|other| OpenSession::seen_by(session, other))
        .collect();
    Ok(Json(SessionList { sessions }))
}

/// End a session of mine
#[utoipa::path(delete, path = "/auth/sessions/{id}", tag = "Auth", operation_id = "auth_sessions_end",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "ended"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1221", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn end(
    State(api): State<Api>,
    InPerson { actor, .. }: InPerson,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    // What is no id is the id of nothing, and answered like it.
    let id = Uuid::parse_str(&id).map_err(|_| Problem::new(Code::NoSession))?;
    if !api.sessions().end(actor.user, id).await? {
        return Err(Problem::new(Code::NoSession));
    }
    door::ended(&api, &actor.by(), actor.user, [id], "revoked").await;
    reset::told(&api, &actor.by(), actor.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all my other sessions
#[utoipa::path(delete, path = "/auth/sessions", tag = "Auth", operation_id = "auth_sessions_end_others",
    responses(
        (status = 204, description = "ended; the session of this request goes on"),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1010 or CO1004", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn end_others(
    State(api): State<Api>,
    InPerson { actor, session }: InPerson,
) -> Result<StatusCode, Problem> {
    let ended = api.sessions().end_all(actor.user, Some(session)).await?;
    door::ended(&api, &actor.by(), actor.user, ended, "revoked").await;
    reset::told(&api, &actor.by(), actor.user).await?;
    Ok(StatusCode::NO_CONTENT)
}
