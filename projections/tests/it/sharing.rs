//! Teams, grants, invitations: from control events to who sees what.

use chatops_bus::{Recorded, projector::Outcome};
use chatops_projections::{
    Store, Visible,
    view::{FleetQuery, GrantQuery, InvitationState, UserQuery},
};
use chatops_schemas::{
    access::Level,
    event::{Event, ctl::*, people::*},
    ids::{GrantId, InvitationId, TeamId, UserId},
    subject::{self, Entity, SYSTEM},
};
use uuid::Uuid;

use crate::ground::{self, Ground, envelope, fleet, recorded, server_id, user_id};

const TEAM: TeamId = TeamId(Uuid::from_u128(0x7e));
const INVITATION: InvitationId = InvitationId(Uuid::from_u128(0x1e));

/// Numbers events from where a fleet ended.
struct Story(Vec<Recorded>, u64);

impl Story {
    fn after(servers: usize) -> Self {
        Self(Vec::new(), fleet(servers).len() as u64)
    }

    fn tell<T: Event>(&mut self, entity: Entity, id: impl ToString, event: T) {
        self.1 += 1;
        let subject = subject::ctl(entity, &id.to_string());
        self.0.push(recorded(self.1, &subject, &envelope(event)));
    }

    fn register(&mut self, user: UserId, name: &str, role: Role) {
        let event = UserRegistered {
            user,
            username: name.to_owned(),
            email: None,
            full_name: None,
            role,
        };
        self.tell(Entity::User, user, event);
    }

    fn give(&mut self, to: Grantee, on: Granted, level: Level) -> GrantId {
        let grant = GrantId::of(&to, &on);
        let event = GrantGiven {
            grant,
            to,
            on,
            level,
        };
        self.tell(Entity::Grant, grant, event);
        grant
    }
}

async fn seen(store: &Store, user: UserId, level: Level) -> Vec<String> {
    let query = FleetQuery {
        limit: 10,
        ..FleetQuery::default()
    };
    let visible = Visible::To(user, level);
    let (page, totals) = store.fleet(visible, &query).await.unwrap();
    assert_eq!(totals.matching, page.items.len() as u64);
    // A page that is not the whole is counted by another statement.
    let first = FleetQuery { limit: 1, ..query };
    let (_, counted) = store.fleet(visible, &first).await.unwrap();
    assert_eq!(counted.matching, totals.matching);
    for n in 0..4 {
        let id = server_id(n);
        let listed = page.items.iter().any(|server| server.id == id);
        assert_eq!(store.may_see(visible, &id).await.unwrap(), listed);
        assert_eq!(store.server(visible, &id).await.unwrap().is_some(), listed);
        assert_eq!(
            store.granted_level(user, &id).await.unwrap() >= Some(level),
            listed,
            "{id}: nothing is theirs here, so all they see is shared"
        );
    }
    let keys = store.keys(visible, None, ground::now()).await.unwrap();
    assert_eq!(keys.len(), page.items.len());
    page.items
        .into_iter()
        .map(|server| server.id.to_string())
        .collect()
}

#[tokio::test]
async fn what_is_shared_is_seen_at_its_level_and_until_it_is_not() {
    let ground = Ground::with_fleet(4).await;
    let (store, mut inventory) = (&ground.store, ground::inventory(&ground.store).await);
    let (ada, grace) = (user_id(2), user_id(3));
    let mut story = Story::after(4);
    story.register(ada, "ada", Role::Operator);
    story.register(grace, "grace", Role::Viewer);
    story.give(
        Grantee::User(ada),
        Granted::Server(server_id(1)),
        Level::Operate,
    );
    let name = |name: &str| TeamCreated {
        team: TEAM,
        name: name.to_owned(),
    };
    story.tell(Entity::Team, TEAM, name("night shift"));
    for user in [ada, grace] {
        story.tell(Entity::Team, TEAM, TeamMemberAdded { team: TEAM, user });
    }
    // host-0 and host-2 have this label.
    let by_tag = story.give(
        Grantee::Team(TEAM),
        Granted::Tag("even".to_owned()),
        Level::View,
    );
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);

    assert_eq!(
        seen(store, ada, Level::View).await,
        ["host-0", "host-1", "host-2"]
    );
    assert_eq!(seen(store, ada, Level::Operate).await, ["host-1"]);
    assert!(seen(store, ada, Level::Manage).await.is_empty());
    assert_eq!(seen(store, grace, Level::View).await, ["host-0", "host-2"]);
    assert!(seen(store, user_id(9), Level::View).await.is_empty());

    let team = store.team(TEAM).await.unwrap().unwrap();
    let members: Vec<_> = team
        .members
        .iter()
        .map(|one| one.username.as_str())
        .collect();
    assert_eq!(
        (team.name.as_str(), members),
        ("night shift", vec!["ada", "grace"])
    );
    assert_eq!(store.teams(Some(grace)).await.unwrap().len(), 1);
    assert!(store.teams(Some(user_id(1))).await.unwrap().is_empty());
    let people = store.people_of_server(&server_id(0)).await.unwrap();
    let people: Vec<_> = people.iter().map(|one| one.username.as_str()).collect();
    assert_eq!(people, ["Ada", "ada", "grace"], "the owner and the team");

    // The server loses the label, the pair gets a higher level, a member leaves.
    let mut story = Story(Vec::new(), inventory.position.seq);
    let changed = ServerChanged {
        server: server_id(0),
        name: "Host 0".to_owned(),
        tags: vec![],
        interval_ms: None,
        needs_approval: None,
    };
    story.tell(Entity::Server, server_id(0), changed);
    story.give(
        Grantee::Team(TEAM),
        Granted::Tag("even".to_owned()),
        Level::Manage,
    );
    let left = TeamMemberRemoved {
        team: TEAM,
        user: grace,
    };
    story.tell(Entity::Team, TEAM, left);
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert_eq!(seen(store, ada, Level::Manage).await, ["host-2"]);
    assert!(seen(store, grace, Level::View).await.is_empty());
    assert_eq!(ground.count("grants").await, 2, "one row a pair");

    let mut story = Story(Vec::new(), inventory.position.seq);
    story.tell(Entity::Grant, by_tag, GrantRevoked { grant: by_tag });
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert_eq!(seen(store, ada, Level::View).await, ["host-1"]);
    assert!(store.grant(by_tag).await.unwrap().is_none());
    assert_eq!(
        store.grant_seq(by_tag).await.unwrap(),
        inventory.position.seq,
        "the next grant of this pair builds on the revocation"
    );
}

#[tokio::test]
async fn a_deleted_team_takes_its_grants_with_it() {
    let ground = Ground::with_fleet(4).await;
    let (store, mut inventory) = (&ground.store, ground::inventory(&ground.store).await);
    let ada = user_id(2);
    let mut story = Story::after(4);
    story.register(ada, "ada", Role::Operator);
    let made = TeamCreated {
        team: TEAM,
        name: "x".to_owned(),
    };
    story.tell(Entity::Team, TEAM, made);
    let joined = TeamMemberAdded {
        team: TEAM,
        user: ada,
    };
    story.tell(Entity::Team, TEAM, joined.clone());
    let on = Granted::Server(server_id(3));
    story.give(Grantee::Team(TEAM), on.clone(), Level::Manage);
    story.tell(Entity::Team, TEAM, TeamDeleted { team: TEAM });
    // Whoever comes too late joins nothing.
    story.tell(Entity::Team, TEAM, joined);
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert!(seen(store, ada, Level::View).await.is_empty());
    assert!(store.teams(None).await.unwrap().is_empty());
    assert_eq!(ground.count("team_members").await, 0);
    let all = GrantQuery {
        limit: 10,
        ..GrantQuery::default()
    };
    assert!(store.grants(&all).await.unwrap().items.is_empty());
    let facts = store.access_facts().await.unwrap();
    assert_eq!((facts.members.len(), facts.grants.len()), (0, 0));
    assert_eq!((facts.servers.len(), facts.users.len()), (4, 2));
}

#[tokio::test]
async fn grants_are_found_by_everything_they_are_about() {
    let ground = Ground::with_fleet(4).await;
    let (store, mut inventory) = (&ground.store, ground::inventory(&ground.store).await);
    let (ada, grace) = (user_id(2), user_id(3));
    let mut story = Story::after(4);
    let made = TeamCreated {
        team: TEAM,
        name: "x".to_owned(),
    };
    story.tell(Entity::Team, TEAM, made);
    let joined = TeamMemberAdded {
        team: TEAM,
        user: ada,
    };
    story.tell(Entity::Team, TEAM, joined);
    let even = Granted::Tag("even".to_owned());
    story.give(Grantee::Team(TEAM), even, Level::View);
    story.give(
        Grantee::User(grace),
        Granted::Server(server_id(0)),
        Level::Operate,
    );
    story.give(
        Grantee::User(grace),
        Granted::Server(server_id(1)),
        Level::Manage,
    );
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    let all = || GrantQuery {
        limit: 10,
        ..GrantQuery::default()
    };
    let found = async |query: GrantQuery| store.grants(&query).await.unwrap().items.len();
    assert_eq!(found(all()).await, 3);
    let query = GrantQuery {
        server: Some(server_id(0)),
        ..all()
    };
    assert_eq!(found(query).await, 2, "its own and that of its label");
    let query = GrantQuery {
        tag: Some("even".to_owned()),
        ..all()
    };
    assert_eq!(found(query).await, 1);
    let query = GrantQuery {
        user: Some(ada),
        ..all()
    };
    assert_eq!(found(query).await, 1, "through the team");
    let query = GrantQuery {
        team: Some(TEAM),
        ..all()
    };
    assert_eq!(found(query).await, 1);
    let query = GrantQuery {
        concerning: Some(user_id(1)),
        ..all()
    };
    assert_eq!(found(query).await, 2, "on the servers of user 1");
    // Pages.
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store
            .grants(&GrantQuery {
                after,
                limit: 2,
                ..GrantQuery::default()
            })
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|grant| grant.ctl_seq));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

#[tokio::test]
async fn an_invitation_is_open_until_something_ends_it() {
    let ground = Ground::with_fleet(0).await;
    let (store, mut inventory) = (&ground.store, ground::inventory(&ground.store).await);
    let grace = user_id(3);
    let mut story = Story::after(0);
    let made = TeamCreated {
        team: TEAM,
        name: "x".to_owned(),
    };
    story.tell(Entity::Team, TEAM, made);
    let expires_at = ground::now().plus_millis(60_000);
    let invited = InvitationMade {
        invitation: INVITATION,
        role: Role::Viewer,
        teams: vec![TEAM, TeamId(Uuid::from_u128(0xdead))],
        email: Some("grace@example.org".to_owned()),
        expires_at,
    };
    story.tell(Entity::Invitation, INVITATION, invited);
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    let state = async |now| {
        let found = store.invitation(INVITATION, now).await.unwrap().unwrap();
        (found.state, found.teams.len())
    };
    assert_eq!(state(ground::now()).await, (InvitationState::Open, 1));
    assert_eq!(state(expires_at).await, (InvitationState::Expired, 1));

    let mut story = Story(Vec::new(), inventory.position.seq);
    let accepted = InvitationAccepted {
        invitation: INVITATION,
        user: grace,
    };
    story.tell(Entity::Invitation, INVITATION, accepted);
    story.register(grace, "grace", Role::Viewer);
    let mode = |registration| SettingsChanged { registration };
    story.tell(Entity::Settings, SYSTEM, mode(Registration::Invite));
    story.tell(Entity::Settings, SYSTEM, mode(Registration::Closed));
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert_eq!(state(expires_at).await.0, InvitationState::Accepted);
    assert_eq!(store.teams(Some(grace)).await.unwrap().len(), 1);
    let settings = store.system_settings().await.unwrap().unwrap();
    assert_eq!(
        (settings.registration, settings.ctl_seq),
        (Registration::Closed, inventory.position.seq)
    );
}

#[tokio::test]
async fn roles_and_switches_change_the_account_and_lists_find_it() {
    let ground = Ground::with_fleet(0).await;
    let (store, mut inventory) = (&ground.store, ground::inventory(&ground.store).await);
    let mut story = Story::after(0);
    for n in 2..5 {
        story.register(user_id(n), &format!("user-{n}"), Role::Viewer);
    }
    let role = UserRoleChanged {
        user: user_id(2),
        role: Role::Owner,
    };
    story.tell(Entity::User, user_id(2), role);
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert_eq!(store.other_owners(user_id(1)).await.unwrap(), 1);
    let mut story = Story(Vec::new(), inventory.position.seq);
    let user = user_id(2);
    story.tell(Entity::User, user, UserDeactivated { user });
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert_eq!(store.other_owners(user_id(1)).await.unwrap(), 0);
    let found = store.user(user).await.unwrap().unwrap();
    assert_eq!((found.role, found.active), (Role::Owner, false));
    let mut story = Story(Vec::new(), inventory.position.seq);
    story.tell(Entity::User, user, UserReactivated { user });
    assert_eq!(inventory.apply(story.0).await, Outcome::Applied);
    assert!(store.user(user).await.unwrap().unwrap().active);

    let (mut after, mut names) = (None, Vec::new());
    loop {
        let query = UserQuery {
            after,
            limit: 2,
            q: None,
        };
        let page = store.users(&query).await.unwrap();
        names.extend(page.items.into_iter().map(|user| user.username));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["Ada", "user-2", "user-3", "user-4"]);
    let query = UserQuery {
        q: Some("R-3".to_owned()),
        after: None,
        limit: 10,
    };
    assert_eq!(store.users(&query).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn only_one_at_a_time_changes_owners() {
    let ground = Ground::with_fleet(0).await;
    let first = ground.store.only_one_changes_owners().await.unwrap();
    let second = ground.store.only_one_changes_owners();
    tokio::pin!(second);
    tokio::select! {
        biased;
        _ = &mut second => panic!("two hold the lock"),
        // Answered after the second has asked: it must be waiting.
        () = chatops_testkit::eventually("the second waits", ground::SOON, || async {
            let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            ground.database.psql(waiting).await.unwrap() == "1"
        }) => {}
    }
    drop(first);
    second.await.unwrap();
}
