//! Users, servers and keys: from control events to what people read, and who may read it.

use std::time::Duration;

use chatops_bus::projector::{Halt, Outcome};
use chatops_projections::{
    Visible,
    view::{FleetQuery, KeyState, Registered, ServerStatus},
};
use chatops_schemas::{
    access::Level,
    event::ctl::{
        KeyRetired, KeyRevoked, NameClaimed, NameReleased, Role, ServerChanged, ServerDeleted,
        UserPasswordChanged, UserProfileChanged, UserRegistered,
    },
    subject::{self, Entity},
};

use crate::ground::{self, Ground, envelope, key_id, recorded, recorded_bytes, server_id, user_id};

fn on(entity: Entity, id: impl ToString) -> String {
    subject::ctl(entity, &id.to_string())
}

#[tokio::test]
async fn an_account_is_found_by_name_and_address_in_any_case() {
    let ground = Ground::with_fleet(0).await;
    let user = ground.store.user_by_login(" ADA ").await.unwrap().unwrap();
    assert_eq!(
        (user.id, user.role, user.ctl_seq),
        (user_id(1), Role::Owner, 1)
    );
    assert_eq!(
        ground.store.user_by_login("Ada@Example.org").await.unwrap(),
        Some(user.clone())
    );
    assert_eq!(
        ground.store.user_by_login("' OR 1=1 --").await.unwrap(),
        None
    );
    assert_eq!(ground.store.user_by_login("a\0da").await.unwrap(), None);

    let mut inventory = ground::inventory(&ground.store).await;
    let changed = UserProfileChanged {
        user: user.id,
        email: Some("a\0b@x".to_owned()),
        full_name: Some("Ada L.".to_owned()),
    };
    let batch = vec![
        recorded(2, &on(Entity::User, user.id), &envelope(changed)),
        recorded(
            3,
            &on(Entity::User, user.id),
            &envelope(UserPasswordChanged { user: user.id }),
        ),
        recorded(
            4,
            &on(Entity::Name, "abc"),
            &envelope(NameClaimed { user: user.id }),
        ),
        recorded(
            5,
            &on(Entity::Name, "old"),
            &envelope(NameClaimed { user: user.id }),
        ),
        recorded(
            6,
            &on(Entity::Name, "old"),
            &envelope(NameReleased { user: user.id }),
        ),
    ];
    assert_eq!(inventory.apply(batch).await, Outcome::Applied);
    let user = ground.store.user(user.id).await.unwrap().unwrap();
    assert_eq!(
        (
            user.email.as_deref(),
            user.full_name.as_deref(),
            user.ctl_seq
        ),
        (Some("ab@x"), Some("Ada L."), 3)
    );
    assert_eq!(
        ground.store.name_claim("abc").await.unwrap(),
        (Some(user.id), 4)
    );
    assert_eq!(ground.store.name_claim("old").await.unwrap(), (None, 6));
    assert_eq!(ground.store.name_claim("new").await.unwrap(), (None, 0));
    assert_eq!(ground.store.user_count().await.unwrap(), 1);
}

#[tokio::test]
async fn others_see_nothing_of_what_they_do_not_own() {
    let ground = Ground::with_fleet(2).await;
    let (store, now) = (&ground.store, ground::now());
    let (mine, theirs) = (
        Visible::To(user_id(1), Level::Manage),
        Visible::To(user_id(2), Level::View),
    );
    let query = FleetQuery {
        limit: 10,
        ..FleetQuery::default()
    };
    for (visible, seen) in [(Visible::All, 2), (mine, 2), (theirs, 0)] {
        assert_eq!(
            store.fleet(visible, &query).await.unwrap().0.items.len(),
            seen
        );
        assert_eq!(store.keys(visible, None, now).await.unwrap().len(), seen);
        assert_eq!(
            store
                .keys(visible, Some(&server_id(0)), now)
                .await
                .unwrap()
                .len(),
            seen / 2
        );
        let one = seen > 0;
        assert_eq!(
            store
                .server(visible, &server_id(0))
                .await
                .unwrap()
                .is_some(),
            one
        );
        assert_eq!(store.may_see(visible, &server_id(0)).await.unwrap(), one);
        assert_eq!(
            store.key(visible, &key_id(0), now).await.unwrap().is_some(),
            one
        );
        assert_eq!(
            store
                .connection_events(visible, &server_id(0), None, 10)
                .await
                .unwrap()
                .is_some(),
            one
        );
        assert_eq!(
            store
                .series(visible, &server_id(0))
                .await
                .unwrap()
                .is_some(),
            one
        );
        let history = chatops_projections::view::HistoryQuery {
            from: now.plus_millis(-1000),
            to: now,
            series: Vec::new(),
            max_points: 10,
        };
        assert_eq!(
            store
                .history(visible, &server_id(0), &history, now)
                .await
                .unwrap()
                .is_some(),
            one
        );
    }
}

#[tokio::test]
async fn a_changed_server_shows_its_new_values_and_a_deleted_one_is_gone() {
    let ground = Ground::with_fleet(2).await;
    let mut inventory = ground::inventory(&ground.store).await;
    let name = "<b>Röhre</b>'; DROP TABLE servers".to_owned();
    let changed = ServerChanged {
        server: server_id(0),
        name: name.clone(),
        tags: vec!["x".to_owned()],
        interval_ms: Some(1000),
        needs_approval: None,
    };
    let deleted = ServerDeleted {
        server: server_id(1),
    };
    let batch = vec![
        recorded(6, &on(Entity::Server, server_id(0)), &envelope(changed)),
        recorded(7, &on(Entity::Server, server_id(1)), &envelope(deleted)),
    ];
    assert_eq!(inventory.apply(batch).await, Outcome::Applied);
    let server = ground
        .store
        .server(Visible::All, &server_id(0))
        .await
        .unwrap()
        .unwrap();
    let registered = Registered {
        id: server_id(0),
        name: name.clone(),
        tags: vec!["x".to_owned()],
        owner: server.owner.id,
        interval_ms: Some(1000),
        needs_approval: false,
        ctl_seq: 6,
    };
    for (id, known) in [(0, Some(registered)), (1, None)] {
        let found = ground.store.registered(&server_id(id)).await.unwrap();
        assert_eq!(found, known);
    }
    assert_eq!(
        (server.name, server.tags, server.interval_ms, server.ctl_seq),
        (name, vec!["x".to_owned()], Some(1000), 6)
    );
    assert_eq!(
        (server.owner.username.as_str(), server.status),
        ("Ada", ServerStatus::Never)
    );
    assert_eq!(
        ground
            .store
            .server(Visible::All, &server_id(1))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        ground
            .store
            .keys(Visible::All, None, ground::now())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_gate_learns_whether_a_key_works_and_why_not() {
    let ground = Ground::with_fleet(3).await;
    let (store, now) = (&ground.store, ground::now());
    for n in 0..3 {
        store
            .put_key_digest(&key_id(n), [u8::try_from(n).unwrap(); 32])
            .await
            .unwrap();
    }
    let mut inventory = ground::inventory(store).await;
    let revoked = KeyRevoked {
        key: key_id(1),
        server: server_id(1),
    };
    let foreign = KeyRevoked {
        key: key_id(0),
        server: server_id(1),
    };
    let batch = vec![
        recorded(8, &on(Entity::Key, key_id(1)), &envelope(revoked)),
        recorded(9, &on(Entity::Key, key_id(0)), &envelope(foreign)),
        recorded(
            10,
            &on(Entity::Server, server_id(2)),
            &envelope(ServerDeleted {
                server: server_id(2),
            }),
        ),
    ];
    assert_eq!(inventory.apply(batch).await, Outcome::Applied);
    let gate = |n| async move { store.key_for_gate(&key_id(n), now).await.unwrap() };
    let active = gate(0).await.unwrap();
    assert_eq!(
        (active.server, active.secret_sha256, active.state),
        (server_id(0), [0; 32], KeyState::Active)
    );
    assert_eq!(gate(1).await.unwrap().state, KeyState::Revoked);
    assert_eq!(gate(2).await.unwrap().state, KeyState::ServerDeleted);
    assert!(gate(3).await.is_none());
    store.forget_key_digest(&key_id(0)).await.unwrap();
    assert!(gate(0).await.is_none());
}

#[tokio::test]
async fn a_retired_key_ends_early_but_never_late() {
    let ground = Ground::with_fleet(2).await;
    let (store, now) = (&ground.store, ground::now());
    let mut inventory = ground::inventory(store).await;
    let retire = |seq: u64, server: usize, at: i64| {
        let retired = KeyRetired {
            key: key_id(0),
            server: server_id(server),
            expires_at: now.plus_millis(at),
            successor: key_id(9),
        };
        recorded(seq, &on(Entity::Key, key_id(0)), &envelope(retired))
    };
    let batch = vec![
        retire(8, 1, 1000),
        retire(9, 0, 60_000),
        retire(10, 0, 90_000),
    ];
    assert_eq!(inventory.apply(batch).await, Outcome::Applied);
    let key = |now| async move {
        store
            .key(Visible::All, &key_id(0), now)
            .await
            .unwrap()
            .unwrap()
    };
    let found = key(now).await;
    assert_eq!(
        (found.state, found.expires_at, found.successor),
        (
            KeyState::Active,
            Some(now.plus_millis(60_000)),
            Some(key_id(9))
        )
    );
    assert_eq!(key(now.plus_millis(60_000)).await.state, KeyState::Expired);
    let ending = |from, until| store.keys_ending(now.plus_millis(from), now.plus_millis(until));
    assert_eq!(
        ending(0, 60_001).await.unwrap(),
        [(key_id(0), now.plus_millis(60_000))]
    );
    assert!(ending(0, 60_000).await.unwrap().is_empty());
    store.note_key_use(&key_id(0), now).await.unwrap();
    store
        .note_key_use(&key_id(0), now.plus_millis(-5000))
        .await
        .unwrap();
    assert_eq!(key(now.plus_millis(1)).await.last_used, Some(now));
}

/// A second decision must not be applied without the first.
#[tokio::test]
async fn what_follows_a_parked_decision_waits_behind_it() {
    let ground = Ground::with_fleet(2).await;
    let mut inventory = ground::inventory(&ground.store).await;
    let renamed = |name: &str| {
        envelope(ServerChanged {
            server: server_id(0),
            name: name.to_owned(),
            tags: Vec::new(),
            interval_ms: None,
            needs_approval: None,
        })
    };
    let subject = on(Entity::Server, server_id(0));
    let batch = vec![
        recorded_bytes(6, &subject, ground::now(), b"junk".to_vec()),
        recorded(7, &subject, &renamed("second")),
        recorded(8, &on(Entity::Server, server_id(1)), &renamed("of another")),
    ];
    assert_eq!(inventory.apply(batch).await, Outcome::Applied);
    let mut again = ground::inventory(&ground.store).await;
    assert_eq!(
        again
            .apply(vec![recorded(9, &subject, &renamed("third"))])
            .await,
        Outcome::Applied
    );
    let parked = ground
        .database
        .psql("SELECT string_agg(seq || ' ' || reason, ', ' ORDER BY seq) FROM dlq")
        .await
        .unwrap();
    assert_eq!(parked, "6 undecodable, 7 behind, 8 wrong_subject, 9 behind");
    assert_eq!(
        ground
            .store
            .server(Visible::All, &server_id(0))
            .await
            .unwrap()
            .unwrap()
            .name,
        "Host 0"
    );
}

#[tokio::test]
async fn types_of_a_later_build_are_skipped_and_newer_versions_stop_it() {
    let ground = Ground::with_fleet(0).await;
    let mut inventory = ground::inventory(&ground.store).await;
    let user = UserRegistered {
        user: user_id(9),
        username: "x".to_owned(),
        email: None,
        full_name: None,
        role: Role::Viewer,
    };
    let mut later = envelope(user.clone());
    later.kind = "user.enchanted".to_owned();
    let subject = on(Entity::User, user_id(9));
    assert_eq!(
        inventory.apply(vec![recorded(2, &subject, &later)]).await,
        Outcome::Applied
    );
    assert_eq!(ground.count("dlq").await, 0);
    let mut newer = envelope(user);
    newer.ver = 2;
    let outcome = inventory.apply(vec![recorded(3, &subject, &newer)]).await;
    assert!(
        matches!(outcome, Outcome::Halt(Halt::NeedsUpgrade(_))),
        "{outcome:?}"
    );
}

/// Everything but the vault can be dropped and made again from the events, with no difference.
#[tokio::test]
async fn a_rebuild_gives_the_same_rows() {
    let ground = Ground::with_fleet(20).await;
    let dump = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (SELECT s::text FROM servers s UNION ALL SELECT k::text FROM api_keys k UNION ALL SELECT u::text FROM users u) t";
    let before = ground.database.psql(dump).await.unwrap();
    let events = ground::fleet(20);
    // The same events, as they were stored: only their ids and times were made anew by `fleet`.
    let times = ground.database.psql("SELECT (extract(epoch FROM created_at) * 1000000)::bigint FROM users UNION ALL SELECT (extract(epoch FROM created_at) * 1000000)::bigint FROM (SELECT created_at, ctl_seq FROM servers UNION ALL SELECT created_at, ctl_seq FROM api_keys ORDER BY 2) x").await.unwrap();
    let events = events
        .into_iter()
        .zip(times.lines())
        .map(|(mut event, micros)| {
            event.stored_at =
                chatops_schemas::clock::Timestamp::from_micros(micros.parse().unwrap());
            event
        });
    ground.database.psql("TRUNCATE users, servers, api_keys, name_claims; UPDATE projection_checkpoint SET seq = 0").await.unwrap();
    let mut inventory = ground::inventory(&ground.store).await;
    assert_eq!(inventory.position.seq, 0);
    assert_eq!(inventory.apply(events.collect()).await, Outcome::Applied);
    assert_eq!(ground.database.psql(dump).await.unwrap(), before);
}

#[tokio::test]
async fn whoever_wrote_can_wait_until_it_is_readable() {
    let ground = Ground::with_fleet(1).await;
    let progress = chatops_projections::Progress::new(ground.store.clone());
    let stop = tokio_util::sync::CancellationToken::new();
    let listening = tokio::spawn({
        let (progress, stop) = (progress.clone(), stop.clone());
        async move { progress.run(stop).await }
    });
    let name = chatops_projections::INVENTORY;
    assert!(
        progress
            .wait_until(name, 3, Duration::from_secs(5))
            .await
            .unwrap(),
        "already there"
    );
    assert!(
        !progress
            .wait_until(name, 4, Duration::from_millis(50))
            .await
            .unwrap(),
        "not there"
    );
    let waiting = tokio::spawn({
        let progress = progress.clone();
        async move { progress.wait_until(name, 4, ground::SOON).await.unwrap() }
    });
    let mut inventory = ground::inventory(&ground.store).await;
    let changed = ServerChanged {
        server: server_id(0),
        name: "New".to_owned(),
        tags: Vec::new(),
        interval_ms: None,
        needs_approval: None,
    };
    let event = recorded(4, &on(Entity::Server, server_id(0)), &envelope(changed));
    assert_eq!(inventory.apply(vec![event]).await, Outcome::Applied);
    assert!(waiting.await.unwrap());
    assert_eq!(
        ground
            .store
            .server(Visible::All, &server_id(0))
            .await
            .unwrap()
            .unwrap()
            .name,
        "New"
    );
    stop.cancel();
    listening.await.unwrap();
}
