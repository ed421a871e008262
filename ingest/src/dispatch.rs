//! Brings commands to their hosts and sees to it that each has exactly one end.
//!
//! Run by the composition as the role *dispatcher*; several may run. There is no table and no durable consumer
//! (docs/adr/0014): a dispatcher reads OPS_CMD from as far back as a command can live, keeps those that are open in memory,
//! and follows OPS_CMD and OPS_RESULT. What it decides is an append that expects the sequence it has read, so of two
//! dispatchers, or of a timeout and a result, one wins. What it asks of hosts may be asked any number of times: the
//! journal of the agent knows the id.
//!
//! # When it dies
//! | where | what happens |
//! |---|---|
//! | before the command was read | the next start reads it: [`DispatchConfig::life`] back |
//! | after the rights were looked at, before the request | nothing was sent; the next start asks again |
//! | after the request, before the answer | the next start sends the same bytes; the journal answers whether it has begun |
//! | after the answer, before `command.delivered` | the same |
//! | after `command.delivered` | the next start only waits: for the result, a wish to cancel, or the time |
//! | after the result was stored, before `command.ended` | the next start looks at the last result of each open command |
//! | during an append, outcome unknown | the stream has it or not; the next start reads which |
//! | after `command.ended` | nothing is left to do |
//!
//! When the streams cannot be read, it forgets everything and starts as after a death. When the database does not answer,
//! commands wait until they expire.
//!
//! # Bounds
//! At most [`DispatchConfig::at_once`] requests and appends are on their way; further commands wait in the order in which
//! they came due. An open command costs the size of its order.

pub mod authority;
mod carry;
mod life;
mod session;

use std::{fmt, sync::Arc, time::Duration};

use chatops_bus::Bus;
use chatops_schemas::clock::{Clock, IdSource};
use tokio_util::sync::CancellationToken;

pub use authority::{Authority, AuthorityError};

/// Pause before it starts over.
const RESTART: Duration = Duration::from_millis(500);

/// Settings.
#[derive(Debug, Clone)]
pub struct DispatchConfig {
    /// How long a host may take to answer.
    pub patience: Duration,
    /// How much longer than its own time a command may take before it counts as timed out: the host ends it by itself,
    /// and tells.
    pub grace: Duration,
    /// Time between looks at what is due.
    pub sweep: Duration,
    /// The longest possible life of a command: a day until it is begun, a day until it ends, and what is lost between.
    pub life: Duration,
    /// Requests and appends at the same time.
    pub at_once: usize,
}

impl Default for DispatchConfig {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(2),
            grace: Duration::from_secs(30),
            sweep: Duration::from_millis(250),
            life: Duration::from_hours(50),
            at_once: 256,
        }
    }
}

/// What the dispatcher needs.
pub struct DispatchParts<A> {
    /// Settings.
    pub config: DispatchConfig,
    /// A connection of its own in the agents' account.
    pub bus: Bus,
    /// Answers about rights.
    pub authority: A,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of events.
    pub ids: Arc<dyn IdSource>,
}

impl<A> fmt::Debug for DispatchParts<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchParts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Carries commands. See the module.
#[derive(Debug)]
pub struct Dispatcher<A>(Arc<DispatchParts<A>>);

impl<A: Authority> Dispatcher<A> {
    /// Ready to run.
    pub fn new(parts: DispatchParts<A>) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs until told to stop. What is on its way then is dropped: the next start reads what became of it.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let ended = stop
                .run_until_cancelled(session::run(Arc::clone(&self.0)))
                .await;
            let Some(Err(error)) = ended else { return };
            tracing::warn!(error = %chatops_bus::Chain(&error), "the dispatcher lost the streams and starts over");
            metrics::counter!("chatops_dispatch_restarts_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RESTART) => {}
            }
        }
    }
}
