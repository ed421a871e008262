use std::time::Duration;

use chatops_bus::{AppendError, Bus, StreamName};
use chatops_schemas::{
    envelope::Envelope,
    event::ctl::NameClaimed,
    ids::{EventId, UserId},
};
use chatops_testkit::{CuttingProxy, NatsServer};

use crate::ground;

const SUBJECT: &str = "ops.v1.ctl.name.abc";

fn claim() -> Envelope<NameClaimed> {
    use chatops_schemas::clock::{IdSource, System};
    let data = NameClaimed {
        user: UserId(IdSource::next(&System)),
    };
    Envelope::new(EventId(IdSource::next(&System)), ground::now(), data)
}

#[tokio::test]
async fn the_second_of_two_equal_decisions_conflicts() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let seq = bus.append(StreamName::Ctl, SUBJECT, 0, &claim()).await?;
    let error = bus
        .append(StreamName::Ctl, SUBJECT, 0, &claim())
        .await
        .expect_err("the name is taken");
    assert!(matches!(error, AppendError::Conflict { .. }), "{error}");
    bus.append(StreamName::Ctl, SUBJECT, seq, &claim()).await?;
    Ok(())
}

#[tokio::test]
async fn repeating_an_append_finds_its_own_event() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let event = claim();
    let first = bus.append(StreamName::Ctl, SUBJECT, 0, &event).await?;
    let again = bus.append(StreamName::Ctl, SUBJECT, 0, &event).await?;
    assert_eq!(first, again);
    Ok(())
}

async fn increment(bus: &Bus) -> anyhow::Result<u64> {
    let mut conflicts = 0;
    loop {
        let expected = bus
            .last(StreamName::Ctl, SUBJECT)
            .await?
            .map_or(0, |last| last.seq);
        match bus
            .append(StreamName::Ctl, SUBJECT, expected, &claim())
            .await
        {
            Ok(_) => return Ok(conflicts),
            Err(AppendError::Conflict { .. }) => conflicts += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_writers_each_win_once() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let bus = bus.clone();
            tokio::spawn(async move { increment(&bus).await })
        })
        .collect();
    let mut conflicts = 0;
    for task in tasks {
        conflicts += task.await??;
    }
    assert!(conflicts > 0, "nobody raced");
    assert_eq!(bus.stream_info(StreamName::Ctl).await?.messages, 16);
    Ok(())
}

/// The acknowledgement is lost on the way, the event is not: the append finds out and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_acknowledgement_is_resolved_by_looking() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let direct = ground::provisioned(&server).await;
    let proxy = CuttingProxy::start(server.address()).await?;
    let bus = ground::bus(&proxy.url("nats")).await;
    proxy.delay(Duration::from_millis(200));
    let event = claim();
    let id = event.id.to_string();
    let append = tokio::spawn(async move { bus.append(StreamName::Ctl, SUBJECT, 0, &event).await });
    // The event is stored, its acknowledgement is still in the proxy: now the line breaks.
    chatops_testkit::eventually("the event is stored", Duration::from_secs(10), || async {
        direct
            .last(StreamName::Ctl, SUBJECT)
            .await
            .is_ok_and(|last| last.is_some())
    })
    .await;
    proxy.cut();
    proxy.delay(Duration::ZERO);
    let seq = append.await??;
    let last = direct
        .last(StreamName::Ctl, SUBJECT)
        .await?
        .expect("stored");
    assert_eq!((last.seq, last.id), (seq, Some(id)));
    assert_eq!(direct.stream_info(StreamName::Ctl).await?.messages, 1);
    Ok(())
}
