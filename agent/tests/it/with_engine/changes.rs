//! What happens to containers of a real engine, as the agent tells it.

use chatops_bus::StreamName;
use chatops_schemas::{
    codec,
    event::container::{Change, ContainerChanged},
    session::Control,
    subject,
};
use chatops_testkit::{eventually, until};
use futures::StreamExt as _;
use serde_json::json;

use super::ground::Ground;
use crate::server::{PATIENCE, server_id};

/// Everything that was told, in its order.
async fn told(ground: &Ground) -> Vec<ContainerChanged> {
    let subject = subject::fact(&server_id(), subject::CONTAINER);
    let bus = &ground.server.bus;
    let Ok(mut reader) = bus.read_to_end(StreamName::Fact, &subject, 1).await else {
        return Vec::new();
    };
    let mut told = Vec::new();
    while let Some(Ok(recorded)) = reader.next().await {
        let event = codec::decode::<ContainerChanged>(&recorded.payload).unwrap();
        told.push(event.data);
    }
    told
}

/// The newest change of this kind, once it is told.
async fn change(ground: &Ground, container: &str, change: Change) -> ContainerChanged {
    let what = format!("{container} is told to be {}", change.as_str());
    until(&what, PATIENCE, async || {
        let mut newest = told(ground).await.into_iter().rev();
        newest.find(|one| one.name == container && one.change == change)
    })
    .await
}

/// Runs something short until it is told: changes are told from the moment on that the agent listens.
async fn listens(ground: &Ground) {
    let line = "echo first; printf '\\033[31mlast words\\033[0m\\n' >&2; exit 3";
    let labels = json!({ "Labels": { "com.docker.compose.project": "shop" } });
    let engine = &ground.engine;
    engine.create("job", line, labels).await.unwrap();
    eventually("the end of a container is told", PATIENCE, async || {
        for step in ["start", "wait"] {
            let path = format!("/containers/job/{step}");
            engine.expect("POST", &path, None).await.unwrap();
        }
        let told = told(ground).await;
        told.iter().any(|one| one.change == Change::Died)
    })
    .await;
}

#[tokio::test]
async fn changes_are_told_with_the_last_words() {
    let ground = Ground::start().await;
    listens(&ground).await;
    let told = change(&ground, "job", Change::Died).await;
    assert_eq!(told.project.as_deref(), Some("shop"));
    assert_eq!(told.exit_code, Some(3));
    assert!(told.lines.contains(&"last words".to_owned()), "{told:?}");
    assert!(told.lines.contains(&"first".to_owned()), "{told:?}");
}

/// Until the engine has this container's first line.
async fn spoke(ground: &Ground, container: &str) {
    let mut viewer = ground.follow(container, true).await;
    viewer.next().await.unwrap();
    viewer.control(Control::Close).await;
}

#[tokio::test]
async fn health_is_told_as_it_changes() {
    let ground = Ground::start().await;
    listens(&ground).await;
    let check = json!({
        "Test": ["CMD", "test", "!", "-e", "/ill"], "Retries": 1,
        "Interval": 200_000_000, "Timeout": 20_000_000_000_u64,
    });
    let with = json!({ "Healthcheck": check });
    let line = "echo up; sleep 1000";
    ground.engine.run("web", line, with).await.unwrap();
    let well = change(&ground, "web", Change::Healthy).await;
    assert!(well.lines.is_empty(), "{well:?}");
    spoke(&ground, "web").await;
    ground.touch("web", "/ill").await;
    let ill = change(&ground, "web", Change::Unhealthy).await;
    assert_eq!(ill.lines, ["up"]);
}

#[tokio::test]
async fn a_lack_of_memory_is_told_apart_from_the_end() {
    let ground = Ground::start().await;
    listens(&ground).await;
    let most = 16 << 20;
    let little = json!({ "NetworkMode": "none", "Memory": most, "MemorySwap": most });
    // It reads a line that never ends.
    let line = "echo begins; until [ -e /go ]; do usleep 10000; done; tail /dev/zero; exit 7";
    let with = json!({ "HostConfig": little });
    ground.engine.run("big", line, with).await.unwrap();
    spoke(&ground, "big").await;
    ground.touch("big", "/go").await;
    let lack = change(&ground, "big", Change::OutOfMemory).await;
    // The shell may have said what became of the program.
    assert_eq!(lack.lines[0], "begins", "{lack:?}");
    assert_eq!(lack.exit_code, None);
    let end = change(&ground, "big", Change::Died).await;
    assert_eq!(end.exit_code, Some(7));
}
