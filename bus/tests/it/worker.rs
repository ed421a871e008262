use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chatops_bus::{
    Recorded, StreamName,
    worker::{self, Handler, Spec, Verdict},
};
use chatops_schemas::{codec, subject};
use chatops_testkit::{NatsServer, eventually};
use tokio_util::sync::CancellationToken;

use crate::ground;

#[derive(Clone, Default)]
struct Moody {
    handled: Arc<AtomicU64>,
    attempts: Arc<AtomicU64>,
}

impl Handler for Moody {
    /// 1 works at once, 2 at the third attempt, 3 never, 4 is hopeless at once.
    async fn handle(&self, event: &Recorded, attempt: u64) -> Verdict {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        match codec::decode_any(&event.payload)
            .ok()
            .and_then(|event| event.n)
        {
            Some(1) => {}
            Some(2) if attempt >= 3 => {}
            Some(4) => return Verdict::Park("no such channel".into()),
            _ => return Verdict::Retry("not now".into()),
        }
        self.handled.fetch_add(1, Ordering::SeqCst);
        Verdict::Done
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_repeated_and_what_keeps_failing_is_parked() -> anyhow::Result<()> {
    let server = NatsServer::start().await?;
    let bus = ground::provisioned(&server).await;
    let host = ground::server_id(1);
    for n in 1..=4 {
        bus.publish(&subject::fact(&host, "hello"), &ground::sample(&host, n))
            .await?;
    }
    let moody = Moody::default();
    let stop = CancellationToken::new();
    let spec = Spec {
        name: "moody",
        stream: StreamName::Fact,
        filter: "ops.v1.fact.*.*".into(),
        concurrency: 4,
        backoff: vec![Duration::from_millis(50); 3],
    };
    let running = tokio::spawn(worker::run(bus.clone(), spec, moody.clone(), stop.clone()));
    eventually("two are parked", Duration::from_secs(20), || async {
        bus.stream_info(StreamName::Dlq)
            .await
            .is_ok_and(|info| info.messages == 2)
    })
    .await;
    eventually("two are handled", Duration::from_secs(20), || async {
        moody.handled.load(Ordering::SeqCst) == 2
    })
    .await;
    stop.cancel();
    running.await?;
    // 1 once, 2 three times, 3 four times, 4 once.
    assert_eq!(moody.attempts.load(Ordering::SeqCst), 9);
    let parked = bus
        .last(StreamName::Dlq, &subject::dlq("moody", "OPS_FACT"))
        .await?
        .expect("parked");
    assert_eq!(
        codec::decode_any(&parked.payload)?.n,
        Some(3),
        "the original bytes are kept"
    );
    Ok(())
}
