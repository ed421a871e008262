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
