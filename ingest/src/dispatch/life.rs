//! One command as the dispatcher knows it, and what is to be done next. Pure: events, answers and the time go in, a
//! [`Step`] comes out.

use std::time::Duration;

use bytes::Bytes;
use chatops_schemas::{
    catalogue::Payload,
    clock::Timestamp,
    envelope::Envelope,
    event::{
        command::{Asked, CommandEnded, Outcome},
        result::ResultFinished,
    },
    ids::{CommandId, ServerId},
    order::{Refusal, RefusalCode},
};

/// Pause before the second attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Pause after something of ours did not answer.
const OWN_PAUSE: Duration = Duration::from_secs(1);

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Nothing before something happens or time passes.
    Wait,
    /// Bring the order to the host.
    Deliver,
    /// Tell the host to end it.
    Cancel(Bytes),
    /// Write down that the host has it.
    NoteDelivered,
    /// Write down that it is over.
    End(Box<CommandEnded>),
    /// The same, if the host has not told of an end after all.
    EndUnlessFinished(Box<CommandEnded>),
}

/// What became of asking a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has it.
    Accepted,
    /// It is over there already.
    Over,
    /// It will not do it.
    Refused(Refusal),
    /// Nobody listens: certainly not handed over.
    Nobody,
    /// Handed over or not.
    Silent,
    /// The person may not have this done any more.
    Denied(String),
    /// There are no bytes to hand over.
    Erased,
    /// Something of ours did not answer; nothing was sent.
    Trouble,
}

/// An open command.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) server: ServerId,
    pub(super) command: CommandId,
    pub(super) actor: String,
    pub(super) asked: Asked,
    /// As the event holds it; the vault has it otherwise.
    pub(super) order: Option<Bytes>,
    /// Last event of the aggregate that was folded.
    pub(super) seq: u64,
    /// Something is being done; one thing at a time.
    pub(super) busy: bool,
    pub(super) attempts: u32,
    not_after: Timestamp,
    timeout_ms: i64,
    waits_for_approval: bool,
    delivered: Option<Timestamp>,
    accepted: bool,
    /// Some attempt was not answered: the host may have begun.
    unclear: bool,
    cancel: Option<Bytes>,
    cancel_asked: bool,
    cancel_heard: bool,
    end: Option<CommandEnded>,
    due: Timestamp,
    cancel_due: Timestamp,
    cancel_attempts: u32,
    /// An append expecting this sequence was refused: what came instead has to be read first.
    stale: Option<u64>,
}

impl Life {
    /// Begins with the request; `None` for any other event.
    pub(super) fn begin(
        server: ServerId,
        seq: u64,
        stored_at: Timestamp,
        event: Envelope<Payload>,
    ) -> Option<Self> {
        let Payload::CommandRequested(asked) = event.data else {
            return None;
        };
        Some(Self {
            server,
            command: asked.command,
            actor: event.actor.unwrap_or_default(),
            asked: asked.asked,
            order: asked.order.map(Bytes::from),
            seq,
            busy: false,
            attempts: 0,
            not_after: asked.not_after,
            timeout_ms: i64::try_from(asked.timeout_ms).unwrap_or(i64::MAX / 2),
            waits_for_approval: asked.needs_approval,
            delivered: None,
            accepted: false,
            unclear: false,
            cancel: None,
            cancel_asked: false,
            cancel_heard: false,
            end: None,
            due: stored_at,
            cancel_due: stored_at,
            cancel_attempts: 0,
            stale: None,
        })
    }

    /// Takes the next event of the aggregate. True: it was the last one.
    pub(super) fn fold(&mut self, seq: u64, stored_at: Timestamp, payload: Payload) -> bool {
        if seq <= self.seq {
            return false;
        }
        self.seq = seq;
        match payload {
            Payload::CommandApproved(_) => self.waits_for_approval = false,
            Payload::CommandDelivered(_) => self.delivered = Some(stored_at),
            Payload::CommandCancelRequested(data) => {
                self.cancel_asked = true;
                self.cancel = data.order.map(Bytes::from);
            }
            Payload::CommandEnded(_) => return true,
            _ => {}
        }
        false
    }

    /// Our own note that the host has it is stored.
    pub(super) fn wrote_delivered(&mut self, seq: u64, now: Timestamp) {
        // The stream's copy of it comes later and is older than this by then.
        if seq > self.seq {
            self.seq = seq;
            self.delivered = Some(now);
        }
    }

    /// The host has told of its end.
    pub(super) fn finished(&mut self, result: &ResultFinished) {
        self.end = Some(CommandEnded {
            command: self.command,
            ..result.end()
        });
    }

    /// What the host answered to the order.
    pub(super) fn answered(&mut self, answer: Answer, now: Timestamp) {
        match answer {
            Answer::Accepted | Answer::Over => self.accepted = true,
            Answer::Refused(refusal) => {
                let outcome = match refusal.code {
                    RefusalCode::Expired => Outcome::Expired,
                    _ => Outcome::Failed,
                };
                self.end = Some(self.ended(outcome, Some(words(&refusal.message))));
            }
            Answer::Denied(reason) => {
                self.end = Some(self.ended(Outcome::Denied, Some(words(&reason))));
            }
            Answer::Erased => {
                let message = "the values it was given are not kept any more".to_owned();
                self.end = Some(self.ended(Outcome::Failed, Some(message)));
            }
            Answer::Nobody => self.due = after(now, pause(self.attempts)),
            // The same bytes at once: the host's journal knows whether it has them.
            Answer::Silent if !self.unclear => self.unclear = true,
            Answer::Silent => self.due = after(now, pause(self.attempts)),
            Answer::Trouble => self.due = after(now, OWN_PAUSE),
        }
    }

    /// What the host answered to the order to end it.
    pub(super) fn cancel_answered(&mut self, answer: &Answer, now: Timestamp) {
        self.cancel_attempts += 1;
        self.cancel_due = after(now, pause(self.cancel_attempts));
        match answer {
            Answer::Accepted | Answer::Over => self.cancel_heard = true,
            // A refusal to end what is known to run changes nothing: it ends by itself or by its time.
            Answer::Refused(refusal) if refusal.code == RefusalCode::NotFound => {
                self.cancel_heard = true;
                if self.delivered.is_none() && !self.accepted {
                    self.end = Some(self.ended(Outcome::Cancelled, None));
                }
            }
            Answer::Refused(_) => self.cancel_heard = true,
            Answer::Nobody
            | Answer::Silent
            | Answer::Denied(_)
            | Answer::Erased
            | Answer::Trouble => {}
        }
    }

    /// Somebody else appended first. What they wrote comes by the stream.
    pub(super) fn was_too_late(&mut self, expected: u64) {
        self.stale = Some(expected);
    }

    /// An append could not be made; it is tried again.
    pub(super) fn not_written(&mut self, now: Timestamp) {
        self.due = after(now, OWN_PAUSE);
    }

    /// What is to be done now.
    pub(super) fn next(&self, now: Timestamp, grace: Duration) -> Step {
        if self.busy || self.stale == Some(self.seq) {
            return Step::Wait;
        }
        if let Some(end) = &self.end {
            return self.when_due(now, Step::End(Box::new(end.clone())));
        }
        let end = |outcome, message: Option<&str>| {
            Box::new(self.ended(outcome, message.map(str::to_owned)))
        };
        let late = now > self.not_after;
        let begun_at = match self.delivered {
            Some(delivered) => delivered,
            None if self.accepted => return self.when_due(now, Step::NoteDelivered),
            None if self.unclear => self.not_after,
            None if self.cancel_asked => return Step::End(end(Outcome::Cancelled, None)),
            None if self.waits_for_approval && late => {
                return Step::End(end(Outcome::Denied, Some("nobody approved it in time")));
            }
            None if self.waits_for_approval => return Step::Wait,
            None if late => {
                let message = "the host could not be reached in time";
                return Step::End(end(Outcome::Expired, Some(message)));
            }
            None => return self.when_due(now, Step::Deliver),
        };
        let deadline = after(begun_at.plus_millis(self.timeout_ms), grace);
        if now > deadline {
            return match self.delivered {
                Some(_) => Step::EndUnlessFinished(end(
                    Outcome::TimedOut,
                    Some("the host has not told of an end in time"),
                )),
                None => Step::EndUnlessFinished(end(
                    Outcome::Unknown,
                    Some("the host was asked and never answered"),
                )),
            };
        }
        match &self.cancel {
            Some(order) if !self.cancel_heard => {
                if now >= self.cancel_due {
                    Step::Cancel(order.clone())
                } else {
                    Step::Wait
                }
            }
            _ if self.delivered.is_none() => self.when_due(now, Step::Deliver),
            _ => Step::Wait,
        }
    }

    fn when_due(&self, now: Timestamp, step: Step) -> Step {
        if now >= self.due { step } else { Step::Wait }
    }

    fn ended(&self, outcome: Outcome, message: Option<String>) -> CommandEnded {
        CommandEnded {
            command: self.command,
            outcome,
            exit_code: None,
            signal: None,
            message,
            started_at: None,
            duration_ms: None,
            stdout_bytes: 0,
            stderr_bytes: 0,
            cut_bytes: 0,
        }
    }
}

/// As an event may hold them: hosts are not trusted with length or control characters.
fn words(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => ' ',
            c => c,
        })
        .take(4096)
        .collect()
}

fn pause(attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE * 2_u32.saturating_pow(attempts.saturating_sub(1).min(6));
    doubled.min(LONGEST_PAUSE)
}

fn after(at: Timestamp, pause: Duration) -> Timestamp {
    at.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 1000))
}

#[cfg(test)]
mod tests;
