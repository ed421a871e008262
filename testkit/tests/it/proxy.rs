use std::time::Duration;

use chatops_testkit::{CuttingProxy, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(10);

/// A proxied connection: the client's end and the server's.
async fn pair() -> (CuttingProxy, TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = CuttingProxy::start(listener.local_addr().unwrap())
        .await
        .unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (proxy, listener, client, server)
}

async fn receive(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(SOON, stream.read_exact(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    bytes
}

#[tokio::test]
async fn bytes_pass_both_ways_in_order_and_so_does_the_end() {
    let (proxy, _listener, mut client, mut server) = pair().await;
    let sent: Vec<u8> = (0..3_000_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let expected = sent.clone();
    let writer = tokio::spawn(async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    });
    let mut received = Vec::new();
    timeout(SOON, server.read_to_end(&mut received))
        .await
        .unwrap()
        .unwrap();
    assert!(received == expected);
    server.write_all(b"thanks").await.unwrap();
    drop(server);
    assert_eq!(writer.await.unwrap(), "thanks");
    eventually("the connection is over", SOON, async || {
        proxy.connections() == 0
    })
    .await;
}

#[tokio::test]
async fn delay_holds_bytes_back_and_a_cut_loses_them() {
    let (proxy, listener, mut client, mut server) = pair().await;
    let begun = Instant::now();
    proxy.delay(Duration::from_millis(40));
    client.write_all(b"late").await.unwrap();
    assert_eq!(receive(&mut server, 4).await, b"late");
    assert!(begun.elapsed() >= Duration::from_millis(40));

    proxy.delay(Duration::from_secs(3600));
    client.write_all(b"lost").await.unwrap();
    assert_eq!(proxy.cut(), 1);
    let mut rest = Vec::new();
    assert!(
        timeout(SOON, server.read_to_end(&mut rest))
            .await
            .unwrap()
            .is_err(),
        "a cut is a reset, not an end"
    );
    assert!(rest.is_empty());
    assert!(timeout(SOON, client.read_u8()).await.unwrap().is_err());

    proxy.delay(Duration::ZERO);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"anew").await.unwrap();
    assert_eq!(receive(&mut server, 4).await, b"anew");
}

#[tokio::test]
async fn a_stall_moves_nothing_and_loses_nothing() {
    let (proxy, _listener, mut client, mut server) = pair().await;
    client.write_all(b"a").await.unwrap();
    assert_eq!(receive(&mut server, 1).await, b"a");
    proxy.stall();
    client.write_all(b"b").await.unwrap();
    assert!(
        timeout(Duration::from_millis(100), server.read_u8())
            .await
            .is_err()
    );
    proxy.resume();
    assert_eq!(receive(&mut server, 1).await, b"b");
}

#[tokio::test]
async fn refusing_cuts_old_and_new_connections_until_it_accepts_again() {
    let (proxy, listener, mut client, _server) = pair().await;
    proxy.refuse();
    assert!(timeout(SOON, client.read_u8()).await.unwrap().is_err());
    if let Ok(mut refused) = TcpStream::connect(proxy.address()).await {
        assert!(timeout(SOON, refused.read_u8()).await.unwrap().is_err());
    }
    proxy.accept();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    server.write_all(b"hello").await.unwrap();
    assert_eq!(receive(&mut client, 5).await, b"hello");
}

#[tokio::test]
async fn the_proxy_takes_the_place_of_the_host_in_a_url() {
    let (proxy, ..) = pair().await;
    let address = proxy.address();
    assert_eq!(
        proxy.replace_in("postgres://chatops@127.0.0.1:5432/x?a=b"),
        format!("postgres://chatops@{address}/x?a=b")
    );
    assert_eq!(
        proxy.replace_in("nats://127.0.0.1:4222"),
        format!("nats://{address}")
    );
    assert_eq!(proxy.url("ws"), format!("ws://{address}"));
}
