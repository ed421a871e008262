//! `POST /auth/invitation`: what an invitation offers, for the page behind its link. The secret travels in the body, so
//! that it is in no log.

use axum::{Json, extract::State};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::invitation,
    body::{moment::Moment, user::Role},
    extract::Body,
    problem::{Document, Problem},
    state::Api,
};

/// The secret of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// What stands behind the `#` of the link.
    #[schema(value_type = String)]
    invitation: SecretString,
}

/// What an invitation offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationOffer {
    /// What the account may do.
    role: Role,
    /// Names of the teams that it is in from the start.
    teams: Vec<String>,
    /// The address it is for; the account gets this one.
    #[schema(required)]
    email: Option<String>,
    /// When the link stops working.
    expires_at: Moment,
}

/// What does this invitation offer?
#[utoipa::path(post, path = "/auth/invitation", tag = "Auth", operation_id = "auth_invitation", security(()),
    request_body = InvitationRequest,
    responses(
        (status = 200, description = "what it offers", body = InvitationOffer),
        (status = 404, description = "CO1243", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    Body(request): Body<InvitationRequest>,
) -> Result<Json<InvitationOffer>, Problem> {
    let found = invitation::open(&api, &request.invitation).await?;
    Ok(Json(InvitationOffer {
        role: found.role.into(),
        teams: found.teams.into_iter().map(|(_, name)| name).collect(),
        email: found.email,
        expires_at: found.expires_at.into(),
    }))
}
