//! Teams, grants, invitations: who may do what.

use chatops_schemas::{
    access::Level,
    clock::Timestamp,
    event::{
        ctl::Role,
        people::{Granted, Grantee, Registration},
    },
    ids::{GrantId, InvitationId, ServerId, TeamId, UserId},
};

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Account.
    pub id: UserId,
    /// Sign-in name.
    pub username: String,
    /// Name for people.
    pub full_name: Option<String>,
    /// What the account may do.
    pub role: Role,
    /// Whether it is switched on.
    pub active: bool,
}

/// A team.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Id.
    pub id: TeamId,
    /// Name for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who is in it, by name.
    pub members: Vec<Person>,
    /// Newest event of this team in `OPS_CTL`: what the next decision about it must expect.
    pub ctl_seq: u64,
}

/// Something that is shared with somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Id.
    pub id: GrantId,
    /// With whom.
    pub to: Grantee,
    /// What they are called; empty when they are not known here.
    pub to_name: String,
    /// What.
    pub on: Granted,
    /// What the server is called; the label itself for labels.
    pub on_name: String,
    /// How much.
    pub level: Level,
    /// Actor who gave it.
    pub given_by: Option<String>,
    /// When it was given at this level.
    pub given_at: Timestamp,
    /// Newest event of this grant in `OPS_CTL`: what the next decision about it must expect.
    pub ctl_seq: u64,
}

/// Which grants to list; what is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct GrantQuery {
    /// On this server itself, or through one of its labels.
    pub server: Option<ServerId>,
    /// On this label.
    pub tag: Option<String>,
    /// To this person, or to a team they are in.
    pub user: Option<UserId>,
    /// To this team.
    pub team: Option<TeamId>,
    /// Only those that this person gets, or that are on their own servers.
    pub concerning: Option<UserId>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Most grants on the page.
    pub limit: u32,
}

/// Which accounts to list.
#[derive(Debug, Clone, Default)]
pub struct UserQuery {
    /// Part of the name, full name or address.
    pub q: Option<String>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// Most accounts on the page.
    pub limit: u32,
}

/// How far an invitation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A link by which somebody may make an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Invitation {
    /// Id.
    pub id: InvitationId,
    /// What the account may do.
    pub role: Role,
    /// Teams that it is in from the start; those that are gone are left out.
    pub teams: Vec<(TeamId, String)>,
    /// The address it is for.
    pub email: Option<String>,
    /// Actor who made it.
    pub made_by: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// How far it is.
    pub state: InvitationState,
    /// The account that was made by it.
    pub accepted_by: Option<UserId>,
    /// Newest event of this invitation in `OPS_CTL`: what the next decision about it must expect.
    pub ctl_seq: u64,
}

/// Settings of the whole system, as they were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemSettings {
    /// Who may make an account.
    pub registration: Registration,
    /// Newest event in `OPS_CTL`: what the next decision must expect.
    pub ctl_seq: u64,
}

/// All that decisions about servers are made from, for those who decide often.
#[derive(Debug, Clone, Default)]
pub struct AccessFacts {
    /// Server, owner, labels, whether it is removed.
    pub servers: Vec<(ServerId, UserId, Vec<String>, bool)>,
    /// Account, role, whether it is switched on.
    pub users: Vec<(UserId, Role, bool)>,
    /// Who is in which team.
    pub members: Vec<(TeamId, UserId)>,
    /// What is shared with whom.
    pub grants: Vec<(GrantId, Grantee, Granted, Level)>,
    /// Open invitations: accepting one makes somebody a member of these teams.
    pub invitations: Vec<(InvitationId, Vec<TeamId>)>,
}
