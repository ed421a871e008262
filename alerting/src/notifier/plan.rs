//! What is to be told of one alert through one channel, and when. Pure: the time is an argument.

use chatops_schemas::{
    channel::Receives,
    clock::Timestamp,
    event::alert::{Delivery, Held, Occasion},
    ids::{AlertId, SilenceId},
};

use super::book::{Alert, Told};

/// An alert whose reading is older than this when it is stored was found late: the hub was away.
const LATE_MS: i64 = 120_000;
/// How long a late alert waits for the readings behind it, which may say that it is over.
const CATCH_UP_MS: i64 = 15_000;

/// What matters beside the alert itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circumstances {
    /// Now.
    pub now: Timestamp,
    /// When the channel was made: what began before is not its business.
    pub channel_made: Timestamp,
    /// A silence that is on and covers the alert.
    pub silence: Option<SilenceId>,
    /// The open alert that says that the whole host is down, when this is another one.
    pub host_down: Option<AlertId>,
    /// Whether the channel's author may see the server.
    pub allowed: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Tell them.
    Tell(Occasion),
    /// Write down that nobody is told, and why.
    Hold(Held),
    /// Look again at this moment; events and silences may come before it.
    At(Timestamp),
    /// Nothing, until something happens.
    Nothing,
}

/// Decides.
pub fn next(alert: &Alert, told: Option<&Told>, receives: &Receives, is: &Circumstances) -> Next {
    if alert.head.severity < receives.severity
        || !(receives.rules.is_empty() || receives.rules.contains(&alert.head.rule))
        || alert.begun < is.channel_made
    {
        return Next::Nothing;
    }
    let reached = told.is_some_and(Told::reached);
    match (alert.over, reached) {
        (false, true) => reminder(alert, told, receives, is),
        (false, false) => first(alert, told, receives, is),
        (true, true)
            if receives.resolved
                && told.is_some_and(|told| told.occasion != Occasion::Resolved) =>
        {
            match is.allowed {
                true => Next::Tell(Occasion::Resolved),
                false => Next::Nothing,
            }
        }
        (true, false) if told.is_none() => Next::Hold(Held::Over),
        (true, _) => Next::Nothing,
    }
}

fn reminder(alert: &Alert, told: Option<&Told>, receives: &Receives, is: &Circumstances) -> Next {
    let quiet = alert.acknowledged || is.silence.is_some() || is.host_down.is_some() || !is.allowed;
    match told {
        Some(told) if receives.repeat_ms > 0 && !quiet => {
            let due = after(told.at, receives.repeat_ms);
            if is.now < due {
                Next::At(due)
            } else if closed(receives, is.now) {
                Next::Nothing
            } else {
                Next::Tell(Occasion::Reminder)
            }
        }
        _ => Next::Nothing,
    }
}

fn first(alert: &Alert, told: Option<&Told>, receives: &Receives, is: &Circumstances) -> Next {
    // The same reason is written down once.
    let hold = |why: Held| match told.map(|told| &told.delivery) {
        Some(Delivery::Held { why: before }) if *before == why => Next::Nothing,
        _ => Next::Hold(why),
    };
    if let Some(told) = told
        && let Delivery::Failed { .. } = told.delivery
    {
        let due = after(told.at, receives.repeat_ms);
        return match receives.repeat_ms {
            0 => Next::Nothing,
            _ if is.now < due => Next::At(due),
            _ => Next::Tell(Occasion::Raised),
        };
    }
    if alert.acknowledged {
        return hold(Held::Acknowledged);
    }
    let mut due = after(alert.stored, receives.after_ms);
    if alert.stored.micros_since(alert.head.raised) > LATE_MS * 1000 {
        due = due.max(alert.stored.plus_millis(CATCH_UP_MS));
    }
    if is.now < due {
        return Next::At(due);
    }
    match (is.host_down, is.silence) {
        (Some(down), _) => hold(Held::HostDown(down)),
        (None, Some(silence)) => hold(Held::Silence(silence)),
        _ if !is.allowed => hold(Held::NotAllowed),
        _ if closed(receives, is.now) => Next::Nothing,
        _ => Next::Tell(Occasion::Raised),
    }
}

fn closed(receives: &Receives, now: Timestamp) -> bool {
    receives
        .hours
        .as_ref()
        .is_some_and(|hours| !hours.hold(now))
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    at.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX / 2000))
}

#[cfg(test)]
mod tests;
