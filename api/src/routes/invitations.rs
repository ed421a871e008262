//! `/invitations`: links by which somebody may make an account.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view::{self, InvitationState};
use chatops_schemas::{
    clock::Timestamp,
    event::{
        ctl,
        people::{InvitationRevoked, Registration},
    },
    ids::{InvitationId, TeamId},
    subject::Entity,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{servers::install::http_url, settings};
use crate::{
    access::{self, Action},
    auth::{actor::Actor, invitation},
    body::{
        moment::Moment,
        people::{self, Invitation},
        user::Role,
    },
    code::Code,
    decide::invite,
    extract::{Body, Path},
    peer::Peer,
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Invitations.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    /// Newest first, the last thousand.
    invitations: Vec<Invitation>,
}

/// List invitations
#[utoipa::path(get, path = "/invitations", tag = "People", operation_id = "invitations_list",
    responses(
        (status = 200, description = "the invitations", body = InvitationList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<InvitationList>, Problem> {
    access::may(&actor, Action::Invite)?;
    let found = api.store().invitations(api.clock().now()).await?;
    let invitations = found.into_iter().map(Invitation::from).collect();
    Ok(Json(InvitationList { invitations }))
}

/// A new invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// What the account may do.
    role: Role,
    /// Teams that it is in from the start.
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>, required = false)]
    teams: Vec<TeamId>,
    /// The address it is for: the account gets this one and no other.
    email: Option<String>,
    /// When the link stops working: within 30 days; in 7 days when absent.
    #[schema(value_type = Option<Moment>)]
    expires_at: Option<Timestamp>,
}

/// An invitation with its link, for the only time.
#[derive(Serialize, ToSchema)]
pub struct MadeInvitation {
    /// The invitation.
    invitation: Invitation,
    /// What `POST /auth/register` takes as `invitation`.
    token: String,
    /// The link to send. Copy it now: it cannot be shown again.
    #[schema(example = "https://chatops.example.org/join#0193…_…")]
    url: String,
}

/// Invite somebody
///
/// The link makes one account. Its secret is behind the `#`, where no proxy and no log sees it.
#[utoipa::path(post, path = "/invitations", tag = "People", operation_id = "invitations_create",
    request_body = InviteRequest,
    responses(
        (status = 201, description = "the invitation, with its link for the only time", body = MadeInvitation),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204, or CO1006: nobody may make accounts", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1241", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    peer: Peer,
    Body(request): Body<InviteRequest>,
) -> Result<(StatusCode, Json<MadeInvitation>), Problem> {
    let role = ctl::Role::from(request.role);
    access::may(&actor, Action::Invite)?;
    access::may_with_account(&actor, Action::Invite, role, "")?;
    if settings::registration(&api).await? == Registration::Closed {
        return Err(Problem::new(Code::RegistrationClosed));
    }
    let id = InvitationId(api.ids().next());
    let command = invite::Command {
        role,
        teams: &request.teams,
        email: request.email.as_deref(),
        expires_at: request.expires_at,
    };
    let made = invite::decide(command, id, api.clock().now())?;
    let mut teams = Vec::new();
    for team in &made.teams {
        let team = api.store().team(*team).await?;
        let team = team.ok_or(Problem::new(Code::NoTeam))?;
        teams.push((team.id, team.name));
    }
    let (digest, token) = invitation::fresh(id)?;
    // First the digest, then the event: a link that is shown always works.
    api.store()
        .put_invitation_digest(id, digest.bytes())
        .await?;
    let event = written::event(&api, &actor.by(), made.clone());
    match written::append(&api, Entity::Invitation, &id.to_string(), 0, &event).await {
        Ok(Appended::At(seq)) => {
            // Also when the row is late: the link must not be lost.
            written::visible(&api, seq).await?;
            let invitation = Invitation {
                id,
                role: role.into(),
                teams: people::teams(teams),
                email: made.email,
                state: people::InvitationState::Open,
                made_at: event.time.into(),
                made_by: Some(actor.by().to_string()),
                expires_at: made.expires_at.into(),
                accepted_by: None,
            };
            let token = token.expose_secret().to_owned();
            let origin = http_url(api.config().public_url.as_deref(), &peer);
            let url = format!("{origin}/join#{token}");
            let body = MadeInvitation {
                invitation,
                token,
                url,
            };
            Ok((StatusCode::CREATED, Json(body)))
        }
        // The id is fresh: nobody else can have used it.
        Ok(Appended::Conflict) => Err(Problem::new(Code::Conflict)),
        Err(problem) => {
            api.store().forget_invitation_digest(id).await?;
            Err(problem)
        }
    }
}

/// Take an invitation back
#[utoipa::path(delete, path = "/invitations/{id}", tag = "People", operation_id = "invitations_revoke",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "the link does not work any more"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1243", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn revoke(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<InvitationId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::Invite)?;
    for _ in 0..written::ATTEMPTS {
        let now = open(&api, id).await?;
        access::may_with_account(&actor, Action::Invite, now.role, &id.to_string())?;
        let event = written::event(&api, &actor.by(), InvitationRevoked { invitation: id });
        let name = id.to_string();
        match written::append(&api, Entity::Invitation, &name, now.ctl_seq, &event).await? {
            Appended::At(seq) => {
                api.store().forget_invitation_digest(id).await?;
                return Ok(match written::visible(&api, seq).await? {
                    true => Written::Row(StatusCode::NO_CONTENT, ()),
                    false => Written::Pending(seq),
                });
            }
            Appended::Conflict => {
                written::visible_now(&api, Entity::Invitation, &name).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// An invitation that can still be taken back.
async fn open(api: &Api, id: InvitationId) -> Result<view::Invitation, Problem> {
    let found = api.store().invitation(id, api.clock().now()).await?;
    found
        .filter(|found| {
            matches!(
                found.state,
                InvitationState::Open | InvitationState::Expired
            )
        })
        .ok_or(Problem::new(Code::NoInvitation))
}
