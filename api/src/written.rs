//! The way of every write: a decision becomes an event, the event becomes a row, the row is the answer.
//!
//! Appending expects the last sequence of the aggregate, so nobody's change is overwritten unseen. The answer waits until
//! the read model holds the event; when that takes too long the client is told so (202) instead of being shown old rows.

use std::{fmt, net::IpAddr};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chatops_bus::{AppendError, PublishError, ReadError, StreamName};
use chatops_projections::{INVENTORY, StoreError};
use chatops_schemas::{
    envelope::Envelope,
    event::Event,
    ids::{KeyId, ServerId, UserId},
    subject::{self, Entity},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    code::Code,
    problem::{Chain, Problem},
    state::Api,
};

/// Times that a decision is made again after somebody else was faster.
pub const ATTEMPTS: usize = 3;

/// The event is stored; its row is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pending {
    /// Always true.
    pending: bool,
    /// Position of the event. Ask again in a moment.
    seq: u64,
}

/// What a write came to.
#[derive(Debug)]
pub enum Written<T> {
    /// The row as it is now.
    Row(StatusCode, T),
    /// Stored, not visible yet.
    Pending(u64),
}

impl<T: IntoResponse> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Row(status, row) => (status, row).into_response(),
            Self::Pending(seq) => {
                (StatusCode::ACCEPTED, Json(Pending { pending: true, seq })).into_response()
            }
        }
    }
}

/// Who does something, and from where: what every event says of its maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    actor: String,
    address: Option<IpAddr>,
}

impl By {
    /// A person, through the network.
    pub fn user(user: UserId, address: IpAddr) -> Self {
        Self {
            actor: format!("user:{user}"),
            address: Some(address),
        }
    }

    /// A host that showed the code of an enrolment.
    pub fn enrolment(id: &KeyId, address: IpAddr) -> Self {
        Self {
            actor: format!("enrolment:{id}"),
            address: Some(address),
        }
    }

    /// Somebody who is nobody yet: a failed sign-in.
    pub fn stranger(address: IpAddr) -> Self {
        Self {
            actor: "stranger".to_owned(),
            address: Some(address),
        }
    }

    /// Whoever an event names, once more.
    pub fn again(actor: String, address: Option<&str>) -> Self {
        Self {
            actor,
            address: address.and_then(|address| address.parse().ok()),
        }
    }

    /// This program, or a person with a shell on its machine.
    pub fn system() -> Self {
        Self {
            actor: "system".to_owned(),
            address: None,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.actor)
    }
}

/// An event by somebody, now.
pub fn event<T: Event>(api: &Api, by: &By, data: T) -> Envelope<T> {
    Envelope::new(api.ids().event_id(), api.clock().now(), data)
        .by(by.actor.clone())
        .from_address(by.address.map(|address| address.to_string()))
}

/// An event by somebody about a server, now.
pub fn event_about<T: Event>(api: &Api, by: &By, server: &ServerId, data: T) -> Envelope<T> {
    event(api, by, data).about(server.clone())
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, at this position.
    At(u64),
    /// Somebody else was faster: load again and decide again.
    Conflict,
}

/// Appends to a control aggregate if its last event is still number `expected`.
pub async fn append<T: Event>(
    api: &Api,
    entity: Entity,
    id: &str,
    expected: u64,
    event: &Envelope<T>,
) -> Result<Appended, Problem> {
    let subject = subject::ctl(entity, id);
    match api
        .bus()
        .append(StreamName::Ctl, &subject, expected, event)
        .await
    {
        Ok(seq) => {
            tracing::info!(event.r#type = T::TYPE, event.seq = seq, "event appended");
            Ok(Appended::At(seq))
        }
        Err(AppendError::Conflict { .. }) => Ok(Appended::Conflict),
        Err(error) => Err(refused(&error)),
    }
}

/// Waits until reads show everything up to `seq`. False: it takes too long, or the database does not answer. Either way
/// the event is stored, so this is no failure of the write.
pub async fn visible(api: &Api, seq: u64) -> Result<bool, Problem> {
    let patience = api.config().read_your_writes;
    match api.progress().wait_until(INVENTORY, seq, patience).await {
        Ok(visible) => Ok(visible),
        Err(error) if error.is_unavailable() => {
            tracing::warn!(error = %Chain(&error), "a write is stored, but the database does not answer");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Position of the last event of a control aggregate, from the stream itself; 0: it has none.
pub async fn last_seq(api: &Api, entity: Entity, id: &str) -> Result<u64, Problem> {
    let last = api
        .bus()
        .last(StreamName::Ctl, &subject::ctl(entity, id))
        .await;
    Ok(last
        .map_err(|error| unread(&error))?
        .map_or(0, |last| last.seq))
}

/// Appends what was decided about an account whatever else happened to it, and waits for its row.
pub async fn to_user<T: Event>(api: &Api, by: &By, user: UserId, data: T) -> Result<(), Problem> {
    let id = user.to_string();
    for _ in 0..ATTEMPTS {
        let expected = last_seq(api, Entity::User, &id).await?;
        let event = event(api, by, data.clone());
        if let Appended::At(seq) = append(api, Entity::User, &id, expected, &event).await? {
            visible(api, seq).await?;
            return Ok(());
        }
    }
    Err(Problem::new(Code::Conflict))
}

/// After a conflict: waits until reads show the aggregate as the stream has it, so that the next decision is made on that.
pub async fn visible_now(api: &Api, entity: Entity, id: &str) -> Result<bool, Problem> {
    let seq = last_seq(api, entity, id).await?;
    visible(api, seq).await
}

/// The problem behind a failed append.
pub fn refused(error: &AppendError) -> Problem {
    match error {
        AppendError::Conflict { .. } => Problem::new(Code::Conflict),
        AppendError::Read(error) => unread(error),
        AppendError::Publish(PublishError::Encode(_)) => Problem::internal(error),
        AppendError::Publish(_) => {
            tracing::warn!(error = %Chain(error), "an event could not be appended");
            Problem::new(Code::StreamsDown).retry_after(2)
        }
    }
}

/// The problem behind a failed read of a stream.
pub fn unread(error: &ReadError) -> Problem {
    tracing::warn!(error = %Chain(error), "a stream could not be read");
    Problem::new(Code::StreamsDown).retry_after(2)
}

/// The problem behind a failed statement.
pub fn unstored(error: &StoreError) -> Problem {
    if error.is_unavailable() {
        tracing::warn!(error = %Chain(error), "the database does not answer");
        Problem::new(Code::DatabaseDown).retry_after(2)
    } else {
        Problem::internal(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        unstored(&error)
    }
}
