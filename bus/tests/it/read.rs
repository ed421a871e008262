use std::time::Duration;

use chatops_bus::{From, StreamName};
use chatops_schemas::{codec, subject};
use chatops_testkit::{CuttingProxy, NatsServer, NatsVersion};
use futures::StreamExt;

use crate::ground;

#[tokio::test]
async fn the_newest_of_a_server_is_found_in_whatever_partition() -> anyhow::Result<()> {
    for version in NatsVersion::ALL {
        let server = NatsServer::builder().version(version).start().await?;
        let bus = ground::provisioned(&server).await;
        let mut partitions = std::collections::HashSet::new();
        for n in 0..20 {
            let host = ground::server_id(n);
            assert!(
                bus.last(StreamName::Metrics, &subject::metrics_stored(&host))
                    .await?
                    .is_none()
            );
            for i in 1..=3 {
                bus.publish(&subject::metrics(&host), &ground::sample(&host, i))
                    .await?;
            }
            let last = bus
                .last(StreamName::Metrics, &subject::metrics_stored(&host))
                .await?
                .expect("stored");
            assert_eq!(codec::decode_any(&last.payload)?.n, Some(3));
            assert_eq!(subject::server_of(&last.subject), Some(host));
            partitions.insert(last.subject.split('.').nth(3).map(str::to_owned));
        }
        assert!(
            partitions.len() > 4,
            "servers spread over partitions: {partitions:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordered_reading_over_a_breaking_line_has_no_hole_and_no_repetition() -> anyhow::Result<()>
{
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let proxy = CuttingProxy::start(server.address()).await?;
    proxy.delay(Duration::from_millis(5));
    let shaky = ground::bus(&proxy.url("nats")).await;
    let host = ground::server_id(1);
    const EVENTS: u64 = 4_000;
    let writer = {
        let bus = bus.clone();
        tokio::spawn(async move {
            let host = ground::server_id(1);
            for n in 1..=EVENTS {
                bus.publish(&subject::metrics(&host), &ground::sample(&host, n))
                    .await
                    .expect("publish");
            }
        })
    };
    let mut reader = shaky
        .read(
            StreamName::Metrics,
            &subject::metrics_stored(&host),
            From::Seq(1),
        )
        .await?;
    let mut next = 1;
    let mut cuts = 0;
    while next <= EVENTS {
        match tokio::time::timeout(Duration::from_secs(30), reader.next()).await? {
            Some(Ok(event)) => {
                assert_eq!(event.seq, next);
                next += 1;
                if next % 1000 == 0 {
                    cuts += proxy.cut();
                }
            }
            // An error ends a reader; the way on is a new one from the next sequence.
            Some(Err(_)) | None => {
                reader =
                    chatops_testkit::until("a new reader", Duration::from_secs(30), || async {
                        shaky
                            .read(
                                StreamName::Metrics,
                                &subject::metrics_stored(&host),
                                From::Seq(next),
                            )
                            .await
                            .ok()
                    })
                    .await;
            }
        }
    }
    writer.await?;
    assert!(cuts > 0);
    Ok(())
}

/// A server that was started again knows no consumer of before. What is stored then comes all the same, and by the same
/// reader, also when nothing had come yet.
#[tokio::test]
async fn a_restarted_server_is_read_on_where_the_reader_stood() -> anyhow::Result<()> {
    let mut server = NatsServer::builder().sync_always().start().await?;
    let bus = ground::provisioned(&server).await;
    let host = ground::server_id(1);
    let publish = async |n: u64| {
        let sample = ground::sample(&host, n);
        bus.publish(&subject::metrics(&host), &sample).await
    };
    publish(1).await?;
    let filter = subject::metrics_stored(&host);
    let mut all = bus.read(StreamName::Metrics, &filter, From::Seq(1)).await?;
    let mut new = bus.read(StreamName::Metrics, &filter, From::New).await?;
    let first = tokio::time::timeout(Duration::from_secs(30), all.next()).await?;
    assert_eq!(first.expect("open")?.seq, 1);
    for n in 2..=4 {
        server.kill().await?;
        server.restart().await?;
        chatops_testkit::eventually("it is stored", Duration::from_secs(30), || async {
            publish(n).await.is_ok()
        })
        .await;
        for reader in [&mut all, &mut new] {
            let event = tokio::time::timeout(Duration::from_secs(30), reader.next()).await?;
            let event = event.expect("open")?;
            assert_eq!(codec::decode_any(&event.payload)?.n, Some(n));
        }
    }
    Ok(())
}
