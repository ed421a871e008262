//! Heads leave the system, although files and webhooks fail.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use chatops_audit::{Outside, outside};
use chatops_schemas::audit::Head;
use chatops_testkit::eventually;

use crate::ground::{self, SOON, append, decide, grown_to, quick};

#[derive(Clone, Default)]
struct Receiver {
    heads: Arc<Mutex<Vec<Head>>>,
    refusals: Arc<AtomicUsize>,
}

async fn receive(State(receiver): State<Receiver>, Json(head): Json<Head>) -> StatusCode {
    if receiver.refusals.fetch_add(1, Ordering::SeqCst) == 0 {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    receiver.heads.lock().unwrap().push(head);
    StatusCode::NO_CONTENT
}

#[tokio::test(flavor = "multi_thread")]
async fn every_chain_ends_up_under_a_head_in_the_file_and_at_the_webhook() {
    let (_server, bus) = ground::server().await;
    let receiver = Receiver::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/heads", listener.local_addr().unwrap());
    let routes = Router::new()
        .route("/heads", post(receive))
        .with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heads.ndjson");
    // What a crash left behind.
    std::fs::write(&file, "{\"size\":1,\"ro").unwrap();

    let outside = Outside::new(Some(file.clone()), Some(&address)).unwrap();
    let appender = append(&bus, outside, quick());
    for n in 1..=20 {
        decide(&bus, n).await;
    }
    grown_to(&bus, 20).await;
    eventually(
        "the webhook has the head over all of them",
        SOON,
        async || {
            let heads = receiver.heads.lock().unwrap();
            heads.last().is_some_and(|head| head.size == 20)
        },
    )
    .await;
    assert_eq!(appender.state.borrow().outside, None);
    appender.end().await;

    let (heads, others) = outside::parse(&file, &std::fs::read_to_string(&file).unwrap());
    assert_eq!(others, [1], "the cut line is passed over");
    assert_eq!(heads.last().unwrap().1.size, 20);
    assert!(heads.iter().all(|(_, head)| head.check().is_ok()));
    assert!(
        receiver
            .heads
            .lock()
            .unwrap()
            .iter()
            .all(|head| head.check().is_ok())
    );

    // The next start brings nothing twice to the file.
    let outside = Outside::new(Some(file.clone()), None).unwrap();
    let again = append(&bus, outside, quick());
    eventually("it runs", SOON, async || again.state.borrow().size == 20).await;
    again.end().await;
    let (same, _) = outside::parse(&file, &std::fs::read_to_string(&file).unwrap());
    assert_eq!(same.len(), heads.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_is_told_and_holds_nothing_up() {
    let (_server, bus) = ground::server().await;
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("not mounted").join("heads.ndjson");
    let outside = Outside::new(Some(nowhere.clone()), None).unwrap();
    let appender = append(&bus, outside, quick());
    decide(&bus, 1).await;
    eventually("it is told", SOON, async || {
        let state = appender.state.borrow();
        state
            .outside
            .as_ref()
            .is_some_and(|why| why.contains("not mounted"))
    })
    .await;
    decide(&bus, 2).await;
    grown_to(&bus, 2).await;
    std::fs::create_dir(nowhere.parent().unwrap()).unwrap();
    eventually("it is written once it can be", SOON, async || {
        appender.state.borrow().outside.is_none() && nowhere.exists()
    })
    .await;
    appender.end().await;
}
