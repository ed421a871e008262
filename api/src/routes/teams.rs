//! `/teams`: several persons under one name.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view;
use chatops_schemas::{
    event::{
        Event,
        people::{TeamChanged, TeamCreated, TeamDeleted, TeamMemberAdded, TeamMemberRemoved},
    },
    ids::{TeamId, UserId},
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::people::Team,
    code::Code,
    decide::name_team,
    extract::{Body, Path},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

/// Teams.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamList {
    /// In order of their names.
    teams: Vec<Team>,
}

/// A team's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamRequest {
    /// 1 to 128 characters. Two teams may have the same name.
    #[schema(example = "night shift")]
    name: String,
}

/// List teams
///
/// All of them for those who administrate teams, else those one is in.
#[utoipa::path(get, path = "/teams", tag = "People", operation_id = "teams_list",
    responses(
        (status = 200, description = "the teams", body = TeamList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(State(api): State<Api>, actor: Actor) -> Result<Json<TeamList>, Problem> {
    access::may(&actor, Action::SeeOwnAccess)?;
    let of = (!actor.role.is_everywhere()).then_some(actor.user);
    let teams = api.store().teams(of).await?;
    let teams = teams.into_iter().map(Team::from).collect();
    Ok(Json(TeamList { teams }))
}

/// Make a team
#[utoipa::path(post, path = "/teams", tag = "People", operation_id = "teams_create",
    request_body = TeamRequest,
    responses(
        (status = 201, description = "the team", body = Team),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn create(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<TeamRequest>,
) -> Result<Written<Json<Team>>, Problem> {
    access::may(&actor, Action::ManageTeams)?;
    let team = TeamId(api.ids().next());
    let name = name_team::decide(&request.name)?;
    let event = written::event(&api, &actor.by(), TeamCreated { team, name });
    match written::append(&api, Entity::Team, &team.to_string(), 0, &event).await? {
        Appended::At(seq) => answer(&api, team, seq, StatusCode::CREATED).await,
        // The id is fresh: nobody else can have used it.
        Appended::Conflict => Err(Problem::new(Code::Conflict)),
    }
}

/// Show a team
#[utoipa::path(get, path = "/teams/{id}", tag = "People", operation_id = "teams_show",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "the team", body = Team),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1241", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn show(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<TeamId>,
) -> Result<Json<Team>, Problem> {
    access::may(&actor, Action::SeeOwnAccess)?;
    Ok(Json(known(&api, &actor, id).await?.into()))
}

/// A team that this person may know of: all for those who administrate teams, else those they are in.
pub(crate) async fn known(api: &Api, actor: &Actor, id: TeamId) -> Result<view::Team, Problem> {
    let team = api.store().team(id).await?;
    team.filter(|team| {
        actor.role.is_everywhere() || team.members.iter().any(|one| one.id == actor.user)
    })
    .ok_or(Problem::new(Code::NoTeam))
}

/// Rename a team
#[utoipa::path(patch, path = "/teams/{id}", tag = "People", operation_id = "teams_change",
    params(("id" = uuid::Uuid, Path)),
    request_body = TeamRequest,
    responses(
        (status = 200, description = "the team", body = Team),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1241", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn change(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<TeamId>,
    Body(request): Body<TeamRequest>,
) -> Result<Written<Json<Team>>, Problem> {
    access::may(&actor, Action::ManageTeams)?;
    let name = name_team::decide(&request.name)?;
    let seq = tell(&api, &actor, id, |team| {
        (team.name != name).then(|| TeamChanged {
            team: id,
            name: name.clone(),
        })
    });
    let seq = seq.await?;
    answer(&api, id, seq, StatusCode::OK).await
}

/// Remove a team
///
/// Its members leave it, and what was shared with it is shared no longer.
#[utoipa::path(delete, path = "/teams/{id}", tag = "People", operation_id = "teams_delete",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "removed"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1241", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn delete(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<TeamId>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::ManageTeams)?;
    let seq = tell(&api, &actor, id, |_| Some(TeamDeleted { team: id })).await?;
    done(&api, seq).await
}

/// Take somebody into a team
#[utoipa::path(put, path = "/teams/{id}/members/{user}", tag = "People", operation_id = "teams_add_member",
    params(("id" = uuid::Uuid, Path), ("user" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "they are in it"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1240 or CO1241", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn add_member(
    State(api): State<Api>,
    actor: Actor,
    Path((id, user)): Path<(TeamId, UserId)>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::ManageTeams)?;
    if api.store().user(user).await?.is_none() {
        return Err(Problem::new(Code::NoUser));
    }
    let seq = tell(&api, &actor, id, |team| {
        let absent = team.members.iter().all(|one| one.id != user);
        absent.then_some(TeamMemberAdded { team: id, user })
    });
    let seq = seq.await?;
    done(&api, seq).await
}

/// Put somebody out of a team
#[utoipa::path(delete, path = "/teams/{id}/members/{user}", tag = "People", operation_id = "teams_remove_member",
    params(("id" = uuid::Uuid, Path), ("user" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "they are not in it"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1241", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn remove_member(
    State(api): State<Api>,
    actor: Actor,
    Path((id, user)): Path<(TeamId, UserId)>,
) -> Result<Written<()>, Problem> {
    access::may(&actor, Action::ManageTeams)?;
    let seq = tell(&api, &actor, id, |team| {
        let present = team.members.iter().any(|one| one.id == user);
        present.then_some(TeamMemberRemoved { team: id, user })
    });
    let seq = seq.await?;
    done(&api, seq).await
}

/// Appends what is decided about a team as it is; the position, or 0 when there is nothing to say.
async fn tell<T: Event>(
    api: &Api,
    actor: &Actor,
    id: TeamId,
    decide: impl Fn(&view::Team) -> Option<T>,
) -> Result<u64, Problem> {
    for _ in 0..written::ATTEMPTS {
        let team = api.store().team(id).await?;
        let team = team.ok_or(Problem::new(Code::NoTeam))?;
        let Some(event) = decide(&team) else {
            return Ok(0);
        };
        let event = written::event(api, &actor.by(), event);
        let name = id.to_string();
        match written::append(api, Entity::Team, &name, team.ctl_seq, &event).await? {
            Appended::At(seq) => return Ok(seq),
            Appended::Conflict => {
                written::visible_now(api, Entity::Team, &name).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

async fn answer(
    api: &Api,
    id: TeamId,
    seq: u64,
    status: StatusCode,
) -> Result<Written<Json<Team>>, Problem> {
    let team = match written::visible(api, seq).await? {
        true => api.store().team(id).await?,
        false => None,
    };
    Ok(team.map_or(Written::Pending(seq), |team| {
        Written::Row(status, Json(team.into()))
    }))
}

async fn done(api: &Api, seq: u64) -> Result<Written<()>, Problem> {
    Ok(match written::visible(api, seq).await? {
        true => Written::Row(StatusCode::NO_CONTENT, ()),
        false => Written::Pending(seq),
    })
}
