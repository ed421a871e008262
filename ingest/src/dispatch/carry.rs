//! What the dispatcher does in the world: requests to hosts and appends. Each is one task that ends with a [`Done`].

use std::sync::Arc;

use bytes::Bytes;
use chatops_bus::{AppendError, Chain, RequestError, StreamName};
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::{
        Event,
        command::{Asked, CommandDelivered, CommandEnded},
        result::ResultFinished,
    },
    ids::{CommandId, ServerId},
    order::{Progress, Reply, Verb},
    subject,
};

use super::{Authority, DispatchParts, life::Answer};

/// How a task ended.
#[derive(Debug)]
pub(super) enum Done {
    /// The host was asked to do it.
    Asked(Answer),
    /// The host was asked to end it.
    Cancelled(Answer),
    /// Appended at this position; whether that was the end.
    Written { seq: u64, ended: bool },
    /// Somebody else appended behind this position first.
    TooLate { expected: u64 },
    /// Not appended, or nobody can say.
    NotWritten,
    /// The host has told of its end after all.
    Finished(Box<ResultFinished>),
}

/// Whom it is about.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) server: ServerId,
    pub(super) command: CommandId,
    pub(super) seq: u64,
}

/// What is needed to hand an order over.
pub(super) struct Errand {
    pub(super) actor: String,
    pub(super) asked: Asked,
    pub(super) order: Option<Bytes>,
}

pub(super) async fn deliver<A: Authority>(
    parts: Arc<DispatchParts<A>>,
    target: Target,
    errand: Errand,
) -> Done {
    let refused = parts
        .authority
        .refuses(&errand.actor, &target.server, &errand.asked)
        .await;
    let order = match (refused, errand.order) {
        (Err(error), _) => return trouble(&target, &error),
        (Ok(Some(reason)), _) => return Done::Asked(Answer::Denied(reason)),
        (Ok(None), Some(order)) => order,
        (Ok(None), None) => match parts.authority.order(target.command).await {
            Ok(Some(order)) => Bytes::from(order),
            Ok(None) => return Done::Asked(Answer::Erased),
            Err(error) => return trouble(&target, &error),
        },
    };
    match ask(&parts, &target, Verb::Exec, order).await {
        // Its result may have been stored before this dispatcher began to listen.
        Answer::Over => match finished(&parts, &target).await {
            Ok(Some(result)) => Done::Finished(Box::new(result)),
            Ok(None) | Err(_) => Done::Asked(Answer::Over),
        },
        answer => Done::Asked(answer),
    }
}

fn trouble(target: &Target, error: &(dyn std::error::Error + 'static)) -> Done {
    tracing::warn!(command.id = %target.command, error = %Chain(error), "whether a command may go out is not known");
    Done::Asked(Answer::Trouble)
}

pub(super) async fn cancel<A: Authority>(
    parts: Arc<DispatchParts<A>>,
    target: Target,
    order: Bytes,
) -> Done {
    Done::Cancelled(ask(&parts, &target, Verb::Cancel, order).await)
}

async fn ask<A: Authority>(
    parts: &DispatchParts<A>,
    target: &Target,
    verb: Verb,
    order: Bytes,
) -> Answer {
    let subject = subject::rpc(&target.server, verb);
    let reply = parts
        .bus
        .request(&subject, order, parts.config.patience)
        .await;
    let answer = match reply {
        Ok(reply) => match rmp_serde::from_slice(&reply) {
            Ok(Reply::Accepted {
                progress: Progress::Over,
            }) => Answer::Over,
            Ok(Reply::Accepted { .. } | Reply::Done { .. }) => Answer::Accepted,
            Ok(Reply::Refused(refusal)) => Answer::Refused(refusal),
            Err(_) => Answer::Silent,
        },
        Err(RequestError::NoResponders) => Answer::Nobody,
        Err(RequestError::Timeout) => Answer::Silent,
        Err(RequestError::Failed(reason)) => {
            tracing::warn!(server.id = %target.server, reason, "a host could not be asked");
            Answer::Silent
        }
    };
    tracing::debug!(command.id = %target.command, server.id = %target.server, verb = verb.token(), ?answer, "asked a host");
    answer
}

pub(super) async fn note_delivered<A: Authority>(
    parts: Arc<DispatchParts<A>>,
    target: Target,
    attempt: u32,
) -> Done {
    let event = CommandDelivered {
        command: target.command,
        attempt,
    };
    append(&parts, &target, event, false).await
}

pub(super) async fn end<A: Authority>(
    parts: Arc<DispatchParts<A>>,
    target: Target,
    event: CommandEnded,
    look_first: bool,
) -> Done {
    if look_first {
        match finished(&parts, &target).await {
            Ok(Some(result)) => return Done::Finished(Box::new(result)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(command.id = %target.command, error = %Chain(&error), "the result of a command cannot be looked up");
                return Done::NotWritten;
            }
        }
    }
    let outcome = event.outcome.as_str();
    let done = append(&parts, &target, event, true).await;
    if matches!(done, Done::Written { .. }) {
        tracing::info!(command.id = %target.command, server.id = %target.server, outcome, "command ended");
        metrics::counter!("chatops_dispatch_ended_total", "outcome" => outcome).increment(1);
    }
    done
}

/// What the host has told of its end, if it has.
pub(super) async fn finished<A: Authority>(
    parts: &DispatchParts<A>,
    target: &Target,
) -> Result<Option<ResultFinished>, chatops_bus::ReadError> {
    let subject = subject::result(&target.server, target.command);
    let last = parts.bus.last(StreamName::Result, &subject).await?;
    Ok(last.and_then(|last| read_finished(&target.server, target.command, &last.payload)))
}

/// The end in a result's bytes, if it is one and says what its subject says.
pub(super) fn read_finished(
    server: &ServerId,
    command: CommandId,
    payload: &[u8],
) -> Option<ResultFinished> {
    let event = codec::decode::<ResultFinished>(payload).ok()?;
    (event.server.as_ref() == Some(server) && event.data.command == command).then_some(event.data)
}

async fn append<A: Authority, T: Event>(
    parts: &DispatchParts<A>,
    target: &Target,
    data: T,
    ended: bool,
) -> Done {
    let event = Envelope::new(parts.ids.event_id(), parts.clock.now(), data)
        .by("system")
        .about(target.server.clone());
    let subject = subject::command(&target.server, target.command);
    let expected = target.seq;
    match parts
        .bus
        .append(StreamName::Cmd, &subject, expected, &event)
        .await
    {
        Ok(seq) => Done::Written { seq, ended },
        Err(AppendError::Conflict { .. }) => Done::TooLate { expected },
        Err(error) => {
            tracing::warn!(command.id = %target.command, error = %Chain(&error), "an event of a command could not be appended");
            Done::NotWritten
        }
    }
}
