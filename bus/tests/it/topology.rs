use chatops_bus::{
    StreamName,
    topology::{self, Mode, Topology, TopologyError},
};
use chatops_testkit::{NatsServer, NatsVersion};

use crate::ground;

#[tokio::test]
async fn every_stream_is_made_once_on_every_supported_server() -> anyhow::Result<()> {
    for version in NatsVersion::ALL {
        let server = NatsServer::builder().version(version).start().await?;
        let bus = ground::bus(&server.url()).await;
        let topology = topology::embedded()?;

        let plan = topology::apply(&bus, &topology, 1, Mode::DryRun).await?;
        assert!(
            plan.streams.iter().all(|stream| stream.changes.is_none()),
            "{plan}"
        );
        assert!(
            bus.stream_info(StreamName::Metrics).await.is_err(),
            "a dry run makes nothing"
        );

        topology::apply(&bus, &topology, 1, Mode::Apply).await?;
        for stream in StreamName::ALL {
            assert_eq!(bus.stream_info(stream).await?.messages, 0, "{stream}");
        }
        let again = topology::apply(&bus, &topology, 1, Mode::Apply).await?;
        assert!(
            again.is_empty(),
            "{version:?}: applying twice changes nothing, but:\n{again}"
        );
    }
    Ok(())
}

const ONE: &str = r#"
version = 1
[[stream]]
name = "OPS_FACT"
description = "facts"
owner = "test"
subjects = ["ops.v1.fact.*.*"]
max_age = "90d"
discard = "old"
duplicate_window = "10m"
"#;

#[tokio::test]
async fn a_harmless_difference_is_applied_and_told() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::bus(&server.url()).await;
    topology::apply(&bus, &Topology::parse(ONE)?, 1, Mode::Apply).await?;
    let wider = Topology::parse(&ONE.replace("90d", "120d").replace("10m", "5m"))?;
    let diff = topology::apply(&bus, &wider, 1, Mode::Apply).await?;
    let text = diff.to_string();
    assert!(
        text.contains("max_age_s: 7776000 -> 10368000") && text.contains("duplicate_window"),
        "{text}"
    );
    assert!(
        topology::apply(&bus, &wider, 1, Mode::Apply)
            .await?
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn what_would_throw_events_away_is_refused_and_nothing_is_touched() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::bus(&server.url()).await;
    topology::apply(&bus, &Topology::parse(ONE)?, 1, Mode::Apply).await?;
    let host = ground::server_id(1);
    bus.publish(
        &format!("ops.v1.fact.{host}.hello"),
        &ground::sample(&host, 1),
    )
    .await?;
    for (from, to) in [
        ("90d", "1d"),
        ("ops.v1.fact.*.*", "ops.v1.fact.*.hello"),
        ("max_age", "max_bytes = \"1KiB\"\nmax_age"),
    ] {
        let other = Topology::parse(&ONE.replace(from, to))?;
        let error = topology::apply(&bus, &other, 1, Mode::Apply)
            .await
            .expect_err(to);
        assert!(
            matches!(error, TopologyError::Destructive { .. }),
            "{to}: {error}"
        );
    }
    assert_eq!(bus.stream_info(StreamName::Fact).await?.messages, 1);
    Ok(())
}
