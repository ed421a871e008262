//! The topic of one command: everything once and in order, from any place, and only for those who may.

use chatops_schemas::{ids::ServerId, subject};
use chatops_testkit::eventually;
use serde_json::{Value, json};

use super::Ground;
use crate::{app::SOON, browser::Client, live::socket::Socket, sharing::share};

/// What a topic said until it was over.
#[derive(Default)]
struct Heard {
    states: Vec<String>,
    numbers: Vec<u64>,
    last: Value,
}

async fn watch(socket: &mut Socket, id: &str, from: u64) -> Value {
    let topic = format!("command:{id}");
    let frame = json!({"type": "subscribe", "topics": [topic], "from": {topic.clone(): from}});
    socket.ask(&frame).await
}

async fn until_over(socket: &mut Socket) -> Heard {
    let mut heard = Heard::default();
    loop {
        let frame = socket.frame_or_end().await.unwrap();
        match frame["type"].as_str().unwrap() {
            "command" => {
                let state = frame["command"]["state"].as_str().unwrap().to_owned();
                heard.states.push(state.clone());
                if state == "ended" {
                    heard.last = frame["command"].clone();
                    return heard;
                }
            }
            "output" => {
                let pieces = frame["pieces"].as_array().unwrap();
                let numbers = pieces.iter().map(|piece| piece["n"].as_u64().unwrap());
                heard.numbers.extend(numbers);
                assert_eq!(frame["next"], json!(heard.numbers.last().unwrap() + 1));
            }
            _ => {}
        }
    }
}

async fn ended(client: &Client, id: &str) {
    eventually("the tables have all of it", SOON, || async {
        let path = format!("/api/v1/commands/{id}");
        client.get(&path).await.1["state"] == "ended"
            && client.get(&format!("{path}/output")).await.1["next"] == 3
    })
    .await;
}

/// Throws away what the stream holds of a command but for its newest events.
async fn purge(ground: &Ground, id: &str, keep: u64) {
    let server = ServerId::parse(ground.server.as_str()).unwrap();
    let subject = subject::result(&server, id.parse().unwrap());
    let order = json!({"filter": subject, "keep": keep}).to_string();
    let bus = &ground.app.bus;
    let answer = bus.request("$JS.API.STREAM.PURGE.OPS_RESULT", order.into(), SOON);
    let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    assert_eq!(answer["success"], true, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_told_in_order_and_from_any_piece_on() {
    let ground = Ground::new().await;
    let (status, asked) = ground.run("", json!({"command": "date"})).await;
    assert_eq!(status, 202, "{asked}");
    let id = asked["id"].as_str().unwrap();
    let mut socket = Socket::live(&ground.app, &ground.owner, None).await;
    let answer = watch(&mut socket, id, 0).await;
    assert_eq!(answer["refused"], json!([]), "{answer}");
    assert_eq!(answer["topics"], json!([format!("command:{id}")]));
    let heard = until_over(&mut socket).await;
    assert_eq!(heard.numbers, [0, 1, 2]);
    assert_eq!(
        (&heard.last["outcome"], &heard.last["exit_code"]),
        (&json!("finished"), &json!(3)),
        "{}",
        heard.last
    );
    let order = ["waiting", "delivered", "running", "ended"];
    let places: Vec<_> = heard
        .states
        .iter()
        .map(|state| order.iter().position(|one| one == state).unwrap())
        .collect();
    assert!(places.is_sorted(), "{:?}", heard.states);

    // The end was its end: the topic is given up, and can be had again from any piece on.
    let answer = socket
        .ask(&json!({"type": "subscribe", "topics": []}))
        .await;
    assert_eq!(answer["topics"], json!([]));
    // How it is at first comes from the tables, which learn of the end a moment after the socket.
    ended(&ground.owner, id).await;
    watch(&mut socket, id, 2).await;
    let again = until_over(&mut socket).await;
    assert_eq!(
        (again.numbers.as_slice(), again.states.as_slice()),
        (&[2][..], &["ended".to_owned()][..])
    );

    // What the stream does not hold any more comes from the tables.
    for keep in [1, 0] {
        purge(&ground, id, keep).await;
        watch(&mut socket, id, 1).await;
        assert_eq!(until_over(&mut socket).await.numbers, [1, 2], "{keep}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_any_more_hears_no_further_word() {
    let ground = Ground::new().await;
    let (owner, someone) = (&ground.owner, ground.app.operator("someone").await);
    let (_, asked) = ground.run("", json!({"command": "hang"})).await;
    let id = asked["id"].as_str().unwrap();
    let mut socket = Socket::live(&ground.app, &someone, None).await;
    let answer = watch(&mut socket, id, 0).await;
    assert_eq!(answer["refused"][0]["code"], "CO1410", "{answer}");
    let grant = json!({"username": "someone", "server_id": ground.server, "level": "operate"});
    let grant = share(owner, &grant).await;
    let sees = format!("server:{}", ground.server);
    let frame = json!({"type": "subscribe", "topics": [sees]});
    assert_eq!(socket.ask(&frame).await["refused"], json!([]));
    let answer = watch(&mut socket, id, 0).await;
    assert_eq!(answer["refused"], json!([]), "{answer}");
    loop {
        let frame = socket.frame("command").await;
        if frame["command"]["state"] == "running" {
            break;
        }
    }
    let (status, _) = owner.delete(&format!("/api/v1/grants/{grant}")).await;
    assert_eq!(status, 204);
    // The socket knows of it at once; the next word about the command is the refusal.
    let lost = socket.frame("subscribed").await;
    assert_eq!(lost["refused"][0]["topic"], json!(sees), "{lost}");
    let cancel = format!("/api/v1/commands/{id}/cancel");
    assert_eq!(owner.post(&cancel, &json!({})).await.0, 202);
    loop {
        let frame = socket.frame_or_end().await.unwrap();
        assert_ne!(frame["type"], "command", "{frame}");
        if frame["type"] == "subscribed" {
            assert_eq!(
                frame["refused"],
                json!([{"topic": format!("command:{id}"), "code": "CO1410"}])
            );
            break;
        }
    }
}
