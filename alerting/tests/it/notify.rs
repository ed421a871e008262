//! Messages as they arrive: at a real HTTP server, and at a real mail server.

mod chats;
mod encrypted;
mod guarded;
mod mail;
mod receiver;
mod webhook;

use std::sync::Arc;

use chatops_alerting::notify::{
    Message, Sender,
    message::{Kind, Value},
    sender::Options,
};
use chatops_schemas::{
    channel::{Channel, Receives, Target, Templates},
    clock::{Manual, Timestamp},
    rule::Severity,
};
use tokio::net::TcpSocket;

/// 2023-11-14 22:13:20 UTC
const NOW: i64 = 1_700_000_000_000;

fn sender(options: &Options) -> Sender {
    let clock = Manual::at(Timestamp::from_millis(NOW));
    Sender::new(options, Arc::new(clock)).unwrap()
}

/// May send to this machine.
fn open() -> Sender {
    sender(&Options {
        internal: true,
        ..Options::default()
    })
}

fn channel(target: Target) -> Channel {
    let channel = Channel {
        name: "on call".to_owned(),
        enabled: true,
        target,
        receives: Receives::everything(),
        templates: Templates::default(),
    };
    assert_eq!(channel.validate(), Ok(()));
    channel
}

fn webhook(url: String) -> Channel {
    channel(Target::Webhook { url })
}

/// Holds what means something to one channel or the other.
fn message(kind: Kind) -> Message {
    Message {
        id: "0192f7c0-raised".to_owned(),
        first: None,
        kind,
        severity: Severity::Critical,
        rule: "Disk <b>full</b>".to_owned(),
        wording: "fs:*:share > 95 for 5m".to_owned(),
        server: "db_1".to_owned(),
        device: Some("/var".to_owned()),
        values: vec![Value {
            series: "fs:/var:share".to_owned(),
            number: 97.5,
        }],
        since: Timestamp::from_millis(NOW - 600_000),
        at: Timestamp::from_millis(NOW),
        note: "Ask \"Größe & Co\" *now*".to_owned(),
        link: Some("https://chatops.example.org/alerts/7?a=1&b=2".to_owned()),
        grouped: Vec::new(),
    }
}

/// A port that is taken, so that nobody else gets it, but where nobody listens.
fn nobody_listens() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}
