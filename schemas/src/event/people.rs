//! Control events about people and what they may do: accounts, teams, grants, invitations, who may register.
//!
//! Each is on the aggregate it names. Secrets are never here: the secret of an invitation's link is in the vault, as a
//! digest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Invalid, check_text, ctl::Role};
use crate::{
    access::Level,
    clock::Timestamp,
    ids::{GrantId, InvitationId, ServerId, TeamId, UserId},
};

/// Most teams that one invitation names.
pub const MAX_INVITED_TEAMS: usize = 32;

/// What a person may do everywhere was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRoleChanged {
    /// The account.
    pub user: UserId,
    /// What they may do from here on.
    pub role: Role,
}

impl Event for UserRoleChanged {
    const TYPE: &'static str = "user.role_changed";
    const VERSION: u16 = 1;
}

/// An account was switched off: its sessions end, and it can do nothing until it is switched on again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserDeactivated {
    /// The account.
    pub user: UserId,
}

impl Event for UserDeactivated {
    const TYPE: &'static str = "user.deactivated";
    const VERSION: u16 = 1;
}

/// An account was switched on again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserReactivated {
    /// The account.
    pub user: UserId,
}

impl Event for UserReactivated {
    const TYPE: &'static str = "user.reactivated";
    const VERSION: u16 = 1;
}

/// A team was made; nobody is in it yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeamCreated {
    /// The team.
    pub team: TeamId,
    /// Name for people.
    pub name: String,
}

impl Event for TeamCreated {
    const TYPE: &'static str = "team.created";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, 128)
    }
}

/// A team got another name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeamChanged {
    /// The team.
    pub team: TeamId,
    /// Name for people.
    pub name: String,
}

impl Event for TeamChanged {
    const TYPE: &'static str = "team.changed";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, 128)
    }
}

/// A team was removed. Its members leave it and its grants end by this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeamDeleted {
    /// The team.
    pub team: TeamId,
}

impl Event for TeamDeleted {
    const TYPE: &'static str = "team.deleted";
    const VERSION: u16 = 1;
}

/// A person came into a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeamMemberAdded {
    /// The team.
    pub team: TeamId,
    /// The person.
    pub user: UserId,
}

impl Event for TeamMemberAdded {
    const TYPE: &'static str = "team.member_added";
    const VERSION: u16 = 1;
}

/// A person left a team, or was put out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TeamMemberRemoved {
    /// The team.
    pub team: TeamId,
    /// The person.
    pub user: UserId,
}

impl Event for TeamMemberRemoved {
    const TYPE: &'static str = "team.member_removed";
    const VERSION: u16 = 1;
}

/// Who gets a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grantee {
    /// One person.
    User(UserId),
    /// Everybody who is in this team, as long as they are.
    Team(TeamId),
}

/// What a grant is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Granted {
    /// One server.
    Server(ServerId),
    /// Every server that has this label, as long as it does.
    Tag(String),
}

/// Servers were shared, or shared at another level: one aggregate is one pair of who and what ([`GrantId::of`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrantGiven {
    /// The grant.
    pub grant: GrantId,
    /// Who may.
    pub to: Grantee,
    /// On what.
    pub on: Granted,
    /// How much.
    pub level: Level,
}

impl Event for GrantGiven {
    const TYPE: &'static str = "grant.given";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.grant != GrantId::of(&self.to, &self.on) {
            return Err(Invalid::new("grant", "is the id of another pair"));
        }
        match &self.on {
            Granted::Server(_) => Ok(()),
            Granted::Tag(tag) => check_text("on.tag", tag, 64),
        }
    }
}

/// Servers are shared no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GrantRevoked {
    /// The grant.
    pub grant: GrantId,
}

impl Event for GrantRevoked {
    const TYPE: &'static str = "grant.revoked";
    const VERSION: u16 = 1;
}

/// Somebody may make an account by a link; the secret in the link is known to the vault as a digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationMade {
    /// The invitation.
    pub invitation: InvitationId,
    /// What the account may do.
    pub role: Role,
    /// Teams that it is in from the start.
    #[serde(default)]
    pub teams: Vec<TeamId>,
    /// The address it is for.
    #[serde(default)]
    pub email: Option<String>,
    /// When the link stops working.
    pub expires_at: Timestamp,
}

impl Event for InvitationMade {
    const TYPE: &'static str = "invitation.made";
    const VERSION: u16 = 1;

    fn validate(&self) -> Result<(), Invalid> {
        if self.teams.len() > MAX_INVITED_TEAMS {
            return Err(Invalid::new(
                "teams",
                format!("has more than {MAX_INVITED_TEAMS} entries"),
            ));
        }
        check_text("email", self.email.as_deref().unwrap_or_default(), 254)
    }
}

/// An invitation was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationRevoked {
    /// The invitation.
    pub invitation: InvitationId,
}

impl Event for InvitationRevoked {
    const TYPE: &'static str = "invitation.revoked";
    const VERSION: u16 = 1;
}

/// An invitation was used, once for all. The account comes into the invitation's teams by this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationAccepted {
    /// The invitation.
    pub invitation: InvitationId,
    /// The account that is being made.
    pub user: UserId,
}

impl Event for InvitationAccepted {
    const TYPE: &'static str = "invitation.accepted";
    const VERSION: u16 = 1;
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody who can reach the server; they see only the servers that they add.
    #[default]
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody, after the first account. Also what a mode is taken for that this build does not know.
    #[serde(other)]
    Closed,
}

impl Registration {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Self {
        match text {
            "open" => Self::Open,
            "invite" => Self::Invite,
            _ => Self::Closed,
        }
    }
}

/// Settings of the whole system were changed: the new values of all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsChanged {
    /// Who may make an account.
    pub registration: Registration,
}

impl Event for SettingsChanged {
    const TYPE: &'static str = "settings.changed";
    const VERSION: u16 = 1;
}
