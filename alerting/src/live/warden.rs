//! Ends the alerts for which nobody evaluates anything any more: their rule is gone, off, or not about the server; it says
//! something else now; or the server is gone.

use std::sync::Arc;

use chatops_bus::{Chain, StreamName};
use chatops_schemas::{
    event::alert::{Cause, Head},
    ids::ServerId,
};
use tokio_util::sync::CancellationToken;

use super::{
    board::Entry,
    force::{Force, InForce, Rules},
    writer::Writer,
};

/// Pause after a failure.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Looks whenever rules or alerts have changed, until told to stop.
pub(super) async fn run<R: Rules>(
    force: Arc<Force<R>>,
    writer: Arc<Writer>,
    stop: CancellationToken,
) {
    let (mut rules, mut alerts) = (force.in_force(), writer.board.changes());
    let looking = async {
        writer.board.complete().await;
        // Both senders live as long as this task.
        let _ = rules.wait_for(|rules| rules.generation > 0).await;
        loop {
            rules.mark_unchanged();
            alerts.mark_unchanged();
            if !tidy(&force, &writer).await {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            tokio::select! {
                _ = rules.changed() => {}
                _ = alerts.changed() => {}
            }
        }
    };
    stop.run_until_cancelled(looking).await;
}

/// False: it has to be tried again.
async fn tidy<R: Rules>(force: &Force<R>, writer: &Writer) -> bool {
    let orphans = |rules: &InForce| {
        writer
            .board
            .open(|server, entry, head| orphaned(rules, server, entry, head).is_some())
    };
    let known = force.now();
    if orphans(&known).is_empty() {
        return true;
    }
    // Another evaluator may know a rule that this one has not read yet, and tables that are being rebuilt know nothing at all:
    // only what is gone after everything that is decided now is gone.
    match known_now(force, writer).await {
        Ok(true) => {}
        Ok(false) => return false,
        Err(error) => {
            tracing::debug!(error = %Chain(&*error), "alerts without a rule wait until the rules can be read");
            return false;
        }
    }
    let known = force.now();
    for (server, entry) in orphans(&known) {
        let super::board::State::Open(head) = &entry.state else {
            continue;
        };
        let Some(cause) = orphaned(&known, &server, &entry, head) else {
            continue;
        };
        if let Err(error) = writer.close(&server, &entry, cause).await {
            tracing::warn!(error = %Chain(&error), "an alert without a rule could not be ended; trying again");
            return false;
        }
    }
    true
}

/// Reads the rules; whether they hold all that was decided until now.
async fn known_now<R: Rules>(
    force: &Force<R>,
    writer: &Writer,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let decided = writer.bus.stream_info(StreamName::Ctl).await?.last_seq;
    Ok(force.refresh().await? >= decided)
}

/// Why nobody evaluates anything for this alert. None: somebody does.
fn orphaned(rules: &InForce, server: &ServerId, entry: &Entry, head: &Head) -> Option<Cause> {
    if !rules.servers.contains(server) {
        return Some(Cause::ServerGone);
    }
    match rules.rule(server, entry.rule) {
        None => Some(Cause::RuleGone),
        Some(known) if known.version == head.rule_version => None,
        Some(known) if known.may_be_about(&entry.device) => None,
        Some(_) => Some(Cause::RuleChanged),
    }
}
