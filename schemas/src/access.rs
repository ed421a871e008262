//! Who may do what, and why. Pure: given what is known of a person and of a thing, the answer is always the same.
//!
//! Called by every route and every live delivery (`api`), and wherever something is delivered to an agent. A person who
//! may not even know that something exists gets the answer that it does not ([`Reason::Hidden`]); a person who may see it
//! but not do this gets a refusal with its reason.
//!
//! What somebody may do with a server is the least of three: what their role lets anybody of that role do
//! ([`Role::reach`]), what they have on this server (owner, or the highest grant), and what the credential they came with
//! allows (its scopes).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::ctl::Role,
    ids::UserId,
    scope::{Scope, ScopeSet},
};

/// How much of a server is shared. Each level holds the ones before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// See it: settings, samples, connections, logs.
    View,
    /// Work on it: commands, terminals, containers.
    Operate,
    /// Decide about it: settings, keys, grants.
    Manage,
}

impl Level {
    /// All of them, the lowest first.
    pub const ALL: [Self; 3] = [Self::View, Self::Operate, Self::Manage];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Manage => "manage",
        }
    }

    /// From the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// Its place in the order, from 1.
    pub const fn rank(self) -> i16 {
        match self {
            Self::View => 1,
            Self::Operate => 2,
            Self::Manage => 3,
        }
    }

    /// From its place in the order.
    pub fn of_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.rank() == rank)
    }
}

impl Role {
    /// The highest level that this role can have on servers of others and on its own; `None`: it may not even see one.
    pub const fn reach(self) -> Option<Level> {
        match self {
            Self::Owner | Self::Admin | Self::Operator => Some(Level::Manage),
            Self::Viewer => Some(Level::View),
            Self::Unknown => None,
        }
    }

    /// Whether this role sees and manages everything there is.
    pub const fn is_everywhere(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// The person who asks, as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub user: UserId,
    /// What their account allows.
    pub role: Role,
    /// Whether their account is switched on.
    pub active: bool,
    /// What the credential allows; `None`: all that the person may do.
    pub scopes: Option<ScopeSet>,
}

impl Subject {
    /// A person with an account that is switched on and a credential without limits.
    pub const fn of(user: UserId, role: Role) -> Self {
        Self {
            user,
            role,
            active: true,
            scopes: None,
        }
    }

    /// The same person with a credential without limits.
    #[must_use]
    pub const fn unlimited(self) -> Self {
        Self {
            scopes: None,
            ..self
        }
    }

    /// Whether the credential allows what is in this scope.
    pub fn may_use(&self, scope: Scope) -> bool {
        self.scopes.is_none_or(|scopes| scopes.holds(scope))
    }
}

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// This level on the server.
    Level(Level),
    /// To be the server's owner.
    Ownership,
    /// To be signed in.
    Anybody,
    /// A role that adds servers.
    Operator,
    /// A role that decides about people.
    Admin,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $need:expr, $scope:ident;)*) => {
        /// What somebody wants to do. A closed list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The wire name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it needs.
            pub const fn needs(self) -> Need {
                match self { $(Self::$variant => $need,)* }
            }

            /// The scope that a limited credential must hold for it.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$variant => Scope::$scope,)* }
            }
        }
    };
}

actions! {
    /// Look at one's part of the fleet, also when it is empty.
    SeeFleet = "see_fleet", Need::Anybody, Read;
    /// Add a server to the fleet.
    AddServer = "add_server", Need::Operator, Manage;
    /// See a server: its settings, samples, connections, live stream.
    SeeServer = "see_server", Need::Level(Level::View), Read;
    /// Read the logs of a server.
    ReadLogs = "read_logs", Need::Level(Level::View), Read;
    /// Run a command on a server.
    RunCommand = "run_command", Need::Level(Level::Operate), Operate;
    /// See what was run on a server and what it wrote, which may be anything that is on it.
    SeeCommands = "see_commands", Need::Level(Level::Operate), Read;
    /// Start something on several servers, or decide about it; for each of them the right to run commands is needed, too.
    StartJob = "start_job", Need::Operator, Operate;
    /// Keep scripts.
    SaveScript = "save_script", Need::Operator, Operate;
    /// Open a terminal on a server.
    OpenTerminal = "open_terminal", Need::Level(Level::Operate), Operate;
    /// Start, stop or restart a container of a server.
    ControlContainer = "control_container", Need::Level(Level::Operate), Operate;
    /// Acknowledge or silence an alert of a server.
    HandleAlert = "handle_alert", Need::Level(Level::Operate), Operate;
    /// Keep silences; for each server named in one the right to handle its alerts is needed, too.
    SaveSilence = "save_silence", Need::Operator, Operate;
    /// Keep alert rules; for each server named in one the right to change its rules is needed, too.
    SaveRule = "save_rule", Need::Operator, Manage;
    /// Try an alert rule on what was measured, without keeping it; for each server the right to see it is needed, too.
    TryRule = "try_rule", Need::Operator, Read;
    /// Change the alert rules of a server.
    ChangeRules = "change_rules", Need::Level(Level::Manage), Manage;
    /// Keep channels by which one is told of alerts.
    SaveChannel = "save_channel", Need::Operator, Manage;
    /// Change a server's settings.
    ChangeServer = "change_server", Need::Level(Level::Manage), Manage;
    /// See the keys of a server.
    SeeKeys = "see_keys", Need::Level(Level::Manage), Manage;
    /// Make a key for a server, or a code that becomes one.
    IssueKey = "issue_key", Need::Level(Level::Manage), Manage;
    /// Revoke a key of a server.
    RevokeKey = "revoke_key", Need::Level(Level::Manage), Manage;
    /// See and change who else may use a server.
    ShareServer = "share_server", Need::Level(Level::Manage), Manage;
    /// Remove a server from the fleet.
    DeleteServer = "delete_server", Need::Ownership, Manage;
    /// See the teams one is in, and what is shared with oneself.
    SeeOwnAccess = "see_own_access", Need::Anybody, Read;
    /// See all accounts.
    SeeUsers = "see_users", Need::Admin, Admin;
    /// Make, change, switch off accounts.
    ManageUsers = "manage_users", Need::Admin, Admin;
    /// Make, change, fill and remove teams.
    ManageTeams = "manage_teams", Need::Admin, Admin;
    /// Share every server with a label.
    ShareTag = "share_tag", Need::Admin, Admin;
    /// Invite people.
    Invite = "invite", Need::Admin, Admin;
    /// See and change the settings of the whole system.
    ChangeSettings = "change_settings", Need::Admin, Admin;
    /// Read and export the audit trail.
    SeeAudit = "see_audit", Need::Admin, Audit;
}

/// What it would be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The fleet, or the system as a whole.
    Fleet,
    /// A server, or something that belongs to it.
    Server {
        /// Who owns it.
        owner: UserId,
        /// The highest level that this person was granted on it.
        granted: Option<Level>,
    },
    /// An account, or the promise of one.
    Account {
        /// The highest role that it has or would get.
        role: Role,
    },
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The role allows it everywhere.
    Role,
    /// It is their own.
    Owner,
    /// It was shared with them.
    Grant,
    /// Everybody who is signed in may.
    SignedIn,
    /// The account is switched off.
    Deactivated,
    /// The credential does not allow it.
    ScopeMissing,
    /// They may not know that it exists.
    Hidden,
    /// They may see it, but the role does not allow this.
    RoleTooLow,
    /// They may see it, but what was shared with them does not allow this.
    GrantTooLow,
    /// Only an owner may touch an owner.
    OwnersOnly,
}

impl Reason {
    /// The wire name: stable, for programs and the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Owner => "owner",
            Self::Grant => "grant",
            Self::SignedIn => "signed_in",
            Self::Deactivated => "deactivated",
            Self::ScopeMissing => "scope_missing",
            Self::Hidden => "hidden",
            Self::RoleTooLow => "role_too_low",
            Self::GrantTooLow => "grant_too_low",
            Self::OwnersOnly => "owners_only",
        }
    }
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allow: bool,
    /// Why.
    pub reason: Reason,
}

const fn allow(reason: Reason) -> Decision {
    Decision {
        allow: true,
        reason,
    }
}

const fn deny(reason: Reason) -> Decision {
    Decision {
        allow: false,
        reason,
    }
}

/// May this person do this to that?
pub fn decide(subject: &Subject, action: Action, resource: Resource) -> Decision {
    if !subject.active {
        return deny(Reason::Deactivated);
    }
    // Before anything about the thing is looked at: a credential without the scope does not learn what exists.
    if !subject.may_use(action.scope()) {
        return deny(Reason::ScopeMissing);
    }
    by_right(subject, action, resource)
}

/// What the person themselves may do, whatever they came with.
fn by_right(subject: &Subject, action: Action, resource: Resource) -> Decision {
    match resource {
        Resource::Account { role: Role::Owner } if subject.role == Role::Admin => {
            deny(Reason::OwnersOnly)
        }
        _ if subject.role.is_everywhere() => allow(Reason::Role),
        Resource::Server { owner, granted } => on_server(subject, action, owner, granted),
        Resource::Fleet | Resource::Account { .. } => match (action.needs(), subject.role) {
            (_, Role::Unknown) => deny(Reason::RoleTooLow),
            (Need::Anybody, _) => allow(Reason::SignedIn),
            (Need::Operator, Role::Operator) => allow(Reason::Role),
            _ => deny(Reason::RoleTooLow),
        },
    }
}

fn on_server(subject: &Subject, action: Action, owner: UserId, granted: Option<Level>) -> Decision {
    let own = owner == subject.user;
    let (Some(reach), Some(has)) = (subject.role.reach(), has(own, granted)) else {
        return deny(Reason::Hidden);
    };
    let sharing = if own { Reason::Owner } else { Reason::Grant };
    match action.needs() {
        Need::Level(needed) if has < needed => deny(Reason::GrantTooLow),
        Need::Level(needed) if reach < needed => deny(Reason::RoleTooLow),
        Need::Level(_) => allow(sharing),
        Need::Ownership if !own => deny(Reason::GrantTooLow),
        Need::Ownership if reach < Level::Manage => deny(Reason::RoleTooLow),
        Need::Ownership => allow(Reason::Owner),
        Need::Anybody | Need::Operator | Need::Admin => deny(Reason::RoleTooLow),
    }
}

const fn has(own: bool, granted: Option<Level>) -> Option<Level> {
    if own { Some(Level::Manage) } else { granted }
}

/// What this person can do with a server at most; `None`: it does not exist for them. The list and [`decide`] agree
/// because both come from the same three things (tested).
pub fn level_on(subject: &Subject, owner: UserId, granted: Option<Level>) -> Option<Level> {
    Level::ALL.into_iter().rev().find(|level| {
        let action = match level {
            Level::View => Action::SeeServer,
            Level::Operate => Action::RunCommand,
            Level::Manage => Action::ChangeServer,
        };
        decide(subject, action, Resource::Server { owner, granted }).allow
    })
}

/// Whose servers somebody may list at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// All.
    Everything,
    /// Their own, and those shared with them at this level or a higher one.
    OwnAndGranted(Level),
    /// None.
    Nothing,
}

/// The servers on which [`decide`] allows what needs this level.
pub fn sight(subject: &Subject, level: Level) -> Sight {
    let scope = match level {
        Level::View => Scope::Read,
        Level::Operate => Scope::Operate,
        Level::Manage => Scope::Manage,
    };
    if !subject.active || !subject.may_use(scope) {
        return Sight::Nothing;
    }
    match subject.role.reach() {
        _ if subject.role.is_everywhere() => Sight::Everything,
        Some(reach) if reach >= level => Sight::OwnAndGranted(level),
        Some(_) | None => Sight::Nothing,
    }
}

#[cfg(test)]
mod tests;
