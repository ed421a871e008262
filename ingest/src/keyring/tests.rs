use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chatops_schemas::clock::Manual;

use super::*;
use crate::api_key::digest;

#[derive(Default)]
struct Book {
    records: Mutex<HashMap<KeyId, KeyRecord>>,
    asked: AtomicUsize,
    noted: AtomicUsize,
    down: AtomicBool,
    hanging: AtomicBool,
}

impl Book {
    fn put(&self, key: &str, change: impl FnOnce(&mut KeyRecord)) {
        let mut record = KeyRecord {
            server: ServerId::parse("h1").unwrap(),
            server_name: "one".into(),
            secret_sha256: digest("secret"),
            state: KeyState::Active,
            expires_at: None,
            interval_ms: Some(5000),
        };
        change(&mut record);
        self.records
            .lock()
            .unwrap()
            .insert(KeyId::parse(key).unwrap(), record);
    }
}

impl KeyDirectory for Book {
    async fn find(&self, key: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(DirectoryError::new("down"));
        }
        if self.hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(self.records.lock().unwrap().get(key).cloned())
    }

    async fn ending(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(KeyId, Timestamp)>, DirectoryError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(DirectoryError::new("down"));
        }
        let records = self.records.lock().unwrap();
        let ends = records
            .iter()
            .filter_map(|(key, record)| Some((key.clone(), record.expires_at?)));
        Ok(ends.filter(|(_, at)| (from..until).contains(at)).collect())
    }

    async fn used(&self, _: &KeyId, _: Timestamp) -> Result<(), DirectoryError> {
        self.noted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn given(change: impl FnOnce(&mut KeyRecord)) -> (KeyRing, Arc<Book>, Arc<Manual>) {
    let book = Arc::new(Book::default());
    book.put("k1", change);
    let clock = Arc::new(Manual::at(Timestamp::from_millis(1_000_000)));
    (KeyRing::new(book.clone(), clock.clone()), book, clock)
}

fn key(secret: &str) -> ApiKey {
    ApiKey::from_parts("k1", secret).unwrap()
}

async fn reason(ring: &KeyRing, secret: &str) -> Reason {
    match ring.admit(&key(secret)).await {
        Err(Refusal::Known { reason, server }) => {
            assert_eq!(server.as_str(), "h1");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_key_is_admitted_and_believed_for_five_seconds() {
    let (ring, book, clock) = given(|_| {});
    let admitted = ring.admit(&key("secret")).await.unwrap();
    assert_eq!(
        (admitted.server.as_str(), admitted.interval_ms),
        ("h1", Some(5000))
    );
    // Used again and again: the age still counts from the reading.
    for _ in 0..4 {
        clock.advance_millis(1200);
        ring.admit(&key("secret")).await.unwrap();
    }
    assert_eq!(book.asked.load(Ordering::SeqCst), 1);
    clock.advance_millis(300);
    ring.admit(&key("secret")).await.unwrap();
    assert_eq!(book.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn refusals_say_why_and_are_not_remembered() {
    let (ring, book, _) = given(|_| {});
    assert_eq!(reason(&ring, "wrong").await, Reason::WrongSecret);
    book.put("k2", |_| {});
    let unknown = ApiKey::from_parts("k3", "secret").unwrap();
    assert!(matches!(ring.admit(&unknown).await, Err(Refusal::Unknown)));
    book.put("k3", |_| {});
    ring.admit(&unknown).await.unwrap();

    let (ring, ..) = given(|r| r.state = KeyState::Revoked);
    assert_eq!(reason(&ring, "secret").await, Reason::Revoked);
    // Without the secret nothing is learned about the key.
    assert_eq!(reason(&ring, "wrong").await, Reason::WrongSecret);
    let (ring, ..) = given(|r| r.state = KeyState::ServerDeleted);
    assert_eq!(reason(&ring, "secret").await, Reason::ServerDeleted);
    let (ring, _, clock) = given(|r| r.expires_at = Some(Timestamp::from_millis(1_001_000)));
    ring.admit(&key("secret")).await.unwrap();
    clock.advance_millis(1000);
    assert_eq!(reason(&ring, "secret").await, Reason::Expired);
}

#[tokio::test]
async fn a_directory_out_of_reach_is_not_a_bad_key() {
    let (ring, book, clock) = given(|_| {});
    ring.admit(&key("secret")).await.unwrap();
    book.down.store(true, Ordering::SeqCst);
    ring.admit(&key("secret")).await.expect("believed");
    clock.advance_millis(5000);
    assert!(matches!(
        ring.admit(&key("secret")).await,
        Err(Refusal::Unavailable(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_hangs_is_not_waited_for() {
    let (ring, book, _) = given(|_| {});
    book.hanging.store(true, Ordering::SeqCst);
    assert!(matches!(
        ring.admit(&key("secret")).await,
        Err(Refusal::Unavailable(_))
    ));
}

#[tokio::test]
async fn a_revocation_outruns_the_database() {
    let (ring, ..) = given(|_| {});
    let mut heard = ring.revocations();
    ring.admit(&key("secret")).await.unwrap();
    ring.revoke(Revoked::Key(KeyId::parse("k1").unwrap()));
    assert_eq!(reason(&ring, "secret").await, Reason::Revoked);
    assert!(heard.recv().await.is_ok());

    let (ring, ..) = given(|_| {});
    ring.admit(&key("secret")).await.unwrap();
    ring.revoke(Revoked::Server(ServerId::parse("h1").unwrap()));
    assert_eq!(reason(&ring, "secret").await, Reason::ServerDeleted);
    let (key, server) = (KeyId::parse("k1").unwrap(), ServerId::parse("h1").unwrap());
    assert_eq!(ring.lost(&key, &server), Some(Revoked::Server(server)));
}

#[tokio::test]
async fn use_is_noted_once_a_minute() {
    let (ring, book, clock) = given(|_| {});
    let id = KeyId::parse("k1").unwrap();
    ring.note_use(&id).await;
    clock.advance_millis(59_999);
    ring.note_use(&id).await;
    assert_eq!(book.noted.load(Ordering::SeqCst), 1);
    clock.advance_millis(1);
    ring.note_use(&id).await;
    assert_eq!(book.noted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_end_that_was_heard_of_outruns_the_database() {
    let (ring, book, clock) = given(|_| {});
    let (id, server) = (KeyId::parse("k1").unwrap(), ServerId::parse("h1").unwrap());
    let mut heard = ring.revocations();
    ring.admit(&key("secret")).await.unwrap();
    let end = clock.now().plus_millis(3000);
    ring.ends(&id, end);
    ring.ends(&id, end.plus_millis(9000));
    let admitted = ring.admit(&key("secret")).await.unwrap();
    assert_eq!(admitted.expires_at, Some(end), "the earliest counts");
    assert_eq!(ring.end_due(), Some(end));
    assert!(heard.try_recv().is_err() && ring.lost(&id, &server).is_none());
    clock.advance_millis(3000);
    assert_eq!(reason(&ring, "secret").await, Reason::Expired);
    assert_eq!(ring.end_due(), None);
    let expired = Revoked::Expired(id.clone());
    assert_eq!(heard.try_recv().ok().as_ref(), Some(&expired));
    ring.end_due();
    assert!(heard.try_recv().is_err(), "it is told once");
    assert_eq!(ring.lost(&id, &server), Some(expired));

    // A day later the directory is trusted to know.
    book.put("k1", |record| record.expires_at = Some(end));
    clock.advance_millis(24 * 3_600_000);
    ring.end_due();
    assert_eq!(ring.lost(&id, &server), None);
    assert_eq!(reason(&ring, "secret").await, Reason::Expired);
}

#[tokio::test]
async fn ends_are_learnt_from_the_directory() {
    let end = Timestamp::from_millis(1_060_000);
    let (ring, _, clock) = given(|record| record.expires_at = Some(end));
    let now = clock.now();
    ring.learn_ends(now, now.plus_millis(60_000)).await.unwrap();
    assert_eq!(ring.end_due(), None, "not in this span");
    ring.learn_ends(now, now.plus_millis(60_001)).await.unwrap();
    assert_eq!(ring.end_due(), Some(end));
}
