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
const GRANTS: [Option<Level>; 4] = [
    None,
    Some(Level::View),
    Some(Level::Operate),
    Some(Level::Manage),
];

fn server(owner: UserId, granted: Option<Level>) -> Resource {
    Resource::Server { owner, granted }
}

#[test]
fn lists_and_single_decisions_agree_for_everybody() {
    let credentials = [None, Some(ScopeSet::default())]
        .into_iter()
        .chain(Scope::ALL.map(|scope| Some(ScopeSet::from_iter([scope]))));
    for scopes in credentials {
        for role in ROLES {
            for active in [true, false] {
                let subject = Subject {
                    active,
                    scopes,
                    ..Subject::of(ME, role)
                };
                for (owner, granted) in GRANTS
                    .iter()
                    .flat_map(|granted| [(ME, *granted), (OTHER, *granted)])
                {
                    for (level, action) in [
                        (Level::View, Action::SeeServer),
                        (Level::Operate, Action::RunCommand),
                        (Level::Manage, Action::SeeKeys),
                    ] {
                        let listed = match sight(&subject, level) {
                            Sight::Everything => true,
                            Sight::OwnAndGranted(least) => owner == ME || granted >= Some(least),
                            Sight::Nothing => false,
                        };
                        let decided = decide(&subject, action, server(owner, granted)).allow;
                        assert_eq!(listed, decided, "{subject:?} {owner} {granted:?} {level:?}");
                        assert_eq!(
                            decided && scopes.is_none(),
                            scopes.is_none() && level_on(&subject, owner, granted) >= Some(level),
                            "{subject:?} {owner} {granted:?} {level:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn servers_of_others_do_not_exist_for_operators_and_viewers() {
    for role in [Role::Operator, Role::Viewer, Role::Unknown] {
        for action in Action::ALL {
            let decision = decide(&Subject::of(ME, role), *action, server(OTHER, None));
            assert_eq!(decision, deny(Reason::Hidden), "{role:?} {action:?}");
        }
    }
}

#[test]
fn a_grant_allows_its_level_and_no_more() {
    let me = Subject::of(ME, Role::Operator);
    for granted in Level::ALL {
        for action in Action::ALL {
            let decision = decide(&me, *action, server(OTHER, Some(granted)));
            let expected = match action.needs() {
                Need::Level(needed) if needed <= granted => allow(Reason::Grant),
                Need::Level(_) | Need::Ownership => deny(Reason::GrantTooLow),
                Need::Anybody | Need::Operator | Need::Admin => deny(Reason::RoleTooLow),
            };
            assert_eq!(decision, expected, "{granted:?} {action:?}");
        }
    }
}

#[test]
fn a_viewer_looks_whatever_was_shared_or_is_their_own() {
    let me = Subject::of(ME, Role::Viewer);
    for (owner, granted) in [(ME, None), (OTHER, Some(Level::Manage))] {
        let at = server(owner, granted);
        assert!(decide(&me, Action::SeeServer, at).allow);
        for action in [
            Action::RunCommand,
            Action::OpenTerminal,
            Action::ChangeServer,
            Action::SeeKeys,
            Action::IssueKey,
            Action::ShareServer,
        ] {
            assert_eq!(
                decide(&me, action, at),
                deny(Reason::RoleTooLow),
                "{action:?}"
            );
        }
    }
    assert!(!decide(&me, Action::DeleteServer, server(ME, None)).allow);
    assert!(!decide(&me, Action::AddServer, Resource::Fleet).allow);
    assert!(decide(&me, Action::SeeFleet, Resource::Fleet).allow);
}

#[test]
fn an_unknown_role_and_a_switched_off_account_do_nothing() {
    let off = |role| Subject {
        active: false,
        ..Subject::of(ME, role)
    };
    let nobody = [Subject::of(ME, Role::Unknown)]
        .into_iter()
        .chain(ROLES.map(off));
    for subject in nobody {
        for action in Action::ALL {
            for resource in [
                Resource::Fleet,
                server(ME, Some(Level::Manage)),
                Resource::Account { role: Role::Viewer },
            ] {
                assert!(
                    !decide(&subject, *action, resource).allow,
                    "{subject:?} {action:?}"
                );
            }
        }
    }
}

#[test]
fn only_owners_touch_owners() {
    let on = |role, touched| {
        decide(
            &Subject::of(ME, role),
            Action::ManageUsers,
            Resource::Account { role: touched },
        )
    };
    assert_eq!(on(Role::Admin, Role::Owner), deny(Reason::OwnersOnly));
    assert_eq!(on(Role::Admin, Role::Admin), allow(Reason::Role));
    assert_eq!(on(Role::Owner, Role::Owner), allow(Reason::Role));
    assert_eq!(on(Role::Operator, Role::Viewer), deny(Reason::RoleTooLow));
}

#[test]
fn scopes_take_away_and_never_add() {
    for role in ROLES {
        for action in Action::ALL {
            for resource in [
                Resource::Fleet,
                server(OTHER, Some(Level::Operate)),
                server(ME, None),
            ] {
                let full = decide(&Subject::of(ME, role), *action, resource);
                for scope in Scope::ALL {
                    let limited = Subject {
                        scopes: Some(ScopeSet::from_iter([scope])),
                        ..Subject::of(ME, role)
                    };
                    let decision = decide(&limited, *action, resource);
                    let expected = match scope == action.scope() {
                        true => full,
                        false => deny(Reason::ScopeMissing),
                    };
                    assert_eq!(decision, expected, "{role:?} {action:?} {scope:?}");
                }
            }
        }
    }
}

#[test]
fn names_are_one_to_one() {
    for level in Level::ALL {
        assert_eq!(Level::parse(level.as_str()), Some(level));
        assert_eq!(Level::of_rank(level.rank()), Some(level));
    }
    assert_eq!(Level::parse("own"), None);
    let names: std::collections::HashSet<_> = Action::ALL.iter().map(|one| one.as_str()).collect();
    assert_eq!(names.len(), Action::ALL.len());
}
