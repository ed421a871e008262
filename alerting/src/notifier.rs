//! Tells people of alerts: through which channel, when, and what became of it.
//!
//! Run by the composition as the role *notifier*. Like the dispatcher it keeps no table: it reads the newest event of each
//! subject of OPS_ALERT, so it knows where each alert is and what each channel was told last, and follows. What became of a
//! message is an event of its own, `told.alert`, so the life of an alert shows each of them with its answer.
//!
//! | module | answers |
//! |---|---|
//! | [`plan`] | what is to be told now; pure |
//! | [`book`] | where alerts are and who was told |
//! | [`world`] | what it asks of the rest of the system |
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | before a message was sent | the next start sees that nobody was told, and tells |
//! | after it was sent, before `told.alert` was stored | it is sent again **under the same id**: id and number follow from channel, alert and what was told before |
//! | while a message is tried again and again | the next start begins to count tries anew |
//! | the database does not answer | nobody's rights can be looked at: messages wait |
//! | a receiver does not answer | its messages are tried again with growing pauses, others are not held up; after [`TRIES`] it is written down as failed |
//! | two of them run | both send under the same id; one of their `told.alert` is stored, the other's is refused |
//!
//! # Bounds
//! At most [`AT_ONCE`] messages are on their way. More than [`STORM`] messages to a channel within [`STORM_TIME`] become one.

pub mod book;
pub mod plan;
mod send;
mod session;
pub mod world;

use std::{fmt, sync::Arc, time::Duration};

use chatops_bus::Bus;
use chatops_schemas::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::notify::Sender;
pub use world::{World, WorldError};

/// Messages on their way at the same time.
pub const AT_ONCE: usize = 64;
/// How often a message is tried.
pub const TRIES: u32 = 8;
/// Messages to one channel in a short time that are sent one by one.
pub const STORM: usize = 5;
/// See [`STORM`].
pub const STORM_TIME: Duration = Duration::from_secs(10);
/// Pause before it starts over.
const RESTART: Duration = Duration::from_millis(500);

/// What the notifier needs.
pub struct NotifierParts<W> {
    /// A connection.
    pub bus: Bus,
    /// Answers about channels, silences, servers and rights.
    pub world: W,
    /// Sends messages.
    pub sender: Sender,
    /// Address of the web app, for links; None: messages have none.
    pub app: Option<String>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl<W> fmt::Debug for NotifierParts<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierParts").finish_non_exhaustive()
    }
}

/// Tells people. See the module.
#[derive(Debug)]
pub struct Notifier<W>(Arc<NotifierParts<W>>);

impl<W: World> Notifier<W> {
    /// Ready to run.
    pub fn new(parts: NotifierParts<W>) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs until told to stop. Messages on their way then may arrive, and are sent again by the next start.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let ended = stop
                .run_until_cancelled(session::run(Arc::clone(&self.0)))
                .await;
            let Some(Err(error)) = ended else { return };
            tracing::warn!(error = %chatops_bus::Chain(&error), "the notifier lost the stream and starts over");
            metrics::counter!("chatops_notifier_restarts_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RESTART) => {}
            }
        }
    }
}
