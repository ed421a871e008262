//! Who may see what, as the relay knows it: from the database at the start, then from every control event at once, so that
//! what somebody may no longer see is not delivered to them from that event on, however late the rows are.
//!
//! Written by the relay alone; sockets read it whenever its version moves. It dies with the process: the next session of
//! the relay loads it anew.

use std::collections::{HashMap, HashSet};

use chatops_projections::view::AccessFacts;
use chatops_schemas::{
    access::{Level, Subject},
    catalogue::Payload,
    event::{
        ctl::Role,
        people::{Granted, Grantee},
    },
    ids::{GrantId, InvitationId, ServerId, TeamId, UserId},
};

/// Owners, labels, roles, teams and grants.
#[derive(Debug, Default)]
pub struct Rights {
    servers: HashMap<ServerId, Entry>,
    users: HashMap<UserId, (Role, bool)>,
    members: HashMap<TeamId, HashSet<UserId>>,
    grants: HashMap<GrantId, (Grantee, Granted, Level)>,
    invitations: HashMap<InvitationId, Vec<TeamId>>,
}

#[derive(Debug)]
struct Entry {
    owner: UserId,
    tags: Vec<String>,
    removed: bool,
}

impl Rights {
    /// From the database.
    pub fn load(facts: AccessFacts) -> Self {
        let mut members: HashMap<TeamId, HashSet<UserId>> = HashMap::new();
        for (team, user) in facts.members {
            members.entry(team).or_default().insert(user);
        }
        let servers = facts.servers.into_iter();
        let users = facts.users.into_iter();
        let grants = facts.grants.into_iter();
        Self {
            servers: servers
                .map(|(server, owner, tags, removed)| {
                    let entry = Entry {
                        owner,
                        tags,
                        removed,
                    };
                    (server, entry)
                })
                .collect(),
            users: users
                .map(|(user, role, active)| (user, (role, active)))
                .collect(),
            members,
            grants: grants
                .map(|(grant, to, on, level)| (grant, (to, on, level)))
                .collect(),
            invitations: facts.invitations.into_iter().collect(),
        }
    }

    /// Who owns it; `None` when it is unknown or removed.
    pub fn owner(&self, server: &ServerId) -> Option<UserId> {
        self.servers
            .get(server)
            .filter(|entry| !entry.removed)
            .map(|entry| entry.owner)
    }

    /// Whether it was removed: the database may still show it for a moment.
    pub fn is_removed(&self, server: &ServerId) -> bool {
        self.servers.get(server).is_some_and(|entry| entry.removed)
    }

    /// Who owned it, removed or not: for telling them that it was removed.
    pub fn last_owner(&self, server: &ServerId) -> Option<UserId> {
        self.servers.get(server).map(|entry| entry.owner)
    }

    /// The same person as their account is now.
    pub fn now(&self, subject: Subject) -> Subject {
        match self.users.get(&subject.user) {
            Some(&(role, active)) => Subject {
                role,
                active,
                ..subject
            },
            // The account is younger than what was read of the stream.
            None => subject,
        }
    }

    fn of(&self, user: UserId) -> impl Iterator<Item = (&Granted, Level)> {
        let mine = move |to: &Grantee| match to {
            Grantee::User(one) => *one == user,
            Grantee::Team(team) => self
                .members
                .get(team)
                .is_some_and(|team| team.contains(&user)),
        };
        self.grants
            .values()
            .filter(move |(to, ..)| mine(to))
            .map(|(_, on, level)| (on, *level))
    }

    /// What is shared with a person, each server at its highest level; also servers that are removed, so that they can be
    /// told.
    pub fn granted(&self, user: UserId) -> HashMap<ServerId, Level> {
        let mut levels: HashMap<ServerId, Level> = HashMap::new();
        let mut raise = |server: &ServerId, level: Level| {
            let highest = levels.entry(server.clone()).or_insert(level);
            *highest = level.max(*highest);
        };
        for (on, level) in self.of(user) {
            match on {
                Granted::Server(server) => raise(server, level),
                Granted::Tag(tag) => self
                    .servers
                    .iter()
                    .filter(|(_, entry)| entry.tags.contains(tag))
                    .for_each(|(server, _)| raise(server, level)),
            }
        }
        levels
    }

    /// The highest level at which a server is shared with a person.
    pub fn granted_on(&self, user: UserId, server: &ServerId) -> Option<Level> {
        let holds = |on: &Granted| match on {
            Granted::Server(one) => one == server,
            Granted::Tag(tag) => self
                .servers
                .get(server)
                .is_some_and(|entry| entry.tags.contains(tag)),
        };
        self.of(user)
            .filter(|(on, _)| holds(on))
            .map(|(_, level)| level)
            .max()
    }

    fn tag_is_shared(&self, tags: &[String]) -> bool {
        self.grants
            .values()
            .any(|(_, on, _)| matches!(on, Granted::Tag(tag) if tags.contains(tag)))
    }

    /// Takes a control event. True: somebody may now see more or less than before. Events may come twice.
    pub fn apply(&mut self, event: &Payload) -> bool {
        match event {
            Payload::ServerRegistered(added) => {
                let entry = Entry {
                    owner: added.owner,
                    tags: added.tags.clone(),
                    removed: false,
                };
                self.servers.entry(added.server.clone()).or_insert(entry);
                self.tag_is_shared(&added.tags)
            }
            Payload::ServerChanged(changed) => {
                let Some(entry) = self.servers.get_mut(&changed.server) else {
                    return false;
                };
                let before = std::mem::replace(&mut entry.tags, changed.tags.clone());
                before != changed.tags
                    && (self.tag_is_shared(&before) || self.tag_is_shared(&changed.tags))
            }
            Payload::ServerDeleted(removed) => {
                if let Some(entry) = self.servers.get_mut(&removed.server) {
                    entry.removed = true;
                }
                // Said as an item of its own, to those who could see it.
                false
            }
            Payload::UserRegistered(user) => {
                self.users.entry(user.user).or_insert((user.role, true));
                false
            }
            Payload::UserRoleChanged(changed) => {
                let active = self.users.get(&changed.user).is_none_or(|known| known.1);
                self.users.insert(changed.user, (changed.role, active));
                true
            }
            Payload::UserDeactivated(off) => self.switch(off.user, false),
            Payload::UserReactivated(on) => self.switch(on.user, true),
            Payload::TeamMemberAdded(added) => {
                self.members
                    .entry(added.team)
                    .or_default()
                    .insert(added.user);
                true
            }
            Payload::TeamMemberRemoved(removed) => self
                .members
                .get_mut(&removed.team)
                .is_some_and(|team| team.remove(&removed.user)),
            Payload::TeamDeleted(deleted) => self.members.remove(&deleted.team).is_some(),
            Payload::GrantGiven(given) => {
                let grant = (given.to.clone(), given.on.clone(), given.level);
                self.grants.insert(given.grant, grant);
                true
            }
            Payload::GrantRevoked(revoked) => self.grants.remove(&revoked.grant).is_some(),
            Payload::InvitationMade(made) => {
                self.invitations.insert(made.invitation, made.teams.clone());
                false
            }
            Payload::InvitationRevoked(revoked) => {
                self.invitations.remove(&revoked.invitation);
                false
            }
            Payload::InvitationAccepted(accepted) => {
                let teams = self.invitations.remove(&accepted.invitation);
                for team in teams.unwrap_or_default() {
                    self.members.entry(team).or_default().insert(accepted.user);
                }
                // Nobody is signed in as this person yet.
                false
            }
            _ => false,
        }
    }

    fn switch(&mut self, user: UserId, active: bool) -> bool {
        // A role that is not known may do nothing.
        let account = self.users.entry(user).or_insert((Role::Unknown, active));
        account.1 = active;
        true
    }
}

#[cfg(test)]
mod tests {
    use chatops_schemas::event::{ctl::*, people::*};
    use uuid::Uuid;

    use super::*;

    const OWNER: UserId = UserId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const TEAM: TeamId = TeamId(Uuid::from_u128(3));

    fn id(text: &str) -> ServerId {
        ServerId::parse(text).unwrap()
    }

    fn fleet() -> Rights {
        let server = |name: &str, tag: &str| (id(name), OWNER, vec![tag.to_owned()], false);
        Rights::load(AccessFacts {
            servers: vec![server("a", "prod"), server("b", "prod"), server("c", "lab")],
            users: vec![(OWNER, Role::Owner, true), (ADA, Role::Operator, true)],
            ..AccessFacts::default()
        })
    }

    fn give(to: Grantee, on: Granted, level: Level) -> Payload {
        Payload::GrantGiven(GrantGiven {
            grant: GrantId::of(&to, &on),
            to,
            on,
            level,
        })
    }

    #[test]
    fn a_removed_server_has_no_owner_but_had_one() {
        let mut rights = fleet();
        assert_eq!(rights.owner(&id("a")), Some(OWNER));
        rights.apply(&Payload::ServerDeleted(ServerDeleted { server: id("a") }));
        assert_eq!(
            (rights.owner(&id("a")), rights.last_owner(&id("a"))),
            (None, Some(OWNER))
        );
        assert!(rights.is_removed(&id("a")));
    }

    #[test]
    fn grants_follow_labels_teams_and_the_highest_level() {
        let mut rights = fleet();
        let on_tag = Granted::Tag("prod".to_owned());
        assert!(rights.apply(&give(Grantee::Team(TEAM), on_tag, Level::View)));
        let on_server = Granted::Server(id("a"));
        assert!(rights.apply(&give(Grantee::User(ADA), on_server.clone(), Level::Operate)));
        assert_eq!(rights.granted_on(ADA, &id("a")), Some(Level::Operate));
        assert_eq!(
            rights.granted_on(ADA, &id("b")),
            None,
            "not in the team yet"
        );
        let joined = TeamMemberAdded {
            team: TEAM,
            user: ADA,
        };
        assert!(rights.apply(&Payload::TeamMemberAdded(joined)));
        assert_eq!(
            rights.granted(ADA),
            HashMap::from([(id("a"), Level::Operate), (id("b"), Level::View)])
        );
        let relabelled = ServerChanged {
            server: id("b"),
            name: "b".to_owned(),
            tags: vec![],
            interval_ms: None,
            needs_approval: None,
        };
        assert!(rights.apply(&Payload::ServerChanged(relabelled.clone())));
        assert!(!rights.apply(&Payload::ServerChanged(relabelled)));
        let grant = GrantId::of(&Grantee::User(ADA), &on_server);
        assert!(rights.apply(&Payload::GrantRevoked(GrantRevoked { grant })));
        assert_eq!(rights.granted(ADA), HashMap::from([(id("a"), Level::View)]));
        assert!(rights.apply(&Payload::TeamDeleted(TeamDeleted { team: TEAM })));
        assert!(rights.granted(ADA).is_empty());
    }

    #[test]
    fn an_account_is_what_the_last_event_says() {
        let mut rights = fleet();
        let subject = Subject::of(ADA, Role::Operator);
        let changed = UserRoleChanged {
            user: ADA,
            role: Role::Viewer,
        };
        assert!(rights.apply(&Payload::UserRoleChanged(changed)));
        assert_eq!(rights.now(subject).role, Role::Viewer);
        assert!(rights.apply(&Payload::UserDeactivated(UserDeactivated { user: ADA })));
        assert!(!rights.now(subject).active);
        assert!(rights.apply(&Payload::UserReactivated(UserReactivated { user: ADA })));
        assert_eq!(rights.now(subject), Subject::of(ADA, Role::Viewer));
        let unknown = Subject::of(UserId(Uuid::from_u128(9)), Role::Operator);
        assert_eq!(rights.now(unknown), unknown);
    }

    #[test]
    fn an_invitation_brings_its_teams() {
        let mut rights = fleet();
        let invitation = InvitationId(Uuid::from_u128(7));
        rights.apply(&give(
            Grantee::Team(TEAM),
            Granted::Server(id("c")),
            Level::View,
        ));
        rights.apply(&Payload::InvitationMade(InvitationMade {
            invitation,
            role: Role::Viewer,
            teams: vec![TEAM],
            email: None,
            expires_at: chatops_schemas::clock::Timestamp::default(),
        }));
        let accepted = InvitationAccepted {
            invitation,
            user: ADA,
        };
        rights.apply(&Payload::InvitationAccepted(accepted));
        assert_eq!(rights.granted_on(ADA, &id("c")), Some(Level::View));
    }
}
