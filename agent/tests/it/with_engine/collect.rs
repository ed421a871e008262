//! Containers of a real engine against the engine's own words.

use chatops_agent::collect::{
    Roots,
    container::{Engine, Reader},
};
use chatops_testkit::ContainerEngine;
use serde_json::json;

#[tokio::test]
async fn containers_are_what_the_engine_says() {
    let real = ContainerEngine::start().await.unwrap();
    let check =
        json!({ "Test": ["CMD", "true"], "Interval": 50_000_000, "Timeout": 5_000_000_000_u64 });
    real.run("web", "sleep 1000", json!({ "Healthcheck": check }))
        .await
        .unwrap();
    let limited = json!({ "NetworkMode": "none", "Memory": 64 << 20 });
    real.run("db", "sleep 1000", json!({ "HostConfig": limited }))
        .await
        .unwrap();
    real.create("idle", "true", json!({})).await.unwrap();
    chatops_testkit::eventually(
        "the check has run",
        std::time::Duration::from_secs(20),
        || async {
            let web = real
                .expect("GET", "/containers/web/json", None)
                .await
                .unwrap();
            web["State"]["Health"]["Status"] == "healthy"
        },
    )
    .await;
    let engine = Engine::connect(Some(&real.socket())).await.unwrap();
    let mut reader = Reader::new(&Roots::default());
    reader.read(&engine).await.unwrap();
    let listing = reader.read(&engine).await.unwrap();
    let theirs = real
        .expect("GET", "/containers/json?all=1", None)
        .await
        .unwrap();
    let theirs = theirs.as_array().unwrap();
    assert_eq!(listing.containers.len(), theirs.len());
    let mut running = 0;
    for container in &listing.containers {
        let summary = theirs
            .iter()
            .find(|summary| summary["Id"].as_str().unwrap().starts_with(&container.id))
            .unwrap();
        assert_eq!(
            format!("/{}", container.name),
            summary["Names"][0].as_str().unwrap()
        );
        assert_eq!(container.state.as_deref(), summary["State"].as_str());
        assert_eq!(container.image.as_deref(), summary["Image"].as_str());
        let path = format!("/containers/{}/json", container.id);
        let details = real.expect("GET", &path, None).await.unwrap();
        assert_eq!(
            container.restarts.map(u64::from),
            details["RestartCount"].as_u64()
        );
        assert_eq!(
            container.health.as_deref(),
            details["State"]["Health"]["Status"].as_str()
        );
        let limit = details["HostConfig"]["Memory"]
            .as_u64()
            .filter(|limit| *limit > 0);
        if container.state.as_deref() == Some("running") {
            running += 1;
            assert_eq!(container.mem_limit, limit);
            assert!(
                container.cpu.is_some() && container.mem.unwrap() > 0,
                "{container:?}"
            );
        }
    }
    assert_eq!((running, listing.containers.len()), (2, 3));
}
