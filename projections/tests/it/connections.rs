//! Agents coming and going.

use chatops_bus::{Recorded, projector::Outcome};
use chatops_projections::{Visible, view::ServerStatus};
use chatops_schemas::{
    clock::Timestamp,
    event::{
        Event,
        fact::{
            AgentConnected, AgentDisconnected, AgentHello, AgentRefused, TimedGrant, Transport,
        },
    },
    ids::ServerId,
    subject,
};

use crate::ground::{self, Ground, envelope, key_id, server_id};

fn fact<T: Event>(seq: u64, at: Timestamp, server: &ServerId, kind: &str, data: T) -> Recorded {
    let mut event = ground::recorded(
        seq,
        &subject::fact(server, kind),
        &envelope(data).about(server.clone()),
    );
    event.stored_at = at;
    event
}

fn connected(seq: u64, at: Timestamp, server: usize, session: &str) -> Recorded {
    let data = AgentConnected {
        session: session.to_owned(),
        key: key_id(server),
        transport: Transport::Nats,
        address: Some("192.0.2.1".to_owned()),
        orders: false,
    };
    fact(seq, at, &server_id(server), subject::PRESENCE, data)
}

fn gone(seq: u64, at: Timestamp, server: usize, session: &str, remaining: u32) -> Recorded {
    let data = AgentDisconnected {
        session: session.to_owned(),
        transport: Transport::Nats,
        address: None,
        reason: Some("Client\0 Closed".to_owned()),
        remaining,
    };
    fact(seq, at, &server_id(server), subject::PRESENCE, data)
}

#[tokio::test]
async fn a_server_is_online_from_its_first_connection_to_its_last_disconnection() {
    let ground = Ground::with_fleet(2).await;
    let mut presence = ground::presence(&ground.store).await;
    let start = ground::now().plus_millis(-10_000);
    let at = |seconds: i64| start.plus_millis(seconds * 1000);
    let status = || async {
        ground
            .store
            .server(Visible::All, &server_id(0))
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(status().await.status, ServerStatus::Never);

    let hello = AgentHello {
        version: "1.2".to_owned(),
        hostname: "h0".to_owned(),
        memory_total: Some(u64::MAX),
        cores: Some(u32::MAX),
        grants: vec![TimedGrant {
            capability: "exec".to_owned(),
            until: at(600),
        }],
        ..AgentHello::default()
    };
    let batch = vec![
        connected(1, at(0), 0, "a"),
        fact(2, at(0), &server_id(0), subject::HELLO, hello),
        connected(3, at(2), 0, "b"),
    ];
    assert_eq!(presence.apply(batch).await, Outcome::Applied);
    let server = status().await;
    assert_eq!(
        (server.status, server.connected_since),
        (ServerStatus::Online, Some(at(0)))
    );
    let agent = server.agent.unwrap();
    assert_eq!(
        (
            agent.version.as_str(),
            agent.cores,
            agent.transport.as_deref()
        ),
        ("1.2", Some(2_147_483_647), Some("nats"))
    );
    assert_eq!(
        agent.grants,
        [TimedGrant {
            capability: "exec".to_owned(),
            until: at(600),
        }]
    );
    assert_eq!(
        ground
            .store
            .open_sessions(&server_id(0), Some(&key_id(0)))
            .await
            .unwrap()
            .len(),
        2
    );

    assert_eq!(
        presence.apply(vec![gone(4, at(4), 0, "a", 1)]).await,
        Outcome::Applied
    );
    assert_eq!(status().await.status, ServerStatus::Online);
    assert_eq!(
        presence.apply(vec![gone(5, at(5), 0, "b", 0)]).await,
        Outcome::Applied
    );
    let server = status().await;
    assert_eq!(
        (server.status, server.connected_since, server.last_seen),
        (ServerStatus::Offline, None, Some(at(5)))
    );
    assert_eq!(
        presence.apply(vec![connected(6, at(9), 0, "c")]).await,
        Outcome::Applied
    );
    assert_eq!(status().await.status, ServerStatus::Online);

    let events = ground
        .store
        .connection_events(Visible::All, &server_id(0), None, 4)
        .await
        .unwrap()
        .unwrap();
    let shown: Vec<_> = events
        .items
        .iter()
        .map(|event| (event.id, event.kind.as_str(), event.duration_s))
        .collect();
    assert_eq!(
        shown,
        [
            (6, "reconnected", Some(4.0)),
            (5, "disconnected", Some(3.0)),
            (4, "disconnected", Some(4.0)),
            (3, "connected", None)
        ]
    );
    assert_eq!(events.items[1].detail.as_deref(), Some("Client Closed"));
    let rest = ground
        .store
        .connection_events(Visible::All, &server_id(0), Some(3), 4)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let keys = ground
        .store
        .keys(Visible::All, Some(&server_id(0)), at(100))
        .await
        .unwrap();
    assert_eq!(keys[0].last_used, Some(at(100)), "in use right now");
}

#[tokio::test]
async fn a_connected_server_that_sends_nothing_is_stale() {
    let ground = Ground::with_fleet(1).await;
    let mut presence = ground::presence(&ground.store).await;
    let long_ago = ground::now().plus_millis(-60_000);
    assert_eq!(
        presence.apply(vec![connected(1, long_ago, 0, "a")]).await,
        Outcome::Applied
    );
    let status = || async {
        ground
            .store
            .server(Visible::All, &server_id(0))
            .await
            .unwrap()
            .unwrap()
            .status
    };
    assert_eq!(status().await, ServerStatus::Stale);
    let mut metrics = ground::metrics(&ground.store, &ground.bus).await;
    let sample = ground::sample_recorded(1, &server_id(0), ground::now(), ground::sample(1.0));
    assert_eq!(metrics.apply(vec![sample]).await, Outcome::Applied);
    assert_eq!(status().await, ServerStatus::Online);
    // A fresh sample does not make a dead host look alive.
    assert_eq!(
        presence
            .apply(vec![gone(2, ground::now(), 0, "a", 0)])
            .await,
        Outcome::Applied
    );
    assert_eq!(status().await, ServerStatus::Offline);
}

#[tokio::test]
async fn a_server_stays_online_while_a_session_is_open_whatever_the_sender_counted() {
    let ground = Ground::with_fleet(1).await;
    let mut presence = ground::presence(&ground.store).await;
    let now = ground::now();
    let status = || async {
        ground
            .store
            .server(Visible::All, &server_id(0))
            .await
            .unwrap()
            .unwrap()
            .status
    };
    // Whoever wrote the end had not heard of the session beside it.
    let batch = vec![
        connected(1, now, 0, "beside"),
        connected(2, now, 0, "seen"),
        gone(3, now, 0, "seen", 0),
    ];
    assert_eq!(presence.apply(batch).await, Outcome::Applied);
    assert_eq!(ground.count("agent_session").await, 1);
    assert_eq!(status().await, ServerStatus::Online);
    // And whoever counts too many does not keep it alive.
    assert_eq!(
        presence.apply(vec![gone(4, now, 0, "beside", 7)]).await,
        Outcome::Applied
    );
    assert_eq!(status().await, ServerStatus::Offline);
    let used = ground
        .store
        .keys(Visible::All, Some(&server_id(0)), now.plus_millis(60_000))
        .await
        .unwrap()[0]
        .last_used;
    assert_eq!(used, Some(now));
}

#[tokio::test]
async fn a_session_that_nobody_can_know_of_any_more_ends_with_the_last_that_is_counted() {
    let ground = Ground::with_fleet(1).await;
    let mut presence = ground::presence(&ground.store).await;
    let start = ground::now().plus_millis(-100_000);
    let at = |n: u64| start.plus_millis(i64::try_from(n).unwrap() * 1000);
    let mut batch = vec![connected(1, at(1), 0, "lost")];
    // The stream keeps 64 facts of a server; these push the connect out.
    for n in 1..=32 {
        let session = format!("s{n}");
        batch.push(connected(2 * n, at(2 * n), 0, &session));
        batch.push(gone(2 * n + 1, at(2 * n + 1), 0, &session, 1));
    }
    assert_eq!(presence.apply(batch).await, Outcome::Applied);
    assert_eq!(ground.count("agent_session").await, 1);
    let batch = vec![
        connected(70, at(70), 0, "last"),
        gone(71, at(71), 0, "last", 0),
    ];
    assert_eq!(presence.apply(batch).await, Outcome::Applied);
    assert_eq!(ground.count("agent_session").await, 0);
}

#[tokio::test]
async fn an_agent_cannot_speak_about_connections_or_about_others() {
    let ground = Ground::with_fleet(2).await;
    let mut presence = ground::presence(&ground.store).await;
    let now = ground::now();
    let mut forged = connected(1, now, 0, "x");
    forged.subject = subject::fact(&server_id(0), subject::HELLO);
    let mut foreign = connected(2, now, 0, "x");
    foreign.subject = subject::fact(&server_id(1), subject::PRESENCE);
    let refused = AgentRefused {
        key: key_id(0),
        transport: Transport::Websocket,
        address: None,
        reason: "wrong_secret".to_owned(),
    };
    let batch = vec![
        forged,
        foreign,
        fact(3, now, &server_id(0), subject::PRESENCE, refused),
    ];
    assert_eq!(presence.apply(batch).await, Outcome::Applied);
    let parked = ground
        .database
        .psql("SELECT string_agg(seq || ' ' || reason, ', ' ORDER BY seq) FROM dlq")
        .await
        .unwrap();
    assert_eq!(parked, "1 wrong_subject, 2 wrong_server");
    let events = ground
        .store
        .connection_events(Visible::All, &server_id(0), None, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(events.items.len(), 1);
    assert_eq!(events.items[0].kind, "authentication_failed");
    let status = ground
        .store
        .server(Visible::All, &server_id(0))
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(
        status,
        ServerStatus::Never,
        "a refused key is no sign of life"
    );
}
