//! The log of a container for several people at once: one stream of the host for all, each with rights of their own, and
//! nobody held up by somebody who does not read. The host speaks the protocol of sessions as an agent does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chatops_api::{Config, config};
use chatops_bus::Subscription;
use chatops_schemas::{
    ids::{CommandId, ServerId},
    order::{Operation, Reply, Verb},
    session::{Control, Out, Stream, WINDOW},
    subject::{self, Way},
};
use chatops_testkit::eventually;
use futures::{StreamExt, future::join_all};
use serde_json::json;
use tokio::time::timeout;

use super::socket::Socket;
use crate::{
    app::{App, SOON},
    browser::Client,
    host::{Host, pinned},
    sharing::{id_of, share},
};

struct Ground {
    app: App,
    owner: Client,
    server: String,
    /// Every follow that the host was asked for.
    opened: Arc<Mutex<Vec<CommandId>>>,
    _host: Host,
}

impl Ground {
    async fn new() -> Self {
        // Whoever reads nothing for a while is not to be cut off here.
        let live = config::Live {
            stalled: Duration::from_secs(600),
            silent: Duration::from_secs(600),
            ..config::Live::default()
        };
        let app = App::with(Config {
            live,
            ..Config::default()
        })
        .await;
        let owner = app.owner().await;
        let server = owner.add_server("web-1").await;
        let key = pinned(&app, &owner, &server).await;
        let opened = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&opened);
        let host = Host::answering(&app.bus, key, &server, Verb::Open, move |order| {
            assert!(matches!(order.operation, Operation::Follow(_)));
            kept.lock().unwrap().push(order.id);
            Some(Reply::Done { answer: Vec::new() })
        });
        Self {
            _host: host.await,
            app,
            owner,
            server,
            opened,
        }
    }

    async fn watch(&self, who: &Client, tail: u32) -> Socket {
        let path = format!("/api/v1/ws/containers/{}/web/logs", self.server);
        let mut socket = Socket::open(&self.app, &path, &[]).await.unwrap();
        let auth = json!({"type": "auth", "token": who.token, "tail": tail});
        socket.send(&auth).await;
        socket
    }

    fn opened(&self) -> Vec<CommandId> {
        self.opened.lock().unwrap().clone()
    }

    /// The session of the host that was opened as the nth.
    async fn engine(&self, nth: usize) -> Engine<'_> {
        eventually("the host was asked", SOON, async || {
            self.opened().len() > nth
        })
        .await;
        let (server, session) = (ServerId::parse(&self.server).unwrap(), self.opened()[nth]);
        let ctl = subject::io(&server, session, Way::Ctl);
        let said = self.app.bus.subscribe(&ctl).await.unwrap();
        self.app.bus.flush().await.unwrap();
        Engine {
            ground: self,
            out: subject::io(&server, session, Way::Out),
            said,
            off: 0,
            acked: 0,
        }
    }
}

struct Engine<'a> {
    ground: &'a Ground,
    out: String,
    said: Subscription,
    off: u64,
    acked: u64,
}

impl Engine<'_> {
    /// Writes this, no further ahead of what was acknowledged than an agent is.
    async fn write(&mut self, text: &str) {
        while self.off + text.len() as u64 > self.acked + WINDOW {
            if let Control::Ack { off } = self.hear().await {
                self.acked = self.acked.max(off);
            }
        }
        let data = Out::Data {
            off: self.off,
            stream: Some(Stream::Stdout),
            data: text.as_bytes().to_vec(),
        };
        self.off += text.len() as u64;
        let bytes = data.encode().unwrap().into();
        let bus = &self.ground.app.bus;
        bus.publish_core(&self.out, None, &[], bytes).await.unwrap();
    }

    async fn hear(&mut self) -> Control {
        let message = timeout(Duration::from_secs(60), self.said.next()).await;
        let message = message.expect("a word in time").expect("a connection");
        Control::decode(&message.payload).unwrap()
    }

    async fn closed(&mut self) {
        while self.hear().await != Control::Close {}
    }
}

/// Numbers of lines that came, up to this one; and how many were left out.
async fn numbers(socket: &mut Socket, last: u64) -> (Vec<u64>, u64) {
    let (mut found, mut missed) = (Vec::new(), 0);
    while found.last() != Some(&last) {
        let frame = socket.frame_or_end().await.expect("it is open");
        if frame["type"] == "dropped" {
            missed += frame["lines"].as_u64().unwrap();
        }
        for line in frame["lines"].as_array().into_iter().flatten() {
            let text = line[2].as_str().unwrap();
            found.push(text.split(' ').next().unwrap().parse().unwrap());
        }
    }
    (found, missed)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_watch_one_container_by_one_stream_of_its_host() {
    let ground = Ground::new().await;
    let mut viewers = join_all((0..5).map(|_| ground.watch(&ground.owner, 100))).await;
    let mut engine = ground.engine(0).await;
    engine.write("1\n2\n3\n").await;
    for viewer in &mut viewers {
        assert_eq!(numbers(viewer, 3).await, (vec![1, 2, 3], 0));
    }
    // Who comes later gets the past too, without asking the host for it.
    viewers.push(ground.watch(&ground.owner, 100).await);
    assert_eq!(numbers(&mut viewers[5], 3).await, (vec![1, 2, 3], 0));
    engine.write("4\n").await;
    for viewer in &mut viewers {
        assert_eq!(numbers(viewer, 4).await, (vec![4], 0));
    }
    assert_eq!(ground.opened().len(), 1);

    // Another beginning is another stream.
    let mut more = ground.watch(&ground.owner, 7).await;
    ground.engine(1).await.write("9\n").await;
    assert_eq!(numbers(&mut more, 9).await, (vec![9], 0));

    // It goes with the last of them, and whoever comes then opens it anew.
    drop(viewers);
    engine.closed().await;
    let mut anew = ground.watch(&ground.owner, 100).await;
    ground.engine(2).await.write("5\n").await;
    assert_eq!(numbers(&mut anew, 5).await, (vec![5], 0));
    assert_eq!(ground.opened().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_viewer_of_a_shared_log_needs_a_right_of_their_own() {
    let ground = Ground::new().await;
    let ada = ground.app.operator("ada").await;
    let stranger = ground.app.operator("mallory").await;
    let grant =
        json!({"user_id": id_of(&ada).await, "server_id": ground.server, "level": "operate"});
    let grant = share(&ground.owner, &grant).await;
    // The stream is opened for somebody who loses the right to it later.
    let mut hers = ground.watch(&ada, 100).await;
    let mut engine = ground.engine(0).await;
    engine.write("1\n").await;
    assert_eq!(numbers(&mut hers, 1).await, (vec![1], 0));
    let mut mine = ground.watch(&ground.owner, 100).await;
    assert_eq!(numbers(&mut mine, 1).await, (vec![1], 0));
    let mut theirs = ground.watch(&stranger, 100).await;
    assert_eq!(theirs.frame("error").await["code"], "CO1201");
    assert_eq!(theirs.closed().await, 4403);

    let path = format!("/api/v1/grants/{grant}");
    assert_eq!(ground.owner.delete(&path).await.0, 204);
    assert_eq!(hers.frame("error").await["code"], "CO1201");
    assert_eq!(hers.closed().await, 4403);
    engine.write("2\n").await;
    assert_eq!(numbers(&mut mine, 2).await, (vec![2], 0));
    let mut again = ground.watch(&ada, 100).await;
    assert_eq!(again.closed().await, 4403);
    assert_eq!(ground.opened().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_a_shared_log_holds_up_nobody_and_is_told_what_they_missed() {
    const LINES: u64 = 1200;
    let ground = Ground::new().await;
    let mut slow = ground.watch(&ground.owner, 100).await;
    let mut engine = ground.engine(0).await;
    engine.write("0\n").await;
    assert_eq!(numbers(&mut slow, 0).await, (vec![0], 0));
    let mut quick = ground.watch(&ground.owner, 100).await;
    assert_eq!(numbers(&mut quick, 0).await, (vec![0], 0));
    // 14 MiB: more than all buffers on the way to somebody who reads nothing.
    let long = "x".repeat(12 * 1024);
    let writing = async {
        for n in 1..=LINES {
            engine.write(&format!("{n} {long}\n")).await;
        }
    };
    let ((), (read, missed)) = tokio::join!(writing, numbers(&mut quick, LINES));
    assert_eq!((read, missed), ((1..=LINES).collect(), 0));
    // Behind what it could not have, it goes on.
    engine.write(&format!("{}\n", LINES + 1)).await;
    let (read, missed) = numbers(&mut slow, LINES + 1).await;
    assert!(missed > 0, "it was left behind");
    assert_eq!(
        read.len() as u64 + missed,
        LINES + 1,
        "all is accounted for"
    );
    assert!(read.is_sorted_by(|one, next| one < next));
    assert_eq!(numbers(&mut quick, LINES + 1).await, (vec![LINES + 1], 0));
    assert_eq!(ground.opened().len(), 1);
}
