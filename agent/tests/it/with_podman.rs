//! The same with Podman's socket in place of Docker's: `deploy/test.sh` leaves these out where there is no Podman.

use chatops_agent::{
    collect::{
        Roots,
        container::{Engine, Reader},
    },
    operate::{Host, container},
};
use chatops_bus::StreamName;
use chatops_schemas::{
    answer::{Containers, Images},
    codec,
    event::container::{Change, ContainerChanged},
    order::{ContainerAction, ContainerOrder, Question, RefusalCode},
    subject,
};
use chatops_testkit::{ContainerEngine, eventually, until};
use futures::StreamExt as _;
use serde_json::json;

use crate::{
    server::{PATIENCE, server_id},
    with_engine::{
        ground::Ground,
        operate::{answer, order, state},
    },
};

#[tokio::test]
async fn podman_does_what_is_asked_and_refuses_in_its_own_words() {
    let engine = ContainerEngine::podman().await.unwrap();
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
        // Podman answers a kill before the process is gone.
        eventually(&format!("{action:?}"), PATIENCE, async || {
            state(&engine, "web").await == then
        })
        .await;
    }
    let refusal = container::act(&host, &order("nope", ContainerAction::Stop))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NotFound);
    assert!(refusal.message.contains("no such container"), "{refusal}");
    container::act(&host, &order("web", ContainerAction::Start))
        .await
        .unwrap();
    let refusal = container::act(&host, &order("web", ContainerAction::Remove))
        .await
        .unwrap_err();
    assert!(refusal.message.contains("running"), "{refusal}");
    let forced = ContainerOrder {
        force: true,
        ..order("web", ContainerAction::Remove)
    };
    container::act(&host, &forced).await.unwrap();
    drop(engine);
    let refusal = container::act(&host, &forced).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoEngine);
}

#[tokio::test]
async fn podmans_containers_are_listed_measured_and_inspected() {
    let ground = Ground::on(ContainerEngine::podman().await.unwrap()).await;
    let labels = json!({ "Labels": {
        "io.podman.compose.project": "shop", "com.docker.compose.service": "web",
    } });
    let id = ground
        .engine
        .run("web", "sleep 1000", labels)
        .await
        .unwrap();
    ground
        .engine
        .create("idle", "true", json!({}))
        .await
        .unwrap();
    let list: Containers = answer(&ground, Question::Containers).await;
    assert!(list.engine.starts_with("Podman "), "{}", list.engine);
    assert_eq!(list.containers.len(), 2, "{list:?}");
    let web = list.containers.iter().find(|one| one.name == "web");
    let web = web.unwrap();
    assert_eq!(
        (web.id.as_str(), web.state.as_str()),
        (id.as_str(), "running")
    );
    assert_eq!(
        (web.project.as_deref(), web.service.as_deref()),
        (Some("shop"), Some("web"))
    );
    assert!(web.image.ends_with("chatops-test:1"), "{}", web.image);
    let images: Images = answer(&ground, Question::Images).await;
    assert!(images.images.iter().any(|image| image.id == web.image_id));

    let name = "web".to_owned();
    let text: String = answer(&ground, Question::Inspect { container: name }).await;
    let inspected: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(inspected["Id"], id);

    let engine = Engine::connect(Some(&ground.engine.socket()))
        .await
        .unwrap();
    let mut reader = Reader::new(&Roots::default());
    reader.read(&engine).await.unwrap();
    let listing = reader.read(&engine).await.unwrap();
    let web = listing.containers.iter().find(|one| one.name == "web");
    let web = web.unwrap();
    assert!(web.cpu.is_some() && web.mem.unwrap() > 0, "{web:?}");
}

#[tokio::test]
async fn podmans_logs_come_stream_by_stream_and_the_end_of_a_container_is_told() {
    // In one piece: where a pipe is read in several, Podman makes lines of its own of the ends.
    const LINES: usize = 500;
    let ground = Ground::on(ContainerEngine::podman().await.unwrap()).await;
    let line = format!("seq 1 {LINES}; echo oh >&2; until [ -e /go ]; do sleep 0.1; done; exit 3");
    ground.engine.run("app", &line, json!({})).await.unwrap();
    let mut viewer = ground.follow("app", true).await;
    ground.touch("app", "/go").await;
    let (out, err) = viewer.lines().await;
    let wanted: Vec<String> = (1..=LINES).map(|n| n.to_string()).collect();
    assert!(out == wanted, "{} lines of {LINES}", out.len());
    assert_eq!(err, ["oh"]);

    // Changes are told from the moment on that the agent listens.
    let subject = subject::fact(&server_id(), subject::CONTAINER);
    let died = until("the end of a container is told", PATIENCE, async || {
        for step in ["start", "wait"] {
            let path = format!("/containers/app/{step}");
            ground.engine.expect("POST", &path, None).await.unwrap();
        }
        let bus = &ground.server.bus;
        let mut told = bus.read_to_end(StreamName::Fact, &subject, 1).await.ok()?;
        while let Some(Ok(recorded)) = told.next().await {
            let told = codec::decode::<ContainerChanged>(&recorded.payload).unwrap();
            if told.data.change == Change::Died {
                return Some(told.data);
            }
        }
        None
    })
    .await;
    assert_eq!((died.name.as_str(), died.exit_code), ("app", Some(3)));
    assert!(died.lines.contains(&"oh".to_owned()), "{died:?}");
}
