//! The topic of one job: its servers as they come to it, and only those that one may see.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{App, World, act, fleet, on_the_tag, runner, share, start};
use crate::live::socket::Socket;

#[derive(Default)]
struct Heard {
    /// Newest state of each server, in the order in which they are begun.
    hosts: BTreeMap<String, String>,
    hidden: Value,
    job: Value,
}

impl Heard {
    /// Takes what comes until this holds.
    async fn until(&mut self, socket: &mut Socket, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let frame = socket.frame("job").await;
            for host in frame["hosts"].as_array().unwrap() {
                let text = |field: &str| host[field].as_str().unwrap().to_owned();
                self.hosts.insert(text("name"), text("state"));
            }
            self.hidden = frame["hidden"].clone();
            self.job = frame["job"].clone();
        }
    }

    fn states(&self) -> Vec<&str> {
        self.hosts.values().map(String::as_str).collect()
    }
}

async fn watch(socket: &mut Socket, id: &str) -> Value {
    socket
        .ask(&json!({"type": "subscribe", "topics": [format!("job:{id}")]}))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_job_move_while_somebody_looks() {
    let app = App::start().await;
    let owner = app.owner().await;
    let servers = fleet(&owner, 3).await;
    // The first two are done at once; the third runs until somebody ends it.
    let third = servers[2].clone();
    let _world = World::new(&app, move |server| (server != third).then_some(0)).await;
    let id = start(&owner, &on_the_tag(json!({"concurrency": 1}))).await;
    let mut socket = Socket::live(&app, &owner, None).await;
    assert_eq!(watch(&mut socket, &id).await["refused"], json!([]));
    let mut heard = Heard::default();
    heard
        .until(&mut socket, |heard| heard.hosts.len() == 3)
        .await;
    assert_eq!(heard.states(), ["waiting"; 3]);
    let _runner = runner(&app);
    heard
        .until(&mut socket, |heard| {
            heard.states() == ["finished", "finished", "requested"]
        })
        .await;
    assert_eq!(heard.job["state"], "running");
    // Somebody with one of the servers sees that one, from now on until it is not shared any more.
    let someone = app.operator("someone").await;
    let mut theirs = Socket::live(&app, &someone, None).await;
    let answer = watch(&mut theirs, &id).await;
    assert_eq!(answer["refused"][0]["code"], "CO1601", "{answer}");
    let grant = json!({"username": "someone", "server_id": servers[2], "level": "operate"});
    let grant = share(&owner, &grant).await;
    assert_eq!(watch(&mut theirs, &id).await["refused"], json!([]));
    let mut seen = Heard::default();
    seen.until(&mut theirs, |seen| !seen.hosts.is_empty()).await;
    assert_eq!(
        (seen.states(), &seen.hidden),
        (vec!["requested"], &json!(2))
    );
    let (status, _) = owner.delete(&format!("/api/v1/grants/{grant}")).await;
    assert_eq!(status, 204);
    loop {
        let frame = theirs.frame("subscribed").await;
        if frame["refused"][0]["code"] == "CO1601" {
            break;
        }
    }
    assert_eq!(act(&owner, &id, "cancel").await.0, 200);
    heard
        .until(&mut socket, |heard| heard.job["state"] == "ended")
        .await;
    assert_eq!(heard.states(), ["finished", "finished", "cancelled"]);
    let answer = socket
        .ask(&json!({"type": "subscribe", "topics": []}))
        .await;
    assert_eq!(answer["topics"], json!([]), "it is over");
}
