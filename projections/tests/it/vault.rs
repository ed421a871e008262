//! Secrets: kept, exchanged, ended, erased, never printed.

use std::time::Duration;

use chatops_projections::{
    Store,
    view::{Refresh, Rotation},
};
use chatops_schemas::clock::Timestamp;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use uuid::Uuid;

use crate::ground::{self, user_id};

const START: Timestamp = Timestamp::from_millis(1_763_850_000_000);
const GRACE: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Timestamp {
    START.plus_millis(seconds * 1000)
}

fn token(n: u8, family: u128, issued: i64) -> Refresh {
    Refresh {
        token_sha256: [n; 32],
        family: Uuid::from_u128(family),
        user: user_id(1),
        issued_at: at(issued),
        expires_at: at(issued + 7 * 86_400),
        user_agent: Some("Firefox\0".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        method: "password".to_owned(),
    }
}

async fn rotate(store: &Store, old: u8, new: u8, when: i64) -> Rotation {
    store
        .rotate_refresh([old; 32], &token(new, 0, when), GRACE)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_its_sign_in_and_no_other() {
    let database = ground::database().await;
    let store = ground::store(&database).await;
    store.put_refresh(&token(1, 100, 0)).await.unwrap();
    store.put_refresh(&token(50, 200, 0)).await.unwrap();
    let rotated = Rotation::Rotated {
        user: user_id(1),
        family: Uuid::from_u128(100),
    };
    assert_eq!(rotate(&store, 1, 2, 60).await, rotated);
    assert_eq!(
        rotate(&store, 1, 3, 65).await,
        rotated,
        "two tabs at the same time"
    );
    assert_eq!(rotate(&store, 2, 4, 120).await, rotated);
    let reused = Rotation::Reused {
        user: user_id(1),
        family: Uuid::from_u128(100),
    };
    assert_eq!(rotate(&store, 1, 5, 130).await, reused);
    for live in [2, 3, 4, 1] {
        assert_eq!(rotate(&store, live, 6, 131).await, Rotation::Refused);
    }
    assert!(
        !store
            .session_alive(Uuid::from_u128(100), at(131))
            .await
            .unwrap()
    );
    assert!(
        store
            .session_alive(Uuid::from_u128(200), at(131))
            .await
            .unwrap()
    );
    assert_eq!(rotate(&store, 99, 6, 131).await, Rotation::Refused);
}

#[tokio::test]
async fn of_two_simultaneous_uses_beyond_the_grace_none_escapes() {
    let database = ground::database().await;
    let store = ground::store(&database).await;
    store.put_refresh(&token(1, 100, 0)).await.unwrap();
    let zero = Duration::ZERO;
    let (new_a, new_b) = (token(2, 0, 60), token(3, 0, 61));
    let (a, b) = tokio::join!(
        store.rotate_refresh([1; 32], &new_a, zero),
        store.rotate_refresh([1; 32], &new_b, zero)
    );
    let reused = [a.unwrap(), b.unwrap()]
        .iter()
        .filter(|r| matches!(r, Rotation::Reused { .. }))
        .count();
    // Whoever was second by the clock is the reuse; if the later one got the row first, both are in order.
    assert!(reused <= 1);
    assert_eq!(
        store
            .session_alive(Uuid::from_u128(100), at(62))
            .await
            .unwrap(),
        reused == 0
    );
}

#[tokio::test]
async fn sign_ins_end_when_told_and_by_themselves() {
    let database = ground::database().await;
    let store = ground::store(&database).await;
    for (n, family) in [(1, 100), (2, 200), (3, 300)] {
        store
            .put_refresh(&token(n, family, i64::from(n)))
            .await
            .unwrap();
    }
    let families = |when| {
        let store = store.clone();
        async move {
            store
                .sessions(user_id(1), when)
                .await
                .unwrap()
                .iter()
                .map(|s| s.family.as_u128())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(families(at(10)).await, [300, 200, 100]);
    assert_eq!(
        store.sessions(user_id(1), at(10)).await.unwrap()[0]
            .user_agent
            .as_deref(),
        Some("Firefox")
    );
    store.end_session_of([1; 32], at(10)).await.unwrap();
    assert_eq!(families(at(10)).await, [300, 200]);
    store
        .end_sessions(user_id(1), None, Some(Uuid::from_u128(200)), at(10))
        .await
        .unwrap();
    assert_eq!(families(at(10)).await, [200]);
    assert_eq!(
        rotate(&store, 2, 9, 8 * 86_400).await,
        Rotation::Refused,
        "expired"
    );
    store
        .end_sessions(user_id(1), Some(Uuid::from_u128(200)), None, at(10))
        .await
        .unwrap();
    assert!(families(at(10)).await.is_empty());
}

#[tokio::test]
async fn processes_that_start_together_agree_on_a_secret() {
    let database = ground::database().await;
    let store = ground::store(&database).await;
    let (a, b) = (SecretSlice::from(vec![1, 2]), SecretSlice::from(vec![3, 4]));
    let (a, b) = tokio::join!(
        store.secret_or_put("jwt", &a),
        store.secret_or_put("jwt", &b)
    );
    assert_eq!(a.unwrap().expose_secret(), b.unwrap().expose_secret());
    store
        .put_secret("setup", &SecretSlice::from(vec![7]))
        .await
        .unwrap();
    let (first, second) = tokio::join!(store.forget_secret("setup"), store.forget_secret("setup"));
    assert!(
        first.unwrap() != second.unwrap(),
        "exactly one of them used it"
    );
    assert!(store.secret("setup").await.unwrap().is_none());
}

#[tokio::test]
async fn passwords_are_replaced_erased_and_never_printed() {
    let database = ground::database().await;
    let store = ground::store(&database).await;
    let user = user_id(1);
    assert!(store.password(user).await.unwrap().is_none());
    for phc in ["$argon2id$one", "$argon2id$two"] {
        store
            .set_password(user, &SecretString::from(phc.to_owned()), START)
            .await
            .unwrap();
    }
    let stored = store.password(user).await.unwrap().unwrap();
    assert_eq!(stored.expose_secret(), "$argon2id$two");
    let printed = format!("{stored:?} {:?} {store:?}", token(1, 2, 3));
    assert!(
        !printed.contains("argon2") && !printed.contains("1, 1, 1"),
        "{printed}"
    );
    store.forget_password(user).await.unwrap();
    assert!(store.password(user).await.unwrap().is_none());
}
