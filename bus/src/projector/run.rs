//! The loop itself.

use std::time::Duration;

use async_nats::jetstream::{
    ErrorCode,
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
    context::GetStreamErrorKind,
    message::Acker,
    stream::{self, ConsumerErrorKind},
};
use chatops_schemas::clock::Timestamp;
use futures::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Batch, Outcome, Phase, Position, Sink, Spec, StatusHandle, Stopped};
use crate::{
    Chain,
    connect::Bus,
    read::{self, Delivered},
};

/// Largest pause between attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Without events for this long, the position is moved up to what is known to concern other partitions only.
const IDLE: Duration = Duration::from_secs(30);
/// A pull request's life; the server's heartbeat proves that it is still remembered.
const PULL_EXPIRES: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Why one attempt ended.
enum Ended {
    /// For good.
    Stopped(Stopped),
    /// Start over from the position.
    Again(String),
}

/// Runs a projector until `stop` or until going on would be wrong.
pub async fn run<S: Sink>(
    bus: Bus,
    spec: Spec,
    mut sink: S,
    stop: CancellationToken,
    status: StatusHandle,
) -> Stopped {
    let mut failures = 0_u32;
    loop {
        let before = status.get().seq;
        let attempt = tokio::select! {
            () = stop.cancelled() => Ended::Stopped(Stopped::Asked),
            ended = attempt(&bus, &spec, &mut sink, &stop, &status) => ended,
        };
        let reason = match attempt {
            Ended::Stopped(stopped) => {
                if stopped != Stopped::Asked {
                    tracing::error!(projector = spec.consumer(), "stopped: {stopped}");
                    metrics::counter!("chatops_bus_projector_stopped_total", "projector" => spec.name).increment(1);
                }
                status.update(|status| status.phase = Phase::Stopped(stopped.to_string()));
                return stopped;
            }
            Ended::Again(reason) => reason,
        };
        // Progress means that the trouble is not permanent: the pause starts small again.
        failures = if status.get().seq > before {
            0
        } else {
            failures + 1
        };
        metrics::counter!("chatops_bus_projector_restart_total", "projector" => spec.name)
            .increment(1);
        tracing::info!(
            projector = spec.consumer(),
            reason,
            "starting over from the position"
        );
        status.update(|status| {
            status.restarts += 1;
            status.phase = Phase::BackingOff(reason);
        });
        let pause = Duration::from_millis(20)
            .saturating_mul(1 << failures.min(9))
            .min(MAX_BACKOFF);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn attempt<S: Sink>(
    bus: &Bus,
    spec: &Spec,
    sink: &mut S,
    stop: &CancellationToken,
    status: &StatusHandle,
) -> Ended {
    match follow(bus, spec, sink, stop, status).await {
        Ok(stopped) => Ended::Stopped(stopped),
        Err(ended) => ended,
    }
}

fn again(what: &str) -> impl Fn(&dyn std::fmt::Display) -> Ended + '_ {
    move |error| Ended::Again(format!("{what}: {error}"))
}

async fn follow<S: Sink>(
    bus: &Bus,
    spec: &Spec,
    sink: &mut S,
    stop: &CancellationToken,
    status: &StatusHandle,
) -> Result<Stopped, Ended> {
    status.update(|status| status.phase = Phase::Starting);
    let stream = bus
        .js
        .get_stream(spec.stream.as_str())
        .await
        .map_err(|error| {
            if let GetStreamErrorKind::JetStream(e) = error.kind()
                && e.error_code() == ErrorCode::STREAM_NOT_FOUND
            {
                return Ended::Again(format!("stream {} does not exist yet", spec.stream));
            }
            again("look at the stream")(&error)
        })?;
    let info = stream.cached_info();
    let created = Timestamp::from(info.created);
    let mut position = sink
        .claim(spec, created)
        .await
        .map_err(|error| again("claim the position")(&Chain(&error)))?;
    check_position(
        &position,
        created,
        info.state.first_sequence,
        info.state.last_sequence,
    )
    .map_err(Ended::Stopped)?;
    status.update(|status| status.seq = position.seq);

    let consumer = fresh_consumer(&stream, spec, position.seq).await?;
    let mut deliveries = consumer
        .stream()
        .max_messages_per_batch(spec.max_batch)
        .expires(PULL_EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|error| again("pull")(&error))?;
    status.update(|status| status.phase = Phase::Running);

    let mut link = bus.state();
    link.mark_unchanged();
    // The consumer numbers what it delivers from 1. A hole is a delivery that never reached us.
    let mut delivered = 0_u64;
    let mut committed_at: Option<Instant> = None;
    loop {
        let first = tokio::select! {
            () = stop.cancelled() => return Ok(Stopped::Asked),
            _ = link.changed() => return Err(Ended::Again("the connection changed".to_owned())),
            next = tokio::time::timeout(IDLE, deliveries.next()) => next,
        };
        let Ok(first) = first else {
            advance_idle(
                &stream,
                &consumer,
                spec,
                sink,
                &mut position,
                delivered,
                status,
            )
            .await?;
            continue;
        };
        let mut batch = Batch {
            events: Vec::with_capacity(spec.max_batch.min(64)),
            to: position.seq,
        };
        let mut ack = take(first, &mut delivered, &mut batch)?;
        let now = Instant::now();
        let paced = committed_at.map_or(now, |at| at + spec.pause);
        let deadline = paced.max(now + spec.max_wait);
        while batch.events.len() < spec.max_batch {
            let next = if deadline <= now {
                futures::FutureExt::now_or_never(deliveries.next())
            } else {
                tokio::time::timeout_at(deadline, deliveries.next())
                    .await
                    .ok()
            };
            let Some(next) = next else { break };
            ack = take(next, &mut delivered, &mut batch)?;
        }
        let newest = batch
            .events
            .last()
            .map(|event| (event.stored_at, event.pending));
        commit(sink, spec, &mut position, batch).await?;
        committed_at = Some(Instant::now());
        // Only for the lag that monitoring shows; losing it costs nothing.
        let _ = ack.ack().await;
        status.update(|status| {
            status.seq = position.seq;
            if let Some((stored_at, pending)) = newest {
                status.applied_at = Some(stored_at);
                status.pending = pending;
            }
        });
    }
}

type Delivery = Option<Result<async_nats::jetstream::Message, pull::MessagesError>>;

/// Adds one delivery to the batch, or says why the whole attempt is over.
fn take(delivery: Delivery, delivered: &mut u64, batch: &mut Batch) -> Result<Acker, Ended> {
    let message = match delivery {
        Some(Ok(message)) => message,
        Some(Err(error)) => return Err(again("pull")(&error)),
        None => return Err(Ended::Again("the pull ended".to_owned())),
    };
    let Some(Delivered {
        consumer_seq,
        event,
        acker,
        ..
    }) = read::delivered(message)
    else {
        return Err(Ended::Again("a delivery without metadata".to_owned()));
    };
    if consumer_seq != *delivered + 1 {
        metrics::counter!("chatops_bus_projector_hole_total").increment(1);
        return Err(Ended::Again(format!(
            "deliveries {} to {} were lost on the way",
            *delivered + 1,
            consumer_seq - 1
        )));
    }
    *delivered = consumer_seq;
    if event.seq > batch.to {
        batch.to = event.seq;
        batch.events.push(event);
    }
    Ok(acker)
}

async fn commit<S: Sink>(
    sink: &mut S,
    spec: &Spec,
    position: &mut Position,
    batch: Batch,
) -> Result<(), Ended> {
    if batch.to <= position.seq {
        return Ok(());
    }
    match sink.commit(spec, position, &batch).await {
        Ok(Outcome::Applied) => {
            position.seq = batch.to;
            Ok(())
        }
        Ok(Outcome::Fenced) => Err(Ended::Again(
            "another copy of this projector took over".to_owned(),
        )),
        Ok(Outcome::Halt(halt)) => Err(Ended::Stopped(Stopped::Halted(halt))),
        Err(error) => Err(again("commit")(&Chain(&error))),
    }
}

fn check_position(
    position: &Position,
    created: Timestamp,
    first: u64,
    last: u64,
) -> Result<(), Stopped> {
    let Some(known) = position.stream_created else {
        return Ok(());
    };
    if known != created || last < position.seq {
        return Err(Stopped::StreamReplaced {
            position: position.seq,
            last,
        });
    }
    if first > position.seq + 1 {
        return Err(Stopped::Gap {
            position: position.seq,
            first,
        });
    }
    Ok(())
}

/// Deletes the consumer of whoever read before us (its pull ends with an error: the first fence) and makes a new one.
async fn fresh_consumer(
    stream: &stream::Stream,
    spec: &Spec,
    seq: u64,
) -> Result<PullConsumer, Ended> {
    let name = spec.consumer();
    if let Err(error) = stream.delete_consumer(&name).await {
        let missing = matches!(error.kind(), ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::CONSUMER_NOT_FOUND);
        if !missing {
            return Err(again("delete the former consumer")(&error));
        }
    }
    let config = pull::Config {
        durable_name: Some(name),
        description: Some("read model; made anew from the checkpoint at every start".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: seq + 1,
        },
        ack_policy: AckPolicy::All,
        ack_wait: Duration::from_secs(60),
        max_deliver: -1,
        max_ack_pending: 4000.max(
            i64::try_from(spec.max_batch)
                .unwrap_or(i64::MAX)
                .saturating_mul(4),
        ),
        filter_subject: spec.filter.clone(),
        // Its state is worth nothing to us, so the server need not write it down. When its server goes, it goes: the pull
        // ends and the next start makes another.
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    stream
        .create_consumer(config)
        .await
        .map_err(|error| again("create the consumer")(&error))
}

/// Moves the position of an idle partition past events of other partitions, so that their ageing is not taken for a gap.
///
/// The order of the questions matters: what was stored before we asked for the stream's end, and is not pending for our
/// consumer afterwards, and was not delivered either, does not match our filter.
async fn advance_idle<S: Sink>(
    stream: &stream::Stream,
    consumer: &PullConsumer,
    spec: &Spec,
    sink: &mut S,
    position: &mut Position,
    delivered: u64,
    status: &StatusHandle,
) -> Result<(), Ended> {
    let last = stream
        .get_info()
        .await
        .map_err(|error| again("look at the stream")(&error))?
        .state
        .last_sequence;
    let seen = consumer
        .get_info()
        .await
        .map_err(|error| again("look at the consumer")(&error))?;
    if seen.num_pending == 0 && seen.delivered.consumer_sequence == delivered {
        commit(
            sink,
            spec,
            position,
            Batch {
                events: Vec::new(),
                to: last,
            },
        )
        .await?;
        status.update(|status| {
            status.seq = position.seq;
            status.pending = 0;
        });
    }
    Ok(())
}
