//! `/grants`: servers shared with people and teams.

use axum::{Json, extract::State, http::StatusCode};
use chatops_projections::view::{self, GrantQuery};
use chatops_schemas::{
    event::people::{GrantGiven, GrantRevoked, Granted, Grantee},
    ids::{GrantId, ServerId, TeamId, UserId},
    subject::Entity,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::teams;
use crate::{
    access::{self, Action},
    auth::actor::Actor,
    body::people::{Grant, Level},
    code::Code,
    decide::give_grant::{self, Whom},
    extract::{Body, Path, Query},
    problem::{Document, Problem},
    state::Api,
    written::{self, Appended, Pending, Written},
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// Which grants; all that is given must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListGrants {
    /// On this server, itself or through one of its labels.
    #[param(value_type = Option<String>, nullable = false)]
    server_id: Option<ServerId>,
    /// On this label.
    #[param(nullable = false)]
    tag: Option<String>,
    /// To this person, themselves or through a team.
    #[param(value_type = Option<uuid::Uuid>, nullable = false)]
    user: Option<UserId>,
    /// To this team.
    #[param(value_type = Option<uuid::Uuid>, nullable = false)]
    team: Option<TeamId>,
    /// Most grants in the answer; 100 when absent.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of grants.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantList {
    /// Newest first.
    grants: Vec<Grant>,
    /// Give it as `after` to get what follows; `null`: this was the end.
    #[schema(required)]
    next: Option<String>,
}

/// List what is shared
///
/// With `server_id`: everything about a server that one manages. Without: everything for administrators; for others what is
/// shared with them, and what they share of their own.
#[utoipa::path(get, path = "/grants", tag = "People", operation_id = "grants_list", params(ListGrants),
    responses(
        (status = 200, description = "a page of grants", body = GrantList),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn list(
    State(api): State<Api>,
    actor: Actor,
    Query(asked): Query<ListGrants>,
) -> Result<Json<GrantList>, Problem> {
    access::may(&actor, Action::SeeOwnAccess)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", "must be between 1 and 1000"));
    }
    if let Some(server) = &asked.server_id {
        access::server(&api, &actor, server, Action::ShareServer).await?;
    }
    let all = asked.server_id.is_some() || actor.role.is_everywhere();
    let query = GrantQuery {
        server: asked.server_id,
        tag: asked.tag,
        user: asked.user,
        team: asked.team,
        concerning: (!all).then_some(actor.user),
        after: asked.after,
        limit,
    };
    let page = api.store().grants(&query).await?;
    Ok(Json(GrantList {
        grants: page.items.into_iter().map(Grant::from).collect(),
        next: page.next,
    }))
}

/// One of `user_id`, `username`, `team_id`, and one of `server_id`, `tag`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveGrantRequest {
    /// A person.
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// A person, by sign-in name.
    username: Option<String>,
    /// A team.
    #[schema(value_type = Option<uuid::Uuid>)]
    team_id: Option<TeamId>,
    /// A server that one manages.
    #[schema(value_type = Option<String>)]
    server_id: Option<ServerId>,
    /// Every server with this label, now and later. For administrators.
    tag: Option<String>,
    /// How much.
    level: Level,
}

/// Share a server, or all servers with a label
///
/// Sharing the same with the same again changes the level.
#[utoipa::path(post, path = "/grants", tag = "People", operation_id = "grants_give",
    request_body = GiveGrantRequest,
    responses(
        (status = 200, description = "it was shared before", body = Grant),
        (status = 201, description = "it is shared now", body = Grant),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201, CO1240 or CO1241", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
        (status = 422, description = "CO1101", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn give(
    State(api): State<Api>,
    actor: Actor,
    Body(request): Body<GiveGrantRequest>,
) -> Result<Written<Json<Grant>>, Problem> {
    let level = request.level.into();
    let (whom, on) = give_grant::decide(give_grant::Command {
        user: request.user_id,
        username: request.username,
        team: request.team_id,
        server: request.server_id,
        tag: request.tag,
    })?;
    may_share(&api, &actor, &on).await?;
    let to = grantee(&api, &actor, whom).await?;
    let grant = GrantId::of(&to, &on);
    for _ in 0..written::ATTEMPTS {
        let now = api.store().grant(grant).await?;
        if let Some(same) = now.as_ref().filter(|now| now.level == level) {
            return Ok(Written::Row(StatusCode::OK, Json(same.clone().into())));
        }
        let status = match now {
            Some(_) => StatusCode::OK,
            None => StatusCode::CREATED,
        };
        let expected = api.store().grant_seq(grant).await?;
        let given = GrantGiven {
            grant,
            to: to.clone(),
            on: on.clone(),
            level,
        };
        let event = written::event(&api, &actor.by(), given);
        match written::append(&api, Entity::Grant, &grant.to_string(), expected, &event).await? {
            Appended::At(seq) => {
                let row = match written::visible(&api, seq).await? {
                    true => api.store().grant(grant).await?,
                    false => None,
                };
                return Ok(row.map_or(Written::Pending(seq), |row| {
                    Written::Row(status, Json(row.into()))
                }));
            }
            Appended::Conflict => {
                written::visible_now(&api, Entity::Grant, &grant.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

async fn may_share(api: &Api, actor: &Actor, on: &Granted) -> Result<(), Problem> {
    match on {
        Granted::Server(server) => access::server(api, actor, server, Action::ShareServer)
            .await
            .map(drop),
        Granted::Tag(_) => access::may(actor, Action::ShareTag),
    }
}

/// Somebody who exists, and of whom this person may know.
async fn grantee(api: &Api, actor: &Actor, whom: Whom) -> Result<Grantee, Problem> {
    let user = match whom {
        Whom::Is(Grantee::Team(team)) => {
            let team = teams::known(api, actor, team).await?;
            return Ok(Grantee::Team(team.id));
        }
        Whom::Is(Grantee::User(user)) => api.store().user(user).await?,
        Whom::Named(name) => api.store().user_by_login(&name).await?,
    };
    let user = user.ok_or(Problem::new(Code::NoUser))?;
    Ok(Grantee::User(user.id))
}

/// Share no longer
#[utoipa::path(delete, path = "/grants/{id}", tag = "People", operation_id = "grants_revoke",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "it is shared no longer"),
        (status = 202, description = "stored, not visible yet", body = Pending),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204: the API token does not have the scope", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1242", body = Document, content_type = "application/problem+json"),
        (status = 409, description = "CO1206", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn revoke(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<GrantId>,
) -> Result<Written<()>, Problem> {
    if !actor.subject().may_use(Action::ShareServer.scope()) {
        access::may(&actor, Action::ShareServer)?;
    }
    for _ in 0..written::ATTEMPTS {
        let now = find(&api, &actor, id).await?;
        let event = written::event(&api, &actor.by(), GrantRevoked { grant: id });
        match written::append(&api, Entity::Grant, &id.to_string(), now.ctl_seq, &event).await? {
            Appended::At(seq) if written::visible(&api, seq).await? => {
                return Ok(Written::Row(StatusCode::NO_CONTENT, ()));
            }
            Appended::At(seq) => return Ok(Written::Pending(seq)),
            Appended::Conflict => {
                written::visible_now(&api, Entity::Grant, &id.to_string()).await?;
            }
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// A grant about which this person decides; for everybody else it does not exist.
async fn find(api: &Api, actor: &Actor, id: GrantId) -> Result<view::Grant, Problem> {
    let grant = api.store().grant(id).await?;
    let grant = grant.ok_or(Problem::new(Code::NoGrant))?;
    may_share(api, actor, &grant.on)
        .await
        .map_err(|problem| match problem.code() {
            Code::NoServer | Code::Forbidden => problem.instead(Code::NoGrant),
            _ => problem,
        })?;
    Ok(grant)
}
