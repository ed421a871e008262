//! Agents as tests play them.

use std::{process::Stdio, time::Duration};

use bytes::Bytes;
use chatops_bus::{Bus, ConnectOptions, Credentials, Link, PublishError, Stored, connect};
use chatops_schemas::{
    clock::{Clock, IdSource, System},
    codec,
    envelope::Envelope,
    event::{
        Event,
        metric::{Cpu, Sample},
    },
    ids::ServerId,
    subject,
};
use tokio::process::{Child, Command};

/// Connects with a key; one attempt, successful when the gate has said who it is. That the client library reports a
/// connection is not enough: it takes a server's first ping, which comes after two seconds of a slow callout, for one.
pub(crate) async fn come(url: &str, key: &str, secret: &str) -> anyhow::Result<Bus> {
    let bus = connect(ConnectOptions {
        url: url.to_owned(),
        name: "agent".to_owned(),
        user: Some(Credentials {
            user: key.to_owned(),
            password: secret.into(),
        }),
        inbox_prefix: Some(format!("_INBOX_{key}")),
        ca_file: None,
        retry_on_initial_connect: false,
    })
    .await?;
    bus.state()
        .wait_for(|link| matches!(link, Link::Connected { .. }))
        .await?;
    let whoami = format!("ops.v1.whoami.{key}");
    tokio::select! {
        answer = bus.request(&whoami, Bytes::new(), PATIENCE) => {
            answer?;
        }
        () = dropped(&bus) => anyhow::bail!("turned away: {:?}", bus.last_error()),
    }
    Ok(bus)
}

/// Waits until a connection that [`come`] made is lost.
pub(crate) async fn dropped(bus: &Bus) {
    bus.state()
        .wait_for(|link| matches!(link, Link::Disconnected { .. }))
        .await
        .expect("the connection lives");
}

/// Publishes a sample on the subject of `server`, saying it is of `server`.
pub(crate) async fn publish(agent: &Bus, server: &str) -> Result<Stored, PublishError> {
    publish_as(agent, server, server).await
}

/// Publishes a sample on the subject of `server`, saying it is of `named`.
pub(crate) async fn publish_as(
    agent: &Bus,
    server: &str,
    named: &str,
) -> Result<Stored, PublishError> {
    let (server, named) = (
        ServerId::parse(server).expect("a server id"),
        ServerId::parse(named).expect("a server id"),
    );
    let event = Envelope::new(System.event_id(), System.now(), busy()).about(named);
    let payload = Bytes::from(codec::encode(&event).expect("encoded"));
    agent
        .enqueue(
            &subject::metrics(&server),
            event.id,
            Sample::TYPE,
            Sample::VERSION,
            payload,
        )
        .await?
        .await
}

pub(crate) fn busy() -> Sample {
    Sample {
        cpu: Some(Cpu {
            total: Some(12.5),
            ..Cpu::default()
        }),
        ..Sample::default()
    }
}

/// A process of its own that connects and answers pings, to be killed with SIGKILL.
pub(crate) fn child(port: u16, key: &str, secret: &str) -> Child {
    let script = r#"
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'CONNECT {"verbose":false,"pedantic":false,"user":"%s","pass":"%s"}\r\nPING\r\n' "$2" "$3" >&3
        while read -r line <&3; do case "$line" in PING*) printf 'PONG\r\n' >&3 ;; esac; done
    "#;
    Command::new("bash")
        .args(["-c", script, "agent", &port.to_string(), key, secret])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("bash")
}

/// How long anything may take that is not itself measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
