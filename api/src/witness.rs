//! What was seen at the door: sign-ins, refusals, exports become events of OPS_ACCESS, from where the audit takes them.
//!
//! Three ways, by what the answer to the client promises:
//!
//! * [`must`] — a sign-in, an export. The event is stored before the answer; if it cannot be, the request fails. Nobody
//!   comes in and nothing goes out unseen.
//! * [`soon`] — the end of a session. It has ended already, so the request does not fail; but others wait for the event, so
//!   it is tried at once and goes into the queue only when that does not work.
//! * [`note`] — a denial, a failed attempt. The answer is a refusal anyway and must not wait, least of all for a stranger
//!   who knocks a thousand times. The event goes into a bounded queue that [`Notary`] empties; what does not fit, or is
//!   still queued when the process is killed, is lost, counted and logged.
//!
//! Denials are not noted by routes: [`crate::access`] marks the [`Problem`] with a [`Denial`], and
//! [`layer`] writes it down once the answer is known, with the actor that was found for the request.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use chatops_bus::PublishError;
use chatops_schemas::{
    codec,
    envelope::Envelope,
    event::access::{AccessDenied, Witnessed},
    ids::EventId,
    subject,
};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    code::Code,
    problem::{Chain, Problem},
    state::Api,
    written::{self, By},
};

/// Events that may wait for the stream.
const QUEUE: usize = 1024;
/// How long a stopping process tries to get rid of them.
const LAST_WORDS: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(500);
/// How long an answer waits for an event that may also be stored later.
const SOON: Duration = Duration::from_secs(1);

/// What was refused, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Wire name of the action.
    pub action: &'static str,
    /// What kind of thing it was wanted with.
    pub target_kind: &'static str,
    /// Its id; empty for the fleet as a whole.
    pub target: String,
    /// Wire name of the authorisation's reason.
    pub reason: &'static str,
}

/// An event on its way into the stream.
#[derive(Debug)]
struct Noted {
    id: EventId,
    subject: String,
    kind: &'static str,
    ver: u16,
    payload: Bytes,
}

/// The queue between requests and [`Notary`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notes {
    send: mpsc::Sender<Noted>,
    receive: Arc<Mutex<mpsc::Receiver<Noted>>>,
}

impl Default for Notes {
    fn default() -> Self {
        let (send, receive) = mpsc::channel(QUEUE);
        Self {
            send,
            receive: Arc::new(Mutex::new(receive)),
        }
    }
}

/// Stores what was seen; the answer may only be given after this has succeeded.
pub async fn must<T: Witnessed>(api: &Api, by: &By, seen: T) -> Result<(), Problem> {
    let event = written::event(api, by, seen);
    match api.bus().publish(&subject::access(T::KIND), &event).await {
        Ok(_) => Ok(()),
        Err(PublishError::Encode(error)) => Err(Problem::internal(&error)),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), event.r#type = T::TYPE, "what was seen could not be stored, so the request fails");
            Err(Problem::new(Code::StreamsDown).retry_after(2))
        }
    }
}

/// Stores what was seen, if the streams can take it now; else it waits in the queue, under the same id.
pub async fn soon<T: Witnessed>(api: &Api, by: &By, seen: T) {
    let event = written::event(api, by, seen);
    let subject = subject::access(T::KIND);
    let stored = tokio::time::timeout(SOON, api.bus().publish(&subject, &event)).await;
    if !matches!(stored, Ok(Ok(_))) {
        queue(api, &event);
    }
}

/// Queues what was seen and returns at once.
pub fn note<T: Witnessed>(api: &Api, by: &By, seen: T) {
    queue(api, &written::event(api, by, seen));
}

fn queue<T: Witnessed>(api: &Api, event: &Envelope<T>) {
    let payload = match codec::encode(event) {
        Ok(payload) => Bytes::from(payload),
        Err(error) => return lost(T::TYPE, &error.to_string()),
    };
    let noted = Noted {
        id: event.id,
        subject: subject::access(T::KIND),
        kind: T::TYPE,
        ver: T::VERSION,
        payload,
    };
    if api.notes().send.try_send(noted).is_err() {
        lost(T::TYPE, "the queue is full");
    }
}

fn lost(kind: &'static str, reason: &str) {
    metrics::counter!("chatops_api_witness_lost_total", "type" => kind).increment(1);
    tracing::error!(event.r#type = kind, reason, "what was seen is lost");
}

/// Layer: gives the request a place where the actor is remembered, and notes its denial.
pub async fn layer(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let response = next.run(request).await;
    let denial = response
        .extensions()
        .get::<Problem>()
        .and_then(Problem::denial);
    if let (Some(denial), Some(by)) = (denial, known.0.get()) {
        denied(&api, by, denial);
    }
    response
}

/// Notes a denial outside of a request: a live socket that may not see a server.
pub fn denied(api: &Api, by: &By, denial: &Denial) {
    let seen = AccessDenied {
        action: denial.action.to_owned(),
        target_kind: denial.target_kind.to_owned(),
        target: denial.target.clone(),
        reason: denial.reason.to_owned(),
    };
    note(api, by, seen);
}

/// Who a request turned out to be from; filled by the extractor of [`Actor`](crate::auth::actor::Actor).
#[derive(Debug, Clone, Default)]
pub struct Known(Arc<OnceLock<By>>);

impl Known {
    /// Remembers who it is.
    pub fn is(&self, by: By) {
        // A handler asks once; a second asking finds the same person.
        let _ = self.0.set(by);
    }
}

/// Carries noted events into the stream, in order. Run it as a service.
#[derive(Debug)]
pub struct Notary {
    api: Api,
}

impl Notary {
    pub(crate) const fn new(api: Api) -> Self {
        Self { api }
    }

    /// Runs until `stop`, then tries for a moment to get rid of what is queued.
    pub async fn run(self, stop: CancellationToken) {
        let mut queue = self.api.notes().receive.lock().await;
        while let Some(Some(noted)) = stop.run_until_cancelled(queue.recv()).await {
            if stop.run_until_cancelled(self.carry(&noted)).await.is_none() {
                // Its outcome is unknown; the same id makes repeating harmless.
                let _ = tokio::time::timeout(LAST_WORDS, self.carry(&noted)).await;
            }
        }
        let rest = async {
            while let Ok(noted) = queue.try_recv() {
                self.carry(&noted).await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        while let Ok(noted) = queue.try_recv() {
            lost(noted.kind, "the process ended");
        }
    }

    /// Until it is stored, or certainly never will be.
    async fn carry(&self, noted: &Noted) {
        loop {
            let sent = self.api.bus().enqueue(
                &noted.subject,
                noted.id,
                noted.kind,
                noted.ver,
                noted.payload.clone(),
            );
            let outcome = match sent.await {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(_) => return,
                Err(error @ (PublishError::Refused(_) | PublishError::Encode(_))) => {
                    return lost(noted.kind, &error.to_string());
                }
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "what was seen is not stored yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
