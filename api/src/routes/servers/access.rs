//! `GET /servers/{id}/access`: who can do what with a server, and why.

use axum::{Json, extract::State};
use chatops_projections::view::{self, GrantQuery};
use chatops_schemas::{
    access::{Need, level_on},
    event::people::{Granted, Grantee},
    ids::{GrantId, ServerId, UserId},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{self, Action, Resource, Subject},
    auth::actor::Actor,
    body::people::{Level, Person, TeamRef},
    extract::Path,
    problem::{Document, Problem},
    state::Api,
};

/// Most grants that are looked at for one answer.
const MOST: u32 = 10_000;

/// Who can do what.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerAccess {
    /// What you can do.
    you: YourAccess,
    /// Everybody who has anything to do with the server; `null` when you do not decide who has.
    #[schema(required)]
    people: Option<Vec<PersonAccess>>,
}

/// What you can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct YourAccess {
    /// The highest level.
    level: Level,
    /// Why you see it at all: `role`, `owner` or `grant`.
    reason: &'static str,
    /// What of it you may do, by name.
    #[schema(example = json!(["see_server", "read_logs"]))]
    actions: Vec<&'static str>,
}

/// What somebody can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonAccess {
    /// Who.
    person: Person,
    /// The highest level; `null`: nothing, because the account is switched off or its role does nothing.
    #[schema(required)]
    level: Option<Level>,
    /// Why, all of it.
    reasons: Vec<AccessReason>,
}

/// One reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessReason {
    /// `role`: sees and manages everything. `owner`: it is theirs. `grant`: it is shared with them.
    kind: &'static str,
    /// What this reason alone would allow; the role may allow less.
    level: Level,
    /// The grant.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    grant_id: Option<GrantId>,
    /// The team through which it is shared.
    #[schema(required)]
    team: Option<TeamRef>,
    /// The label through which it is shared.
    #[schema(required)]
    tag: Option<String>,
}

/// Who can do what with a server, and why
#[utoipa::path(get, path = "/servers/{id}/access", tag = "Servers", operation_id = "servers_access",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "who can do what", body = ServerAccess),
        (status = 401, description = "CO1002", body = Document, content_type = "application/problem+json"),
        (status = 403, description = "CO1204: the API token does not have the scope", body = Document, content_type = "application/problem+json"),
        (status = 404, description = "CO1201", body = Document, content_type = "application/problem+json"),
    ))]
pub async fn handle(
    State(api): State<Api>,
    actor: Actor,
    Path(id): Path<ServerId>,
) -> Result<Json<ServerAccess>, Problem> {
    let server = access::server(&api, &actor, &id, Action::SeeServer).await?;
    let owner = server.owner;
    let subject = actor.subject();
    let granted = api.store().granted_level(actor.user, &id).await?;
    let resource = Resource::Server { owner, granted };
    let may = |action: &&Action| access::decide(&subject, **action, resource).allow;
    let of_a_server = |action: &&Action| matches!(action.needs(), Need::Level(_) | Need::Ownership);
    let actions = Action::ALL.iter().filter(of_a_server).filter(may);
    let you = YourAccess {
        level: level_on(&subject, owner, granted).map_or(Level::View, Level::from),
        reason: access::decide(&subject, Action::SeeServer, resource)
            .reason
            .as_str(),
        actions: actions.map(|action| action.as_str()).collect(),
    };
    let people = match access::decide(&subject, Action::ShareServer, resource).allow {
        true => Some(people(&api, &id, owner).await?),
        false => None,
    };
    Ok(Json(ServerAccess { you, people }))
}

async fn people(api: &Api, id: &ServerId, owner: UserId) -> Result<Vec<PersonAccess>, Problem> {
    let query = GrantQuery {
        server: Some(id.clone()),
        limit: MOST,
        ..GrantQuery::default()
    };
    let grants = api.store().grants(&query).await?.items;
    let teams = api.store().teams(None).await?;
    let members = |grant: &view::Grant, user: UserId| match &grant.to {
        Grantee::User(one) => *one == user,
        Grantee::Team(team) => teams
            .iter()
            .any(|one| one.id == *team && one.members.iter().any(|member| member.id == user)),
    };
    let people = api.store().people_of_server(id).await?;
    let people = people.into_iter().map(|person| {
        let shared: Vec<_> = grants
            .iter()
            .filter(|grant| members(grant, person.id))
            .collect();
        let subject = Subject {
            active: person.active,
            ..Subject::of(person.id, person.role)
        };
        let highest = shared.iter().map(|grant| grant.level).max();
        let level = level_on(&subject, owner, highest).map(Level::from);
        let mut reasons = Vec::new();
        if person.role.is_everywhere() {
            reasons.push(plain("role"));
        }
        if person.id == owner {
            reasons.push(plain("owner"));
        }
        reasons.extend(shared.into_iter().map(by_grant));
        PersonAccess {
            person: person.into(),
            level,
            reasons,
        }
    });
    Ok(people.collect())
}

fn plain(kind: &'static str) -> AccessReason {
    AccessReason {
        kind,
        level: Level::Manage,
        grant_id: None,
        team: None,
        tag: None,
    }
}

fn by_grant(grant: &view::Grant) -> AccessReason {
    AccessReason {
        kind: "grant",
        level: grant.level.into(),
        grant_id: Some(grant.id),
        team: match &grant.to {
            Grantee::Team(id) => Some(TeamRef {
                id: *id,
                name: grant.to_name.clone(),
            }),
            Grantee::User(_) => None,
        },
        tag: match &grant.on {
            Granted::Tag(tag) => Some(tag.clone()),
            Granted::Server(_) => None,
        },
    }
}
