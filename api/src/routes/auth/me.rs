//! `GET /auth/me`: one's own account.

use axum::{Json, extract::State};

use crate::{
    auth::actor::Actor,
    body::user::User,
    code::Code,
    problem::{Document, Problem},
    state::Api,
};

/// Who am I?
#[utoipa::path(get, path = "/auth/me", tag = "Auth", operation_id = "auth_me",
    responses(
        (status = 200, description = "the account", body = User),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(State(api): State<Api>, actor: Actor) -> Result<Json<User>, Problem> {
    let user = api
        .store()
        .user(actor.user)
        .await?
        .ok_or(Problem::new(Code::NotSignedIn))?;
    Ok(Json(user.into()))
}
