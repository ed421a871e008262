use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use chatops_bus::{From, PublishError, StreamName};
use chatops_schemas::codec;
use chatops_testkit::{NatsServer, NatsVersion};
use futures::StreamExt;

use crate::ground;

#[tokio::test]
async fn the_same_id_is_stored_once() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let host = ground::server_id(1);
    let event = ground::sample(&host, 1);
    let subject = format!("ops.v1.metrics.{host}");
    let first = bus.publish(&subject, &event).await?;
    let second = bus.publish(&subject, &event).await?;
    assert!(!first.duplicate && second.duplicate);
    assert_eq!(first.seq, second.seq);
    Ok(())
}

#[tokio::test]
async fn a_subject_of_no_stream_is_an_error() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::bus(&server.url()).await;
    let host = ground::server_id(1);
    let error = bus
        .publish("ops.v1.metrics.x", &ground::sample(&host, 1))
        .await
        .expect_err("there are no streams");
    assert!(matches!(error, PublishError::NoStream(_)), "{error}");
    Ok(())
}

/// Whatever was acknowledged is there once, whatever was not is sent again under the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_server_under_load_loses_and_doubles_nothing() -> anyhow::Result<()> {
    for version in NatsVersion::ALL {
        let mut server = NatsServer::builder()
            .version(version)
            .sync_always()
            .start()
            .await?;
        let bus = ground::provisioned(&server).await;
        const EVENTS: u64 = 3_000;
        let publisher = {
            let bus = bus.clone();
            tokio::spawn(async move {
                let tasks = (0..EVENTS).map(|n| {
                    let bus = bus.clone();
                    async move {
                        let host = ground::server_id(usize::try_from(n % 7).unwrap_or_default());
                        let event = ground::sample(&host, n);
                        let payload = Bytes::from(codec::encode(&event).expect("encodes"));
                        let subject = format!("ops.v1.metrics.{host}");
                        let mut resent = 0_u64;
                        loop {
                            let sent = bus
                                .enqueue(
                                    &subject,
                                    event.id,
                                    &event.kind,
                                    event.ver,
                                    payload.clone(),
                                )
                                .await;
                            match match sent {
                                Ok(pending) => pending.await,
                                Err(error) => Err(error),
                            } {
                                Ok(_) => return resent,
                                // "No stream" is what a server says that has not loaded its streams yet.
                                Err(PublishError::Unknown(_) | PublishError::NoStream(_)) => {
                                    resent += 1
                                }
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                });
                futures::stream::iter(tasks)
                    .buffer_unordered(64)
                    .fold(0, |sum, n| async move { sum + n })
                    .await
            })
        };
        while bus
            .stream_info(StreamName::Metrics)
            .await
            .map_or(0, |info| info.messages)
            < EVENTS / 10
        {
            tokio::task::yield_now().await;
        }
        server.kill().await?;
        server.restart().await?;
        let resent = publisher.await?;

        let mut reader = bus
            .read(StreamName::Metrics, "ops.v1.metrics.>", From::Seq(1))
            .await?;
        let mut seen = HashSet::new();
        for _ in 0..EVENTS {
            let event = tokio::time::timeout(Duration::from_secs(20), reader.next())
                .await?
                .expect("an event")?;
            let n = codec::decode_any(&event.payload)?.n.expect("numbered");
            assert!(seen.insert(n), "{n} is there twice");
        }
        assert_eq!(bus.stream_info(StreamName::Metrics).await?.messages, EVENTS);
        println!(
            "{version:?}: sent {EVENTS}, stored {}, duplicated 0, sent again {resent}, lost 0",
            seen.len()
        );
        assert!(resent > 0, "the kill came too late to prove anything");
    }
    Ok(())
}
