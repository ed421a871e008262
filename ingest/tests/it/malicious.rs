//! A client of our own that holds a good key and means ill, written on a bare socket: what the usual library would never
//! send is sent here.

use bytes::Bytes;
use chatops_bus::StreamName;
use chatops_schemas::ids::ServerId;
use chatops_testkit::eventually;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    agent::{PATIENCE, come, publish},
    ground::{Ground, Plan, round_trip},
};

/// One connection; everything the server ever said is kept.
struct Raw {
    stream: TcpStream,
    heard: String,
}

impl Raw {
    /// Connects with these options as they are.
    async fn connect(ground: &Ground, options: &str) -> Self {
        let address = ground.nats.url().replace("nats://", "");
        let stream = TcpStream::connect(address).await.expect("connected");
        let mut raw = Self {
            stream,
            heard: String::new(),
        };
        raw.say(format!("CONNECT {options}\r\n").as_bytes()).await;
        raw
    }

    async fn say(&mut self, bytes: &[u8]) {
        // A server that has had enough hangs up in the middle.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads until the server has answered a ping or hung up; whether it is still there.
    async fn settled(&mut self) -> bool {
        let from = self.heard.len();
        self.say(b"PING\r\n").await;
        let mut buffer = [0; 4096];
        loop {
            if self.heard[from..].contains("PONG") {
                return true;
            }
            let read = timeout(PATIENCE, self.stream.read(&mut buffer))
                .await
                .expect("answered in time");
            match read {
                Ok(0) | Err(_) => return false,
                Ok(length) => self
                    .heard
                    .push_str(&String::from_utf8_lossy(&buffer[..length])),
            }
        }
    }
}

const GOOD: &str =
    r#"{"verbose":false,"headers":true,"no_responders":true,"user":"k1","pass":"the-secret-one"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_oversized_greetings_are_refused_and_nothing_breaks() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let long = "k".repeat(100_000);
    let greetings = [
        // Another's key, with what we know.
        r#"{"user":"k2","pass":"the-secret-one"}"#.to_owned(),
        r#"{"user":"agent:h2:k2","pass":"the-secret-one"}"#.to_owned(),
        r#"{"user":"svc","pass":"the-secret-one"}"#.to_owned(),
        r#"{"user":"k1.>","pass":"the-secret-one"}"#.to_owned(),
        r#"{"user":"*","pass":"the-secret-one"}"#.to_owned(),
        r#"{"user":"k1\u0000k2","pass":"the-secret-one"}"#.to_owned(),
        r#"{"auth_token":"chatops_k1_the-secret-one"}"#.to_owned(),
        // A token that we signed ourselves, that is: that nobody signed.
        r#"{"jwt":"eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJuYW1lIjoiYWdlbnQ6aDI6azIifQ.AAAA","sig":"AAAA"}"#.to_owned(),
        r#"{"nkey":"UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","sig":"AAAA"}"#.to_owned(),
        format!(r#"{{"user":"{long}","pass":"the-secret-one"}}"#),
        format!(r#"{{"user":"k1","pass":"{long}"}}"#),
        // A good key that asks for another account.
        GOOD.replace('{', r#"{"account":"SYS","#),
        "{}".to_owned(),
        "no JSON".to_owned(),
    ];
    for greeting in &greetings {
        let mut raw = Raw::connect(&ground, greeting).await;
        let shown: String = greeting.chars().take(60).collect();
        assert!(!raw.settled().await, "let in with {shown}");
    }
    // What it calls itself is nobody's name: presence says whose key it was.
    let named = GOOD.replace('{', r#"{"name":"agent:h2:k2","#);
    let mut raw = Raw::connect(&ground, &named).await;
    assert!(raw.settled().await, "{}", raw.heard);
    let (mine, other) = (
        ServerId::parse("h1").expect("a server id"),
        ServerId::parse("h2").expect("a server id"),
    );
    eventually("it is online as itself", PATIENCE, || async {
        process.roster.open_sessions(&mine) == 1
    })
    .await;
    assert_eq!(process.roster.open_sessions(&other), 0);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_reaches_no_other_and_removes_nothing() {
    let (ground, process) = Ground::with_process(Plan::default()).await;
    let victim = come(&ground.nats.url(), "k2", "the-secret-two")
        .await
        .expect("let in");
    publish(&victim, "h2").await.expect("stored");
    let stored = async || {
        let info = ground.ops.stream_info(StreamName::Metrics).await;
        info.expect("the stream").messages
    };
    let before = stored().await;
    let mut passing = ground.ops.subscribe(">").await.expect("subscribed");
    round_trip(&ground.ops, "$JS.API.INFO").await;

    let long = "x".repeat(3000);
    let header = |name: &str, value: &str| {
        let head = format!("NATS/1.0\r\n{name}: {value}\r\n\r\n");
        format!(
            "HPUB ops.v1.metrics.h1 _INBOX_k1.a {} {}\r\n{head}evil\r\n",
            head.len(),
            head.len() + 4
        )
    };
    let attempts = [
        // Subjects that only look like its own.
        "PUB ops.v1.metrics.h1.h2 4\r\nevil\r\n".to_owned(),
        "PUB ops.v1.metrics.h2 4\r\nevil\r\n".to_owned(),
        "PUB OPS.V1.METRICS.H2 4\r\nevil\r\n".to_owned(),
        "PUB ops.v1.metrics.* 4\r\nevil\r\n".to_owned(),
        "PUB ops.v1.metrics.> 4\r\nevil\r\n".to_owned(),
        "PUB ops.v1.fact.h1.presence 4\r\nevil\r\n".to_owned(),
        "PUB ops.v1.fact.h1.a.b 4\r\nevil\r\n".to_owned(),
        format!("PUB ops.v1.result.h2.{long} 4\r\nevil\r\n"),
        // Listening for others, also in the gate's own group.
        "SUB ops.v1.whoami.* gate 1\r\n".to_owned(),
        "SUB ops.v1.metrics.h2 2\r\n".to_owned(),
        "SUB _INBOX_k2.> 3\r\n".to_owned(),
        "SUB $SYS.REQ.USER.AUTH gate 4\r\n".to_owned(),
        "SUB ops.v1.rpc.h2.> 5\r\n".to_owned(),
        "SUB ops.v1.io.*.*.in 6\r\n".to_owned(),
        // Headers that the streams act on: emptying a subject, moving its end, expiring others' events.
        header("Nats-Rollup", "all"),
        header("Nats-Rollup", "sub"),
        header("Nats-Expected-Stream", "OPS_CTL"),
        header("Nats-TTL", "1s"),
        header("Nats-Schedule-Target", "ops.v1.metrics.h2"),
    ];
    for attempt in &attempts {
        let mut raw = Raw::connect(&ground, GOOD).await;
        assert!(raw.settled().await, "{}", raw.heard);
        raw.say(attempt.as_bytes()).await;
        raw.settled().await;
        let first = attempt.lines().next().unwrap_or_default();
        assert!(
            !raw.heard.contains("MSG ops.") && !raw.heard.contains("MSG _INBOX_k2"),
            "{first}: {}",
            raw.heard
        );
    }
    // More than anybody may send at once ends the connection.
    let mut raw = Raw::connect(&ground, GOOD).await;
    assert!(raw.settled().await);
    raw.say(b"PUB ops.v1.result.h1.c 1100000\r\n").await;
    assert!(!raw.settled().await, "{}", raw.heard);
    assert!(raw.heard.contains("Maximum Payload"), "{}", raw.heard);

    assert!(stored().await >= before, "something was removed");
    let subject = chatops_schemas::subject::metrics_stored(&ServerId::parse("h2").expect("an id"));
    let last = ground.ops.last(StreamName::Metrics, &subject).await;
    let last = last.expect("readable").expect("the victim's own event");
    assert_ne!(&last.payload[..], b"evil");
    // Nothing but its own subjects ever carried what it said.
    ground
        .ops
        .publish_core("the.end", None, &[], Bytes::new())
        .await
        .expect("written");
    loop {
        let message = timeout(PATIENCE, futures::StreamExt::next(&mut passing))
            .await
            .expect("the end arrives")
            .expect("the subscription lives");
        if message.subject == "the.end" {
            break;
        }
        if &message.payload[..] == b"evil" {
            assert_eq!(message.subject, "ops.v1.metrics.h1");
        }
    }
    publish(&victim, "h2").await.expect("the victim goes on");
    process.stop().await;
}
