//! Actions, questions and log views against a real engine.

use std::time::Instant;

use chatops_agent::operate::{Host, container};
use chatops_schemas::{
    answer::{Containers, Images},
    clock::{IdSource as _, System},
    ids::CommandId,
    order::{ContainerAction, ContainerOrder, Follow, Operation, Question, RefusalCode, Reply},
    session::{Control, Ended},
};
use chatops_testkit::{ContainerEngine, TEST_IMAGE};
use serde_json::json;

use super::ground::Ground;

pub(crate) fn order(container: &str, action: ContainerAction) -> ContainerOrder {
    ContainerOrder {
        container: container.to_owned(),
        action,
        grace_s: Some(0),
        force: false,
    }
}

pub(crate) async fn state(engine: &ContainerEngine, container: &str) -> String {
    let path = format!("/containers/{container}/json");
    let found = engine.expect("GET", &path, None).await.unwrap();
    found["State"]["Status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn actions_do_what_they_say_and_refusals_are_the_engines_own_words() {
    let engine = ContainerEngine::start().await.unwrap();
    let host = Host {
        docker_socket: Some(engine.socket()),
        ..Host::default()
    };
    engine.create("web", "sleep 1000", json!({})).await.unwrap();
    for (action, then) in [
        (ContainerAction::Start, "running"),
        (ContainerAction::Start, "running"),
        (ContainerAction::Pause, "paused"),
        (ContainerAction::Unpause, "running"),
        (ContainerAction::Restart, "running"),
        (ContainerAction::Stop, "exited"),
        (ContainerAction::Start, "running"),
        (ContainerAction::Kill, "exited"),
    ] {
        container::act(&host, &order("web", action)).await.unwrap();
        assert_eq!(state(&engine, "web").await, then, "{action:?}");
    }
    let refusal = container::act(&host, &order("web", ContainerAction::Pause))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Failed);
    assert!(refusal.message.contains("is not running"), "{refusal}");
    let refusal = container::act(&host, &order("nope", ContainerAction::Stop))
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (RefusalCode::NotFound, "No such container: nope")
    );
    container::act(&host, &order("web", ContainerAction::Start))
        .await
        .unwrap();
    let refusal = container::act(&host, &order("web", ContainerAction::Remove))
        .await
        .unwrap_err();
    assert!(
        refusal
            .message
            .contains("cannot remove a running container"),
        "{refusal}"
    );
    let forced = ContainerOrder {
        force: true,
        ..order("web", ContainerAction::Remove)
    };
    container::act(&host, &forced).await.unwrap();
    drop(engine);
    let refusal = container::act(&host, &forced).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoEngine);
}

pub(crate) async fn answer<T: serde::de::DeserializeOwned>(
    ground: &Ground,
    question: Question,
) -> T {
    let reply = ground
        .ask(CommandId(System.next()), Operation::Ask(question))
        .await;
    let Reply::Done { answer } = reply else {
        panic!("{reply:?}");
    };
    rmp_serde::from_slice(&answer).unwrap()
}

#[tokio::test]
async fn questions_are_answered_with_what_the_engine_has() {
    let ground = Ground::start().await;
    let labels = json!({ "Labels": {
        "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
    } });
    let id = ground
        .engine
        .run("web", "sleep 1000", labels)
        .await
        .unwrap();
    ground
        .engine
        .create("idle", "true", json!({ "ExposedPorts": { "80/tcp": {} } }))
        .await
        .unwrap();
    let list: Containers = answer(&ground, Question::Containers).await;
    assert!(list.engine.starts_with("Docker "), "{}", list.engine);
    let [web, idle] = list.containers.as_slice() else {
        panic!("{list:?}");
    };
    assert_eq!((web.name.as_str(), web.id.as_str()), ("web", id.as_str()));
    assert_eq!(
        (web.project.as_deref(), web.service.as_deref()),
        (Some("shop"), Some("web"))
    );
    assert_eq!((web.image.as_str(), web.newer_image), (TEST_IMAGE, false));
    assert_eq!(
        (idle.state.as_str(), web.state.as_str()),
        ("created", "running")
    );

    // The name moves on to a newer image; what runs does not.
    ground.engine.import("1").await.unwrap();
    let list: Containers = answer(&ground, Question::Containers).await;
    let web = &list.containers[0];
    assert_eq!((web.image.as_str(), web.newer_image), (TEST_IMAGE, true));
    let images: Images = answer(&ground, Question::Images).await;
    let tagged = images.images.iter().find(|image| !image.tags.is_empty());
    assert_eq!(tagged.unwrap().tags, [TEST_IMAGE]);
    let used = images.images.iter().find(|image| image.id == web.image_id);
    assert_eq!(used.unwrap().containers, 2);

    let web = "web".to_owned();
    let text: String = answer(&ground, Question::Inspect { container: web }).await;
    let inspected: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(inspected["Id"], id);
    let gone = Question::Inspect {
        container: "gone".to_owned(),
    };
    let reply = ground
        .ask(CommandId(System.next()), Operation::Ask(gone))
        .await;
    let Reply::Refused(refusal) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (RefusalCode::NotFound, "No such container: gone")
    );
}

const MANY: usize = 200_000;

#[tokio::test]
async fn two_hundred_thousand_lines_come_complete_and_in_order() {
    let ground = Ground::start().await;
    let line = format!("seq 1 {MANY}; echo done >&2");
    ground.engine.run("many", &line, json!({})).await.unwrap();
    ground
        .engine
        .expect("POST", "/containers/many/wait", None)
        .await
        .unwrap();
    let begun = Instant::now();
    let (out, err) = ground.follow("many", true).await.lines().await;
    let took = begun.elapsed();
    assert_eq!(err, ["done"]);
    assert_eq!(out.len(), MANY);
    assert!(
        out.iter()
            .enumerate()
            .all(|(at, line)| *line == (at + 1).to_string())
    );
    let rate = MANY as f64 / took.as_secs_f64();
    println!(
        "{MANY} lines in {took:?}: {rate:.0} lines/s, agent {} KiB",
        ground.agent.resident_kib()
    );
}

#[tokio::test]
async fn a_view_begins_where_it_is_asked_to() {
    let ground = Ground::start().await;
    let line = "date +%s; sleep 2; date +%s; echo after";
    ground.engine.run("app", line, json!({})).await.unwrap();
    let wait = "/containers/app/wait";
    ground.engine.expect("POST", wait, None).await.unwrap();
    let (all, _) = ground.follow("app", false).await.lines().await;
    let [before, at, _] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_ne!(before, at);
    let wanted = |tail, since| Follow {
        container: "app".to_owned(),
        tail,
        since,
        follow: false,
        lease_s: 300,
    };
    let since = wanted(None, Some(at.parse().unwrap()));
    let (lines, _) = ground.view(since).await.lines().await;
    assert_eq!(lines, [at.as_str(), "after"]);
    let tail = wanted(Some(1), None);
    let (lines, _) = ground.view(tail).await.lines().await;
    assert_eq!(lines, ["after"]);
}

/// Without a line end, a client that waits for one keeps everything.
#[tokio::test]
async fn a_terminal_that_never_ends_a_line_fills_no_memory() {
    let ground = Ground::start().await;
    let line = "head -c 50000000 /dev/zero | tr '\\0' x";
    ground
        .engine
        .run("tty", line, json!({ "Tty": true }))
        .await
        .unwrap();
    let before = ground.agent.resident_kib();
    let mut viewer = ground.follow("tty", true).await;
    let mut bytes = 0;
    loop {
        match viewer.next().await {
            Ok((stream, data)) => {
                assert_eq!(stream, None);
                bytes += data.iter().filter(|byte| **byte == b'x').count();
            }
            Err(end) => {
                assert_eq!(end, (Ended::Exited, None));
                break;
            }
        }
    }
    assert_eq!(bytes, 50_000_000);
    let after = ground.agent.resident_kib();
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB");
}

/// The engine writes it down only when the program is gone, and may tell a follower of the end before.
#[tokio::test]
async fn last_words_without_a_line_end_arrive_once() {
    let ground = Ground::start().await;
    for n in 0..20 {
        let name = format!("last-{n}");
        // Some have written lines before, some nothing at all.
        let before = if n % 2 == 0 { "seq 1 5; " } else { "" };
        let line = format!("{before}until [ -e /go ]; do usleep 1000; done; printf 'last words'");
        let tty = json!({ "Tty": true });
        ground.engine.run(&name, &line, tty).await.unwrap();
        let mut viewer = ground.follow(&name, true).await;
        ground.touch(&name, "/go").await;
        let (lines, _) = viewer.lines().await;
        let mut wanted: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        wanted.retain(|_| !before.is_empty());
        wanted.push("last words".to_owned());
        assert_eq!(lines, wanted, "{name}");
    }
}

#[tokio::test]
async fn twenty_log_views_take_little_memory_also_when_nobody_reads() {
    let ground = Ground::start().await;
    for n in 0..20 {
        // Four windows of each, and it goes on running.
        let line = "seq 1 25000 | sed 's/$/ lines of a program that writes much/'; sleep 1000";
        let name = format!("loud-{n}");
        ground.engine.run(&name, line, json!({})).await.unwrap();
    }
    let before = ground.agent.resident_kib();
    let mut viewers = Vec::new();
    for n in 0..20 {
        viewers.push(ground.follow(&format!("loud-{n}"), true).await);
    }
    // More than the window of each, so that it was full and moved on; then nobody reads any more.
    for viewer in &mut viewers {
        let mut bytes = 0;
        while bytes < 384 * 1024 {
            bytes += viewer.next().await.unwrap().1.len();
        }
    }
    let resident = ground.agent.resident_kib();
    println!("agent with 20 log views: {before} KiB before, {resident} KiB now");
    assert!(
        resident < before + 12 * 1024,
        "{before} KiB, {resident} KiB"
    );
    let viewer = &mut viewers[0];
    viewer.control(Control::Close).await;
    let end = loop {
        if let Err(end) = viewer.next().await {
            break end;
        }
    };
    assert_eq!(end, (Ended::Closed, None));
}
