//! The runner of workers: events that make something happen in the world, at least once, with retry and parking.
//!
//! A worker's handler must be safe to repeat, because a crash between the act and its acknowledgement repeats it. On the
//! last permitted delivery the runner itself writes the event to OPS_DLQ with the reason and only then ends it on the
//! server: a message whose deliveries are used up would otherwise stay behind in silence.
//!
//! | dies | what happens |
//! |---|---|
//! | before or during the handler | redelivered after `ack_wait` |
//! | after the act, before the acknowledgement | handled again |
//! | after parking, before ending it | parked again under the same id, which the stream refuses as a duplicate |

use std::{future::Future, time::Duration};

use async_nats::jetstream::{
    AckKind,
    consumer::{AckPolicy, pull},
    message::PublishMessage,
};
use chatops_schemas::subject;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use crate::{
    connect::Bus,
    read::{self, Delivered, Recorded},
    stream::StreamName,
};

/// Which events a worker gets.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Durable consumer name.
    pub name: &'static str,
    /// Source.
    pub stream: StreamName,
    /// Stored subjects.
    pub filter: String,
    /// Events handled at the same time.
    pub concurrency: usize,
    /// Pauses before each repetition; one more delivery than entries is permitted.
    pub backoff: Vec<Duration>,
}

/// How handling ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Done; never again.
    Done,
    /// Did not work, may work later.
    Retry(String),
    /// Will never work.
    Park(String),
}

/// What a worker does.
pub trait Handler: Send + Sync {
    /// Handles one event. `attempt` counts from 1.
    fn handle(&self, event: &Recorded, attempt: u64) -> impl Future<Output = Verdict> + Send;
}

/// Runs a worker until `stop`, finishing what is in hand.
pub async fn run<H: Handler>(bus: Bus, spec: Spec, handler: H, stop: CancellationToken) {
    let mut pause = Duration::from_millis(100);
    while !stop.is_cancelled() {
        match follow(&bus, &spec, &handler, &stop).await {
            Ok(()) => return,
            Err(reason) => {
                tracing::warn!(worker = spec.name, reason, "starting over");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

async fn follow<H: Handler>(
    bus: &Bus,
    spec: &Spec,
    handler: &H,
    stop: &CancellationToken,
) -> Result<(), String> {
    let stream = bus
        .js
        .get_stream_no_info(spec.stream.as_str())
        .await
        .map_err(|error| error.to_string())?;
    let max_deliver = spec.backoff.len() + 1;
    let config = pull::Config {
        durable_name: Some(spec.name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(30),
        // One more than we use: the last delivery is ours to park, the server must not give up before us.
        max_deliver: i64::try_from(max_deliver)
            .unwrap_or(i64::MAX)
            .saturating_add(1),
        max_ack_pending: 256,
        filter_subject: spec.filter.clone(),
        ..pull::Config::default()
    };
    let consumer = stream
        .create_consumer(config)
        .await
        .map_err(|error| error.to_string())?;
    let mut deliveries = consumer
        .stream()
        .max_messages_per_batch(spec.concurrency)
        .expires(Duration::from_secs(10))
        .heartbeat(Duration::from_secs(2))
        .messages()
        .await
        .map_err(|error| error.to_string())?;
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(()) = running.next(), if !running.is_empty() => {}
            next = deliveries.next(), if running.len() < spec.concurrency => match next {
                Some(Ok(message)) => running.push(one(bus, spec, handler, message)),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the pull ended".to_owned()),
            },
        }
    }
    while running.next().await.is_some() {}
    Ok(())
}

async fn one<H: Handler>(
    bus: &Bus,
    spec: &Spec,
    handler: &H,
    message: async_nats::jetstream::Message,
) {
    let Some(Delivered {
        attempt,
        event,
        acker,
        ..
    }) = read::delivered(message)
    else {
        return;
    };
    let last = usize::try_from(attempt).is_ok_and(|attempt| attempt > spec.backoff.len());
    let kind = match handler.handle(&event, attempt).await {
        Verdict::Done => AckKind::Ack,
        Verdict::Retry(reason) if !last => {
            metrics::counter!("chatops_bus_worker_retry_total", "worker" => spec.name).increment(1);
            tracing::info!(
                worker = spec.name,
                seq = event.seq,
                attempt,
                reason,
                "will be tried again"
            );
            let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
            AckKind::Nak(spec.backoff.get(index).copied())
        }
        Verdict::Retry(reason) | Verdict::Park(reason) => {
            match park(bus, spec, &event, &reason).await {
                Ok(()) => AckKind::Term,
                Err(error) => {
                    tracing::warn!(
                        worker = spec.name,
                        seq = event.seq,
                        error,
                        "could not be parked, will be tried again"
                    );
                    AckKind::Nak(Some(Duration::from_secs(5)))
                }
            }
        }
    };
    // A lost acknowledgement means one more delivery, which the handler must bear anyway.
    let _ = acker.double_ack_with(kind).await;
}

async fn park(bus: &Bus, spec: &Spec, event: &Recorded, reason: &str) -> Result<(), String> {
    metrics::counter!("chatops_bus_worker_parked_total", "worker" => spec.name).increment(1);
    tracing::warn!(worker = spec.name, seq = event.seq, reason, "parked");
    let message = PublishMessage::build()
        .message_id(format!("{}:{}:{}", spec.name, spec.stream, event.seq))
        .header("ops-parked-subject", event.subject.as_str())
        .header("ops-parked-seq", event.seq.to_string().as_str())
        .header(
            "ops-parked-reason",
            reason.replace(['\r', '\n'], " ").as_str(),
        )
        .payload(event.payload.clone());
    let pending = bus
        .send(&subject::dlq(spec.name, spec.stream.as_str()), message)
        .await
        .map_err(|e| e.to_string())?;
    pending.await.map(drop).map_err(|error| error.to_string())
}
