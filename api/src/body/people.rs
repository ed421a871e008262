//! Teams, grants, invitations, and who can do what with a server.

use chatops_projections::view;
use chatops_schemas::{
    access,
    event::people::{Granted, Grantee},
    ids::{GrantId, InvitationId, ServerId, TeamId, UserId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{moment::Moment, user::Role};

/// How much of a server is shared. Each level holds the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// See it.
    View,
    /// Work on it: commands, terminals, containers.
    Operate,
    /// Decide about it: settings, keys, grants.
    Manage,
}

impl From<access::Level> for Level {
    fn from(level: access::Level) -> Self {
        match level {
            access::Level::View => Self::View,
            access::Level::Operate => Self::Operate,
            access::Level::Manage => Self::Manage,
        }
    }
}

impl From<Level> for access::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::View => Self::View,
            Level::Operate => Self::Operate,
            Level::Manage => Self::Manage,
        }
    }
}

/// A person as others see them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    /// The account.
    #[schema(value_type = uuid::Uuid)]
    pub id: UserId,
    /// Its sign-in name.
    pub username: String,
    /// Name for people.
    #[schema(required)]
    pub full_name: Option<String>,
    /// What the account may do.
    pub role: Role,
    /// Whether it is switched on.
    pub active: bool,
}

impl From<view::Person> for Person {
    fn from(person: view::Person) -> Self {
        Self {
            id: person.id,
            username: person.username,
            full_name: person.full_name,
            role: person.role.into(),
            active: person.active,
        }
    }
}

/// Several persons under one name, for sharing with all of them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Team {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: TeamId,
    /// Name for people.
    #[schema(example = "night shift")]
    pub name: String,
    /// When it was made.
    pub created_at: Moment,
    /// Who is in it, by name.
    pub members: Vec<Person>,
}

impl From<view::Team> for Team {
    fn from(team: view::Team) -> Self {
        Self {
            id: team.id,
            name: team.name,
            created_at: team.created_at.into(),
            members: team.members.into_iter().map(Person::from).collect(),
        }
    }
}

/// A team's id and name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TeamRef {
    /// The team.
    #[schema(value_type = uuid::Uuid)]
    pub id: TeamId,
    /// Its name.
    pub name: String,
}

/// Something that is shared with somebody.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Grant {
    /// The same for the same pair of who and what.
    #[schema(value_type = uuid::Uuid)]
    pub id: GrantId,
    /// The person; `null`: it is a team.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    pub user_id: Option<UserId>,
    /// The team; `null`: it is a person.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    pub team_id: Option<TeamId>,
    /// What the person or the team is called.
    pub to_name: String,
    /// The server; `null`: it is a label.
    #[schema(value_type = Option<String>, required)]
    pub server_id: Option<ServerId>,
    /// The label; `null`: it is a server.
    #[schema(required)]
    pub tag: Option<String>,
    /// What the server is called; the label itself for labels.
    pub on_name: String,
    /// How much.
    pub level: Level,
    /// When it was given at this level.
    pub given_at: Moment,
    /// Who gave it, for example `user:<id>`.
    #[schema(required)]
    pub given_by: Option<String>,
}

impl From<view::Grant> for Grant {
    fn from(grant: view::Grant) -> Self {
        let (user_id, team_id) = match grant.to {
            Grantee::User(user) => (Some(user), None),
            Grantee::Team(team) => (None, Some(team)),
        };
        let (server_id, tag) = match grant.on {
            Granted::Server(server) => (Some(server), None),
            Granted::Tag(tag) => (None, Some(tag)),
        };
        Self {
            id: grant.id,
            user_id,
            team_id,
            to_name: grant.to_name,
            server_id,
            tag,
            on_name: grant.on_name,
            level: grant.level.into(),
            given_at: grant.given_at.into(),
            given_by: grant.given_by,
        }
    }
}

/// How far an invitation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// The link works.
    Open,
    /// An account was made by it.
    Accepted,
    /// It was taken back.
    Revoked,
    /// It was not used in time.
    Expired,
}

impl From<view::InvitationState> for InvitationState {
    fn from(state: view::InvitationState) -> Self {
        match state {
            view::InvitationState::Open => Self::Open,
            view::InvitationState::Accepted => Self::Accepted,
            view::InvitationState::Revoked => Self::Revoked,
            view::InvitationState::Expired => Self::Expired,
        }
    }
}

/// A link by which somebody may make an account, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Invitation {
    /// Never changes.
    #[schema(value_type = uuid::Uuid)]
    pub id: InvitationId,
    /// What the account may do.
    pub role: Role,
    /// Teams that it is in from the start.
    pub teams: Vec<TeamRef>,
    /// The address it is for.
    #[schema(required)]
    pub email: Option<String>,
    /// How far it is.
    pub state: InvitationState,
    /// When it was made.
    pub made_at: Moment,
    /// Who made it, for example `user:<id>`.
    #[schema(required)]
    pub made_by: Option<String>,
    /// When the link stops working.
    pub expires_at: Moment,
    /// The account that was made by it.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    pub accepted_by: Option<UserId>,
}

impl From<view::Invitation> for Invitation {
    fn from(invitation: view::Invitation) -> Self {
        Self {
            id: invitation.id,
            role: invitation.role.into(),
            teams: teams(invitation.teams),
            email: invitation.email,
            state: invitation.state.into(),
            made_at: invitation.made_at.into(),
            made_by: invitation.made_by,
            expires_at: invitation.expires_at.into(),
            accepted_by: invitation.accepted_by,
        }
    }
}

/// Names beside their ids.
pub fn teams(teams: Vec<(TeamId, String)>) -> Vec<TeamRef> {
    teams
        .into_iter()
        .map(|(id, name)| TeamRef { id, name })
        .collect()
}
