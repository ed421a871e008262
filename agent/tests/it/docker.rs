//! Containers of a real engine against the engine's own words. Needs one, with something running:
//!
//! `CHATOPS_TEST_DOCKER=/var/run/docker.sock cargo test -p chatops-agent --test it docker -- --ignored`

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use chatops_agent::collect::{
    Roots,
    container::{Engine, Reader},
};
use serde_json::Value;

fn socket() -> PathBuf {
    std::env::var_os("CHATOPS_TEST_DOCKER")
        .expect("CHATOPS_TEST_DOCKER names the socket")
        .into()
}

/// Asks without the library that the agent uses.
fn ask(path: &str) -> Value {
    let mut stream = UnixStream::connect(socket()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
#[ignore = "containers_are_what_the_engine_says: needs CHATOPS_TEST_DOCKER, the socket of a Docker or Podman engine"]
async fn containers_are_what_the_engine_says() {
    let engine = Engine::connect(Some(&socket())).await.unwrap();
    let mut reader = Reader::new(&Roots::default());
    reader.read(&engine).await.unwrap();
    let listing = reader.read(&engine).await.unwrap();
    let theirs = ask("/containers/json?all=1");
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
        let details = ask(&format!("/containers/{}/json", container.id));
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
    assert!(running > 0, "nothing is running there");
}
