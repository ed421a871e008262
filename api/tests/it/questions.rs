//! What a host is asked and answers at once: processes, units.

use chatops_schemas::{
    answer::{Process, Processes, Unit, Units},
    order::{Operation, Question, Refusal, RefusalCode, Reply, Verb},
};
use serde_json::json;

use crate::{
    app::App,
    host::{Host, pinned},
};

fn done<T: serde::Serialize>(answer: &T) -> Option<Reply> {
    let answer = rmp_serde::to_vec_named(answer).unwrap();
    Some(Reply::Done { answer })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_answers_a_signed_question_and_its_refusal_is_told_in_its_own_words() {
    let app = App::start().await;
    let owner = app.owner().await;
    let server = owner.add_server("web-1").await;
    let path = format!("/api/v1/servers/{server}/processes");
    let (status, away) = owner.get(&path).await;
    assert_eq!((status, &away["code"]), (503, &json!("CO1401")), "{away}");

    let key = pinned(&app, &owner, &server).await;
    let host = Host::answering(&app.bus, key, &server, Verb::Ask, |order| {
        assert!(order.actor.starts_with("user:"), "{}", order.actor);
        match order.operation {
            Operation::Ask(Question::Processes) => done(&Processes {
                processes: vec![Process {
                    pid: 7,
                    start_ticks: u64::MAX,
                    name: "evil\u{1b}[2J".to_owned(),
                    cpu: Some(f32::NAN),
                    started_at: Some(1_795_000_000),
                    ..Process::default()
                }],
                total: 300,
            }),
            Operation::Ask(Question::Units) => done(&Units {
                units: vec![Unit {
                    name: "nginx.service".to_owned(),
                    ..Unit::default()
                }],
            }),
            other => panic!("not asked: {other:?}"),
        }
    })
    .await;
    let (status, list) = owner.get(&path).await;
    assert_eq!(status, 200, "{list}");
    let first = &list["processes"][0];
    assert_eq!(list["total"], 300);
    assert_eq!(first["start_ticks"], u64::MAX.to_string());
    assert_eq!(
        (&first["name"], &first["cpu"]),
        (&json!("evil [2J"), &json!(null))
    );
    assert_eq!(first["started_at"], "2026-11-18T11:06:40.000Z");
    let (_, units) = owner.get(&format!("/api/v1/servers/{server}/units")).await;
    assert_eq!(units["units"][0]["name"], "nginx.service", "{units}");
    drop(host);

    let _host = Host::answering(&app.bus, key, &server, Verb::Ask, |_| {
        let refusal = Refusal::new(RefusalCode::NotAllowed, "grant it with chatops-agent");
        Some(Reply::Refused(refusal))
    })
    .await;
    chatops_testkit::eventually("the host refuses", crate::app::SOON, || async {
        let (status, refused) = owner.get(&path).await;
        status == 403
            && refused["code"] == "CO1403"
            && refused["detail"] == "grant it with chatops-agent"
    })
    .await;
}
