//! Who may do what. Every route and every live delivery asks here and nowhere else.
//!
//! [`decide`] is pure. A person who may not even know that something exists gets the answer that it does not
//! ([`Decision::reason`] is [`Reason::Hidden`]); a person who may see it but not change it gets a refusal.

use chatops_projections::Visible;
use chatops_schemas::{event::ctl::Role, ids::UserId};

use crate::{code::Code, problem::Problem, witness::Denial};

/// The person who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub user: UserId,
    /// What their account allows.
    pub role: Role,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Add a server to the fleet.
    AddServer,
    /// See a server: its settings, samples, events, live stream.
    SeeServer,
    /// Change a server's settings.
    ChangeServer,
    /// Remove a server.
    DeleteServer,
    /// See the keys of a server.
    SeeKeys,
    /// Make a key for a server.
    IssueKey,
    /// Revoke a key of a server.
    RevokeKey,
    /// Read, export and verify the audit trail.
    SeeAudit,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AddServer,
        Self::SeeServer,
        Self::ChangeServer,
        Self::DeleteServer,
        Self::SeeKeys,
        Self::IssueKey,
        Self::RevokeKey,
        Self::SeeAudit,
    ];
}

impl Action {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddServer => "add_server",
            Self::SeeServer => "see_server",
            Self::ChangeServer => "change_server",
            Self::DeleteServer => "delete_server",
            Self::SeeKeys => "see_keys",
            Self::IssueKey => "issue_key",
            Self::RevokeKey => "revoke_key",
            Self::SeeAudit => "see_audit",
        }
    }
}

/// What it would be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The fleet as a whole.
    Fleet,
    /// A server, or something that belongs to it.
    Server {
        /// Who owns it.
        owner: UserId,
    },
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The role allows it everywhere.
    Role,
    /// It is their own.
    Owner,
    /// They may not know that it exists.
    Hidden,
    /// They may see it, but the role does not allow this.
    RoleTooLow,
}

impl Reason {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Owner => "owner",
            Self::Hidden => "hidden",
            Self::RoleTooLow => "role_too_low",
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
    match (subject.role, resource) {
        (Role::Owner | Role::Admin, _) => allow(Reason::Role),
        (Role::Operator, Resource::Fleet) => match action {
            Action::AddServer => allow(Reason::Role),
            _ => deny(Reason::RoleTooLow),
        },
        (Role::Operator, Resource::Server { owner }) if owner == subject.user => {
            allow(Reason::Owner)
        }
        (Role::Viewer | Role::Unknown, Resource::Fleet) => deny(Reason::RoleTooLow),
        (Role::Operator | Role::Viewer | Role::Unknown, Resource::Server { .. }) => {
            deny(Reason::Hidden)
        }
    }
}

/// [`decide`] as a check: the refusal says `hidden` when the person may not know that the thing exists. `target` is the id
/// of the thing, for the audit.
pub fn check(
    subject: &Subject,
    action: Action,
    resource: Resource,
    target: &str,
    hidden: Code,
) -> Result<(), Problem> {
    let decision = decide(subject, action, resource);
    let problem = match decision.reason {
        _ if decision.allow => return Ok(()),
        Reason::Hidden => Problem::new(hidden),
        Reason::Role | Reason::Owner | Reason::RoleTooLow => Problem::new(Code::Forbidden).detail(
            format!("The role {:?} does not allow this.", subject.role.as_str()),
        ),
    };
    Err(problem.denied(Denial {
        action: action.as_str(),
        target_kind: match resource {
            Resource::Fleet => "fleet",
            Resource::Server { .. } => "server",
        },
        target: target.to_owned(),
        reason: decision.reason.as_str(),
    }))
}

/// The servers that [`decide`] lets this person see, as an argument of reads; `None`: not a single one. Kept beside it:
/// both must say the same (tested).
pub fn visible(subject: &Subject) -> Option<Visible> {
    match subject.role {
        Role::Owner | Role::Admin => Some(Visible::All),
        Role::Operator => Some(Visible::OwnedBy(subject.user)),
        Role::Viewer | Role::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ROLES: [Role; 5] = [
        Role::Owner,
        Role::Admin,
        Role::Operator,
        Role::Viewer,
        Role::Unknown,
    ];
    const ME: UserId = UserId(Uuid::from_u128(1));
    const OTHER: UserId = UserId(Uuid::from_u128(2));

    #[test]
    fn the_list_and_the_single_decision_agree() {
        for role in ROLES {
            let subject = Subject { user: ME, role };
            for owner in [ME, OTHER] {
                let listed = match visible(&subject) {
                    Some(Visible::All) => true,
                    Some(Visible::OwnedBy(user)) => user == owner,
                    None => false,
                };
                let seen = decide(&subject, Action::SeeServer, Resource::Server { owner }).allow;
                assert_eq!(listed, seen, "{role:?} {owner}");
            }
        }
    }

    #[test]
    fn servers_of_others_do_not_exist_for_operators_and_viewers() {
        for role in [Role::Operator, Role::Viewer, Role::Unknown] {
            for action in Action::ALL {
                let decision = decide(
                    &Subject { user: ME, role },
                    action,
                    Resource::Server { owner: OTHER },
                );
                assert_eq!(decision, deny(Reason::Hidden), "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn viewers_add_nothing_and_unknown_roles_do_nothing() {
        for role in [Role::Viewer, Role::Unknown] {
            assert_eq!(
                decide(
                    &Subject { user: ME, role },
                    Action::AddServer,
                    Resource::Fleet
                ),
                deny(Reason::RoleTooLow)
            );
            assert!(
                !decide(
                    &Subject { user: ME, role },
                    Action::SeeServer,
                    Resource::Server { owner: ME }
                )
                .allow
            );
        }
        assert!(
            decide(
                &Subject {
                    user: ME,
                    role: Role::Operator
                },
                Action::AddServer,
                Resource::Fleet
            )
            .allow
        );
    }
}
