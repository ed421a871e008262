//! The second fence: whoever lost the projector writes nothing, however late. Without runner and stream, step by step.

use chatops_bus::projector::{Batch, Outcome, Sink};
use chatops_projections::{project, projector::SinkSettings};
use chatops_schemas::clock::Timestamp;

use crate::ground::{self, Ground, Hand, server_id};

#[tokio::test]
async fn the_older_copy_writes_nothing() {
    let ground = Ground::with_fleet(1).await;
    let (host, now) = (server_id(0), ground::now());
    let mut older = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(
        older
            .apply(vec![ground::sample_recorded(
                1,
                &host,
                now,
                ground::sample(1.0)
            )])
            .await,
        Outcome::Applied
    );

    let mut newer = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(newer.position.seq, 1, "it goes on where the older one was");
    assert!(newer.position.epoch > older.position.epoch);
    let next = |cpu| {
        vec![ground::sample_recorded(
            2,
            &host,
            now.plus_millis(5000),
            ground::sample(cpu),
        )]
    };
    assert_eq!(older.apply(next(66.0)).await, Outcome::Fenced);
    assert_eq!(newer.apply(next(2.0)).await, Outcome::Applied);
    assert_eq!(
        older.apply(next(66.0)).await,
        Outcome::Fenced,
        "also when the position has moved on"
    );
    assert_eq!(
        ground
            .database
            .psql("SELECT string_agg(cpu::text, ',' ORDER BY ts) FROM metrics_raw")
            .await
            .unwrap(),
        "1,2"
    );
}

/// The epoch alone would let one copy apply a batch twice after an answer was lost.
#[tokio::test]
async fn a_batch_cannot_be_applied_twice_from_an_old_position() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    let batch = vec![ground::sample_recorded(
        1,
        &server_id(0),
        ground::now(),
        ground::sample(1.0),
    )];
    let before = hand.position.clone();
    assert_eq!(hand.apply(batch.clone()).await, Outcome::Applied);
    hand.position = before;
    assert_eq!(hand.apply(batch).await, Outcome::Fenced);
    assert_eq!(ground.count("metrics_raw").await, 1);
}

#[tokio::test]
async fn rows_parked_events_and_position_come_together_or_not_at_all() {
    let ground = Ground::with_fleet(1).await;
    let mut hand = ground::metrics(&ground.store, &ground.bus).await;
    // A row that the batch would write is already there and locked against its own uniqueness: the commit fails.
    let time = ground::now();
    let mut batch = vec![ground::sample_recorded(
        1,
        &server_id(0),
        time,
        ground::sample(1.0),
    )];
    batch.push(ground::recorded_bytes(
        2,
        &ground::stored_subject(&server_id(0)),
        time,
        b"junk".to_vec(),
    ));
    assert_eq!(hand.apply(Vec::new()).await, Outcome::Applied);
    let micros = time.micros();
    let write = format!(
        "INSERT INTO metrics_raw (ts, seq, server_pk, layout) VALUES ('epoch'::timestamptz + {micros} * interval '1 microsecond', 9, 2, 0)"
    );
    // The directory learns of the server before the row appears behind its back.
    let early = ground::sample_recorded(
        2,
        &server_id(0),
        time.plus_millis(-5000),
        ground::sample(0.0),
    );
    assert_eq!(hand.apply(vec![early]).await, Outcome::Applied);
    ground.database.psql(&write).await.unwrap();
    let failed = hand.apply_to(batch.clone(), 10).await;
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(
        (ground.count("dlq").await, ground.count("metrics_raw").await),
        (0, 2)
    );

    // Starting over, as the runner does, learns what is there and goes on.
    let mut again = ground::metrics(&ground.store, &ground.bus).await;
    assert_eq!(again.position.seq, 2);
    assert_eq!(again.apply_to(batch, 10).await.unwrap(), Outcome::Applied);
    assert_eq!(
        (ground.count("dlq").await, ground.count("metrics_raw").await),
        (1, 2)
    );
}

#[tokio::test]
async fn the_stream_behind_the_position_is_remembered_once_something_was_committed() {
    let ground = Ground::with_fleet(1).await;
    let partitions = || project::presence(&ground.store, ground::clock(), ground::shared());
    let (spec, mut sink) = partitions();
    let (first, second) = (
        Timestamp::from_millis(1_000_000),
        Timestamp::from_millis(2_000_000),
    );
    assert_eq!(sink.claim(&spec, first).await.unwrap().stream_created, None);
    let position = sink.claim(&spec, second).await.unwrap();
    assert_eq!(
        position.stream_created, None,
        "nothing was committed: it may still be another stream"
    );
    let batch = Batch {
        events: Vec::new(),
        to: 5,
    };
    assert_eq!(
        sink.commit(&spec, &position, &batch).await.unwrap(),
        Outcome::Applied
    );
    let position = sink.claim(&spec, first).await.unwrap();
    assert_eq!((position.stream_created, position.seq), (Some(second), 5));
}

/// Two live copies would throw each other out for ever; the second one waits instead.
#[tokio::test]
async fn an_exclusive_copy_waits_for_the_other_to_end() {
    let ground = Ground::with_fleet(0).await;
    let exclusive = || project::presence(&ground.store, ground::clock(), SinkSettings::default());
    let first = Hand::claim(exclusive()).await;
    let (spec, mut sink) = exclusive();
    let second = tokio::spawn(async move {
        sink.claim(&spec, ground::STREAM_MADE)
            .await
            .map(|position| position.epoch)
    });
    chatops_testkit::eventually("the second copy waits for the lock", ground::SOON, || async {
        ground.database.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").await.unwrap() == "1"
    })
    .await;
    assert!(!second.is_finished());
    let epoch = first.position.epoch;
    drop(first);
    assert_eq!(second.await.unwrap().unwrap(), epoch + 1);
}

#[tokio::test]
async fn a_take_over_clears_why_the_former_one_stood_still() {
    let ground = Ground::with_fleet(1).await;
    let hand = ground::metrics(&ground.store, &ground.bus).await;
    ground
        .store
        .note_standing(
            &hand.spec,
            "events 3 to 7 were removed before they were read",
        )
        .await
        .unwrap();
    let standing = ground.store.standing().await.unwrap();
    assert_eq!(standing.len(), 1);
    assert!(standing[0].0.starts_with("metrics") && standing[0].1.contains("3 to 7"));
    ground::metrics(&ground.store, &ground.bus).await;
    assert!(ground.store.standing().await.unwrap().is_empty());
}
