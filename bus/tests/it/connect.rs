use std::time::Duration;

use bytes::Bytes;
use chatops_bus::{ConnectError, ConnectOptions, Link, connect, connect_once};
use chatops_testkit::{NatsServer, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::ground;

/// Speaks just enough of the protocol to be taken for a server that says its version is 2.9.
async fn an_old_server() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("nats://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let info = r#"{"server_id":"X","version":"2.9.25","host":"127.0.0.1","port":1,"max_payload":1048576,"headers":true,"proto":1}"#;
            socket
                .write_all(format!("INFO {info}\r\n").as_bytes())
                .await?;
            let (read, mut write) = socket.into_split();
            let mut lines = BufReader::new(read).lines();
            while let Some(line) = lines.next_line().await? {
                if line.starts_with("PING") {
                    write.write_all(b"PONG\r\n").await?;
                }
            }
        }
        anyhow::Ok(())
    });
    Ok(url)
}

#[tokio::test]
async fn an_old_server_is_refused_with_what_to_do() -> anyhow::Result<()> {
    let options = ConnectOptions {
        url: an_old_server().await?,
        name: "test".into(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    };
    let error = connect(options).await.expect_err("2.9 is too old");
    assert!(matches!(error, ConnectError::TooOld { .. }), "{error}");
    assert!(
        error.to_string().contains("2.9.25") && error.to_string().contains("upgrade"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn one_that_is_not_to_come_back_ends_with_its_first_break() -> anyhow::Result<()> {
    let mut server = NatsServer::start().await?;
    let bus = connect_once(ConnectOptions {
        url: server.url(),
        name: "test".into(),
        user: None,
        inbox_prefix: None,
        ca_file: None,
        retry_on_initial_connect: false,
    })
    .await?;
    server.restart().await?;
    // One that comes back would take the publish and keep it.
    eventually(
        "the connection has ended",
        Duration::from_secs(20),
        || async {
            bus.publish_core("anything", None, &[], Bytes::new())
                .await
                .is_err()
        },
    )
    .await;
    assert!(matches!(*bus.state().borrow(), Link::Disconnected { .. }));
    Ok(())
}

#[tokio::test]
async fn it_comes_back_by_itself() -> anyhow::Result<()> {
    let mut server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let link = bus.state();
    server.kill().await?;
    eventually("the drop is noticed", Duration::from_secs(10), || async {
        matches!(*link.borrow(), Link::Disconnected { .. })
    })
    .await;
    server.restart().await?;
    let host = ground::server_id(1);
    eventually(
        "publishing works again",
        Duration::from_secs(30),
        || async {
            bus.publish(&format!("ops.v1.metrics.{host}"), &ground::sample(&host, 1))
                .await
                .is_ok()
        },
    )
    .await;
    Ok(())
}
